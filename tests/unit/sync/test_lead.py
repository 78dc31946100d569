"""What happens to work while the lead is short, is another's, or changes hands."""

from __future__ import annotations

from secrets_manager.cluster.base import SECRETS
from secrets_manager.domain.definition import Ref
from tests.unit.sync.world import NOTHING, TEAM, World, wanting

APP = Ref(TEAM, "app")


def in_step() -> World:
    world = World()
    world.backend.put("app", {"user": "alice", "other": "bob"})
    world.define()
    return world.start()


def test_a_change_that_comes_while_the_lead_is_short_is_taken_up_once_there_is_enough_of_it() -> None:
    world = in_step()
    world.leadership.leading = False
    world.respecify(APP, wanting(key="other"))
    world.settle()
    world.leadership.leading = True
    world.pass_time(1)

    assert world.data() == {"other": "bob"}


def test_a_write_that_the_lead_was_too_short_for_is_made_up_for() -> None:
    world = in_step()
    world.respecify(APP, wanting(key="other"))
    world.leadership.questions_left = 1
    world.settle()
    assert world.data() == {"user": "alice"}
    world.leadership.questions_left = None
    world.leadership.leading = True
    world.pass_time(1)

    assert world.data() == {"other": "bob"}
    assert world.condition() == ("True", "Synced")


def test_who_gains_the_lead_looks_at_everything_once() -> None:
    world = in_step()
    standby = world.restarted()
    standby.leadership.leading = False
    standby.start()
    world.backend.put("app", {"user": "carol"})
    standby.leadership.leading = True
    standby.engine.lead()
    standby.settle()
    assert standby.data() == {"user": "carol"}
    with standby.spending() as spent:
        standby.engine.tick()
        standby.settle()

    assert spent == NOTHING


def test_a_standby_keeps_nothing_of_definitions_whose_secrets_the_leader_deleted() -> None:
    world = in_step()
    standby = world.restarted()
    standby.leadership.leading = False
    standby.start()
    world.delete(APP)
    standby.settle()
    assert standby.engine.known.definitions.refs_and_debtors() == [APP]
    world.settle()
    standby.settle()

    assert standby.secret() is None
    assert standby.engine.known.definitions.refs_and_debtors() == []
    assert standby.engine._without_lead.take_all() == set()


def test_a_standby_keeps_nothing_of_a_secret_that_went_before_its_definition() -> None:
    world = in_step()
    world.leadership.leading = False
    world.delete(APP, SECRETS)
    world.settle()
    world.delete(APP)
    world.settle()

    assert world.engine.known.definitions.refs_and_debtors() == []
