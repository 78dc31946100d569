"""The faults of a call in our words, and the translation of urllib3's and the socket's errors into them.

The message of an error names the kind of fault, and never what was sent or received.
"""

from __future__ import annotations

import ssl
from http.client import HTTPException

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    SSLError,
)

from secrets_manager.runtime.deadline import Guard


class TransportError(Exception):
    """There is no usable reply. The message names the kind of fault, never what was sent or received."""


class TimedOut(TransportError):
    """The call did not end within its time; whether the server acted on it is unknown."""


class TlsFailed(TransportError):
    """The certificate was not accepted, or the TLS handshake failed; nothing was sent."""


class Unreachable(TransportError):
    """No connection was made; nothing was sent."""


class Interrupted(TransportError):
    """The connection broke during the call; whether the server acted on it is unknown."""


class MalformedReply(Interrupted):
    """The bytes are not a reply with a certain end; the connection is closed."""

    def __init__(self, fault: str) -> None:
        """``fault`` quotes no part of the reply."""
        super().__init__(f"the reply is not valid HTTP: {fault}")


class ProxyAnswered(Unreachable):
    """The proxy was reached but did not connect to the server; ``status`` is its answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the proxy answered {status} instead of connecting{_PROXY_HINTS.get(status, '')}")
        self.status = status


_PROXY_HINTS = {
    403: "; it does not allow this server",
    407: "; it requires credentials: put them into the address of the proxy",
}


class UnusableReply(TransportError):
    """The reply is larger than the cap, or compressed although we asked for plain bytes."""


class ReplyTooLarge(UnusableReply):
    """The reply is larger than the cap; the part that was read is dropped."""


class ErrorMapping:
    """A block that translates urllib3's and the socket's errors into ours; no other place does."""

    __slots__ = ("_guard",)

    def __init__(self, guard: Guard | None) -> None:
        self._guard = guard

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, (HTTPError, HTTPException, OSError, ValueError, EOFError)):
            return
        if self._guard is not None and self._guard.expired:
            raise TimedOut("the call did not end within the time allowed") from None
        raise _translate(error) from None


def refuse_late(guard: Guard) -> None:
    """Raise TimedOut when the watchdog ended the call."""
    # A socket that is shut amid the headers looks like their end: like a reply without a body, not an error.
    if guard.expired:
        raise TimedOut("the call did not end within the time allowed")


def _translate(error: BaseException) -> TransportError:
    if isinstance(error, (SSLError, ssl.SSLError)):
        return TlsFailed(_tls_reason(error))
    for kinds, ours, text in _NAMES:
        if isinstance(error, kinds):
            return ours(text)
    return Interrupted("the connection broke")


# The first match counts: in urllib3 a NewConnectionError is a ConnectTimeoutError.
_NAMES: tuple[tuple[type[BaseException], type[TransportError], str], ...] = (
    (NewConnectionError, Unreachable, "no connection"),
    (ConnectTimeoutError, Unreachable, "no connection within the time allowed"),
    (TimeoutError, TimedOut, "the server stopped answering"),
)


def _tls_reason(error: BaseException) -> str:
    for candidate in (error, *error.args):
        if isinstance(candidate, ssl.SSLCertVerificationError):
            return f"certificate not accepted: {candidate.verify_message}"
    return "the TLS handshake failed"


def was_stale(error: OSError) -> bool:
    """Whether a kept-alive connection was closed before any byte of a reply came."""
    return isinstance(error, (ConnectionResetError, BrokenPipeError))
