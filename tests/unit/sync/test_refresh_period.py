"""`refreshPeriod` says how often the sources of a definition are polled."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendUnavailable
from tests.unit.sync.doubles import SwitchedLeadership
from tests.unit.sync.reading.test_surveys import SurveyingBackend
from tests.unit.sync.world import PERIOD, TEAM, World, wanting

APP = Ref(TEAM, "app")


def every(period: str | None, name: str = "app") -> Any:
    spec = wanting(name, path="app")
    return spec if period is None else {**spec, "refreshPeriod": period}


def with_secret(period: str | None, **rest: Any) -> World:
    world = World(**rest)
    world.backend.put("app", {"user": "alice"})
    world.define(spec=every(period))
    return world.start()


def reads_within(world: World, seconds: float) -> int:
    with world.spending() as spent:
        world.pass_time(seconds)
    return spent.reads


@pytest.mark.parametrize(("period", "reads"), [("1s", 600), ("30s", 20), (None, 120), ("5m", 2)])
def test_its_sources_are_read_that_often(period: str | None, reads: int) -> None:
    world = with_secret(period)
    world.pass_time(600)

    assert reads_within(world, 600) == pytest.approx(reads, abs=1)


def test_a_change_arrives_within_the_period() -> None:
    world = with_secret("1m")
    for name in ("bob", "carol", "dave"):
        world.backend.put("app", {"user": name})
        world.pass_time(67)
        assert world.data() == {"user": name}


def test_a_new_wish_holds_at_once() -> None:
    world = with_secret("168h")
    world.pass_time(60)
    world.respecify(APP, every("10s"))
    world.settle()
    assert reads_within(world, 12) >= 1

    world.respecify(APP, every("1h"))
    world.settle()
    assert reads_within(world, 600) <= 1


def test_the_shortest_wish_counts_where_several_use_a_source_and_ends_with_its_definition() -> None:
    world = with_secret("1h")
    other = world.define("other", spec=every("2s", "other"))
    world.settle()
    assert reads_within(world, 60) == pytest.approx(30, abs=1)

    world.backend.put("app", {"user": "bob"})
    world.pass_time(3)
    assert world.data() == world.data("other") == {"user": "bob"}

    world.delete(other)
    world.settle()
    assert reads_within(world, 600) <= 1


def test_a_suspended_definition_wishes_nothing() -> None:
    world = with_secret("1h")
    other = world.define("other", spec=every("2s", "other"))
    world.settle()
    world.respecify(other, {**every("2s", "other"), "suspend": True})
    world.settle()

    assert reads_within(world, 600) <= 1


def test_a_long_period_is_never_overdue() -> None:
    world = with_secret("1h")
    for _ in range(80):
        world.pass_time(60, step=5)
        assert world.agenda.overdue_seconds() <= 5.0


def test_an_outage_is_over_for_a_long_period_as_soon_as_for_others() -> None:
    world = with_secret("30s")
    world.backend.fail_with(BackendUnavailable("no connection"))
    world.pass_time(120)
    assert world.condition() == ("False", "BackendUnavailable")
    world.backend.recover()
    world.pass_time(60)

    assert world.condition() == ("True", "Synced")


def test_the_sync_annotation_reads_at_once_whatever_the_period() -> None:
    world = with_secret("168h")
    world.backend.put("app", {"user": "bob"})
    world.annotate(APP, sync="now")
    world.settle()

    assert world.data() == {"user": "bob"}


def test_a_standby_reads_nothing_and_a_new_leader_keeps_the_period() -> None:
    world = with_secret("1m", leadership=SwitchedLeadership(leading=False))
    assert reads_within(world, 120) == 0
    world.leadership.leading = True
    world.agenda.lead_acquired()
    world.settle()

    assert reads_within(world, 600) == pytest.approx(10, abs=1)


def test_a_survey_spares_the_reads_of_a_long_period_and_none_of_a_short_one() -> None:
    for period, reads in (("1h", 0), ("1s", 60), ("5s", 0)):
        world = with_secret(period, backend=SurveyingBackend())
        world.pass_time(30)
        assert reads_within(world, 60) == pytest.approx(reads, abs=1), period


def test_a_survey_shows_a_change_before_a_long_period_is_over() -> None:
    world = with_secret("1h", backend=SurveyingBackend())
    world.pass_time(30)
    world.backend.put("app", {"user": "bob"})
    world.pass_time(2 * PERIOD)

    assert world.data() == {"user": "bob"}


def test_an_illegal_period_is_said_and_the_secret_stays() -> None:
    world = with_secret("1h")
    world.respecify(APP, every("1d"))
    world.settle()

    assert world.condition() == ("False", "InvalidSpec")
    assert world.data() == {"user": "alice"}
