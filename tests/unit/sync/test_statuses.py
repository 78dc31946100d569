"""When statuses are written: at once where no definition waits for a Secret, otherwise after the Secrets."""

from __future__ import annotations

from typing import Any

from secrets_manager.cluster.base import Json
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, SourceNotFound
from secrets_manager.domain.outcome import Outcome
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.work_queue import Lane
from tests.unit.sync.world import TEAM, World, wanting

APP = Ref(TEAM, "app")
COUNT = 40


def listed(count: int = COUNT) -> tuple[World, list[str]]:
    """A world in which so many definitions were just listed, and the writes of it as they are made."""
    world = World()
    world.backend.put("app", {"user": "alice"})
    for number in range(count):
        world.define(f"app-{number:02d}", spec=wanting(f"app-{number:02d}"))
    writes = record(world)
    world.deliver()
    return world, writes


def record(world: World) -> list[str]:
    """The kinds of what is written from now on, in order."""
    writes: list[str] = []
    create, replace = world.cluster.create, world.cluster.replace

    def created(resource: Any, namespace: str, body: Json) -> Json:
        writes.append("secret")
        return create(resource, namespace, body)

    def replaced(resource: Any, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        writes.append(subresource or "secret")
        return replace(resource, ref, body, subresource=subresource)

    world.cluster.create = created  # type: ignore[method-assign]
    world.cluster.replace = replaced  # type: ignore[method-assign]
    return writes


def owing() -> World:
    """A world that has made the first of two Secrets, of which the status is owed."""
    world, writes = listed(2)
    assert world.workforce.work_once(0)
    assert writes == ["secret"]
    return world


# ── order ────────────────────────────────────────────────────────────────────────────────────────────


def test_at_a_start_all_secrets_are_written_before_all_but_a_few_statuses() -> None:
    world, writes = listed()
    world.work()

    assert writes.count("secret") == writes.count("status") == COUNT
    # One turn of twenty is a status's, so that no start is so long that nothing is told meanwhile.
    assert writes.index("status") == 20
    assert "secret" not in writes[COUNT + 3 :]


def test_a_status_follows_its_secret_at_once_while_no_definition_waits() -> None:
    world, writes = listed(1)
    assert world.workforce.work_once(0)

    assert writes == ["secret", "status"]
    assert not world.workforce.work_once(0)


def test_an_urgent_reconcile_writes_its_status_before_listed_definitions_are_reconciled() -> None:
    world, writes = listed()
    world.agenda.definition_changed(Ref(TEAM, "app-07"))
    world.workforce.work_once(0)

    assert writes == ["secret", "status"]
    assert world.condition("app-07") == ("True", "Synced")


def test_secrets_come_before_statuses_when_many_definitions_are_made_at_once() -> None:
    world, writes = listed(0)
    for number in range(COUNT):
        world.define(f"app-{number:02d}", spec=wanting(f"app-{number:02d}"))
    writes.clear()
    world.settle()

    assert writes.count("secret") == writes.count("status") == COUNT
    assert "secret" not in writes[COUNT + 3 :]


def test_a_definition_whose_status_is_right_owes_nothing() -> None:
    world, _ = listed(3)
    world.work()
    for number in range(3):
        world.agenda.queue.add(Key.definition(Ref(TEAM, f"app-{number:02d}")), Lane.SOON)
    with world.spending() as spent:
        taken = world.work()

    assert (taken, spent.calls) == (3, {})


# ── contents ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_status_that_is_owed_reports_the_newest_reconcile_and_is_written_once() -> None:
    world = owing()
    world.backend.put("app", {"user": "bob"})
    world.agenda.queue.add(Key.definition(Ref(TEAM, "app-00")))
    with world.spending() as spent:
        world.work()
        world.settle()

    assert world.data("app-00") == {"user": "bob"}
    assert world.status("app-00")["sources"] == [{"path": "app", "version": "2"}]
    assert spent.calls["update secretdefinitions/status"] == 2


def test_a_status_that_is_being_written_is_not_overtaken_by_that_of_a_newer_reconcile() -> None:
    world = owing()
    first = Ref(TEAM, "app-00")
    queue, reporter = world.agenda.queue, world.workforce.reporter
    world.workforce.work_once(0)
    assert queue.take(0) == Key.status(first)
    world.backend.put("app", {"user": "bob"})
    queue.add(Key.definition(first))
    world.workforce.work_once(0)
    assert world.data("app-00") == {"user": "bob"}
    assert world.status("app-00") == {}
    reporter.write_owed(first)
    queue.done(Key.status(first))
    world.work()

    assert world.status("app-00")["sources"] == [{"path": "app", "version": "2"}]


def test_a_change_of_a_status_is_decided_only_after_the_write_in_flight() -> None:
    world, _ = listed(1)
    world.work()
    first, queue, reporter = Ref(TEAM, "app-00"), world.agenda.queue, world.workforce.reporter
    queue.add(Key.status(first), Lane.AFTER)
    assert queue.take(0) == Key.status(first)
    # Bad news is on its way when a look finds all well, as the status says that is known so far.
    queue.add(Key.definition(first))
    world.workforce.work_once(0)
    reporter.write_status(Outcome.of_error(first, None, SourceNotFound("app")))
    queue.done(Key.status(first))
    assert world.condition("app-00") == ("False", "SourceNotFound")
    world.work()

    assert world.condition("app-00") == ("True", "Synced")


def test_a_failure_is_reported_in_a_status_after_the_secrets_of_others() -> None:
    world, writes = listed(5)
    world.define("bad", spec=wanting("bad", "nowhere"))
    world.settle()

    assert world.condition("bad") == ("False", SourceNotFound("nowhere").reason)
    assert writes.count("status") == 6


def test_a_definition_that_is_deleted_while_its_status_is_owed_is_asked_nothing() -> None:
    world = owing()
    world.delete(Ref(TEAM, "app-00"))
    with world.spending() as spent:
        world.settle()

    assert spent.calls["update secretdefinitions/status"] == 1
    assert world.workforce.reporter._owed == {}


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────


def test_an_owed_status_that_cannot_be_written_is_tried_again() -> None:
    world = owing()
    assert world.workforce.work_once(0)
    world.cluster.fail_next("update", "secretdefinitions/status", ClusterUnavailable("busy"))
    world.work()
    assert (world.status("app-00"), world.condition("app-01")) == ({}, ("True", "Synced"))
    world.pass_time(10)

    assert world.condition("app-00") == ("True", "Synced")


def test_an_owed_status_that_is_never_written_is_tried_ever_more_seldom() -> None:
    world, _ = listed(5)
    world.cluster.fail_next("update", "secretdefinitions/status", *[ClusterUnavailable("busy")] * 1000)
    with world.spending() as spent:
        world.work()
        world.pass_time(120)

    tries = spent.calls["update secretdefinitions/status"]
    # Ten each in the first quarter of a minute, at most one in nine seconds after.
    assert 5 * 10 < tries < 5 * 24
    assert spent.calls["create secrets"] == 5


def test_a_reconcile_and_a_status_that_both_fail_are_one_failure_to_the_back_off() -> None:
    world, _ = listed(5)
    for verb, what in (("create", "secrets"), ("update", "secretdefinitions/status")):
        world.cluster.fail_next(verb, what, *[ClusterUnavailable("busy")] * 1000)
    with world.spending() as spent:
        world.work()
        world.pass_time(10)

    # As the job that releases them comes once a second, pauses of less are one second; the ninth is 1.15 s.
    assert spent.calls["create secrets"] == 5 * 9


def test_a_status_that_is_owed_when_the_lead_goes_is_left_to_the_next_leader() -> None:
    world = owing()
    world.leadership.leading = False
    with world.spending() as spent:
        world.work()
    assert "update secretdefinitions/status" not in spent.calls
    world.leadership.leading = True
    world.agenda.lead_acquired()
    world.settle()

    assert [world.condition(f"app-0{number}") for number in range(2)] == [("True", "Synced")] * 2


def test_a_reconcile_that_failed_is_retried_though_its_status_was_written_later() -> None:
    world, _ = listed(2)
    world.define("bad", spec=wanting("bad", "nowhere"))
    world.settle()
    world.backend.put("nowhere", {"user": "carol"})
    world.pass_time(400, step=5)

    assert world.data("bad") == {"user": "carol"}
    assert world.condition("bad") == ("True", "Synced")


def test_an_owed_status_of_a_permanent_error_is_retried_soon() -> None:
    world = World()
    for name in ("bad", "worse"):
        world.define(name, spec=wanting(name, "nowhere"))
    world.deliver()
    world.workforce.work_once(0)
    assert world.agenda.queue.waiting(Lane.AFTER) == [Key.status(Ref(TEAM, "bad"))]
    world.cluster.fail_next("update", "secretdefinitions/status", *[ClusterUnavailable("busy")] * 1000)
    world.work()

    world.cluster.calm()
    world.pass_time(15)

    assert world.condition("bad") == ("False", "SourceNotFound")
