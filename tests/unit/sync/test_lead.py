"""What happens to work while the lead is short, is another's, or changes hands."""

from __future__ import annotations

import pytest

from secrets_manager.cluster.base import SECRETS
from secrets_manager.domain.definition import Ref
from tests.unit.sync.world import NOTHING, TEAM, World, wanting

APP = Ref(TEAM, "app")


def in_step() -> World:
    world = World()
    world.backend.put("app", {"user": "alice", "other": "bob"})
    world.define()
    return world.start()


def test_a_change_that_comes_while_the_lead_is_too_short_is_written_once_the_lead_is_long_enough() -> None:
    world = in_step()
    world.leadership.leading = False
    world.respecify(APP, wanting(key="other"))
    world.settle()
    world.leadership.leading = True
    world.pass_time(1)

    assert world.data() == {"other": "bob"}


def test_a_write_that_the_lead_was_too_short_for_is_made_later() -> None:
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


def test_a_replica_that_gains_the_lead_reconciles_everything_once() -> None:
    world = in_step()
    standby = world.restarted()
    standby.leadership.leading = False
    standby.start()
    world.backend.put("app", {"user": "carol"})
    standby.leadership.leading = True
    standby.agenda.lead_acquired()
    standby.settle()
    assert standby.data() == {"user": "carol"}
    with standby.spending() as spent:
        standby.rounds.tick()
        standby.settle()

    assert spent == NOTHING


def test_a_standby_keeps_nothing_of_definitions_whose_secrets_the_leader_deleted() -> None:
    world = in_step()
    standby = world.restarted()
    standby.leadership.leading = False
    standby.start()
    world.delete(APP)
    standby.settle()
    assert standby.agenda.view.definitions.refs_and_debtors() == [APP]
    world.settle()
    standby.settle()

    assert standby.secret() is None
    assert standby.agenda.view.definitions.refs_and_debtors() == []
    assert standby.agenda.without_lead.take_all() == set()


def standby_without_a_list(world: World) -> World:
    """A replica that does not lead and may not list Secrets; it knows what the leader keeps in step."""
    standby = world.restarted()
    standby.leadership.leading = False
    for verb in ("list", "watch"):
        standby.cluster.forbid(verb, "secrets")
    return standby.start()


def test_a_standby_that_may_not_list_secrets_asks_for_those_that_definitions_left_and_keeps_nothing() -> None:
    world = in_step()
    standby = standby_without_a_list(world)
    world.delete(APP)
    standby.settle()
    assert standby.agenda.view.definitions.refs_and_debtors() == [APP]
    world.settle()
    with standby.spending() as spent:
        standby.pass_time(60)

    assert standby.agenda.view.definitions.refs_and_debtors() == []
    assert standby.agenda.without_lead.take_all() == set()
    assert standby.workforce._owing == set()
    assert spent.calls == {"get secrets": 1}


def test_a_standby_asks_ever_more_seldom_for_a_secret_that_the_leader_does_not_delete() -> None:
    world = in_step()
    standby = standby_without_a_list(world)
    world.delete(APP)
    standby.settle()
    with standby.spending() as spent:
        standby.pass_time(3600, step=5)

    # No replica leads: the next leader has to do it.
    assert standby.agenda.view.definitions.refs_and_debtors() == [APP]
    assert spent.calls["get secrets"] <= 20
    standby.leadership.leading = True
    standby.agenda.lead_acquired()
    standby.settle()
    assert standby.secret() is None


@pytest.mark.parametrize("verb", ["get", "list"])
def test_a_standby_without_rights_on_secrets_keeps_a_bounded_number_of_debts(verb: str) -> None:
    world = in_step()
    standby = standby_without_a_list(world)
    standby.cluster.forbid(verb, "secrets")
    for number in range(50):
        ref = standby.define(f"short-{number}", spec=wanting(f"short-{number}"))
        standby.settle()
        standby.delete(ref)
        standby.settle()
    standby.pass_time(120)

    assert standby.agenda.view.definitions.refs_and_debtors() == [APP]
    assert standby.workforce._owing == set()


def test_a_standby_keeps_no_debt_for_a_secret_that_another_definition_has_or_wants() -> None:
    world = in_step()
    standby = world.restarted()
    standby.leadership.leading = False
    standby.start()
    for _ in range(20):
        world.delete(APP)
        world.define()
        world.settle()
        standby.settle()

    assert world.data() == {"user": "alice"}
    assert standby.agenda.view.definitions.debts(APP) == []


def test_a_standby_keeps_nothing_of_a_secret_that_went_before_its_definition() -> None:
    world = in_step()
    world.leadership.leading = False
    world.delete(APP, SECRETS)
    world.settle()
    world.delete(APP)
    world.settle()

    assert world.agenda.view.definitions.refs_and_debtors() == []
