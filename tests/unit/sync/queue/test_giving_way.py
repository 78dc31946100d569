"""A worker at something long serves short work of others between two steps."""

from __future__ import annotations

from secrets_manager.sync.queue.giving_way import GivingWay
from secrets_manager.sync.queue.work_queue import WorkQueue
from tests.silent import SilentSync
from tests.unit.sync.doubles import FakeClock


class Bench:
    """One worker that is at `long`; each thing done in between takes ``takes`` seconds."""

    def __init__(self, takes: float = 0.01) -> None:
        self.clock = FakeClock()
        self.queue = WorkQueue[str](
            workers=1, clock=self.clock, random=lambda: 0.5, telemetry=SilentSync(), group=lambda key: key[0]
        )
        self.giving_way = GivingWay(self.queue, self.clock, lambda key: key != "big", self._work_on)
        self.takes = takes
        self.done: list[str] = []
        self.queue.add("long")
        assert self.queue.take(0) == "long"

    def _work_on(self, key: str) -> None:
        # Inside it nothing else is done in between.
        self.giving_way.between_steps(key)
        self.clock.advance(self.takes)
        self.queue.done(key)
        self.done.append(key)

    def step(self, seconds: float = 0.01) -> None:
        self.giving_way.between_steps("long")
        self.clock.advance(seconds)


def test_a_short_reconcile_is_never_interrupted() -> None:
    bench = Bench()
    bench.queue.add("small")
    bench.step()
    bench.step()

    assert bench.done == []


def test_a_key_that_waits_is_served_within_a_few_steps_of_a_long_reconcile() -> None:
    bench = Bench()
    bench.step(0.05)
    bench.queue.add("small")
    bench.queue.add("big")
    for _ in range(5):
        bench.step()

    assert bench.done == ["small"]


def test_half_of_the_time_stays_with_the_long_reconcile() -> None:
    bench = Bench(takes=0.3)
    for number in range(20):
        bench.queue.add(f"small {number}")
        bench.queue.add(f"other {number}")
    began = bench.clock()
    for _ in range(200):
        bench.step()
    whole = bench.clock() - began

    assert bench.done
    assert 0.3 * len(bench.done) <= whole / 2 + 0.3


def test_a_failure_in_between_leaves_the_long_reconcile_as_it_was() -> None:
    bench = Bench()
    broken = GivingWay(bench.queue, bench.clock, lambda _: True, lambda _: (_ for _ in ()).throw(ValueError))
    broken.between_steps("long")
    bench.queue.add("small")
    bench.clock.advance(1.0)
    raised = 0
    for _ in range(2):
        try:
            broken.between_steps("long")
        except ValueError:
            raised += 1
            bench.queue.add("other")
            bench.clock.advance(1.0)

    assert raised == 2
