"""A daemon of sixteen workers and twenty backends, of which nineteen answer no read."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.runtime.terms import Terms
from tests.testbed.waiting import wait_until
from tests.unit.daemon.daemon_world import World
from tests.unit.daemon.running import Start

PATIENCE = 60
WORKERS = 16


class Hung:
    """Counts the reads that are under way in all backends that hang."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = 0
        self.most = 0
        self.ended = 0

    def begin(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def end(self) -> None:
        with self._lock:
            self.now -= 1
            self.ended += 1

    def count_anew(self) -> None:
        with self._lock:
            self.most = self.now


class Hanging(MemoryBackend):
    """Answers no read in its time."""

    def __init__(self, hung: Hung) -> None:
        super().__init__()
        self._hung = hung
        self.known = False
        self.hang()

    def read(self, source: Source, terms: Terms) -> Reading:
        self._hung.begin()
        try:
            return super().read(source, terms)
        finally:
            self._hung.end()
            self.known = True


def test_nineteen_backends_that_hang_leave_half_of_the_workers_to_the_twentieth(start: Start) -> None:
    hung, world = Hung(), World(backend_timeout=1.0, workers=WORKERS)
    hanging = [Hanging(hung) for _ in range(19)]
    world.others = {f"hangs-{number}": each for number, each in enumerate(hanging)}
    for name in world.others:
        for number in range(4):
            keys = {"password": {"path": f"m/{number}", "key": "password", "backend": name}}
            world.define(f"{name}-{number}", spec={"name": f"{name}-{number}", "keysMap": keys})
    world.backend.put("well", {"password": "old"})
    world.define("well")
    start(world)
    wait_until(lambda: world.secret("well"), PATIENCE, "the Secret of the backend that answers")
    wait_until(lambda: all(each.known for each in hanging), PATIENCE, "all that hang to be known")
    # The first reads of each were made before anything was known of it.
    wait_until(lambda: hung.now <= WORKERS // 2, PATIENCE, "the first reads to end")

    hung.count_anew()
    for number in range(5):
        ended, before = hung.ended, world.secret("well")
        world.backend.put("well", {"password": f"new-{number}"})
        wait_until(partial(_differs, world, before), PATIENCE, "the change")
        wait_until(partial(_ended, hung, ended + WORKERS), PATIENCE, "more reads without an answer")

    assert hung.most <= WORKERS // 2


def _differs(world: World, before: Mapping[str, Any] | None) -> bool:
    return world.secret("well") != before


def _ended(hung: Hung, count: int) -> bool:
    return hung.ended >= count
