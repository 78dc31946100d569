"""The part of Vault that a failed exchange is evidence about."""

from __future__ import annotations

import pytest

from secrets_manager.backends.vault.faults import (
    VaultRefused,
    from_status,
    from_transport,
    is_dr_secondary,
    not_vault,
)
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


@pytest.mark.parametrize("status", [412, 429, 500, 501, 502, 503, 504, 599])
def test_a_status_is_about_the_path_that_was_asked(status: int) -> None:
    assert from_status(VaultRefused(status, None, 3.0)).reach is Reach.PATH


@pytest.mark.parametrize("status", [472, 473, 530])
def test_a_status_of_a_node_that_serves_no_path_is_about_all(status: int) -> None:
    assert from_status(VaultRefused(status, None, 3.0)).reach is Reach.ALL


@pytest.mark.parametrize("status", [400, 503])
def test_a_disaster_recovery_secondary_is_known_by_its_error(status: int) -> None:
    reply = {"errors": ["canary: path disabled in replication DR secondary mode"]}
    fault = from_status(VaultRefused(status, reply, None))

    assert fault == from_status(VaultRefused(472, None, None))
    assert fault.reach is Reach.ALL
    assert "disaster recovery secondary" in fault.message
    assert "canary" not in fault.message


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (400, {"errors": ["invalid path"]}),
        (400, {"errors": "replication DR secondary mode"}),
        (500, {"errors": ["path disabled in replication DR secondary mode"]}),
        (503, None),
    ],
)
def test_no_other_refusal_is_taken_for_one_of_a_disaster_recovery_secondary(
    status: int, reply: dict[str, object] | None
) -> None:
    assert not is_dr_secondary(VaultRefused(status, reply, None))


def test_a_quota_of_leases_is_told_from_one_of_calls() -> None:
    leases = {"errors": ['request path "auth/approle/login": lease count quota exceeded']}
    calls = {"errors": ['request path "secret/data/a": rate limit quota exceeded']}

    assert "lease count quota" in from_status(VaultRefused(429, leases, None)).message
    assert from_status(VaultRefused(429, calls, None)).message == "Vault asked to slow down (429)"


def test_a_page_of_a_proxy_is_about_the_path_that_was_asked() -> None:
    assert not_vault(200).reach is Reach.PATH
