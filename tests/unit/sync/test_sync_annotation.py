"""A new text of the annotation `sync` has a definition read everything anew at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from secrets_manager.domain.errors import PermissionDenied
from tests.unit.sync.world import NOTHING, World, wanting

KEYS = {"user": {"path": "app", "key": "user"}, "text": {"path": "more", "key": "text"}}


@pytest.fixture
def world() -> World:
    """A daemon that polls once in an hour."""
    world = World(period=3600.0)
    world.backend.put("app", {"user": "first"})
    world.backend.put("more", {"text": "first"})
    world.define(spec={**wanting(), "keysMap": KEYS})
    return world.start()


def test_a_new_text_has_all_paths_read_at_once(world: World) -> None:
    ref = world.agenda.view.definitions.refs()[0]
    world.backend.put("app", {"user": "second"})
    world.backend.put("more", {"text": "second"})
    for number, text in enumerate(("2026-11-28 a", "", "2026-11-28 b")):
        with world.spending() as spent:
            world.annotate(ref, sync=text)
            world.settle()
        assert spent.reads == 2
        assert world.data() == {"user": "second", "text": "second"}
        assert spent.calls.get("update secrets", 0) == (number == 0)


def test_the_same_text_asks_for_nothing(world: World) -> None:
    ref = world.agenda.view.definitions.refs()[0]
    world.annotate(ref, sync="a")
    world.settle()
    with world.spending() as spent:
        world.annotate(ref, sync="a")
        world.settle()

    assert spent.reads == NOTHING.reads


def test_it_ends_the_pause_after_a_fault_that_a_person_has_mended(world: World) -> None:
    ref = world.agenda.view.definitions.refs()[0]
    world.backend.fail_with(PermissionDenied("more"), path="more")
    world.annotate(ref, sync="a")
    world.settle()
    assert world.condition() == ("False", "PermissionDenied")

    world.backend.recover()
    world.annotate(ref, sync="b")
    world.settle()
    assert world.condition() == ("True", "Synced")


def test_it_is_not_copied_to_the_secret(world: World) -> None:
    ref = world.agenda.view.definitions.refs()[0]
    world.annotate(ref, sync="a")
    world.settle()

    assert "secrets-manager.tuenti.io/sync" not in world.metadata()["annotations"]


def answers(world: World) -> list[str]:
    return [event.message for event in world.events.told if event.reason == "SyncDone"]


def time_of(world: World, seconds: float) -> str:
    return (world.clock.now() + timedelta(seconds=seconds)).isoformat()


def test_a_time_is_answered_once_also_where_nothing_changed(world: World) -> None:
    ref = world.agenda.view.definitions.refs()[0]
    asked = time_of(world, 1)
    for _ in range(2):
        world.annotate(ref, sync=asked)
        world.settle()

    assert answers(world) == [f"the sync asked for at {asked} is done: Synced"]


def test_the_answer_says_why_a_sync_failed(world: World) -> None:
    ref = world.agenda.view.definitions.refs()[0]
    world.backend.fail_with(PermissionDenied("more"), path="more")
    world.annotate(ref, sync=time_of(world, 1))
    world.settle()

    assert answers(world)[0].endswith("is done: PermissionDenied")


@pytest.mark.parametrize("text", ["a", "2026-01-01", "2020-01-01T00:00:00Z", "9" * 5000])
def test_what_is_no_time_since_the_start_is_not_answered(world: World, text: str) -> None:
    ref = world.agenda.view.definitions.refs()[0]
    world.annotate(ref, sync=text)
    world.settle()

    assert answers(world) == []


def test_after_a_restart_annotations_of_before_are_not_answered_again(world: World) -> None:
    ref = world.agenda.view.definitions.refs()[0]
    world.annotate(ref, sync=time_of(world, 0))
    world.settle()
    world.pass_time(60)
    again = world.restarted()
    again.start()

    assert answers(again) == []
