"""The meaning of a call that got no reply, which is the same for every server."""

from __future__ import annotations

from secrets_manager.domain.errors import (
    BackendFault,
    BackendTimeout,
    BackendTLS,
    BackendUnavailable,
    Reach,
)
from secrets_manager.runtime.http.transport_errors import (
    ProxyAnswered,
    TimedOut,
    TlsFailed,
    TransportError,
    Unreachable,
)


def no_reply(error: TransportError, server: str) -> BackendFault:
    """The fault behind a request that got no reply from ``server``, which is its name in messages."""
    if isinstance(error, TimedOut):
        return BackendTimeout(f"{server} did not answer within the time allowed")
    if isinstance(error, TlsFailed):
        return BackendTLS(f"no trusted connection to {server}: {error}")
    if isinstance(error, ProxyAnswered):
        return BackendUnavailable(f"{server} cannot be reached: {error}", reach=Reach.ALL)
    # A call that broke after it was sent may be the fault of the part that serves this object.
    reach = Reach.ALL if isinstance(error, Unreachable) else None
    return BackendUnavailable(f"{server} cannot be reached: {error}", reach=reach)
