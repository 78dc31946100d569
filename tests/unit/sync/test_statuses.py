"""When statuses are written: at once where nobody waits for a Secret, and else after the Secrets."""

from __future__ import annotations

from typing import Any

from secrets_manager.cluster.base import Json
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, SourceNotFound
from secrets_manager.sync.following import look, status
from secrets_manager.sync.remover import failed
from secrets_manager.sync.work_queue import Lane
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
    assert world.engine.work_once(0)
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


def test_where_nobody_waits_a_status_follows_its_secret_at_once() -> None:
    world, writes = listed(1)
    assert world.engine.work_once(0)

    assert writes == ["secret", "status"]
    assert not world.engine.work_once(0)


def test_an_urgent_look_does_not_leave_its_status_to_those_that_a_list_told_of() -> None:
    world, writes = listed()
    world.engine.definition_changed(Ref(TEAM, "app-07"))
    world.engine.work_once(0)

    assert writes == ["secret", "status"]
    assert world.condition("app-07") == ("True", "Synced")


def test_of_many_that_are_made_at_once_the_secrets_come_first_too() -> None:
    world, writes = listed(0)
    for number in range(COUNT):
        world.define(f"app-{number:02d}", spec=wanting(f"app-{number:02d}"))
    writes.clear()
    world.settle()

    assert writes.count("secret") == writes.count("status") == COUNT
    assert "secret" not in writes[COUNT + 3 :]


def test_what_is_right_already_owes_nothing() -> None:
    world, _ = listed(3)
    world.work()
    for number in range(3):
        world.engine.queue.add(look(Ref(TEAM, f"app-{number:02d}")), Lane.SOON)
    with world.spending() as spent:
        taken = world.work()

    assert (taken, spent.calls) == (3, {})


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────


def test_a_status_that_is_owed_tells_of_the_newest_look_and_is_written_once() -> None:
    world = owing()
    world.backend.put("app", {"user": "bob"})
    world.engine.queue.add(look(Ref(TEAM, "app-00")))
    with world.spending() as spent:
        world.work()
        world.settle()

    assert world.data("app-00") == {"user": "bob"}
    assert world.status("app-00")["sources"] == [{"path": "app", "version": "2"}]
    assert spent.calls["update secretdefinitions/status"] == 2


def test_a_status_that_is_being_written_is_not_overtaken_by_that_of_a_newer_look() -> None:
    world = owing()
    first = Ref(TEAM, "app-00")
    queue, statuses = world.engine.queue, world.engine._statuses
    world.engine.work_once(0)
    assert queue.take(0) == status(first)
    world.backend.put("app", {"user": "bob"})
    queue.add(look(first))
    world.engine.work_once(0)
    assert world.data("app-00") == {"user": "bob"}
    assert world.status("app-00") == {}
    statuses.write(first)
    queue.done(status(first))
    world.work()

    assert world.status("app-00")["sources"] == [{"path": "app", "version": "2"}]


def test_what_is_news_is_decided_only_after_the_status_that_is_being_written() -> None:
    world, _ = listed(1)
    world.work()
    first, queue, statuses = Ref(TEAM, "app-00"), world.engine.queue, world.engine._statuses
    queue.add(status(first), Lane.AFTER)
    assert queue.take(0) == status(first)
    # Bad news is on its way when a look finds all well, as the status says that is known so far.
    queue.add(look(first))
    world.engine.work_once(0)
    statuses.teller.write_status(failed(first, None, SourceNotFound("app")))
    queue.done(status(first))
    assert world.condition("app-00") == ("False", "SourceNotFound")
    world.work()

    assert world.condition("app-00") == ("True", "Synced")


def test_what_cannot_become_a_secret_is_told_after_the_secrets_of_others() -> None:
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
    assert world.engine._statuses._owed == {}


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────


def test_an_owed_status_that_cannot_be_written_is_tried_again() -> None:
    world = owing()
    assert world.engine.work_once(0)
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
    # After about 1, 2, 4, ... seconds, halved by the dice: seven or eight each.
    assert 5 * 5 < tries < 5 * 10
    assert spent.calls["create secrets"] == 5


def test_a_look_and_a_status_that_both_fail_are_one_failure_to_the_back_off() -> None:
    world, _ = listed(5)
    for verb, what in (("create", "secrets"), ("update", "secretdefinitions/status")):
        world.cluster.fail_next(verb, what, *[ClusterUnavailable("busy")] * 1000)
    with world.spending() as spent:
        world.work()
        world.pass_time(10)

    # Each after 0, 1, 2, 4 and 8 seconds, as the job that releases them comes once a second.
    assert spent.calls["create secrets"] == 5 * 5


def test_a_status_that_is_owed_when_the_lead_goes_is_left_to_the_next_leader() -> None:
    world = owing()
    world.leadership.leading = False
    with world.spending() as spent:
        world.work()
    assert "update secretdefinitions/status" not in spent.calls
    world.leadership.leading = True
    world.engine.lead()
    world.settle()

    assert [world.condition(f"app-0{number}") for number in range(2)] == [("True", "Synced")] * 2


def test_a_look_that_failed_is_tried_again_though_its_status_was_written_later() -> None:
    world, _ = listed(2)
    world.define("bad", spec=wanting("bad", "nowhere"))
    world.settle()
    world.backend.put("nowhere", {"user": "carol"})
    world.pass_time(400, step=5)

    assert world.data("bad") == {"user": "carol"}
    assert world.condition("bad") == ("True", "Synced")
