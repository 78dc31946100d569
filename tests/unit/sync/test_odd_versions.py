"""An invalid resourceVersion costs reconciles at most: neither a thread nor a Secret."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sync.world import World

ODD = ["\u00b2", "\u0663", "9" * 5000, "-1", "1e3", "0x9", " 7", ""]


@pytest.mark.parametrize("kind", ["definition", "secret"])
@pytest.mark.parametrize("version", ODD, ids=lambda version: repr(version[:6]))
def test_an_event_or_a_list_with_a_version_that_is_none_is_taken_or_left(version: str, kind: str) -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()
    secrets, definitions = (informer.sink for informer in world.informers)
    odd: Any = world.definition() if kind == "definition" else world.secret()
    odd["metadata"] |= {"resourceVersion": version, "labels": {**odd["metadata"].get("labels", {}), "a": "b"}}
    sink = definitions if kind == "definition" else secrets
    sink.changed(odd)
    world.settle()
    sink.restart()
    sink.listed(odd)
    sink.complete(version)
    world.settle()
    world.backend.put("app", {"user": "bob"})
    world.pass_time(60)

    assert world.data() == {"user": "bob"}
    assert world.condition() == ("True", "Synced")
