"""The first polls of keys that are reconciled anyway."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.sync.queue.poll_schedule import PollSchedule

PERIOD = 100.0


@given(keys=st.integers(1, 200), now=st.floats(0, 1e6))
def test_no_poll_doubles_the_first_reconcile_and_none_is_forgotten(keys: int, now: float) -> None:
    schedule = PollSchedule[int](PERIOD)
    for key in range(keys):
        schedule.add(key)
        schedule.served(key, now)

    early = schedule.take_due(now + PERIOD * 0.099)
    by_then = schedule.take_due(now + PERIOD * 1.101)

    assert early == []
    assert sorted(by_then) == list(range(keys))
