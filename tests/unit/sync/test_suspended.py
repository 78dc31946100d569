"""While a definition is suspended, nothing is read for it and its Secret stays as it is."""

from __future__ import annotations

import pytest

from secrets_manager.domain.definition import Ref
from tests.unit.sync.world import NOTHING, TEAM, World, wanting

APP = Ref(TEAM, "app")
SUSPENDED = {"suspend": True}


@pytest.fixture
def world() -> World:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define(spec=wanting())
    return world.start()


def suspend(world: World) -> None:
    world.respecify(APP, {**wanting(), **SUSPENDED})
    world.settle()


def test_nothing_is_read_or_written_whatever_changes(world: World) -> None:
    suspend(world)
    world.backend.put("app", {"user": "bob"})
    world.edit_secret(user="by hand")
    with world.spending() as spent:
        world.pass_time(60)

    assert spent == NOTHING
    assert world.data() == {"user": "by hand"}


def test_the_condition_keeps_its_status_and_says_why(world: World) -> None:
    before = world.status()
    suspend(world)
    after = world.status()

    assert world.condition() == ("True", "Suspended")
    assert after["conditions"][0]["lastTransitionTime"] == before["conditions"][0]["lastTransitionTime"]
    assert after["observedGeneration"] == world.definition()["metadata"]["generation"]
    assert (after["secretName"], after["sources"]) == (before["secretName"], before["sources"])


def test_one_that_was_never_reconciled_is_not_ready_and_names_no_secret(world: World) -> None:
    world.define("new", spec={**wanting("new"), **SUSPENDED})
    world.settle()

    assert world.data("new") is None
    assert world.condition("new") == ("False", "Suspended")
    assert not world.status("new")["secretName"]


def test_a_failing_one_stays_not_ready(world: World) -> None:
    world.backend.delete("app")
    world.pass_time()
    suspend(world)

    assert world.condition() == ("False", "Suspended")


def test_it_goes_on_as_soon_as_the_wish_is_gone(world: World) -> None:
    suspend(world)
    world.backend.put("app", {"user": "bob"})
    world.pass_time(60)
    world.respecify(APP, wanting())
    world.settle()
    assert world.data() == {"user": "bob"}
    assert world.condition() == ("True", "Synced")

    world.backend.put("app", {"user": "carol"})
    world.pass_time()
    assert world.data() == {"user": "carol"}


def test_a_deletion_is_heeded(world: World) -> None:
    suspend(world)
    world.delete(APP)
    world.pass_time()

    assert world.data() is None


def test_another_name_is_heeded_once_it_goes_on(world: World) -> None:
    world.respecify(APP, {**wanting("other"), **SUSPENDED})
    world.pass_time()
    assert world.data() == {"user": "alice"}
    assert world.data("other") is None

    world.respecify(APP, wanting("other"))
    world.pass_time()
    assert world.data() is None
    assert world.data("other") == {"user": "alice"}


def test_it_keeps_its_claim_on_the_secret(world: World) -> None:
    suspend(world)
    world.clock.advance(2)
    world.define("younger", spec=wanting(), created="2030-01-01T00:00:00Z")
    world.settle()

    assert world.condition("younger") == ("False", "TargetConflict")


def test_others_on_the_same_path_are_served(world: World) -> None:
    world.define("other", spec=wanting("other"))
    world.settle()
    suspend(world)
    world.backend.put("app", {"user": "bob"})
    world.pass_time()

    assert world.data("other") == {"user": "bob"}
    assert world.data() == {"user": "alice"}


def test_it_is_told_once(world: World) -> None:
    suspend(world)
    world.annotate(APP, sync="again")
    world.pass_time()

    assert world.events.reasons().count("Suspended") == 1


def test_a_wish_to_retain_is_heeded_once_it_goes_on(world: World) -> None:
    world.respecify(APP, {**wanting(), **SUSPENDED, "onDelete": "Retain"})
    world.pass_time()
    assert world.metadata()["ownerReferences"]

    world.respecify(APP, {**wanting(), "onDelete": "Retain"})
    world.pass_time()
    assert not world.metadata().get("ownerReferences")
