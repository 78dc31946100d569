"""Daemons on fakes, stopped at the end of their test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.daemon.daemon_world import World
from tests.unit.daemon.running import Running, Start


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Running] = []

    def make(world: World) -> Running:
        started.append(Running(world))
        return started[-1]

    yield make
    for running in started:
        for backend in (running.world.backend, *running.world.others.values()):
            backend.recover()
        running.tidy()
