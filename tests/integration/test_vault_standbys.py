"""Two OpenBao servers: the active one, and a standby that answers reads and lags when the test says so.

The link over which the standby gets its data is held up, and all reads lead to the standby.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import PermissionDenied, SourceNotFound
from tests.builders import attempt
from tests.integration.vault_support import LOGIN, READ, read, vault_backend
from tests.testbed.fault_exchange import Upstream
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.link import Link
from tests.testbed.openbao import BaoError, OpenBao
from tests.testbed.openbao_setup import AppRole
from tests.testbed.processes import free_port
from tests.testbed.vault_launch import Member
from tests.testbed.vault_program import vault_program
from tests.testbed.waiting import wait_until
from tests.unit.backends.vault.doubles import RecordedTelemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The servers, what parts them, and the one address that clients know; it leads to `active` first."""

    active: OpenBao
    standby: OpenBao
    link: Link
    front: FaultProxy
    role: AppRole

    def turn_to_standby(self) -> None:
        self.front.upstream = Upstream(self.standby.url, None, self.front.connections)
        self.front.drop_connections()

    def turn_to_active(self) -> None:
        self.front.upstream = Upstream(self.active.url, None, self.front.connections)
        self.front.drop_connections()

    def come_into_step(self) -> None:
        """Wait until the standby has all that was written so far, tokens included."""
        self.active.write_kv2("mark", {"a": (mark := secrets.token_hex(8))})
        wait_until(lambda: self.standby_holds("mark", mark), what="the standby in step")

    def standby_holds(self, name: str, value: str) -> bool:
        """Whether the standby itself has this value by now."""
        try:
            held = self.standby.request("GET", f"secret/data/{name}")["data"]["data"]
        except BaoError:
            return False
        return bool(held["a"] == value)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OpenBao, OpenBao, Link]]:
    if not vault_program().is_openbao:
        pytest.skip(f"standbys of {vault_program()} answer no reads, or are not set up here")
    folder = tmp_path_factory.mktemp("pair")
    active = OpenBao.durable(folder / "active")
    active.enable_auth("approle", "approle")
    own_port = free_port()
    link = Link(own_port)
    member = Member(port=own_port, reached_at=link.address, active=active.url)
    standby = OpenBao.standby(folder / "standby", active, member)
    yield active, standby, link
    standby.stop()
    active.stop()
    link.close()


@pytest.fixture
def pair(servers: tuple[OpenBao, OpenBao, Link]) -> Iterator[Pair]:
    active, standby, link = servers
    policy = active.read_policy("reader", "secret/data/*")
    role = active.approle("reader", [policy])
    active.write_kv2("app", {"a": "old"})
    with FaultProxy(active.url) as front:
        made = Pair(active=active, standby=standby, link=link, front=front, role=role)
        made.come_into_step()
        yield made
        link.let_go()


def backend(pair: Pair, told: RecordedTelemetry | None = None) -> VaultBackend:
    return vault_backend(pair.front.url, pair.role, told=told)


def test_a_read_from_a_standby_that_does_not_know_the_token_yet_works_with_one_login(pair: Pair) -> None:
    pair.link.hold()
    told = RecordedTelemetry()
    reader = backend(pair, told)
    reader.maintain()
    pair.turn_to_standby()

    assert [read(reader, "secret/data/app") for _ in range(5)] == ["old"] * 5
    assert pair.front.count("POST", LOGIN) == 1
    assert (told.logins_failed, told.renewals_failed) == (0, [])


def test_a_standby_that_lags_says_so_and_the_active_server_answers(pair: Pair) -> None:
    pair.link.hold()
    reader = backend(pair)
    reader.maintain()
    pair.turn_to_standby()
    pair.front.forget()
    read(reader, "secret/data/app")

    first, second = (each.headers for each in pair.front.requests)
    assert first["x-vault-index"] == second["x-vault-index"] != ""
    assert "x-vault-inconsistent" not in first
    assert second["x-vault-inconsistent"] == "forward-active-node"


def test_a_value_that_was_read_from_the_active_server_is_not_followed_by_the_older_one(pair: Pair) -> None:
    reader = backend(pair)
    read(reader, "secret/data/app")
    pair.come_into_step()
    pair.link.hold()
    pair.active.write_kv2("app", {"a": "new"})
    assert read(reader, "secret/data/app") == "new"
    pair.turn_to_standby()

    assert pair.standby_holds("app", "old")
    assert read(reader, "secret/data/app") == "new"


def test_a_path_that_the_standby_does_not_know_yet_is_not_taken_for_gone(pair: Pair) -> None:
    reader = backend(pair)
    read(reader, "secret/data/app")
    pair.come_into_step()
    pair.link.hold()
    pair.active.write_kv2("made-a-moment-ago", {"a": "1"})
    read(reader, "secret/data/made-a-moment-ago")
    pair.turn_to_standby()

    assert read(reader, "secret/data/made-a-moment-ago") == "1"
    # Another process, which has seen nothing, is told what the standby knows.
    assert "made-a-moment-ago" not in pair.standby.request("LIST", "secret/metadata")["data"]["keys"]


def test_a_missing_right_and_a_missing_path_are_still_told_apart_behind_a_standby_that_lags(
    pair: Pair,
) -> None:
    pair.link.hold()
    reader = backend(pair)
    reader.maintain()
    pair.turn_to_standby()

    assert isinstance(attempt(lambda: read(reader, "secret/data/nothing-here")), SourceNotFound)
    assert isinstance(attempt(lambda: read(reader, "kv1/other")), PermissionDenied)
    assert pair.front.count("POST", LOGIN) == 1


def test_a_standby_that_has_caught_up_answers_by_itself_again(pair: Pair) -> None:
    pair.link.hold()
    reader = backend(pair)
    reader.maintain()
    pair.active.write_kv2("app", {"a": "newer"})
    pair.turn_to_standby()
    assert read(reader, "secret/data/app") == "newer"
    pair.link.let_go()

    def costs_one_call() -> bool:
        pair.front.forget()
        assert read(reader, "secret/data/app") == "newer"
        return pair.front.count("GET", READ) == 1

    wait_until(costs_one_call, what="the standby answers by itself")
    assert pair.standby_holds("app", "newer")


def test_a_login_that_the_standby_passes_on_and_reads_from_both_work(pair: Pair) -> None:
    pair.turn_to_standby()
    pair.link.hold()
    reader = backend(pair)
    assert read(reader, "secret/data/app") == "old"
    pair.turn_to_active()

    assert read(reader, "secret/data/app") == "old"
    assert pair.front.count("POST", LOGIN) == 1


# ── Vault Enterprise, whose answers a proxy gives in front of the real server ────────────────────────

_LAGS = "required index state not present"
_NO_FORWARDING = "forwarding via header X-Vault-Inconsistent=forward-active-node disabled in configuration"


def test_a_standby_of_vault_that_catches_up_within_a_second_is_waited_for(pair: Pair) -> None:
    told = RecordedTelemetry()
    reader = backend(pair, told)
    read(reader, "secret/data/app")
    pair.front.on("GET", READ).times(1).vault_error(412, _LAGS)
    pair.front.on("GET", READ).times(1).vault_error(400, _NO_FORWARDING)
    pair.front.on("GET", READ).times(1).vault_error(412, _LAGS)

    assert read(reader, "secret/data/app") == "old"
    assert pair.front.count("POST", LOGIN) == 1
    assert [error for _, error in told.calls] == [None] * len(told.calls)
