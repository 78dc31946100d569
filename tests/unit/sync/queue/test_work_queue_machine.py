"""Whatever is done to the queue in whatever order, no key is lost and none is worked on twice at a time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from secrets_manager.sync.queue.work_queue import Lane, WorkQueue
from tests.effort import share
from tests.silent import SilentSync
from tests.unit.sync.doubles import FakeClock

KEYS = st.sampled_from("abcd")
WORKERS = 4


class QueueMachine(RuleBasedStateMachine):
    """The model: which keys are waiting, which are in a pause, which are being worked on."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.queue = WorkQueue[str](
            workers=WORKERS, clock=self.clock, random=lambda: 0.5, telemetry=SilentSync()
        )
        self.owed: set[str] = set()
        self.paused: set[str] = set()
        self.working: set[str] = set()

    @rule(key=KEYS, lane=st.sampled_from(Lane))
    def add(self, key: str, lane: Lane) -> None:
        self.queue.add(key, lane)
        self.owed.add(key)
        self.paused.discard(key)

    @rule(key=KEYS, seconds=st.integers(min_value=1, max_value=20))
    def add_after(self, key: str, seconds: int) -> None:
        self.queue.add_after(key, seconds)
        if key not in self.owed:
            self.paused.add(key)

    @rule(key=KEYS)
    def fail(self, key: str) -> None:
        self.queue.retry(key)
        if key not in self.owed:
            self.paused.add(key)

    @rule()
    def take(self) -> None:
        key = self.queue.take(0)
        ready = self.owed - self.working
        if key is None:
            # Only the limit of routine work may hold something back.
            assert not ready or len(self.working) >= WORKERS - 2
            return
        assert key in ready
        self.owed.discard(key)
        self.working.add(key)

    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        if self.working:
            key = data.draw(st.sampled_from(sorted(self.working)))
            self.working.discard(key)
            self.queue.done(key)

    @rule()
    def let_all_pauses_end(self) -> None:
        self.clock.advance(1000)
        self.queue.release_due()
        self.owed |= self.paused
        self.paused.clear()

    @invariant()
    def it_holds_what_is_owed_and_no_more(self) -> None:
        assert self.queue.depth() == len(self.owed - self.working)
        assert sorted(self.queue.waiting()) == sorted(self.owed - self.working)
        assert len(self.queue.work_ages()) == len(self.working)
        assert self.queue.idle() == (not self.owed and not self.working)

    def teardown(self) -> None:
        for key in sorted(self.working):
            self.queue.done(key)
        self.let_all_pauses_end()
        found = []
        while (key_ := self.queue.take(0)) is not None:
            self.queue.done(key_)
            found.append(key_)
        assert sorted(found) == sorted(self.owed)


QueueMachine.TestCase.settings = settings(max_examples=share(60), stateful_step_count=30)
TestQueueMachine = QueueMachine.TestCase
