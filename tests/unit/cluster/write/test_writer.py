"""Writes, fenced by what they are based on."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, AlreadyExists, Json, NotFound, Resource
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.view.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.write.retry_window import RetryWindow
from secrets_manager.cluster.write.writer import FINALIZER, DefinitionWriter, SecretWriter
from secrets_manager.domain.condition import Status
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    AdmissionDenied,
    ClusterUnauthorized,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    NamespaceTerminating,
    NotLeading,
    NotOwned,
    QuotaExceeded,
    RejectedByCluster,
    SecretsManagerError,
)
from secrets_manager.domain.plan import Operation, Plan
from secrets_manager.domain.secret import LAST_UPDATE, RESTART_PENDING, ObservedSecret
from tests import builders
from tests.unit.cluster.objects import (
    DIGESTER,
    REF,
    Clock,
    desired,
    observed,
    raw_definition,
    raw_secret,
    unborn,
)

NOW = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
DATA_CHANGED = Plan(operation=Operation.REPLACED, reason="DataDiffers", changed_keys=("password",))
MARKS_CHANGED = Plan(operation=Operation.REPLACED, reason="MetadataDiffers")
RECREATED = Plan(operation=Operation.REPLACED, reason="Recreated", recreate=True)


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────


class Desk:
    """A writer of Secrets on a cluster in memory."""

    def __init__(self) -> None:
        self.cluster: MemoryCluster = MemoryCluster()
        self.store = SecretStore()
        self.writer = SecretWriter(api=self.cluster, store=self.store, digester=DIGESTER)

    def existing(self, **metadata: Any) -> ObservedSecret:
        """A Secret that is there, as observed."""
        self.cluster.create(SECRETS, "shop", unborn(raw_secret(**metadata)))
        seen = self.writer.observe(REF)
        assert seen is not None
        return seen

    def stored(self) -> Json | None:
        return self.cluster.snapshot(SECRETS, REF)


@pytest.fixture
def desk() -> Desk:
    return Desk()


class Slow(MemoryCluster):
    """Keeps each read of a Secret until it is released; counts those inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.reads = 0

    def get(self, resource: Resource, ref: Ref) -> Json:
        self.reads += 1
        self.inside.release()
        assert self.let_go.wait(30)
        return super().get(resource, ref)


@pytest.mark.parametrize(("known", "together"), [(None, 8), (2 * 1024 * 1024, 4), (1000, 16)])
def test_few_heavy_secrets_that_are_read_by_name_are_in_memory_at_a_time(
    known: int | None, together: int
) -> None:
    cluster, store = Slow(), SecretStore()
    writer = SecretWriter(api=cluster, store=store, digester=DIGESTER)
    refs = [Ref("shop", f"db-{number}") for number in range(16)]
    if known is not None:
        for ref in refs:
            store.apply(replace(observed(), ref=ref, weight=known))
    threads = [threading.Thread(target=writer.observe, args=(ref,)) for ref in refs]
    for thread in threads:
        thread.start()
    for _ in range(together):
        assert cluster.inside.acquire(timeout=30)
    for _ in range(3000):
        if len(writer.room._line) == len(refs) - together:
            break
        threading.Event().wait(0.01)

    assert (cluster.reads, len(writer.room._line)) == (together, len(refs) - together)
    cluster.let_go.set()
    for thread in threads:
        thread.join(30)
    assert cluster.reads == len(refs)


def test_an_observed_secret_knows_the_weight_of_its_values(desk: Desk) -> None:
    body = raw_secret(data={"a": b"x" * 3000, "b": b"y" * 3000})
    desk.cluster.create(SECRETS, "shop", unborn(body))

    seen = desk.writer.observe(REF)

    assert seen is not None
    assert seen.weight == 8000


def test_observing_asks_the_api_server_and_gives_none_for_nothing(desk: Desk) -> None:
    assert desk.writer.observe(REF) is None
    seen = desk.existing()

    assert seen.digests == {"password": DIGESTER.of(b"p")}
    assert desk.store.get(REF) is None


def test_a_created_secret_is_in_the_store_at_once(desk: Desk) -> None:
    desk.writer.create(desired(), NOW)

    assert desk.store.get(REF) == desk.writer.observe(REF)
    assert desk.cluster.calls == {("create", "secrets"): 1, ("get", "secrets"): 1}


def test_creating_a_secret_whose_name_is_taken_raises_already_exists(desk: Desk) -> None:
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


def test_a_replace_after_a_foreign_write_is_refused(desk: Desk) -> None:
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


def test_a_replace_of_a_deleted_secret_is_a_conflict_and_removes_the_secret_from_the_store(
    desk: Desk,
) -> None:
    seen = desk.existing()
    desk.store.apply(seen)
    desk.cluster.delete(SECRETS, REF, {})

    with pytest.raises(Conflict, match="deleted in the meantime"):
        desk.writer.replace(desired(), seen, DATA_CHANGED, NOW)
    assert desk.store.get(REF) is None


def test_recreating_deletes_the_observed_secret_and_creates_another(desk: Desk) -> None:
    seen = desk.existing()
    desk.writer.replace(desired(type="kubernetes.io/tls"), seen, RECREATED, NOW)
    stored = desk.stored()

    assert stored is not None
    assert stored["type"] == "kubernetes.io/tls"
    assert stored["metadata"]["uid"] != seen.uid


@pytest.mark.parametrize("refusal", [QuotaExceeded("full"), RejectedByCluster("invalid")])
def test_recreating_deletes_nothing_when_the_new_secret_would_be_refused(
    desk: Desk, refusal: SecretsManagerError
) -> None:
    seen = desk.existing()
    before = desk.stored()
    desk.cluster.fail_next("create", "secrets", refusal)

    with pytest.raises(type(refusal)):
        desk.writer.replace(desired(), seen, RECREATED, NOW)
    assert desk.stored() == before


def pausing(desk: Desk) -> list[float]:
    """Let the writer's pauses take no time; returns them as they come."""
    now, pauses = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    retry_window = RetryWindow(clock=lambda: now[0], sleep=sleep)
    desk.writer = replace(desk.writer, retry_window=retry_window)
    return pauses


class Recreating(MemoryCluster):
    """Its POSTs fail after the DELETE; some are applied all the same, or another takes the name first."""

    def __init__(self, *errors: SecretsManagerError) -> None:
        super().__init__()
        self.errors = list(errors)
        self.applies = False
        self.taken_by: Json | None = None
        self.lost_deletes = 0

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        if self.errors and self.calls["delete", "secrets"]:
            if self.applies:
                super().create(resource, namespace, body)
            if self.taken_by:
                super().create(resource, namespace, self.taken_by)
                self.taken_by = None
            raise self.errors.pop(0)
        return super().create(resource, namespace, body)

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        super().delete(resource, ref, preconditions)
        if self.lost_deletes:
            self.lost_deletes -= 1
            raise ClusterUnavailable("no reply")


def recreating(*errors: SecretsManagerError) -> tuple[Desk, Recreating, ObservedSecret, list[float]]:
    desk, cluster = Desk(), Recreating(*errors)
    desk.cluster = cluster
    desk.writer = replace(desk.writer, api=cluster)
    return desk, cluster, desk.existing(), pausing(desk)


@pytest.mark.parametrize("times", [1, 5, 9])
@pytest.mark.parametrize(
    "error",
    [
        ClusterUnavailable("500"),
        ClusterUnauthorized("401"),
        QuotaExceeded("not counted down yet"),
        AdmissionDenied("webhook"),
        RejectedByCluster("422"),
        Forbidden("RBAC"),
        Conflict("newer"),
        NotLeading("the lead is being renewed"),
    ],
)
def test_a_post_that_fails_after_the_delete_is_made_again_while_the_values_are_at_hand(
    error: SecretsManagerError, times: int
) -> None:
    desk, _, seen, pauses = recreating(*[error] * times)
    desk.writer.replace(desired({"password": b"new"}), seen, RECREATED, NOW)
    stored = desk.stored()

    assert stored is not None
    assert stored["metadata"]["uid"] != seen.uid
    assert desk.store.get(REF) == desk.writer.observe(REF)
    assert len(pauses) == times
    assert max(pauses) <= 1


@pytest.mark.parametrize("retained", [False, True])
def test_a_post_whose_reply_was_lost_after_the_delete_is_not_made_twice(*, retained: bool) -> None:
    desk, cluster, seen, _ = recreating(ClusterUnavailable("no reply"))
    cluster.applies = True
    wanted = replace(desired({"password": b"new"}), retained=retained)
    desk.writer.replace(wanted, seen, RECREATED, NOW)

    known = desk.store.get(REF)
    assert known is not None
    assert known == desk.writer.observe(REF)
    assert known.digests == {"password": DIGESTER.of(b"new")}


def test_a_delete_whose_reply_was_lost_is_followed_by_the_post() -> None:
    desk, cluster, seen, _ = recreating()
    cluster.lost_deletes = 2
    desk.writer.replace(desired({"password": b"new"}), seen, RECREATED, NOW)
    stored = desk.stored()

    assert stored is not None
    assert stored["metadata"]["uid"] != seen.uid


def test_a_name_that_is_taken_after_the_delete_is_left_to_its_new_owner() -> None:
    desk, cluster, seen, pauses = recreating(ClusterUnavailable("500"))
    foreign = unborn(raw_secret(data={"theirs": b"x"}))
    cluster.taken_by = foreign

    with pytest.raises(AlreadyExists):
        desk.writer.replace(desired({"password": b"new"}), seen, RECREATED, NOW)
    stored = desk.stored()
    assert stored is not None
    assert stored["data"].keys() == {"theirs"}
    assert len(pauses) == 1


def test_a_post_that_may_not_be_made_any_more_is_not_tried_again() -> None:
    desk, _, seen, pauses = recreating(NamespaceTerminating("going"))

    with pytest.raises(NamespaceTerminating):
        desk.writer.replace(desired({"password": b"new"}), seen, RECREATED, NOW)
    assert pauses == []


def test_posts_that_fail_for_good_end_before_a_stop_of_the_process_would_cut_them_off() -> None:
    desk, _, seen, pauses = recreating(*[ClusterUnavailable("500")] * 1000)

    with pytest.raises(ClusterUnavailable):
        desk.writer.replace(desired({"password": b"new"}), seen, RECREATED, NOW)
    assert 5 < sum(pauses) < 8


def test_a_pause_that_the_api_server_asks_for_after_the_delete_is_kept() -> None:
    desk, _, seen, pauses = recreating(ClusterUnavailable("429", retry_after=3.0))
    desk.writer.replace(desired({"password": b"new"}), seen, RECREATED, NOW)

    assert pauses == [3.0]


def test_recreating_in_a_deleted_namespace_raises_namespace_terminating(desk: Desk) -> None:
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
        self.writer = DefinitionWriter(self.cluster, self.store, clock=self.clock, on_change=self.news.append)
        self.cluster.create(DEFINITIONS, "shop", unborn(raw_definition(**metadata)))
        found = self.writer.refresh(REF)
        assert found is not None
        self.entry: DefinitionEntry = found
        self.news.clear()
        self.cluster.calls.clear()

    def stored_status(self) -> Status | None:
        raw = self.cluster.snapshot(DEFINITIONS, REF)
        return manifests.status(raw) if raw else None


def status(message: str = "m") -> Status:
    return builders.status(secret_name="db", message=message)


def test_writing_a_status_is_one_put_and_updates_the_store_at_once() -> None:
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


OURS = {"conditions", "observedGeneration", "secretName", "sources"}
THEIRS = {
    "a field": {"phase": {"deep": ["x"]}},
    "conditions": {"conditions": [{"type": "Approved", "status": "False"}, {"type": "Audited"}]},
    "both": {"seenBy": "audit", "conditions": [{"type": "Audited", "status": "True"}]},
    "beside ours": {"observedGeneration": 7, "conditions": [{"type": "Audited"}, {"type": "Ready"}]},
}


@pytest.mark.parametrize("known", [True, False], ids=["known", "written since it was seen"])
@pytest.mark.parametrize("theirs", THEIRS.values(), ids=THEIRS)
def test_status_fields_that_others_wrote_stay(theirs: Json, known: bool) -> None:  # noqa: FBT001
    office, entry = Office(), None
    office.cluster.edit(DEFINITIONS, REF, {"status": theirs})
    if known:
        entry = office.writer.refresh(REF)
    for message in ("first", "second"):
        office.writer.write_status(entry or office.entry, status(message))
        entry = office.store.get(REF)

    raw = office.cluster.snapshot(DEFINITIONS, REF)
    assert raw is not None
    assert office.stored_status() == status(message="second")
    expected = {name: value for name, value in theirs.items() if name not in OURS}
    assert {name: raw["status"].get(name) for name in expected} == expected
    others = [each for each in theirs.get("conditions", []) if each["type"] != "Ready"]
    assert [each for each in raw["status"]["conditions"] if each["type"] != "Ready"] == others
    assert len(raw["status"]["conditions"]) == len(others) + 1


def test_a_status_that_others_write_again_and_again_does_not_stop_ours() -> None:
    office = Office()
    office.cluster.edit(DEFINITIONS, REF, {"status": {"round": 0}})
    entry = office.writer.refresh(REF)
    assert entry is not None
    office.cluster.edit(DEFINITIONS, REF, {"status": {"round": 1}})

    assert office.writer.write_status(entry, status())

    raw = office.cluster.snapshot(DEFINITIONS, REF)
    assert raw is not None
    assert raw["status"]["round"] == 1
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


def test_the_status_of_a_recreated_definition_is_left_alone() -> None:
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


def test_trouble_of_the_api_server_is_raised_when_a_status_is_written() -> None:
    office = Office()
    office.cluster.fail_next("update", "secretdefinitions/status", ClusterUnavailable("down"))

    with pytest.raises(ClusterUnavailable):
        office.writer.write_status(office.entry, status())


def test_refreshing_a_definition_reports_a_change_that_the_store_did_not_have() -> None:
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


@pytest.mark.parametrize("conflicts", [0, 1])
def test_our_finalizer_is_released_over_the_newest_and_those_of_others_stay(conflicts: int) -> None:
    office = going()
    office.cluster.fail_next("update", "secretdefinitions", *[Conflict("again")] * conflicts)
    office.writer.release_finalizer(office.entry)
    raw = office.cluster.snapshot(DEFINITIONS, REF)

    assert raw is not None
    assert raw["metadata"]["finalizers"] == ["theirs/keep"]


def test_releasing_the_finalizer_of_a_deleted_definition_is_no_fault() -> None:
    office = Office()
    office.cluster.delete(DEFINITIONS, REF, {})
    office.writer.release_finalizer(office.entry)

    assert office.cluster.calls["update", "secretdefinitions"] == 0


def test_the_finalizer_of_a_recreated_definition_is_left_alone() -> None:
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


# ── restarts that are done ───────────────────────────────────────────────────────────────────────────

LEVEL = "2026-05-04T03.02.01Z"


def pending_desk() -> Desk:
    desk = Desk()
    desk.writer.create(desired(), NOW)
    annotations = {LAST_UPDATE: LEVEL, RESTART_PENDING: LEVEL, "theirs": "a"}
    desk.cluster.edit(SECRETS, REF, {"metadata": {"annotations": annotations}})
    return desk


def pending(desk: Desk) -> dict[str, str]:
    found = desk.cluster.snapshot(SECRETS, REF)
    assert found is not None
    annotations: dict[str, str] = found["metadata"]["annotations"]
    return annotations


def test_a_change_that_is_settled_loses_its_mark_and_nothing_else() -> None:
    desk = pending_desk()
    before = desk.cluster.snapshot(SECRETS, REF)

    desk.writer.settle_restarts(REF, LEVEL)

    after = desk.cluster.snapshot(SECRETS, REF)
    assert before is not None
    assert after is not None
    assert pending(desk) == {LAST_UPDATE: LEVEL, "theirs": "a"}
    assert after["data"] == before["data"]


def test_the_mark_of_another_change_stays() -> None:
    desk = pending_desk()
    writes = desk.cluster.calls["update", "secrets"]

    desk.writer.settle_restarts(REF, "2026-05-04T03.02.00Z")

    assert pending(desk)[RESTART_PENDING] == LEVEL
    assert desk.cluster.calls["update", "secrets"] == writes


def test_a_settled_change_of_a_secret_that_is_gone_is_settled() -> None:
    desk = pending_desk()
    desk.cluster.delete(SECRETS, REF, {})

    desk.writer.settle_restarts(REF, LEVEL)


@pytest.mark.parametrize(("conflicts", "ends"), [(2, True), (3, False)])
def test_a_secret_that_changes_meanwhile_is_read_again(conflicts: int, *, ends: bool) -> None:
    desk = pending_desk()
    desk.cluster.fail_next("update", "secrets", *[Conflict("changed")] * conflicts)

    if ends:
        desk.writer.settle_restarts(REF, LEVEL)
        assert RESTART_PENDING not in pending(desk)
    else:
        with pytest.raises(Conflict, match="keeps changing while its workloads are restarted"):
            desk.writer.settle_restarts(REF, LEVEL)
