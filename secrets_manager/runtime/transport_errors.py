"""What can go wrong with a call, in our words, and how urllib3's and the socket's errors become them.

The text of an error names the kind of fault, and never what was sent or received.
"""

from __future__ import annotations

import contextlib
import errno
import ssl
from collections.abc import Iterator
from http.client import HTTPException

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from secrets_manager.runtime.deadline import Guard


class TransportError(Exception):
    """No usable reply. The text names the kind of fault and never what was sent or received."""


class TimedOut(TransportError):
    """The call did not end within its time; whether the server acted on it is unknown."""


class TlsFailed(TransportError):
    """The certificate was not accepted, or TLS could not be agreed; nothing was sent."""


class Unreachable(TransportError):
    """No connection came about; nothing was sent."""


class Interrupted(TransportError):
    """The connection broke during the call; whether the server acted on it is unknown."""


class UnusableReply(TransportError):
    """The reply is larger than the cap, or compressed although we asked for plain bytes."""


class ReplyTooLarge(UnusableReply):
    """The reply is larger than the cap; what was read of it was dropped."""


@contextlib.contextmanager
def mapped(guard: Guard | None) -> Iterator[None]:
    """The one place where urllib3's and the socket's errors become ours."""
    try:
        yield
    except TransportError:
        raise
    except (HTTPError, HTTPException, OSError, ssl.SSLError, ValueError, EOFError) as error:
        if guard is not None and guard.expired:
            raise TimedOut("the call did not end within its time") from None
        raise _named(error) from None


def refuse_late(guard: Guard) -> None:
    """Raise TimedOut when the watchdog ended the call."""
    # A socket that is shut amid the headers looks like their end: a reply without a body, not an error.
    if guard.expired:
        raise TimedOut("the call did not end within its time")


def _named(error: BaseException) -> TransportError:
    if isinstance(error, MaxRetryError) and error.reason is not None:
        return _named(error.reason)
    if isinstance(error, (SSLError, ssl.SSLError)):
        return TlsFailed(_tls_reason(error))
    for kinds, ours, text in _NAMES:
        if isinstance(error, kinds):
            return ours(text)
    return Interrupted("the connection broke")


# The first that fits: a NewConnectionError is a ConnectTimeoutError to urllib3.
_NAMES: tuple[
    tuple[type[BaseException] | tuple[type[BaseException], ...], type[TransportError], str], ...
] = (
    (ProxyError, Unreachable, "the proxy cannot be reached"),
    (NewConnectionError, Unreachable, "no connection"),
    (ConnectTimeoutError, Unreachable, "no connection within the time allowed"),
    ((ReadTimeoutError, TimeoutError), TimedOut, "the server went silent"),
)


def _tls_reason(error: BaseException) -> str:
    for candidate in (error, *error.args):
        if isinstance(candidate, ssl.SSLCertVerificationError):
            return f"certificate not accepted: {candidate.verify_message}"
    return "TLS could not be agreed"


def was_stale(error: ProtocolError | OSError) -> bool:
    """Whether a kept-alive connection was closed before anything of the call was answered."""
    # urllib3 wraps as ProtocolError("Connection aborted.", cause); RemoteDisconnected is a reset too.
    cause = error.args[1] if isinstance(error, ProtocolError) and len(error.args) > 1 else error
    return isinstance(cause, (ConnectionResetError, BrokenPipeError)) or (
        isinstance(cause, OSError) and cause.errno in (errno.EPIPE, errno.ECONNRESET)
    )
