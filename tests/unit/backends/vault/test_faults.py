"""The part of Vault that a failed exchange is evidence about."""

from __future__ import annotations

import pytest

from secrets_manager.backends.vault.faults import VaultRefused, from_status, from_transport, not_vault
from secrets_manager.domain.errors import Reach
from secrets_manager.runtime.http.transport_errors import (
    Interrupted,
    TimedOut,
    TlsFailed,
    TransportError,
    Unreachable,
    UnusableReply,
)


@pytest.mark.parametrize(
    ("error", "reach"),
    [
        (Unreachable("no connection"), Reach.ALL),
        (TlsFailed("no"), Reach.ALL),
        (TimedOut("late"), Reach.PATH),
        (Interrupted("the connection broke"), Reach.PATH),
        (UnusableReply("too large"), Reach.PATH),
    ],
)
def test_only_what_keeps_a_connection_from_being_made_is_about_all(
    error: TransportError, reach: Reach
) -> None:
    assert from_transport(error).reach is reach


@pytest.mark.parametrize("status", [412, 429, 472, 473, 500, 501, 502, 503, 504, 530, 599])
def test_a_status_is_about_the_path_that_was_asked(status: int) -> None:
    assert from_status(VaultRefused(status, None, 3.0)).reach is Reach.PATH


def test_a_page_of_a_proxy_is_about_the_path_that_was_asked() -> None:
    assert not_vault(200).reach is Reach.PATH
