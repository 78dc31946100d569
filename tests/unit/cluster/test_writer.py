"""Writes, fenced by what they are based on."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace
from typing import Any

import pytest

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, AlreadyExists, Json, NotFound
from secrets_manager.cluster.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.cluster.writer import FINALIZER, DefinitionWriter, SecretWriter
from secrets_manager.domain.condition import Condition, Status
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    ClusterUnavailable,
    Conflict,
    Forbidden,
    NamespaceTerminating,
    NotOwned,
    QuotaExceeded,
    RejectedByCluster,
    SecretsManagerError,
)
from secrets_manager.domain.plan import Operation, Plan
from secrets_manager.domain.secret import LAST_UPDATE, ObservedSecret
from tests.unit.cluster.objects import DIGESTER, REF, Clock, desired, observed, raw_definition, raw_secret

NOW = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
DATA_CHANGED = Plan(operation=Operation.REPLACED, reason="DataDiffers", changed_keys=("password",))
MARKS_CHANGED = Plan(operation=Operation.REPLACED, reason="MetadataDiffers")
RECREATED = Plan(operation=Operation.REPLACED, reason="Recreated", recreate=True)


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────


class Desk:
    """A writer of Secrets on a cluster in memory."""

    def __init__(self) -> None:
        self.cluster = MemoryCluster()
        self.store = SecretStore()
        self.writer = SecretWriter(api=self.cluster, store=self.store, digester=DIGESTER)

    def existing(self, **metadata: Any) -> ObservedSecret:
        """A Secret that is there, as observed."""
        body = raw_secret(**metadata)
        for name in ("uid", "resourceVersion"):
            body["metadata"].pop(name)
        self.cluster.create(SECRETS, "shop", body)
        seen = self.writer.observe(REF)
        assert seen is not None
        return seen

    def stored(self) -> Json | None:
        return self.cluster.snapshot(SECRETS, REF)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_observing_asks_the_api_server_and_gives_none_for_nothing(desk: Desk) -> None:
    assert desk.writer.observe(REF) is None
    seen = desk.existing()

    assert seen.digests == {"password": DIGESTER.of(b"p")}
    assert desk.store.get(REF) is None


def test_what_was_created_is_in_the_store_at_once(desk: Desk) -> None:
    desk.writer.create(desired(), NOW)

    assert desk.store.get(REF) == desk.writer.observe(REF)
    assert desk.cluster.calls == {("create", "secrets"): 1, ("get", "secrets"): 1}


def test_a_name_that_is_taken_after_all_is_told(desk: Desk) -> None:
    desk.existing()

    with pytest.raises(AlreadyExists):
        desk.writer.create(desired(), NOW)
    assert desk.store.get(REF) is None


def test_a_replace_writes_over_exactly_what_was_observed(desk: Desk) -> None:
    seen = desk.existing()
    desk.writer.replace(desired({"password": b"new"}), seen, DATA_CHANGED, NOW)
    known = desk.store.get(REF)

    assert known is not None
    assert known.digests == {"password": DIGESTER.of(b"new")}
    assert known.annotations[LAST_UPDATE] == "2026-05-04T03.02.01Z"


def test_a_replace_after_somebody_elses_is_refused(desk: Desk) -> None:
    seen = desk.existing()
    desk.cluster.edit(SECRETS, REF, {"metadata": {"labels": {"theirs": "x"}}})
    before = desk.stored()

    with pytest.raises(Conflict):
        desk.writer.replace(desired({"password": b"new"}), seen, DATA_CHANGED, NOW)
    assert desk.stored() == before


def test_the_time_of_the_data_stays_when_only_marks_change(desk: Desk) -> None:
    seen = desk.existing(annotations={LAST_UPDATE: "before"})
    desk.writer.replace(desired(), seen, MARKS_CHANGED, NOW)
    stored = desk.stored()

    assert stored is not None
    assert stored["metadata"]["annotations"][LAST_UPDATE] == "before"


def test_a_replace_of_a_secret_that_is_gone_is_a_conflict_and_forgets_it(desk: Desk) -> None:
    seen = desk.existing()
    desk.store.apply(seen)
    desk.cluster.delete(SECRETS, REF, {})

    with pytest.raises(Conflict, match="deleted in the meantime"):
        desk.writer.replace(desired(), seen, DATA_CHANGED, NOW)
    assert desk.store.get(REF) is None


def test_recreating_deletes_what_was_observed_and_makes_it_anew(desk: Desk) -> None:
    seen = desk.existing()
    desk.writer.replace(desired(type="kubernetes.io/tls"), seen, RECREATED, NOW)
    stored = desk.stored()

    assert stored is not None
    assert stored["type"] == "kubernetes.io/tls"
    assert stored["metadata"]["uid"] != seen.uid


@pytest.mark.parametrize("refusal", [QuotaExceeded("full"), RejectedByCluster("invalid")])
def test_recreating_deletes_nothing_when_the_new_one_would_be_refused(
    desk: Desk, refusal: SecretsManagerError
) -> None:
    seen = desk.existing()
    before = desk.stored()
    desk.cluster.fail_next("create", "secrets", refusal)

    with pytest.raises(type(refusal)):
        desk.writer.replace(desired(), seen, RECREATED, NOW)
    assert desk.stored() == before


def test_recreating_in_a_namespace_that_is_gone_is_told_as_that(desk: Desk) -> None:
    seen = desk.existing()
    desk.cluster.fail_next("create", "secrets", NotFound("no namespace"))

    with pytest.raises(NamespaceTerminating):
        desk.writer.replace(desired(), seen, RECREATED, NOW)


def test_recreating_does_not_delete_what_changed_meanwhile(desk: Desk) -> None:
    seen = desk.existing()
    desk.cluster.edit(SECRETS, REF, {"metadata": {"labels": {"theirs": "x"}}})

    with pytest.raises(Conflict):
        desk.writer.replace(desired(), seen, RECREATED, NOW)
    assert desk.stored() is not None


def test_deleting_forgets_also_what_was_gone_already(desk: Desk) -> None:
    seen = desk.existing()
    desk.store.apply(seen)
    desk.writer.delete(seen)
    assert desk.stored() is None
    desk.store.apply(seen)
    desk.writer.delete(seen)

    assert desk.store.get(REF) is None


@pytest.mark.parametrize("stale", [{"uid": "another"}, {"resource_version": "1"}])
def test_deleting_another_state_is_refused(desk: Desk, stale: dict[str, str]) -> None:
    seen = replace(desk.existing(), **stale)  # type: ignore[arg-type]

    with pytest.raises(Conflict):
        desk.writer.delete(seen)
    assert desk.stored() is not None


def test_a_write_that_fails_leaves_the_store_as_it_is(desk: Desk) -> None:
    seen = desk.existing()
    desk.store.apply(seen)
    desk.cluster.fail_next("update", "secrets", ClusterUnavailable("down"))

    with pytest.raises(ClusterUnavailable):
        desk.writer.replace(desired({"password": b"new"}), seen, DATA_CHANGED, NOW)
    assert desk.store.get(REF) == seen


# ── definitions ──────────────────────────────────────────────────────────────────────────────────────


class Office:
    """A writer of definitions on a cluster in memory that has one."""

    def __init__(self, *, status_subresource: bool = True, **metadata: Any) -> None:
        self.clock = Clock()
        self.news: list[Ref] = []
        self.cluster = MemoryCluster(status_subresource=status_subresource)
        self.store = DefinitionStore()
        self.writer = DefinitionWriter(self.cluster, self.store, clock=self.clock, on_news=self.news.append)
        body = raw_definition(**metadata)
        for name in ("uid", "resourceVersion"):
            body["metadata"].pop(name)
        self.cluster.create(DEFINITIONS, "shop", body)
        found = self.writer.refresh(REF)
        assert found is not None
        self.entry: DefinitionEntry = found
        self.news.clear()
        self.cluster.calls.clear()

    def stored_status(self) -> Status | None:
        raw = self.cluster.snapshot(DEFINITIONS, REF)
        return manifests.status(raw) if raw else None


def status(message: str = "m") -> Status:
    return Status(
        observed_generation=1,
        secret_name="db",
        condition=Condition(
            ready=True,
            reason="Synced",
            message=message,
            observed_generation=1,
            last_transition_time="2026-01-01T00:00:00Z",
        ),
    )


def test_a_status_is_one_put_and_in_the_store_at_once() -> None:
    office = Office()
    office.writer.write_status(office.entry, status())
    known = office.store.get(REF)

    assert office.stored_status() == status()
    assert known is not None
    assert known.status == status()
    assert office.cluster.calls == {("update", "secretdefinitions/status"): 1}
    assert office.news == []


def test_a_status_over_an_older_version_is_put_over_the_newest() -> None:
    office = Office()
    office.cluster.edit(DEFINITIONS, REF, {"status": {"foreign": "x"}})
    office.writer.write_status(office.entry, status())

    assert office.stored_status() == status()


def test_a_status_of_what_the_definition_was_before_is_not_written() -> None:
    office = Office()
    office.cluster.edit(DEFINITIONS, REF, {"metadata": {"labels": {"a": "b"}}})
    office.writer.write_status(office.entry, status())

    assert office.stored_status() is None
    assert office.news == [REF]


def test_conflicts_without_end_are_given_up() -> None:
    office = Office()
    office.cluster.fail_next("update", "secretdefinitions/status", *[Conflict("again")] * 9)
    office.writer.write_status(office.entry, status())

    assert office.cluster.calls["update", "secretdefinitions/status"] == 3
    assert office.stored_status() is None


def test_the_status_of_a_definition_made_anew_is_left_alone() -> None:
    office = Office()
    office.cluster.delete(DEFINITIONS, REF, {})
    again = raw_definition()
    again["metadata"].pop("uid")
    again["metadata"].pop("resourceVersion")
    office.cluster.create(DEFINITIONS, "shop", again)
    office.writer.write_status(office.entry, status())

    assert office.stored_status() is None


def test_the_status_of_a_definition_that_is_gone_is_no_fault_and_no_reason_to_stop() -> None:
    office = Office()
    office.cluster.delete(DEFINITIONS, REF, {})
    office.writer.write_status(office.entry, status())
    office.cluster.calls.clear()
    office.writer.write_status(office.entry, status())

    assert office.cluster.calls["update", "secretdefinitions/status"] == 1


def test_a_crd_without_status_is_asked_once_in_ten_minutes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    office = Office(status_subresource=False)
    for _ in range(3):
        office.writer.write_status(office.entry, status())
    assert office.cluster.calls["update", "secretdefinitions/status"] == 1
    office.clock.now += 601
    office.writer.write_status(office.entry, status())

    assert office.cluster.calls["update", "secretdefinitions/status"] == 2
    assert [record.getMessage() for record in caplog.records] == ["the status of definitions is not written"]


def test_a_missing_right_on_the_status_silences_its_namespace_only() -> None:
    office = Office()
    elsewhere = office.entry.definition.ref._replace(namespace="elsewhere")
    office.cluster.create(DEFINITIONS, "elsewhere", {**raw_definition(), "metadata": {"name": "db"}})
    other = office.writer.refresh(elsewhere)
    assert other is not None
    office.cluster.fail_next("update", "secretdefinitions/status", Forbidden("RBAC"))
    for _ in range(2):
        office.writer.write_status(office.entry, status())
    office.writer.write_status(other, status())

    assert office.stored_status() is None
    assert office.cluster.calls["update", "secretdefinitions/status"] == 2
    found = office.store.get(elsewhere)
    assert found is not None
    assert found.status == status()


def test_trouble_of_the_api_server_is_told() -> None:
    office = Office()
    office.cluster.fail_next("update", "secretdefinitions/status", ClusterUnavailable("down"))

    with pytest.raises(ClusterUnavailable):
        office.writer.write_status(office.entry, status())


def test_refreshing_tells_of_what_the_store_did_not_know() -> None:
    office = Office()
    office.cluster.edit(DEFINITIONS, REF, {"metadata": {"labels": {"a": "b"}}})
    office.writer.refresh(REF)
    office.writer.refresh(REF)

    assert office.news == [REF]
    assert office.writer.refresh(Ref("shop", "never")) is None


# ── the original's finalizer ─────────────────────────────────────────────────────────────────────────


def going(**metadata: Any) -> Office:
    office = Office(finalizers=[FINALIZER, "theirs/keep"], **metadata)
    office.cluster.delete(DEFINITIONS, REF, {})
    return office


def test_our_finalizer_is_released_and_those_of_others_stay() -> None:
    office = going()
    office.writer.release_finalizer(office.entry)
    raw = office.cluster.snapshot(DEFINITIONS, REF)

    assert raw is not None
    assert raw["metadata"]["finalizers"] == ["theirs/keep"]


def test_a_release_over_a_change_is_done_over_the_newest() -> None:
    office = going()
    office.cluster.fail_next("update", "secretdefinitions", Conflict("again"))
    office.writer.release_finalizer(office.entry)
    raw = office.cluster.snapshot(DEFINITIONS, REF)

    assert raw is not None
    assert raw["metadata"]["finalizers"] == ["theirs/keep"]


def test_a_release_of_one_that_is_gone_is_no_fault() -> None:
    office = Office()
    office.cluster.delete(DEFINITIONS, REF, {})
    office.writer.release_finalizer(office.entry)

    assert office.cluster.calls["update", "secretdefinitions"] == 0


def test_the_finalizer_of_one_made_anew_is_left_alone() -> None:
    office = going()
    stranger = replace(office.entry, definition=replace(office.entry.definition, uid="another"))
    office.writer.release_finalizer(stranger)
    raw = office.cluster.snapshot(DEFINITIONS, REF)

    assert raw is not None
    assert FINALIZER in raw["metadata"]["finalizers"]


def test_a_release_that_never_succeeds_is_tried_again_later() -> None:
    office = going()
    office.cluster.fail_next("update", "secretdefinitions", *[Conflict("again")] * 3)

    with pytest.raises(Conflict, match="could not be released yet"):
        office.writer.release_finalizer(office.entry)


def test_observed_secrets_and_errors_show_no_value(desk: Desk) -> None:
    desk.writer.create(desired({"a": b"canary-value"}), NOW)

    assert "canary" not in repr(desk.writer) + repr(desk.store.get(REF)) + repr(NotOwned("x"))
    assert "canary" not in repr(desired({"a": b"canary-value"})) + repr(observed())
