"""A survey of Azure Key Vault: one list instead of many reads."""

from __future__ import annotations

import logging

import pytest

from secrets_manager.backends.base import Source, Survey, Surveyor
from secrets_manager.domain.errors import BackendFault, BackendThrottled, BackendTimeout, BackendUnavailable
from secrets_manager.runtime.terms import Terms
from tests.builders import Clock, attempt
from tests.testbed.azure.cloud import AzureDouble
from tests.testbed.azure.wire import Answer, Call
from tests.testbed.pki import Authority
from tests.unit.backends.azure_key_vault.support import LIST, RecordedTelemetry, backend_on, read


class Desk:
    """A vault with this number of secrets, all read long after their last change; clocks stand still."""

    def __init__(self, authority: Authority, count: int) -> None:
        self.wall = Clock(1_700_000_000.0)
        self.clock = Clock()
        self.azure = AzureDouble(authority, now=self.wall)
        self.azure.entra.lifetime = 10_000_000
        self.told = RecordedTelemetry()
        self.backend = backend_on(self.azure, told=self.told, clock=self.clock, now=self.wall)
        self.names = [f"app-{number:03}" for number in range(count)]
        for name in self.names:
            self.azure.store.put(name, "1")
        self.sources = [self.backend.locate(name) for name in self.names]
        self.wall.now += 60.0
        for name in self.names:
            read(self.backend, name)
            self.clock.now += 1.0

    def stale(self) -> set[str]:
        found = self.backend.survey(self.sources)
        assert found is not None
        return {source.path for source in found.stale}

    def lists(self) -> int:
        return self.azure.vault_proxy.count("GET", "/secrets")


@pytest.fixture
def desk(authority: Authority) -> object:
    made = Desk(authority, 60)
    yield made
    made.azure.stop()


def test_the_azure_backend_is_a_surveyor(azure: AzureDouble) -> None:
    assert isinstance(backend_on(azure), Surveyor)


def test_a_quiet_vault_costs_a_call_per_25_secrets_and_no_read(desk: Desk) -> None:
    assert desk.stale() == set()
    assert desk.lists() == 3


def test_only_changed_secrets_have_to_be_read(desk: Desk) -> None:
    desk.azure.store.put("app-003", "2")
    desk.azure.store.enable("app-030", enabled=False)
    desk.azure.store.delete("app-059")

    assert desk.stale() == {"app-003", "app-030", "app-059"}


def test_a_secret_that_was_read_since_its_change_is_quiet_again(desk: Desk) -> None:
    desk.azure.store.put("app-003", "2")
    desk.azure.store.enable("app-030", enabled=False)
    desk.azure.store.delete("app-059")
    desk.wall.now += 60.0
    for name in desk.stale():
        attempt(lambda name=name: read(desk.backend, name))  # type: ignore[misc]

    assert desk.stale() == set()


def test_two_changes_in_one_second_are_both_seen(desk: Desk) -> None:
    desk.azure.store.put("app-003", "2")
    assert desk.stale() == {"app-003"}
    assert read(desk.backend, "app-003") == "2"
    desk.azure.store.put("app-003", "3")
    desk.wall.now += 5.0

    assert desk.stale() == {"app-003"}
    assert read(desk.backend, "app-003") == "3"
    assert desk.stale() == set()


def test_a_secret_that_expires_without_a_change_is_read_once_more(desk: Desk) -> None:
    desk.azure.store.put("app-003", "2", expires=desk.wall() + 3600)
    desk.wall.now += 60.0
    read(desk.backend, "app-003")
    assert desk.stale() == set()
    desk.wall.now += 3600.0

    assert desk.stale() == {"app-003"}
    assert "expired" in desk.backend.read(Source("app-003"), Terms.within(5.0)).caution
    assert desk.stale() == set()


def test_a_source_that_was_never_read_has_to_be_read(desk: Desk) -> None:
    desk.azure.store.put("new", "1")
    desk.sources.append(desk.backend.locate("new"))

    assert desk.stale() == {"new"}


def test_a_source_with_a_pinned_version_is_read_each_time(desk: Desk) -> None:
    version = desk.azure.store.put("app-000", "2")
    pinned = desk.backend.locate(f"app-000/{version}")
    desk.sources = [*desk.sources[1:], pinned]
    desk.wall.now += 60.0
    desk.backend.read(pinned, Terms.within(5.0))

    assert desk.stale() == {"app-000"}


def test_a_certificate_is_found_in_the_list_of_secrets(desk: Desk) -> None:
    certificate = desk.backend.locate("certificates/app-000")
    desk.sources.append(certificate)
    assert attempt(lambda: desk.backend.read(certificate, Terms.within(5.0))) is not None

    assert desk.stale() == set()
    desk.azure.store.put("app-000", "2")
    assert desk.stale() == {"app-000", "certificates/app-000"}


def test_without_sources_nothing_is_asked(desk: Desk) -> None:
    assert desk.backend.survey([]) == Survey(frozenset())
    assert desk.lists() == 0


def test_a_forbidden_list_is_logged_once_and_tried_again_after_a_while(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.azure.vault.rights.discard("list")
    with caplog.at_level(logging.INFO):
        assert [desk.backend.survey(desk.sources) for _ in range(3)] == [None] * 3
        assert desk.lists() == 1
        desk.clock.now += 600.0
        assert desk.backend.survey(desk.sources) is None
    assert desk.lists() == 2
    told = [record.message for record in caplog.records if record.levelno == logging.INFO]
    assert told.count("the login has no right to list the secrets of the key vault") == 1
    desk.azure.vault.rights.add("list")
    desk.clock.now += 600.0

    assert desk.stale() == set()


def test_a_list_that_costs_more_than_the_reads_is_not_made(desk: Desk) -> None:
    desk.sources = desk.sources[:2]

    assert desk.backend.survey(desk.sources) is None
    assert desk.lists() == 3
    assert desk.backend.survey(desk.sources) is None
    assert desk.lists() == 3


def test_a_list_that_takes_too_long_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = desk.azure.vault.answer

    def slowly(call: Call) -> Answer:
        desk.clock.now += 20.0
        return answer(call)

    monkeypatch.setattr(desk.azure.vault_server, "answer", slowly)

    assert desk.backend.survey(desk.sources) is None
    assert desk.lists() == 2


def test_a_list_that_costs_no_more_than_the_reads_is_made(desk: Desk) -> None:
    desk.sources = desk.sources[:3]

    assert desk.stale() == set()


def test_the_expiry_of_a_source_that_is_no_longer_used_is_forgotten(desk: Desk) -> None:
    desk.azure.store.put("app-003", "2", expires=desk.wall() + 3600)
    read(desk.backend, "app-003")
    assert desk.told.expiries["app-003"] is not None
    desk.sources = desk.sources[4:]
    desk.stale()

    assert desk.told.expiries["app-003"] is None


@pytest.mark.parametrize("page", [0, 1], ids=["first page", "second page"])
@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("hang", BackendTimeout),
        ("drip_body", BackendTimeout),
        ("reset", BackendUnavailable),
        ("html", BackendUnavailable),
    ],
)
def test_a_list_that_breaks_half_way_says_nothing_about_any_source(
    desk: Desk, page: int, how: str, kind: type[BackendFault]
) -> None:
    # Only what never ends has to run out of time.
    desk.backend = backend_on(desk.azure, timeout=0.5 if kind is BackendTimeout else 30.0, now=desk.wall)
    getattr(desk.azure.vault_proxy.on("GET", LIST).after(page), how)()
    fault = attempt(desk.stale)
    desk.azure.vault_proxy.clear()

    assert type(fault) is kind
    desk.backend = backend_on(desk.azure, now=desk.wall)
    assert desk.backend.survey(desk.sources) is not None


def test_a_throttled_list_is_a_fault_of_the_vault(desk: Desk) -> None:
    desk.azure.vault_proxy.on("GET", LIST).after(1).reply(429, {"error": {}}, retry_after=3)
    fault = attempt(desk.stale)

    assert isinstance(fault, BackendThrottled)
    assert fault.retry_after == 3.0
    assert desk.told.calls[-1] == ("list", fault)


@pytest.mark.parametrize("status", [400, 401, 404, 418])
def test_a_list_that_is_refused_for_another_cause_is_a_fault_of_the_vault(desk: Desk, status: int) -> None:
    desk.clock.now += 60.0
    desk.azure.vault_proxy.on("GET", LIST).reply(status, {"error": {"code": "Whatever"}})

    assert isinstance(attempt(desk.stale), BackendFault)


def test_a_next_page_at_another_host_gets_no_token(desk: Desk) -> None:
    desk.azure.vault_proxy.on("GET", LIST).reply(
        200, {"value": [], "nextLink": "https://evil.vault.azure.net/secrets?api-version=7.4"}
    )
    fault = attempt(desk.stale)

    assert fault == BackendUnavailable("the key vault points to another host, which is not followed")
    assert "evil.vault.azure.net" not in desk.azure.hosts_asked()


IMPOSSIBLE = [99_999_999_999_999, -62_135_596_801, "soon", [], 10**30]


@pytest.mark.parametrize("date", IMPOSSIBLE)
def test_one_secret_with_an_impossible_date_costs_the_others_no_more_than_the_list(
    desk: Desk, date: object, caplog: pytest.LogCaptureFixture
) -> None:
    identifier = f"https://{desk.azure.vault.host}/secrets/odd"
    page = {"value": [{"id": identifier, "attributes": {"enabled": True, "exp": date}}], "nextLink": None}
    desk.azure.vault_proxy.on("GET", LIST).reply(200, page)

    assert desk.backend.survey(desk.sources) is None
    assert [read(desk.backend, name) for name in desk.names[:3]] == ["1", "1", "1"]
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "the list of the secrets of the key vault cannot be read"
    ]
    desk.azure.vault_proxy.clear()
    desk.clock.now += 601.0
    assert desk.stale() == set()


def test_names_near_one_that_is_not_there_are_those_of_all_secrets(desk: Desk) -> None:
    near = desk.backend.neighbours(Source("ap-007"), Terms.within(5))

    assert sorted(near) == desk.names
    # Certificates and keys have lists of their own.
    assert list(desk.backend.neighbours(Source("keys/ap"), Terms.within(5))) == []


def test_no_name_is_offered_where_lists_are_forbidden(desk: Desk) -> None:
    desk.azure.vault.rights.discard("list")

    assert list(desk.backend.neighbours(Source("ap-007"), Terms.within(5))) == []
