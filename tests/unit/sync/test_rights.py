"""Rights and kinds that are missing: what is a courtesy is done without, the Secrets come first."""

from __future__ import annotations

import pytest

from secrets_manager.cluster.base import SECRETS
from secrets_manager.cluster.write.event_recorder import EventRecorder
from secrets_manager.domain.definition import Ref
from secrets_manager.runtime.heartbeat import Heartbeat
from tests.unit.sync.doubles import FakeClock, LossyCluster
from tests.unit.sync.world import PERIOD, TEAM, Spent, World, wanting

APP = Ref(TEAM, "app")


def with_source(world: World) -> World:
    world.backend.put("app", {"user": "alice"})
    world.define()
    return world


@pytest.mark.parametrize("lacking", ["the right", "the subresource"])
def test_without_the_right_to_write_a_status_secrets_are_kept_all_the_same(lacking: str) -> None:
    world = with_source(World(cluster=LossyCluster(status_subresource=lacking == "the right")))
    world.cluster.forbid("update", "secretdefinitions/status")
    world.start()
    world.backend.put("app", {"user": "bob"})
    with world.spending() as spent:
        world.pass_time()

    assert world.data() == {"user": "bob"}
    assert spent.calls == {"update secrets": 1}
    assert world.outcomes[-1].in_step


def test_without_the_right_to_write_events_secrets_are_kept_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster, clock = LossyCluster(), FakeClock()
    recorder = EventRecorder(
        api=cluster,
        controller="secrets-manager",
        instance="test",
        clock=clock,
        now=clock.now,
        heartbeat=Heartbeat("events", 60.0, clock),
    )
    world = with_source(World(cluster=cluster, clock=clock, recorder=recorder))
    world.define("other", spec=wanting("other"))
    cluster.forbid("create", "events")
    with caplog.at_level("INFO"):
        world.start()
        recorder.close()
        recorder.run()

    assert world.data() == {"user": "alice"}
    assert caplog.messages.count("Events are not written") == 1


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_without_the_right_to_list_or_watch_secrets_each_reconcile_gets_the_secret(verb: str) -> None:
    world = with_source(World())
    world.cluster.forbid(verb, "secrets")
    with world.spending() as spent:
        world.start()

    assert world.data() == {"user": "alice"}
    assert spent.calls["create secrets"] == 1
    assert spent.calls.get("get secrets", 0) >= 1 or verb == "watch"


def unwatched() -> World:
    world = with_source(World())
    world.cluster.forbid("list", "secrets")
    world.start()
    world.pass_time()
    return world


def test_where_secrets_cannot_be_watched_a_quiet_period_costs_a_get_and_two_reads() -> None:
    world = unwatched()
    with world.spending() as spent:
        world.pass_time(PERIOD * 12)

    assert spent.calls == {"get secrets": 12}
    assert spent.reads <= 24


@pytest.mark.parametrize("deleted", [False, True], ids=["edited", "deleted"])
def test_where_secrets_cannot_be_watched_drift_is_found_within_a_period(*, deleted: bool) -> None:
    world = unwatched()
    if deleted:
        world.delete(APP, SECRETS)
    else:
        world.edit_secret(user="mallory")
    world.pass_time()

    assert world.data() == {"user": "alice"}


def test_periodic_reconciles_end_once_secrets_can_be_listed() -> None:
    world = unwatched()
    world.cluster.permit("list", "secrets")
    world.pass_time(300, step=20)
    with world.spending() as spent:
        world.pass_time(PERIOD * 12)

    assert spent == Spent(reads=12)


def test_periodic_reconciles_begin_once_secrets_can_no_longer_be_listed() -> None:
    world = with_source(World()).start()
    world.cluster.forbid("watch", "secrets")
    world.settle()
    world.edit_secret(user="mallory")
    world.pass_time()

    assert world.data() == {"user": "alice"}


def test_a_right_on_secrets_that_is_missing_is_reported_in_the_condition() -> None:
    world = with_source(World())
    world.cluster.forbid("create", "secrets")
    world.start()

    assert world.condition() == ("False", "Forbidden")
    assert world.secret() is None


def test_a_secret_that_may_not_be_read_is_counted_and_reported() -> None:
    world = with_source(World())
    world.cluster.forbid("list", "secrets")
    world.cluster.forbid("get", "secrets")
    world.start()

    assert world.condition() == ("False", "Forbidden")
    assert world.telemetry.unreadable == [APP]


def test_a_right_that_comes_late_is_noticed_soon() -> None:
    world = with_source(World())
    world.cluster.forbid("create", "secrets")
    world.start().pass_time(3)
    world.cluster.permit("create", "secrets")
    world.pass_time(10)

    assert world.data() == {"user": "alice"}


def test_a_status_that_may_be_written_after_all_is_written_within_minutes() -> None:
    world = with_source(World())
    world.cluster.forbid("update", "secretdefinitions/status")
    world.start().pass_time(60)
    world.cluster.permit("update", "secretdefinitions/status")
    world.pass_time(600, step=10)

    assert world.condition() == ("True", "Synced")


def test_a_status_that_an_api_server_refuses_at_its_start_is_written_soon_after() -> None:
    world = with_source(World())
    world.cluster.forbid("update", "secretdefinitions/status")
    world.start()
    assert world.status() == {}
    world.cluster.permit("update", "secretdefinitions/status")
    world.pass_time(15)

    assert world.condition() == ("True", "Synced")


def test_a_missing_right_on_statuses_costs_one_reconcile_every_few_minutes() -> None:
    world = with_source(World())
    world.cluster.forbid("update", "secretdefinitions/status")
    world.start().pass_time(1200, step=5)
    looks = len(world.outcomes)
    with world.spending() as spent:
        world.pass_time(1200, step=5)

    assert len(world.outcomes) - looks <= 5
    assert spent.calls == {"update secretdefinitions/status": spent.calls["update secretdefinitions/status"]}
    assert spent.calls["update secretdefinitions/status"] <= 3
