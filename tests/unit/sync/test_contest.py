"""Another writer that undoes every repair at once: repairs slow down, and writer and fields are reported."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, Resource
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable
from secrets_manager.sync.agenda import CHANGES_AT_ONCE, CHANGES_PER_SECOND
from secrets_manager.sync.contest import (
    FIRST_PAUSE,
    HOLD_SECONDS,
    LONGEST_PAUSE,
    QUICK_REPAIRS,
    QUIET_SECONDS,
    Contest,
    Contests,
)
from tests.unit.sync.doubles import FakeClock, LossyCluster
from tests.unit.sync.world import PERIOD, TEAM, World, encoded, wanting

APP = Ref(TEAM, "app")


class Fight(LossyCluster):
    """An API server on which another writer acts on the Secret whenever this program wrote it."""

    def __init__(self) -> None:
        super().__init__()
        self.fighter: Callable[[Json], None] | None = None
        self.written = 0

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        return self._fought(resource, super().create(resource, namespace, body))

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        return self._fought(resource, super().replace(resource, ref, body, subresource=subresource))

    def _fought(self, resource: Resource, reply: Json) -> Json:
        if resource == SECRETS:
            self.written += 1
            if self.fighter:
                self.fighter(reply)
        return reply

    def put(self, **change: Any) -> None:
        """Change the Secret as the fighter."""
        marks: Json = {"f:labels": {"f:tier": {}}, "f:annotations": {"f:note": {}}}
        path = {"f:metadata": marks, "f:data": {"f:user": {}}}
        managed = [
            {"manager": "secrets-manager", "time": "2026-01-03T00:00:00Z", "fieldsV1": path},
            {"manager": "bystander", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:metadata": {}}},
            {"manager": "fighter\n<b>", "time": "2026-01-02T00:00:00Z", "fieldsV1": path},
        ]
        metadata = {**change.pop("metadata", {}), "managedFields": managed}
        self.edit(SECRETS, APP, {**change, "metadata": metadata})


def labels(**changed: str) -> dict[str, str]:
    return {"app.kubernetes.io/managed-by": "secrets-manager", "tier": "gold", **changed}


FIGHTS: dict[str, tuple[Callable[[Fight, Json], None], str, str]] = {
    "a label": (lambda c, _: c.put(metadata={"labels": labels(tier="lead")}), "True", "label 'tier'"),
    "a label taken off": (
        lambda c, _: c.put(metadata={"labels": {"app.kubernetes.io/managed-by": "secrets-manager"}}),
        "True",
        "label 'tier'",
    ),
    "an annotation": (
        lambda c, raw: c.put(metadata={"annotations": {**raw["metadata"]["annotations"], "note": "theirs"}}),
        "True",
        "annotation 'note'",
    ),
    "the owners": (lambda c, _: c.put(metadata={"ownerReferences": []}), "True", "ownerReferences"),
    "a value": (lambda c, _: c.put(data={"user": encoded("mallory")}), "False", "data key 'user'"),
    "a further key": (
        lambda c, raw: c.put(data={**raw["data"], "extra": encoded("x")}),
        "False",
        "data key 'extra'",
    ),
    "the type": (lambda c, _: c.put(type="example.org/theirs"), "False", "type"),
    "all of it": (lambda c, _: c.delete(SECRETS, APP, {}), "False", "the Secret as a whole"),
}


def fought(kind: str) -> tuple[World, Fight]:
    cluster = Fight()
    world = World(cluster=cluster)
    world.backend.put("app", {"user": "alice", "password": "s3cret"})
    world.define(
        labels={"tier": "gold"},
        annotations={"note": "ours", "secrets-manager.tuenti.io/recreate": "true"},
    )
    world.start()
    cluster.written = 0
    act = FIGHTS[kind][0]
    cluster.fighter = lambda raw: act(cluster, raw)
    with cluster.undisturbed():
        cluster.fighter(cluster.snapshot(SECRETS, APP) or {})
    world.settle()
    return world, cluster


def message(world: World) -> str:
    return str(world.status()["conditions"][0]["message"])


@pytest.mark.parametrize("kind", FIGHTS)
def test_repairs_slow_down_after_ten_and_the_contest_is_reported_once(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world, cluster = fought(kind)
    _, ready, named = FIGHTS[kind]

    assert cluster.written == QUICK_REPAIRS
    told = list(world.events.told)
    lines = len(caplog.records)
    reads = world.backend.reads()
    world.pass_time(600)

    # At ten seconds, twenty and forty, and once a minute from then on.
    assert 10 <= cluster.written - QUICK_REPAIRS <= 13
    assert world.condition() == (ready, "Contested")
    assert named in message(world)
    assert [event for event in world.events.told if event.reason == "Contested"] == [told[-1]]
    assert told[-1].warning
    assert named in told[-1].message
    assert (len(world.events.told), len(caplog.records)) == (len(told), lines)
    # The polls, and a look now and then whether it is over.
    assert world.backend.reads() - reads <= 600 / 5 + 600 / HOLD_SECONDS + 5


@pytest.mark.parametrize("kind", ["a label", "an annotation", "a value"])
def test_the_writer_is_named_from_the_managed_fields_made_safe(kind: str) -> None:
    world, _ = fought(kind)

    assert message(world).count("'fighter??b?' undoes each repair") == 1
    assert "bystander" not in message(world)
    assert "mallory" not in message(world)


def test_a_contest_with_a_writer_that_left_no_name_is_reported() -> None:
    world, _ = fought("all of it")

    assert "another writer that left no name undoes each repair of Secret 'app'" in message(world)


def test_the_managed_fields_are_not_needed_for_the_repair() -> None:
    cluster = Fight()
    cluster.forbid("get", "secrets")
    world = World(cluster=cluster)
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()
    cluster.fighter = lambda raw: cluster.put(data={"user": encoded("mallory")})
    world.edit_secret(user="mallory")
    world.settle()

    assert cluster.written == 1 + QUICK_REPAIRS
    assert world.condition() == ("False", "Contested")


@pytest.mark.parametrize("kind", FIGHTS)
def test_when_the_other_gives_up_all_is_as_before(kind: str) -> None:
    world, cluster = fought(kind)
    world.pass_time(120)
    cluster.fighter = None
    world.pass_time(LONGEST_PAUSE + HOLD_SECONDS + 5)
    assert world.condition() == ("True", "Contested")
    assert world.data() == {"user": "alice"}

    world.pass_time(QUIET_SECONDS)
    assert world.condition() == ("True", "Synced")
    world.edit_secret(user="by hand")
    world.settle()
    assert world.data() == {"user": "alice"}
    assert world.condition() == ("True", "Synced")


def test_a_new_value_is_written_at_once_however_much_is_fought() -> None:
    world, cluster = fought("a label")
    written = cluster.written
    world.backend.put("app", {"user": "bob"})
    world.pass_time(5)

    assert cluster.written == written + 1
    assert world.data() == {"user": "bob"}


def test_a_changed_definition_is_written_at_once_and_starts_a_new_count_of_repairs() -> None:
    world, cluster = fought("a label")
    world.respecify(APP, wanting(key="password"))
    world.settle()

    assert world.data() == {"password": "s3cret"}
    assert cluster.written == 1 + 2 * QUICK_REPAIRS


def test_frequent_edits_of_a_definition_are_no_contest() -> None:
    world, cluster = fought("a label")
    cluster.fighter = None
    world.pass_time(QUIET_SECONDS + LONGEST_PAUSE)
    for number in range(50):
        cluster.edit(DEFINITIONS, APP, {"metadata": {"labels": {"tier": str(number)}}})
        world.settle()
        assert world.metadata()["labels"]["tier"] == str(number)
    assert world.condition() == ("True", "Synced")


@pytest.mark.parametrize("changed", ["the backend", "the Secret now and then"])
def test_changes_of_the_backend_and_of_the_secret_now_and_then_are_no_contest(changed: str) -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()
    for number in range(1, 40):
        user = f"alice-{number}" if changed == "the backend" else "alice"
        if changed == "the backend":
            world.backend.put("app", {"user": user})
        else:
            world.edit_secret(user="mallory")
            world.settle()
        world.pass_time(7)
        assert world.data() == {"user": user}
    assert world.condition() == ("True", "Synced")


def test_a_writer_that_removes_the_watched_label_is_noticed() -> None:
    cluster = Fight()
    world = World(cluster=cluster)
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()
    cluster.fighter = lambda raw: cluster.put(metadata={"labels": {}})
    cluster.put(metadata={"labels": {}})
    world.settle()
    world.pass_time(300)

    assert world.condition() == ("True", "Contested")
    assert "label 'app.kubernetes.io/managed-by'" in message(world)
    assert cluster.written <= 1 + QUICK_REPAIRS + 8


def test_a_contest_over_a_secret_slows_down_no_other_secret() -> None:
    world, _ = fought("a label")
    world.define("other", spec=wanting("other"))
    world.settle()
    world.edit_secret("other", user="mallory")
    world.settle()

    assert world.data("other") == {"user": "alice"}


STIRS: dict[str, Callable[[Fight, int], None]] = {
    "an annotation of their own": lambda c, n: c.put(
        metadata={
            "annotations": {
                **(c.snapshot(SECRETS, APP) or {})["metadata"]["annotations"],
                "theirs/at": str(n),
            }
        }
    ),
    "a label of their own": lambda c, n: c.put(metadata={"labels": labels(tier="gold", theirs=str(n))}),
    "types that take turns": lambda c, n: c.put(type=f"example.org/theirs-{n % 2}"),
    "a mark that comes and goes": lambda c, n: c.put(
        metadata={"labels": labels(tier="gold") if n % 2 else {"tier": "gold"}, "annotations": {}}
    ),
}


@pytest.mark.parametrize("kind", STIRS)
def test_endless_changes_that_need_no_repair_are_reconciled_at_a_steady_pace(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cluster = Fight()
    world = World(cluster=cluster)
    world.backend.put("app", {"user": "alice"})
    world.define(labels={"tier": "gold"})
    world.start()
    lines = len(caplog.records)

    with world.spending() as spent:
        for number in range(400):
            STIRS[kind](cluster, number)
            world.settle()
            world.pass_time(0.15)

    looks = CHANGES_AT_ONCE + 60 * (CHANGES_PER_SECOND + 1)
    assert spent.reads <= looks + 60 / PERIOD
    assert spent.calls.get("update secretdefinitions/status", 0) <= looks + 60 / PERIOD
    assert spent.calls.get("update secrets", 0) <= looks
    assert len(caplog.records) - lines <= looks + 60 / PERIOD


def test_a_secret_that_garbage_collection_deletes_again_shows_that_its_definition_is_gone() -> None:
    cluster = Fight()
    world = World(cluster=cluster)
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()
    cluster.written = 0
    # No watch of definitions works, and their next list is not due yet.
    world.informers = [each for each in world.informers if each.scope.resource == SECRETS]
    world.delete(APP)
    cluster.fighter = lambda _: cluster.delete(SECRETS, APP, {})
    world.delete(APP, SECRETS)
    world.settle()

    assert world.secret() is None
    assert cluster.written == 1
    assert world.events.told[-1].reason != "Contested"


def test_after_changes_without_end_what_is_wrong_is_repaired_within_seconds() -> None:
    cluster = Fight()
    world = World(cluster=cluster)
    world.backend.put("app", {"user": "alice"})
    world.define(labels={"tier": "gold"})
    world.start()
    for number in range(10 * CHANGES_AT_ONCE):
        STIRS["a label of their own"](cluster, number)
        world.settle()

    cluster.put(data={"user": encoded("mallory")})
    world.settle()
    world.pass_time(2 / CHANGES_PER_SECOND)

    assert world.data() == {"user": "alice"}


def test_a_definition_that_was_made_again_inherits_no_contest() -> None:
    world, cluster = fought("a label")
    cluster.fighter = None
    world.delete(APP)
    world.define()
    world.settle()

    assert world.condition() == ("True", "Synced")


def test_a_write_that_failed_is_no_repair() -> None:
    world, cluster = fought("a label")
    cluster.fail_next("update", "secrets", *(ClusterUnavailable("down") for _ in range(3)))
    before = world.workforce.reconciler.contests._known[APP].slow
    world.pass_time(FIRST_PAUSE + 1)

    assert world.workforce.reconciler.contests._known[APP].slow == before


# ── the decision alone ───────────────────────────────────────────────────────────────────────────────


def after(*times: float) -> Contest:
    contest = Contest(b"digest")
    for time in times:
        contest = contest.with_repair(time, [("type",)], ["them"])
    return contest


def test_ten_repairs_are_many_within_a_minute_only() -> None:
    assert after(*range(9)).slow == 0
    assert after(*range(0, 60, 6), 60).slow > 0
    assert after(*(7 * number for number in range(100))).slow == 0


def test_pauses_double_up_to_a_minute_and_end_with_the_quiet() -> None:
    contest, now, pauses = after(*[0.0] * QUICK_REPAIRS), 0.0, list[float]()
    for _ in range(6):
        pauses.append(contest.due_at() - now)
        now = contest.due_at()
        contest = contest.with_repair(now, [("type",)], ["them"])

    assert pauses == [10, 20, 40, 60, 60, 60]
    assert not contest.is_over(now + QUIET_SECONDS - 1)
    assert contest.is_over(now + QUIET_SECONDS)


def test_a_report_of_a_contest_is_bounded_however_many_fields_and_writers_there_are() -> None:
    contest = Contest(b"digest")
    for number in range(200):
        key, writer = f"key-{number:03}" * 30, f"writer-{number:03}" + "x" * 60
        contest = contest.with_repair(0.0, [("data", key)], [writer])

    assert (len(contest.fields), len(contest.writers), len(contest.repairs)) == (5, 3, QUICK_REPAIRS)


def test_contests_are_forgotten_with_their_definitions_and_when_they_are_over() -> None:
    clock = FakeClock()
    contests = Contests(clock)
    contests.note(APP, after(clock()))
    assert contests.of(APP, b"digest").repairs == (clock(),)
    assert contests.of(APP, b"another digest").repairs == ()
    contests.note(APP, after(clock()))
    clock.advance(QUIET_SECONDS)

    assert contests.of(APP, b"digest").repairs == ()
    assert contests._known == {}
