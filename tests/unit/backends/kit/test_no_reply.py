"""A call that got no reply has one meaning, whichever server was asked."""

from __future__ import annotations

import pytest

from secrets_manager.backends.kit.no_reply import no_reply
from secrets_manager.domain.errors import BackendFault, BackendTimeout, BackendTLS, BackendUnavailable
from secrets_manager.runtime.http.transport_errors import (
    ProxyAnswered,
    TimedOut,
    TlsFailed,
    TransportError,
    Unreachable,
)


@pytest.mark.parametrize(
    ("failure", "meaning"),
    [
        (TimedOut("x"), BackendTimeout("it did not answer within the time allowed")),
        (TlsFailed("expired"), BackendTLS("no trusted connection to it: expired")),
        (Unreachable("no connection"), BackendUnavailable("it cannot be reached: no connection")),
        (ProxyAnswered(407), BackendUnavailable(f"it cannot be reached: {ProxyAnswered(407)}")),
    ],
    ids=["time", "trust", "way", "proxy"],
)
def test_a_call_without_a_reply_has_one_meaning(failure: TransportError, meaning: BackendFault) -> None:
    assert no_reply(failure, "it") == meaning
