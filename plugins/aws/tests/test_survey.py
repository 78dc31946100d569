"""A survey: one list, or batches of twenty, instead of a read of each secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from plugins.aws.tests.support import actions, backend_on, read
from secrets_manager.backends.base import Source, Survey, Surveyor
from secrets_manager.domain.errors import BackendFault, BackendThrottled, BackendUnavailable
from tests.builders import Clock, attempt
from tests.testbed.aws.cloud import Vaulted
from tests.testbed.fault_proxy import FaultProxy

DENIED = {"__type": "AccessDeniedException", "Message": "canary"}


class Desk:
    """Secrets that were all read once, and a clock that stands still."""

    def __init__(self, stored: Vaulted, proxy: FaultProxy, count: int, survey: str = "list") -> None:
        self.stored = stored
        self.proxy = proxy
        self.clock = Clock()
        self.backend = backend_on(proxy.url, clock=self.clock, max_requests_per_second=10_000, survey=survey)
        self.sources: list[Source] = []
        for number in range(count):
            stored.put(f"app-{number:03}", "1")
            self.add(f"app-{number:03}")

    def add(self, path: str, version: str = "") -> Source:
        source = self.backend.locate(path, version)
        attempt(lambda: read(self.backend, path, "", version))
        self.sources.append(source)
        self.proxy.forget()
        return source

    def stale(self) -> set[str]:
        found = self.backend.survey(self.sources)
        assert found is not None
        return {f"{source.path}@{source.version}".rstrip("@") for source in found.stale}


@pytest.fixture
def desk(stored: Vaulted, proxy: FaultProxy) -> Iterator[Desk]:
    made = Desk(stored, proxy, 25)
    yield made
    made.backend.close()


def test_the_backend_is_a_surveyor(desk: Desk) -> None:
    assert isinstance(desk.backend, Surveyor)


def test_a_quiet_period_costs_one_list_for_a_hundred_secrets_and_no_read(desk: Desk) -> None:
    assert desk.stale() == set()
    assert actions(desk.proxy) == {"ListSecrets": 1}


def test_only_what_changed_has_to_be_read(desk: Desk) -> None:
    desk.stored.put("app-003", "2")
    desk.stored.delete("app-013")
    desk.stored.delete("app-014", at_once=True)

    assert desk.stale() == {"app-003", "app-013", "app-014"}


def test_what_was_read_since_its_change_is_quiet_again(desk: Desk) -> None:
    desk.stored.put("app-003", "2")
    desk.stored.delete("app-013")
    for name in desk.stale():
        attempt(lambda name=name: read(desk.backend, name))  # type: ignore[misc]

    assert desk.stale() == set()
    desk.stored.restore("app-013")
    assert desk.stale() == {"app-013"}


def test_a_source_that_was_never_read_or_could_not_be_read_is_read_each_time(desk: Desk) -> None:
    desk.sources.append(desk.backend.locate("app-000", "AWSPENDING"))
    assert desk.stale() == {"app-000@AWSPENDING"}
    desk.proxy.on("POST", "/").times(1).reply(400, {"__type": "DecryptionFailure"})
    attempt(lambda: read(desk.backend, "app-001"))

    assert desk.stale() == {"app-000@AWSPENDING", "app-001"}


def test_a_list_shows_where_stages_are_and_that_ids_stay(desk: Desk) -> None:
    first = desk.stored.put("staged", "1")
    second = desk.stored.put("staged", "2")
    desk.stored.stage("staged", first, "blue")
    for version in (first, second, "blue", "green"):
        desk.add("staged", version)
    assert desk.stale() == set()
    desk.stored.stage("staged", second, "blue")
    assert desk.stale() == {"staged@blue"}
    desk.stored.stage("staged", second, "green")
    assert desk.stale() == {"staged@blue", "staged@green"}
    desk.stored.delete("staged")

    # What was not there is still not there.
    assert desk.stale() == {f"staged@{version}" for version in (first, second, "blue")}


def test_the_previous_version_changes_with_the_current_one(desk: Desk) -> None:
    desk.stored.put("app-000", "2")
    read(desk.backend, "app-000")
    desk.add("app-000", "AWSPREVIOUS")
    assert desk.stale() == set()
    desk.stored.put("app-000", "3")

    assert desk.stale() == {"app-000", "app-000@AWSPREVIOUS"}


def test_an_arn_of_this_account_is_found_in_the_list_and_one_of_another_is_read(desk: Desk) -> None:
    desk.add(desk.stored.arn("app-000"))
    foreign = desk.stored.arn("app-000").replace("123456789012", "999999999999")
    other = desk.backend.locate(foreign)
    desk.backend._freshness.record(other, "1" * 36)
    desk.sources.append(other)

    assert desk.stale() == {foreign}


def test_sources_that_are_no_longer_used_are_forgotten(desk: Desk) -> None:
    desk.sources = desk.sources[:1]
    desk.stale()

    assert set(desk.backend._freshness._last_reads) == set(desk.sources)


def test_without_sources_nothing_is_asked(desk: Desk) -> None:
    assert desk.backend.survey([]) == Survey(frozenset())
    assert actions(desk.proxy) == {}


def test_a_list_that_costs_more_than_batches_is_not_made_again_for_a_while(
    stored: Vaulted, proxy: FaultProxy
) -> None:
    for number in range(205):
        stored.put(f"others-{number}", "1")
    desk = Desk(stored, proxy, 25)
    assert desk.stale() == set()
    assert actions(proxy) == {"ListSecrets": 3, "BatchGetSecretValue": 2}
    assert desk.stale() == set()
    assert actions(proxy) == {"ListSecrets": 3, "BatchGetSecretValue": 4}
    desk.backend.close()


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────


def test_by_batches_a_quiet_period_costs_a_call_for_twenty_secrets(
    stored: Vaulted, proxy: FaultProxy
) -> None:
    desk = Desk(stored, proxy, 45, survey="batch")
    assert desk.stale() == set()
    assert actions(proxy) == {"BatchGetSecretValue": 3}
    stored.put("app-003", "2")
    stored.delete("app-030")
    stored.delete("app-040", at_once=True)
    assert desk.stale() == {"app-003", "app-030", "app-040"}
    for name in ("app-003", "app-030", "app-040"):
        attempt(lambda name=name: read(desk.backend, name))  # type: ignore[misc]

    assert desk.stale() == set()
    desk.backend.close()


def test_a_batch_that_is_answered_in_parts_is_read_to_its_end(stored: Vaulted, proxy: FaultProxy) -> None:
    desk = Desk(stored, proxy, 2, survey="batch")
    found = [{"Name": name, "VersionId": stored.put(name, "2")} for name in ("app-000", "app-001")]
    for each in found:
        read(desk.backend, each["Name"])
    proxy.forget()
    part = {"SecretValues": found[:1], "NextToken": "more"}
    proxy.on("POST", "/").times(1).reply(200, part)
    proxy.on("POST", "/").times(1).reply(200, {"SecretValues": found[1:]})

    assert desk.stale() == set()
    assert actions(proxy) == {"BatchGetSecretValue": 2}
    # One that has no end is left after as many parts as there are secrets.
    proxy.on("POST", "/").reply(200, part)
    assert desk.stale() == {"app-001"}
    assert actions(proxy) == {"BatchGetSecretValue": 4}
    desk.backend.close()


def test_by_batches_a_stage_or_an_id_is_read_each_time(stored: Vaulted, proxy: FaultProxy) -> None:
    desk = Desk(stored, proxy, 1, survey="batch")
    version = stored.put("app-000", "2")
    desk.add("app-000", "AWSPREVIOUS")
    desk.add("app-000", version)
    read(desk.backend, "app-000")
    desk.add(stored.arn("app-000"))

    assert desk.stale() == {"app-000@AWSPREVIOUS", f"app-000@{version}"}
    desk.backend.close()


def test_by_reads_no_survey_is_made(stored: Vaulted, proxy: FaultProxy) -> None:
    desk = Desk(stored, proxy, 1, survey="none")

    assert desk.backend.survey(desk.sources) is None
    assert actions(proxy) == {}
    desk.backend.close()


# ── rights and faults ────────────────────────────────────────────────────────────────────────────────


def test_what_is_not_allowed_is_said_once_and_tried_again_after_a_while(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    rule = desk.proxy.on("POST", "/").reply(400, DENIED)
    with caplog.at_level(logging.INFO):
        assert [desk.backend.survey(desk.sources) for _ in range(3)] == [None] * 3
        assert rule.hits == 2
        desk.clock.now += 600.0
        assert desk.backend.survey(desk.sources) is None
    assert rule.hits == 4
    told = [record.__dict__["reason"] for record in caplog.records if record.levelno == logging.INFO]
    assert told == [
        "secretsmanager:ListSecrets is refused (AccessDeniedException); allow it for fewer calls",
        "secretsmanager:BatchGetSecretValue is refused (AccessDeniedException); allow it for fewer calls",
    ]
    desk.proxy.clear()
    desk.clock.now += 600.0

    assert desk.stale() == set()


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (400, {"__type": "ThrottlingException"}, BackendThrottled),
        (503, {}, BackendUnavailable),
        (200, [], BackendUnavailable),
        (200, {"SecretList": 5}, BackendUnavailable),
        (200, {"SecretList": [5]}, BackendUnavailable),
        (404, b"<html>", BackendUnavailable),
    ],
)
def test_a_list_that_breaks_says_nothing_about_any_source(
    desk: Desk, status: int, answer: object, kind: type[BackendFault]
) -> None:
    body = answer if isinstance(answer, (bytes, dict)) else b"[]"
    desk.proxy.on("POST", "/").reply(status, body)
    fault = attempt(lambda: desk.backend.survey(desk.sources))

    assert type(fault) is kind
    desk.proxy.clear()
    assert desk.stale() == set()


def test_a_list_that_takes_too_long_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    call = desk.backend._calls.call

    def slowly(*arguments: object) -> object:
        desk.clock.now += 31.0
        return call(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.backend._calls, "call", slowly)

    assert desk.backend.survey(desk.sources) is None


def test_a_page_that_never_ends_is_left(desk: Desk) -> None:
    desk.proxy.on("POST", "/").reply(200, {"SecretList": [], "NextToken": "again"})

    desk.backend.survey(desk.sources)
    # Two, as many as batches would cost, and one that shows that there are more.
    assert actions(desk.proxy)["ListSecrets"] == 3
