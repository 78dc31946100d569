"""What waited for the backend is released at the rate that the backend's limit allows, and no slower."""

from __future__ import annotations

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.backends.shared.rate_limit import RateLimit
from secrets_manager.domain.errors import BackendFault, BackendTimeout, BackendUnavailable
from tests.unit.sync.doubles import FakeClock
from tests.unit.sync.world import World, wanting

COUNT = 1000
OUTAGE = 45.0


class PacedBackend(MemoryBackend):
    """Keeps to a rate as the real ones do; who waits makes the time pass. Remembers when it was read."""

    def __init__(self, rate: int, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._limit = RateLimit(rate, clock, clock.advance)
        self.times: list[float] = []

    def read(self, source: Source) -> Reading:
        self._limit.turn(Budget(5.0, self._clock, "the backend"))
        self.times.append(self._clock())
        return super().read(source)


@pytest.mark.parametrize(
    ("rate", "within", "fault"),
    [
        (1000, 5.0, BackendUnavailable("down")),
        (200, 10.0, BackendUnavailable("down")),
        (1000, 5.0, BackendTimeout("late")),
    ],
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
