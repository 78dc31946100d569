"""Values that are written and that a person should check: expired, or not valid yet."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.definition import Ref
from secrets_manager.runtime.terms import Terms
from tests.unit.sync.doubles import Told
from tests.unit.sync.world import NOTHING, PERIOD, TEAM, World

CAUTION = "'app' expired at 2026-01-01T00:00:00Z"
MESSAGE = f"Secret app is in sync with its sources; {CAUTION}"


class CautiousBackend(MemoryBackend):
    """Gives its readings a caution, when there is one."""

    caution = ""

    def read(self, source: Source, terms: Terms) -> Reading:
        return replace(super().read(source, terms), caution=self.caution)


def in_step(caution: str = "") -> tuple[World, CautiousBackend]:
    backend = CautiousBackend()
    backend.caution = caution
    backend.put("app", {"user": "alice"})
    world = World(backend=backend)
    world.define()
    return world.start(), backend


def test_a_value_with_a_caution_is_written_and_the_condition_names_the_caution() -> None:
    world, _ = in_step(CAUTION)

    assert world.data() == {"user": "alice"}
    assert world.condition() == ("True", "SourceExpired")
    assert world.status()["conditions"][0]["message"] == MESSAGE


def test_a_caution_is_reported_once_by_event_and_log_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        world, _ = in_step(CAUTION)
        with world.spending() as spent:
            world.pass_time(3 * PERIOD)

    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.message for record in warnings] == ["Secret is in sync, with a caution"]
    assert [event for event in world.events.told if event.warning] == [
        Told("app", True, "SourceExpired", MESSAGE)
    ]
    assert spent.calls == NOTHING.calls


def test_a_caution_that_comes_later_touches_the_status_and_not_the_secret() -> None:
    world, backend = in_step()
    before = world.metadata()
    backend.caution = CAUTION
    with world.spending() as spent:
        world.pass_time(1.2 * PERIOD)

    assert world.condition() == ("True", "SourceExpired")
    assert world.metadata() == before
    assert spent.calls == {"update secretdefinitions/status": 1}


def test_the_transition_time_stays_since_the_secret_was_in_step_all_along() -> None:
    world, backend = in_step()
    before = world.status()["conditions"][0]["lastTransitionTime"]
    backend.caution = CAUTION
    world.pass_time(4 * PERIOD)

    assert world.status()["conditions"][0]["lastTransitionTime"] == before


def test_a_caution_that_ends_is_reported_as_a_recovery(caplog: pytest.LogCaptureFixture) -> None:
    world, backend = in_step(CAUTION)
    backend.caution = ""
    with caplog.at_level(logging.INFO):
        world.pass_time(1.2 * PERIOD)

    assert world.condition() == ("True", "Synced")
    assert "Secret is in sync again" in [record.message for record in caplog.records]


def test_a_restart_repeats_nothing(caplog: pytest.LogCaptureFixture) -> None:
    world, _ = in_step(CAUTION)
    caplog.clear()
    again = world.restarted()
    with caplog.at_level(logging.INFO), again.spending() as spent:
        again.start()

    assert [event for event in again.events.told if event.warning] == []
    assert spent.calls == {}
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_caution_is_of_the_definition_that_uses_the_source() -> None:
    world, _ = in_step(CAUTION)
    world.define("other", spec={"name": "other", "keysMap": {}})
    world.settle()

    assert world.condition("other") == ("True", "Synced")
    assert world.agenda.view.definitions.get(Ref(TEAM, "other")) is not None
