"""Statuses that cannot be written: the Secret is kept in step, and the trouble is reported elsewhere."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from secrets_manager.cluster.base import Json, Resource
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    AdmissionDenied,
    ClusterUnavailable,
    RejectedByCluster,
    SecretsManagerError,
    TooLarge,
)
from tests.unit.sync.doubles import LossyCluster
from tests.unit.sync.world import TEAM, World, wanting

APP = Ref(TEAM, "app")
STATUS = ("update", "secretdefinitions/status")
SAID = "the status cannot be written"
PASSING = ClusterUnavailable("the API server answered 500")


def refused(*errors: SecretsManagerError) -> World:
    """A world whose definition's status ends in these errors."""
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.cluster.fail_next(*STATUS, *errors)
    return world.start()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if SAID in record.getMessage()]


@pytest.mark.parametrize("error", [TooLarge("413"), RejectedByCluster("422"), AdmissionDenied("webhook")])
def test_a_status_that_is_refused_for_good_is_reported_once_and_tried_seldom(
    error: SecretsManagerError, caplog: pytest.LogCaptureFixture
) -> None:
    world = refused(*[error] * 1000)
    world.pass_time(3600, step=5)

    assert world.data() == {"user": "alice"}
    # The first, and a reminder every ten minutes or a little later.
    assert 5 <= len(lines(caplog)) <= 7
    assert [event for event in world.events.told if event.reason == error.reason] == [
        ("app", True, error.reason, f"{SAID}: {error.message}")
    ]
    tries = len(world.telemetry.unwritten)
    assert 3600 / 300 - 1 <= tries <= 3600 / 240 + 2
    assert world.telemetry.unwritten == [(APP, error.reason)] * tries
    # One that is too large is tried without its sources, too.
    assert world.cluster.calls[STATUS] <= (2 * tries if isinstance(error, TooLarge) else tries)


def test_a_fault_that_repeats_on_one_status_alone_is_reported_for_that_definition(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = refused(*[PASSING] * 1000)
    world.pass_time(30)

    assert lines(caplog) == [SAID]
    assert ("app", True, "ClusterUnavailable", f"{SAID}: {PASSING.message}") in world.events.told
    assert {ref for ref, _ in world.telemetry.unwritten} == {APP}
    before = world.cluster.calls[STATUS]
    world.pass_time(200)
    assert world.cluster.calls[STATUS] - before <= 200 / 9 + 1


@pytest.mark.parametrize("failures", [1, 4])
def test_a_fault_that_is_over_soon_is_not_reported(failures: int, caplog: pytest.LogCaptureFixture) -> None:
    world = refused(*[PASSING] * failures)
    world.pass_time(30)

    assert lines(caplog) == []
    assert world.condition() == ("True", "Synced")


def test_an_outage_of_the_api_server_is_not_reported_for_each_status(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    for call in (STATUS, ("get", "secretdefinitions")):
        world.cluster.fail_next(*call, *[PASSING] * 1000)
    world.start().pass_time(300)

    assert lines(caplog) == []
    # It is asked once for every five tries of the status.
    assert world.cluster.calls["get", "secretdefinitions"] <= world.cluster.calls[STATUS] / 5 + 1


def test_a_status_that_can_be_written_again_is_said_to_be(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = refused(*[PASSING] * 12)
    world.pass_time(60)

    assert world.condition() == ("True", "Synced")
    assert "the status is written again" in caplog.messages
    assert world.work() == 0


def test_nothing_is_remembered_of_the_status_of_a_definition_that_is_gone() -> None:
    world = refused(*[PASSING] * 1000)
    world.pass_time(10)
    world.delete(APP)
    world.pass_time(10)

    assert world.workforce.reporter._unwritten._troubles == {}


def test_another_message_of_an_api_server_in_trouble_is_not_reported_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = refused()
    words = [ClusterUnavailable(word) for word in ("500", "503", "reset", "no answer")]
    world.cluster.fail_next("update", "secrets", *words * 10)
    world.backend.put("app", {"user": "bob"})
    before = world.cluster.calls[STATUS]
    world.pass_time(100)

    assert caplog.messages.count("Secret is out of sync") == 1
    assert world.events.reasons().count("ClusterUnavailable") == 1
    assert world.cluster.calls[STATUS] - before == 1
    assert world.condition() == ("False", "ClusterUnavailable")


# ── what is too large ────────────────────────────────────────────────────────────────────────────────


class Small(LossyCluster):
    """Takes no object of more than so many bytes, as etcd does."""

    limit = 100_000

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        if len(str(body)) > self.limit:
            raise TooLarge("the object is larger than etcd takes")
        return super().replace(resource, ref, body, subresource=subresource)


def with_paths(world: World, paths: list[str]) -> World:
    keys: dict[str, Any] = {}
    for number, path in enumerate(paths):
        world.backend.put(path, {"user": "alice"})
        keys[f"key-{number}"] = {"path": path, "key": "user"}
    world.define(spec={**wanting(), "keysMap": keys})
    return world.start()


@pytest.mark.parametrize("letter", ["a", "ü", "語", '"'])
def test_a_status_of_many_long_paths_is_small_and_names_the_number_left_out(letter: str) -> None:
    world = with_paths(World(), [f"{number}/{letter * 300}" for number in range(300)])
    sources = world.status()["sources"]

    assert sum(len(each["path"].encode()) for each in sources) < 64 * 1024
    assert sources[0]["path"].startswith("0/")
    assert len(sources) > 50
    message = world.status()["conditions"][0]["message"]
    assert f"status.sources lists {len(sources)} of 300" in message
    assert world.condition() == ("True", "Synced")
    with world.spending() as spent:
        world.restarted().start().pass_time(15)
    assert not any("update" in call for call in spent.calls)


def test_a_status_that_does_not_fit_beside_its_spec_goes_without_its_sources() -> None:
    cluster = Small()
    cluster.limit = 20_000
    world = with_paths(World(cluster=cluster), [f"{number}/{'a' * 300}" for number in range(100)])

    assert world.condition() == ("True", "Synced")
    assert world.status()["sources"] == []


def test_a_message_is_cut_by_its_bytes_and_at_a_letter() -> None:
    world = World()
    world.define(spec={**wanting(), "keysMap": {"k": {"path": "p", "key": "語" * 2000}}})
    world.backend.put("p", {"user": "alice"})
    world.start()
    message = world.status()["conditions"][0]["message"]

    assert 1000 < len(message.encode()) <= 1024
