"""What waited for a server is released when that is back: at the rate that the backend's limit allows, and no
slower.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.kit.rate_limit import RateLimit
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.errors import (
    BackendFault,
    BackendTimeout,
    BackendUnavailable,
    ClusterUnavailable,
)
from secrets_manager.runtime.terms import Deadline, Terms
from tests.effort import share
from tests.unit.sync.doubles import FakeClock
from tests.unit.sync.world import World, wanting

# All of a thousand where all searches are made.
COUNT = share(1000)
OUTAGE = 45.0
# All that the daemon asks of the API server while nothing is made or deleted.
DAILY_CALLS = [
    ("list", "secretdefinitions"),
    ("watch", "secretdefinitions"),
    ("list", "secrets"),
    ("watch", "secrets"),
    ("get", "secrets"),
    ("update", "secrets"),
    ("update", "secretdefinitions/status"),
]


class PacedBackend(MemoryBackend):
    """Keeps to a rate as the real ones do; who waits makes the time pass. Remembers when it was read."""

    def __init__(self, rate: int, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._limit = RateLimit(rate, clock, clock.advance)
        self.times: list[float] = []

    def read(self, source: Source, terms: Terms) -> Reading:
        self._limit.turn(Terms(deadline=Deadline.within(5.0, self._clock)))
        self.times.append(self._clock())
        return super().read(source, terms)


@pytest.mark.parametrize(
    ("rate", "within", "fault"),
    [
        (COUNT, 5.0, BackendUnavailable("down")),
        (COUNT // 5, 10.0, BackendUnavailable("down")),
        (COUNT, 5.0, BackendTimeout("late")),
    ],
    ids=["a second's worth", "five seconds' worth", "late"],
)
def test_a_thousand_objects_are_fresh_soon_after_an_outage_and_the_rate_is_kept(
    rate: int, within: float, fault: BackendFault
) -> None:
    clock = FakeClock()
    backend = PacedBackend(rate, clock)
    world = World(backend=backend, clock=clock, period=30.0)
    for number in range(COUNT):
        backend.put(f"path-{number}", {"user": "alice"})
        world.define(f"app-{number}", spec=wanting(f"app-{number}", path=f"path-{number}"))
    world.start()
    backend.fail_with(fault)
    world.pass_time(OUTAGE, step=0.5)
    for number in range(COUNT):
        backend.put(f"path-{number}", {"user": "bob"})
    backend.recover()
    back_at, before = clock(), len(backend.times)
    while clock() < back_at + within and not is_fresh(world):
        world.pass_time(0.5, step=0.5)

    assert is_fresh(world)
    assert clock() - back_at <= within
    times = backend.times[before:]
    assert len(times) <= COUNT * 1.1
    assert all(at - times[0] >= (number - rate) / rate - 1e-6 for number, at in enumerate(times))


def is_fresh(world: World) -> bool:
    return all(world.data(f"app-{number}") == {"user": "bob"} for number in range(COUNT))


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("minutes", [2, 30])
def test_all_is_fresh_within_a_minute_after_a_long_outage_of_the_api_server(minutes: int, count: int) -> None:
    world = stale(count, DAILY_CALLS, seconds=60.0 * minutes)
    world.cluster.calm()

    world.pass_time(35.0)

    assert all(world.data(f"app-{number}") == {"user": "bob"} for number in range(count))


def test_definitions_that_wait_for_the_api_server_go_with_the_first_that_gets_through() -> None:
    world = stale(8, [("update", "secrets")], seconds=900.0)
    world.cluster.calm()
    while not any(world.data(f"app-{number}") == {"user": "bob"} for number in range(8)):
        world.pass_time(1.0)

    world.pass_time(2.0)

    assert all(world.data(f"app-{number}") == {"user": "bob"} for number in range(8))


def stale(count: int, failing: Sequence[tuple[str, str]], *, seconds: float) -> World:
    """So many Secrets whose values have changed, after so long a time in which these calls failed."""
    world = World()
    for number in range(count):
        world.backend.put(f"path-{number}", {"user": "alice"})
        world.define(f"app-{number}", spec=wanting(f"app-{number}", path=f"path-{number}"))
    world.start()
    for verb, resource in failing:
        world.cluster.fail_next(verb, resource, *[ClusterUnavailable("no usable answer")] * 10_000)
    for number in range(count):
        world.backend.put(f"path-{number}", {"user": "bob"})
    world.pass_time(seconds)
    assert all(world.data(f"app-{number}") == {"user": "alice"} for number in range(count))
    return world
