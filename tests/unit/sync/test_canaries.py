"""Planted values show nowhere: in no repr, log line, Event, status or exception of anything involved."""

from __future__ import annotations

import base64
import gc
import logging
from collections.abc import Iterator

import pytest

import secrets_manager
from secrets_manager.backends.base import Reading
from secrets_manager.domain.errors import BackendUnavailable
from secrets_manager.domain.secret import DesiredSecret
from tests.unit.sync.doubles import LossyCluster
from tests.unit.sync.world import World, wanting

# Texts that appear in no source file, whole or encoded.
VALUES = ["canary-" + "one-4711", "canary-" + "two-4712", "canary-" + "three-4713"]
ENCODED = [base64.b64encode(value.encode()).decode() for value in VALUES]
TRACES = [*VALUES, *(value.encode().hex() for value in VALUES), *(text.rstrip("=")[:-1] for text in ENCODED)]


def eventful_life() -> World:
    """Everything that can happen to a value: written, refused, undecodable, restored, in doubt."""
    cluster = LossyCluster()
    world = World(cluster=cluster)
    world.backend.put("app", {"user": VALUES[0], "list": [VALUES[2]]})
    world.define("text", spec=wanting("text"))
    world.define("bad", spec=wanting("bad", source={"encoding": "base64"}))
    world.define("list", spec=wanting("list", key="list"))
    world.define("tls", spec=wanting("tls", type="kubernetes.io/dockerconfigjson", key=".dockerconfigjson"))
    world.backend.put("app", {"user": VALUES[0], "list": [VALUES[2]], ".dockerconfigjson": VALUES[2]})
    # As `kubectl apply` leaves it: with the whole Secret in an annotation.
    applied = {"kubectl.kubernetes.io/last-applied-configuration": f'{{"data":{{"user":"{ENCODED[1]}"}}}}'}
    world.make_secret("foreign", {"user": VALUES[1]}, metadata={"annotations": applied})
    world.make_secret("adopted", {"user": VALUES[1]}, metadata={"annotations": applied})
    adopt = {"secrets-manager.tuenti.io/adopt": "true"}
    world.define("adopted", spec=wanting("adopted"), annotations=adopt)
    world.define("foreign", spec=wanting("foreign"))
    world.start()
    world.edit_secret("text", user=VALUES[1])
    cluster.lose_reply("update")
    world.settle()
    world.pass_time(5)
    world.backend.put("app", {"user": VALUES[1]})
    world.pass_time(10)
    world.backend.fail_with(BackendUnavailable("down"))
    world.pass_time(30)
    return world


def ours() -> Iterator[object]:
    """Every live object of a class of this program."""
    for found in gc.get_objects():
        # Of classes of C extensions this may be a descriptor.
        module: object = type(found).__module__
        if isinstance(module, str) and module.startswith(secrets_manager.__name__ + "."):
            yield found


def shows(text: str) -> list[str]:
    return [trace for trace in TRACES if trace in text]


def test_the_search_finds_a_planted_value() -> None:
    assert shows(VALUES[0]) == [VALUES[0]]
    assert shows(repr({"data": ENCODED[1]})) != []
    assert shows(VALUES[2].encode().hex()) != []


def test_no_object_of_the_program_shows_a_value(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        world = eventful_life()
    assert world.data("text") == {"user": VALUES[1]}
    looked_at = set()
    for found in ours():
        if "Memory" in type(found).__name__ or isinstance(found, type):
            continue
        looked_at.add(type(found).__name__)
        assert shows(repr(found)) == [], type(found)
        assert shows(str(found)) == [], type(found)

    assert {
        "ObservedSecret",
        "DefinitionEntry",
        "Agenda",
        "Workers",
        "Reporter",
        "Reconciler",
        "SourceLedger",
    } <= looked_at


def test_no_log_line_event_or_status_shows_a_value(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        world = eventful_life()
    told = [str(record.__dict__) for record in caplog.records]
    told += [str(event) for event in world.events.told]
    told += [str(world.definition(name)) for name in ("text", "bad", "list", "tls", "foreign")]
    told += [repr(outcome) for outcome in world.outcomes]

    assert len(caplog.records) > 5
    assert shows("\n".join(told)) == []


def test_no_exception_that_was_met_shows_or_carries_a_value() -> None:
    world = eventful_life()
    errors = [outcome.error for outcome in world.outcomes if outcome.error is not None]
    reasons = {error.reason for error in errors}

    assert {"DecodeError", "NotAString", "NotOwned", "InvalidForType", "BackendUnavailable"} <= reasons
    for error in errors:
        chain: BaseException | None = error
        while chain is not None:
            assert shows(f"{chain!r} {chain.args}") == []
            chain = None if chain.__suppress_context__ else chain.__context__ or chain.__cause__


def test_after_a_reconcile_nothing_that_held_a_value_is_left() -> None:
    # Other tests have such objects of their own; held on to, so that no new one gets the place of an old one.
    before = [found for found in ours() if _holds_values(found)]
    known = set(map(id, before))
    # Not even in a cycle that the garbage collector would find one day.
    gc.disable()
    try:
        world = eventful_life()
        left = [found for found in ours() if _holds_values(found) and id(found) not in known]
    finally:
        gc.enable()

    assert {"DecodeError", "NotOwned", "BackendUnavailable"} <= {o.reason for o in world.outcomes}
    assert [type(found).__name__ for found in left] == []


def test_the_values_of_a_shared_path_are_gone_from_memory_after_seconds() -> None:
    before = [found for found in ours() if _holds_values(found)]
    known = set(map(id, before))
    for lost in ("lead", "backend", "definitions"):
        world = World()
        world.backend.put("app", {"user": VALUES[0]})
        both = [world.define("one", spec=wanting("one")), world.define("two", spec=wanting("two"))]
        world.start()
        world.pass_time(5)
        world.backend.put("app", {"user": VALUES[1]})
        if lost == "lead":
            world.leadership.leading = False
        elif lost == "backend":
            world.backend.fail_with(BackendUnavailable("down"))
        else:
            for ref in both:
                world.delete(ref)
        world.pass_time(12)
        left = [found for found in ours() if _holds_values(found) and id(found) not in known]

        assert [type(found).__name__ for found in left] == [], lost


def _holds_values(found: object) -> bool:
    return isinstance(found, Reading | DesiredSecret)
