"""At debug level each reconcile and each poll is logged; errors of our own code are logged once."""

from __future__ import annotations

import logging

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.definition import Ref
from secrets_manager.runtime.terms import Terms
from tests.unit.sync.world import PERIOD, TEAM, World, wanting

CANARY = "canary-4711"


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, object]]:
    """The fields of the lines with that message, except for the times."""
    found = []
    for record in caplog.records:
        if record.name == "sync.engine" and record.getMessage() == message:
            said = {key: value for key, value in record.__dict__.items() if key in KEYS}
            assert isinstance(said.pop("seconds", 0.0), float)
            found.append(said)
    return found


KEYS = ("backend", "namespace", "name_", "secret", "path", "operation", "reason", "seconds")


def world_of(backend: MemoryBackend | None = None) -> World:
    world = World(backend=backend or MemoryBackend())
    world.backend.put("app", {"user": CANARY})
    world.define("app")
    return world


def test_each_reconcile_logs_its_outcome(caplog: pytest.LogCaptureFixture) -> None:
    world = world_of()
    world.define("missing", spec=wanting("missing", "missing"))
    with caplog.at_level(logging.DEBUG):
        world.start()

    looks = {look["name_"]: look for look in lines(caplog, "reconciled")}
    at = {"backend": "default", "namespace": TEAM}
    created = {"name_": "app", "secret": "app", "path": "app", "operation": "created"}
    refused = {"name_": "missing", "secret": "missing", "path": "", "operation": "refused"}
    assert looks["app"] == {**at, **created, "reason": looks["app"]["reason"]}
    assert looks["missing"] == {**at, **refused, "reason": "SourceNotFound"}
    assert CANARY not in caplog.text


def test_a_reconcile_of_a_definition_that_is_gone_logs_gone(caplog: pytest.LogCaptureFixture) -> None:
    world = world_of().start()
    with caplog.at_level(logging.DEBUG):
        world.agenda.definition_missing(Ref(TEAM, "never"))
        world.settle()

    assert [look["reason"] for look in lines(caplog, "reconciled")] == ["Gone"]


def test_each_poll_says_whether_something_had_changed(caplog: pytest.LogCaptureFixture) -> None:
    world = world_of().start()
    # The first look is the first poll, so that what follows is due a period later.
    world.pass_time(PERIOD)
    with caplog.at_level(logging.DEBUG):
        world.pass_time(PERIOD)
        world.backend.put("app", {"user": f"{CANARY}-2"})
        world.pass_time(PERIOD)
        world.backend.delete("app")
        world.pass_time(PERIOD)

    polls = lines(caplog, "polled")
    assert [poll["reason"] for poll in polls] == ["Unchanged", "Changed", "SourceNotFound"]
    assert {(poll["backend"], poll["path"], poll["operation"]) for poll in polls} == {
        ("default", "app", "poll")
    }
    assert CANARY not in caplog.text


def test_without_debug_there_is_no_line_while_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    world = world_of().start()
    with caplog.at_level(logging.INFO):
        world.pass_time(4 * PERIOD)

    assert caplog.records == []


def test_a_fault_of_the_program_that_comes_again_and_again_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(MemoryBackend):
        def read(self, source: Source, terms: Terms) -> Reading:
            reading = super().read(source, terms)
            if self.reads() > 1:
                raise RuntimeError(CANARY)
            return reading

    world = world_of(Broken()).start()
    for _ in range(50):
        world.pass_time(PERIOD)

    said = [record for record in caplog.records if record.getMessage() == "unexpected error"]
    assert len(said) == 1
    assert CANARY not in caplog.text
