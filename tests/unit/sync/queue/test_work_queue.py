"""The one queue: lanes, de-duplication, pauses, and its figures."""

from __future__ import annotations

import math
import threading

import pytest

from secrets_manager.sync.queue.work_queue import BackOff, Lane, WorkQueue
from tests.silent import SilentSync
from tests.unit.sync.doubles import FakeClock, RecordedTelemetry


class Bench:
    """A queue of texts with a clock that moves when told."""

    def __init__(self, workers: int = 16, random: float = 0.5) -> None:
        self.clock = FakeClock()
        self.telemetry = RecordedTelemetry()
        self.queue = WorkQueue[str](
            workers=workers, clock=self.clock, random=lambda: random, telemetry=self.telemetry
        )

    def drain(self) -> list[str]:
        """Take and finish everything that is ready."""
        taken = []
        while (key := self.queue.take(0)) is not None:
            self.queue.done(key)
            taken.append(key)
        return taken

    def pass_time(self, seconds: float) -> list[str]:
        self.clock.advance(seconds)
        self.queue.release_due()
        return self.drain()


# ── order and de-duplication ─────────────────────────────────────────────────────────────────────────


def test_keys_come_in_the_order_in_which_they_were_added() -> None:
    bench = Bench()
    for key in "abc":
        bench.queue.add(key)

    assert bench.drain() == ["a", "b", "c"]


def test_a_key_that_waits_already_is_not_added_twice() -> None:
    bench = Bench()
    for key in "aba":
        bench.queue.add(key)

    assert bench.queue.depth() == 2
    assert bench.drain() == ["a", "b"]


def test_the_keys_that_wait_are_listed_lane_by_lane() -> None:
    bench = Bench()
    bench.queue.add("late", Lane.AFTER)
    bench.queue.add("now")
    bench.queue.add("soon", Lane.SOON)
    bench.queue.add("late", Lane.SOON)

    assert bench.queue.waiting() == ["now", "soon", "late"]
    assert bench.queue.waiting(Lane.SOON) == ["soon", "late"]
    assert bench.queue.waiting(Lane.AFTER, Lane.ROUTINE) == []
    assert bench.drain() == ["now", "soon", "late"]
    assert bench.queue.waiting() == []


def test_urgent_keys_overtake_routine_ones() -> None:
    bench = Bench()
    bench.queue.add("routine", Lane.ROUTINE)
    bench.queue.add("urgent")

    assert bench.drain() == ["urgent", "routine"]


def test_each_lane_overtakes_those_after_it() -> None:
    bench = Bench()
    for lane in reversed(Lane):
        bench.queue.add(lane.name, lane)

    assert bench.drain() == ["URGENT", "SOON", "AFTER", "ROUTINE"]


def test_a_key_moves_up_and_never_down() -> None:
    bench = Bench()
    for key, *lanes in (
        ("a", Lane.ROUTINE, Lane.SOON, Lane.ROUTINE),
        ("b", Lane.SOON, Lane.URGENT, Lane.SOON),
    ):
        for lane in lanes:
            bench.queue.add(str(key), Lane(lane))
    bench.queue.add("c", Lane.ROUTINE)

    assert bench.queue.depth() == 3
    assert bench.drain() == ["b", "a", "c"]


def test_a_retry_overtakes_routine_keys() -> None:
    bench = Bench()
    bench.queue.add_after("retry", 1)
    bench.queue.add("routine", Lane.ROUTINE)

    assert bench.pass_time(1) == ["retry", "routine"]


@pytest.mark.parametrize(
    ("late", "lane", "share"),
    [
        (Lane.ROUTINE, Lane.URGENT, 50),
        (Lane.ROUTINE, Lane.SOON, 50),
        (Lane.ROUTINE, Lane.AFTER, 50),
        (Lane.AFTER, Lane.URGENT, 20),
        (Lane.AFTER, Lane.SOON, 20),
    ],
)
def test_routine_gets_one_take_in_fifty_and_after_one_in_twenty(late: Lane, lane: Lane, share: int) -> None:
    bench = Bench()
    bench.queue.add("late", late)
    bench.queue.add("late too", late)
    for number in range(200):
        bench.queue.add(str(number), lane)
    taken = bench.drain()

    assert (taken.index("late"), taken.index("late too")) == (share - 1, 2 * share - 1)


def test_a_turn_that_comes_after_takes_none_from_what_is_routine() -> None:
    bench = Bench()
    bench.queue.add("routine", Lane.ROUTINE)
    for number in range(20):
        bench.queue.add(f"after {number}", Lane.AFTER)
    for number in range(200):
        bench.queue.add(str(number))
    taken = bench.drain()

    assert taken.index("routine") == 49
    # The turn of what is routine delays one of those by a key.
    assert [taken.index(f"after {number}") for number in range(4)] == [19, 39, 60, 80]


@pytest.mark.parametrize(
    ("own", "other", "pressed"),
    [
        (Lane.URGENT, Lane.URGENT, True),
        (Lane.SOON, Lane.URGENT, True),
        (Lane.SOON, Lane.SOON, True),
        (Lane.ROUTINE, Lane.ROUTINE, True),
        (Lane.URGENT, Lane.SOON, False),
        (Lane.SOON, Lane.AFTER, False),
        (Lane.SOON, Lane.ROUTINE, False),
    ],
)
def test_a_key_is_pressed_by_keys_that_are_as_urgent_or_more_urgent(
    own: Lane, other: Lane, *, pressed: bool
) -> None:
    bench = Bench()
    bench.queue.add("own", own)
    assert bench.queue.take(0) == "own"
    assert not bench.queue.is_pressed("own")
    bench.queue.add("other", other)

    assert bench.queue.is_pressed("own") is pressed


def test_a_key_is_known_from_when_it_is_ready_until_it_is_done() -> None:
    bench = Bench()
    assert not bench.queue.is_known("a")
    bench.queue.add("a")
    assert bench.queue.is_known("a")
    assert bench.queue.take(0) == "a"
    assert bench.queue.is_known("a")
    bench.queue.done("a")

    assert not bench.queue.is_known("a")


@pytest.mark.parametrize("lane", [Lane.URGENT, Lane.SOON, Lane.AFTER])
def test_however_many_keys_a_group_queued_another_group_waits_for_one_of_them(lane: Lane) -> None:
    queue = WorkQueue[str](
        workers=16, clock=FakeClock(), random=lambda: 0.5, telemetry=SilentSync(), group=lambda key: key[0]
    )
    for number in range(100):
        queue.add(f"a{number}", lane)
    queue.add("b", lane)

    assert [queue.take(0), queue.take(0), queue.take(0)] == ["a0", "b", "a1"]


def test_polls_come_as_they_were_due_whatever_their_groups() -> None:
    queue = WorkQueue[str](
        workers=16, clock=FakeClock(), random=lambda: 0.5, telemetry=SilentSync(), group=lambda key: key[0]
    )
    for key in ("a0", "a1", "b0"):
        queue.add(key, Lane.ROUTINE)

    assert [queue.take(0), queue.take(0), queue.take(0)] == ["a0", "a1", "b0"]


def test_routine_keys_of_a_group_keep_none_of_its_other_keys_waiting() -> None:
    clock = FakeClock()
    queue = WorkQueue[str](
        workers=16, clock=clock, random=lambda: 0.5, telemetry=SilentSync(), group=lambda key: key[0]
    )
    for number in range(60):
        queue.add(f"a{number}", Lane.ROUTINE)
    at_work = [queue.take(0) for _ in range(8)]
    assert queue.take(0) is None
    queue.add("a soon", Lane.SOON)
    queue.add("a after", Lane.AFTER)
    queue.add("b0", Lane.ROUTINE)
    # The group has its half; what is routine of another has the rest.
    assert [queue.take(0), queue.take(0)] == ["b0", None]
    taken = []
    # None of it is over in a moment.
    clock.advance(1)
    for key in at_work[:3]:
        queue.done(str(key))
        taken += [queue.take(0), queue.take(0)]

    assert taken == ["a soon", None, "a after", None, "a8", None]


def test_an_urgent_key_overtakes_a_full_queue_of_routine_keys() -> None:
    bench = Bench(workers=16)
    for number in range(10_000):
        bench.queue.add(f"routine {number}", Lane.ROUTINE)
    # As many as ever are at work, and all of them hang.
    while bench.queue.take(0) is not None:
        pass
    assert len(bench.queue.work_ages()) == 14
    bench.queue.add("new")
    bench.queue.add("newer")

    assert [bench.queue.take(0), bench.queue.take(0)] == ["new", "newer"]


def test_routine_keys_have_no_turn_of_their_own_while_as_many_as_may_be_are_at_work() -> None:
    bench = Bench(workers=3)
    for number in range(2):
        bench.queue.add(f"routine {number}", Lane.ROUTINE)
    assert bench.queue.take(0) == "routine 0"
    taken = []
    for number in range(60):
        bench.queue.add(str(number))
        key = bench.queue.take(0)
        assert key is not None
        bench.queue.done(key)
        taken.append(key)
    assert "routine 1" not in taken
    bench.queue.done("routine 0")
    bench.queue.add("urgent")

    assert bench.drain() == ["routine 1", "urgent"]


def test_a_routine_key_that_becomes_urgent_moves_up() -> None:
    bench = Bench()
    for key in "ab":
        bench.queue.add(key, Lane.ROUTINE)
    bench.queue.add("b")

    assert bench.queue.depth() == 2
    assert bench.drain() == ["b", "a"]


def test_an_urgent_key_stays_urgent_when_it_is_added_as_routine() -> None:
    bench = Bench()
    bench.queue.add("a", Lane.ROUTINE)
    bench.queue.add("b")
    bench.queue.add("b", Lane.ROUTINE)

    assert bench.drain() == ["b", "a"]


def test_a_key_that_is_worked_on_is_not_handed_out_and_runs_again_after() -> None:
    bench = Bench()
    bench.queue.add("a")
    assert bench.queue.take(0) == "a"
    bench.queue.add("a")
    assert bench.queue.take(0) is None

    bench.queue.done("a")
    assert bench.drain() == ["a"]


def test_the_most_urgent_add_while_a_key_is_worked_on_decides_its_lane() -> None:
    bench = Bench()
    bench.queue.add("a")
    bench.queue.take(0)
    bench.queue.add("b", Lane.ROUTINE)
    bench.queue.add("a", Lane.ROUTINE)
    bench.queue.add("a", Lane.URGENT)
    bench.queue.add("a", Lane.ROUTINE)
    bench.queue.done("a")

    assert bench.drain() == ["a", "b"]


# ── workers ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("workers", "at_once"), [(1, 1), (2, 1), (3, 1), (4, 2), (16, 14)])
def test_routine_work_never_takes_the_last_workers(workers: int, at_once: int) -> None:
    bench = Bench(workers=workers)
    for number in range(20):
        bench.queue.add(f"routine {number}", Lane.ROUTINE)
    taken = []
    while (key := bench.queue.take(0)) is not None:
        taken.append(key)

    assert len(taken) == at_once
    bench.queue.add("urgent")
    assert bench.queue.take(0) == "urgent"
    bench.queue.done(taken[0])
    assert bench.queue.take(0) is not None


def test_taking_waits_until_a_key_is_added() -> None:
    bench = Bench()
    taken: list[str | None] = []
    worker = threading.Thread(target=lambda: taken.append(bench.queue.take(30)), daemon=True)
    worker.start()
    bench.queue.add("a")
    worker.join(30)

    assert taken == ["a"]


def test_a_worker_that_waits_for_routine_work_gets_it_when_another_is_done() -> None:
    bench = Bench(workers=3)
    bench.queue.add("a", Lane.ROUTINE)
    bench.queue.add("b", Lane.ROUTINE)
    assert bench.queue.take(0) == "a"
    taken: list[str | None] = []
    worker = threading.Thread(target=lambda: taken.append(bench.queue.take(30)), daemon=True)
    worker.start()
    bench.queue.done("a")
    worker.join(30)

    assert taken == ["b"]


def test_nothing_to_take_within_the_time_is_none() -> None:
    assert Bench().queue.take(0.01) is None


def test_a_closed_queue_hands_out_nothing_more_and_wakes_threads_that_wait() -> None:
    bench = Bench()
    taken: list[str | None] = []
    worker = threading.Thread(target=lambda: taken.append(bench.queue.take()), daemon=True)
    worker.start()
    bench.queue.close()
    worker.join(30)
    bench.queue.add("a")

    assert taken == [None]
    assert bench.queue.take() is None


# ── pauses ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_in_a_pause_is_ready_when_the_pause_is_over() -> None:
    bench = Bench()
    bench.queue.add_after("a", 10)

    assert bench.pass_time(9) == []
    assert bench.pass_time(1) == ["a"]
    assert bench.pass_time(100) == []


def test_the_shorter_of_two_pauses_counts() -> None:
    bench = Bench()
    bench.queue.add_after("a", 10)
    bench.queue.add_after("a", 5)
    bench.queue.add_after("a", 20)

    assert bench.pass_time(5) == ["a"]
    assert bench.pass_time(100) == []


@pytest.mark.parametrize("paused_first", [True, False])
def test_a_key_that_is_added_has_no_pause_before_or_after(*, paused_first: bool) -> None:
    bench = Bench()
    if paused_first:
        bench.queue.add_after("a", 10)
    bench.queue.add("a")
    if not paused_first:
        bench.queue.add_after("a", 10)

    assert bench.drain() == ["a"]
    assert bench.pass_time(100) == []


@pytest.mark.parametrize("calls", [("add", "retry"), ("retry", "add")], ids=["asked first", "failed first"])
def test_a_key_that_will_run_again_anyway_needs_no_pause(calls: tuple[str, str]) -> None:
    bench = Bench()
    bench.queue.add("a")
    bench.queue.take(0)
    for call in calls:
        getattr(bench.queue, call)("a")
    bench.queue.done("a")

    assert bench.drain() == ["a"]
    assert bench.pass_time(1000) == []


def test_a_pause_that_ends_while_the_key_is_worked_on_has_it_run_again() -> None:
    bench = Bench()
    bench.queue.add("a")
    bench.queue.take(0)
    bench.queue.retry("a")
    assert bench.pass_time(10) == []

    bench.queue.done("a")
    assert bench.drain() == ["a"]


def pauses(bench: Bench, failures: int) -> list[float]:
    """The pauses after so many failures in a row."""
    found = []
    for _ in range(failures):
        bench.queue.retry("a")
        since = bench.clock()
        while not bench.pass_time(0.25):
            pass
        found.append(bench.clock() - since)
    return found


def test_pauses_double_up_to_the_cap() -> None:
    assert pauses(Bench(random=1.0), 11) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_pause_is_at_least_as_long_as_was_asked_for() -> None:
    bench = Bench(random=1.0)
    bench.queue.retry("a", at_least=7.0)

    assert bench.queue._delayed["a"] == bench.queue.clock() + 7.0


def test_after_a_success_pauses_start_with_the_shortest() -> None:
    bench = Bench(random=1.0)
    assert pauses(bench, 3) == [1, 2, 4]
    bench.queue.forget("a")

    assert pauses(bench, 1) == [1]


def test_a_key_that_a_person_must_mend_is_tried_after_about_the_cap() -> None:
    bench = Bench(random=0.5)
    bench.queue.retry_slowly("a")

    assert bench.pass_time(269) == []
    assert bench.pass_time(1) == ["a"]


@pytest.mark.parametrize("failures", [1, 5, 10, 10_000])
def test_a_pause_is_never_nothing_and_never_beyond_the_cap(failures: int) -> None:
    back_off = BackOff(base=1.0, cap=300.0)

    assert back_off.pause(failures, 0.0) == 0.25
    assert back_off.pause(failures, 1.0) <= 300.0


def test_slow_pauses_are_spread() -> None:
    back_off = BackOff(cap=300.0)

    assert (back_off.slow(0.0), back_off.slow(1.0)) == (240.0, 300.0)


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_queue_reports_its_depth_and_its_oldest_wait() -> None:
    bench = Bench()
    assert (bench.queue.depth(), bench.queue.oldest_wait()) == (0, 0.0)
    bench.queue.add("a", Lane.ROUTINE)
    bench.clock.advance(3)
    bench.queue.add("b")
    bench.clock.advance(2)

    assert (bench.queue.depth(), bench.queue.oldest_wait()) == (2, 5.0)


def test_a_key_that_moves_up_has_waited_since_it_was_first_added() -> None:
    bench = Bench()
    bench.queue.add("a", Lane.ROUTINE)
    bench.clock.advance(3)
    bench.queue.add("a")

    assert bench.queue.oldest_wait() == 3.0


def test_the_queue_reports_how_long_each_key_is_worked_on() -> None:
    bench = Bench()
    for key in "ab":
        bench.queue.add(key)
    bench.queue.take(0)
    bench.clock.advance(3)
    bench.queue.take(0)
    bench.clock.advance(1)

    assert sorted(bench.queue.work_ages()) == [1.0, 4.0]


def test_the_queue_is_idle_when_no_key_is_ready_or_worked_on() -> None:
    bench = Bench()
    assert bench.queue.idle()
    bench.queue.add("a")
    assert not bench.queue.idle()
    bench.queue.take(0)
    assert not bench.queue.idle()
    bench.queue.retry("a")
    bench.queue.done("a")
    assert bench.queue.idle()


def test_each_step_of_a_key_is_reported_to_telemetry() -> None:
    bench = Bench()
    bench.queue.add("a")
    bench.queue.add("a")
    bench.clock.advance(2)
    bench.queue.take(0)
    bench.clock.advance(3)
    bench.queue.retry("a")
    bench.queue.done("a")

    assert (bench.telemetry.adds, bench.telemetry.retries) == (1, 1)
    assert (bench.telemetry.waits, bench.telemetry.works) == ([2.0], [3.0])


def taken_now(queue: WorkQueue[str]) -> list[str]:
    """All that workers that are free may take."""
    return list(iter(lambda: queue.take(0), None))


def grouped(workers: int, clock: FakeClock) -> WorkQueue[str]:
    return WorkQueue[str](
        workers=workers, clock=clock, random=lambda: 0.5, telemetry=SilentSync(), group=lambda key: key[0]
    )


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (2, 1), (16, 8)])
def test_one_group_has_half_of_the_workers_and_the_rest_is_for_others(workers: int, most: int) -> None:
    queue = grouped(workers, FakeClock())
    for number in range(100):
        queue.add(f"a{number}")

    taken = []
    while (key := queue.take(0)) is not None:
        taken.append(key)
    assert len(taken) == most
    queue.add("b")
    assert queue.take(0) == "b"
    queue.done(taken[0])
    assert queue.take(0) == f"a{most}"


def test_a_group_whose_keys_are_done_in_a_moment_has_all_workers_but_two() -> None:
    queue = grouped(16, FakeClock())
    for number in range(100):
        queue.add(f"a{number}")
    at_work = taken_now(queue)
    for _ in range(20):
        queue.done(at_work.pop(0), takes_next=True)
        at_work += taken_now(queue)

    assert len(at_work) == 14
    queue.add("b")
    assert queue.take(0) == "b"


class CountedWakes(threading.Condition):
    """A condition that counts whom it wakes."""

    wakes = 0

    def notify(self, n: int = 1) -> None:
        self.wakes += n
        super().notify(n)


def counting_wakes(workers: int) -> tuple[WorkQueue[str], FakeClock, CountedWakes]:
    clock, wakes = FakeClock(), CountedWakes()
    queue = WorkQueue[str](
        workers=workers,
        clock=clock,
        random=lambda: 0.5,
        telemetry=SilentSync(),
        group=lambda key: key[0],
        _changed=wakes,
    )
    return queue, clock, wakes


def test_no_thread_is_woken_for_a_key_that_no_thread_may_take() -> None:
    queue, clock, wakes = counting_wakes(workers=4)
    for number in range(20):
        queue.add(f"a{number}", Lane.SOON)
    at_work = taken_now(queue)
    assert len(at_work) == 2
    before = wakes.wakes
    for _ in range(10):
        clock.advance(0.5)
        queue.done(at_work.pop(0), takes_next=True)
        at_work += taken_now(queue)

    assert wakes.wakes == before


def test_a_thread_that_takes_a_key_wakes_the_next_for_a_key_that_waited() -> None:
    queue, clock, wakes = counting_wakes(workers=16)
    for number in range(3):
        queue.add(f"a{number}", Lane.SOON)
    clock.advance(0.1)
    before = wakes.wakes

    assert [queue.take(0), queue.take(0), queue.take(0)] == ["a0", "a1", "a2"]
    assert wakes.wakes == before + 2


def test_a_thread_that_takes_nothing_next_wakes_another_for_a_key_that_can_be_taken() -> None:
    queue, _, wakes = counting_wakes(workers=4)
    for number in range(3):
        queue.add(f"a{number}")
    assert taken_now(queue) == ["a0", "a1"]
    before = wakes.wakes
    queue.done("a0")

    assert wakes.wakes == before + 1


def test_a_group_that_used_much_time_comes_after_a_group_that_did_not() -> None:
    clock = FakeClock()
    queue = grouped(16, clock)
    queue.add("a0")
    assert queue.take(0) == "a0"
    clock.advance(3.0)
    queue.done("a0")
    for key in ("a1", "a2", "b1", "b2", "b3"):
        queue.add(key)

    assert [queue.take(0) for _ in range(5)] == ["b1", "b2", "b3", "a1", "a2"]


def test_a_busy_worker_may_take_something_of_another_group_that_has_waited_for_a_moment() -> None:
    clock = FakeClock()
    queue = grouped(1, clock)
    queue.add("long")
    assert queue.take(0) == "long"
    for key in ("l2", "big", "small"):
        queue.add(key)
    assert queue.take_between("long", lambda _: True) is None
    clock.advance(0.05)

    assert queue.take_between("long", lambda key: key != "big") == "small"
    assert queue.is_known("small")
    queue.done("small")
    assert queue.take_between("long", lambda key: key != "big") is None
    queue.done("long")
    assert queue.take(0) == "big"


def test_a_key_taken_in_between_costs_no_place_of_keys_that_are_not_urgent() -> None:
    clock = FakeClock()
    queue = grouped(3, clock)
    queue.add("long", Lane.SOON)
    assert queue.take(0) == "long"
    queue.add("small", Lane.ROUTINE)
    clock.advance(0.05)
    assert queue.take_between("long", lambda _: True) == "small"
    queue.done("small")
    queue.done("long")
    queue.add("next", Lane.ROUTINE)

    assert queue.take(0) == "next"


# ── pauses of other kinds ────────────────────────────────────────────────────────────────────────────


class Steady:
    """Pauses of a second for each failure."""

    def pause(self, failures: int, random: float) -> float:
        return float(failures)


def test_other_pauses_may_be_given_and_count_failures_of_their_own() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(workers=1, clock=clock, random=lambda: 1.0, telemetry=SilentSync())
    steady, due = Steady(), []
    for pauses in (None, None, None, steady, steady, None):
        queue.retry("a", pauses=pauses)
        due.append(queue.until_due(math.inf))
        clock.advance(due[-1])
        queue.release_due()
        assert queue.take(0) == "a"
        queue.done("a")

    assert due == [1.0, 2.0, 4.0, 1.0, 2.0, 1.0]


def test_when_nothing_pauses_the_next_pause_is_never_over() -> None:
    queue: WorkQueue[str] = WorkQueue(
        workers=1, clock=FakeClock(), random=lambda: 1.0, telemetry=SilentSync()
    )

    assert queue.until_due(math.inf) == math.inf
    assert queue.until_due(5.0) == 5.0


def test_a_pause_that_is_over_is_due_at_once() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(workers=1, clock=clock, random=lambda: 1.0, telemetry=SilentSync())
    queue.add_after("a", 5.0)
    clock.advance(7.0)

    assert queue.until_due(5.0) == 0.0


def test_one_thread_waits_for_the_end_of_a_pause_and_another_for_one_that_is_over_sooner() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(workers=4, clock=clock, random=lambda: 1.0, telemetry=SilentSync())
    queue.add_after("a", 3.0)
    assert [queue.until_due(5.0) for _ in range(3)] == [3.0, 5.0, 5.0]

    queue.add_after("b", 1.0)
    assert [queue.until_due(5.0) for _ in range(3)] == [1.0, 5.0, 5.0]

    clock.advance(1.0)
    queue.release_due()
    assert queue.take(0) == "b"
    assert [queue.until_due(5.0) for _ in range(3)] == [2.0, 5.0, 5.0]


# ── polls of several backends ────────────────────────────────────────────────────────────────────────


class Backends:
    """A queue of polls, such as "slow 7", which are taken by sixteen workers and last as long as is said."""

    def __init__(self, **seconds: float) -> None:
        self.clock = FakeClock()
        self.queue = WorkQueue[str](
            workers=16,
            clock=self.clock,
            random=lambda: 0.5,
            telemetry=RecordedTelemetry(),
            group=lambda key: key.partition(" ")[0],
            polls_take_turns=True,
            shares_when_slow=lambda _: True,
        )
        self.seconds = seconds
        self.ends: list[tuple[float, str]] = []
        self.waited: dict[str, float] = {}
        self._since: dict[str, float] = {}

    def poll(self, key: str) -> None:
        self._since[key] = self.clock()
        self.queue.add(key, Lane.ROUTINE)
        self._take()

    def run(self, seconds: float) -> None:
        """Let the workers work for so long."""
        until = self.clock() + seconds
        while self.ends and min(self.ends)[0] <= until:
            at, key = min(self.ends)
            self.clock.advance(at - self.clock())
            self.ends.remove((at, key))
            self.queue.done(key)
            self._take()
        self.clock.advance(until - self.clock())

    def _take(self) -> None:
        while (key := self.queue.take(0)) is not None:
            self.waited[key] = self.clock() - self._since[key]
            self.ends.append((self.clock() + self.seconds[key.partition(" ")[0]], key))


def test_a_backend_with_slow_answers_and_very_many_polls_delays_no_poll_of_another() -> None:
    backends = Backends(slow=2.0, quick=0.005)
    for number in range(200):
        backends.poll(f"slow {number}")
    for number in range(100):
        backends.poll(f"quick {number}")
        backends.run(0.05)

    assert max(waited for key, waited in backends.waited.items() if key.startswith("quick")) == 0.0


def test_ten_backends_with_slow_answers_delay_polls_of_another_only_until_that_is_known() -> None:
    slow = {f"slow-{number}": 2.0 for number in range(10)}
    backends = Backends(**slow, quick=0.005)
    for number in range(100):
        for name in slow:
            backends.poll(f"{name} {number}")
    for number in range(200):
        backends.poll(f"quick {number}")
        backends.run(0.1)
    quick = [waited for key, waited in backends.waited.items() if key.startswith("quick")]
    # Two seconds of polls wait for the first answers.
    assert max(quick[:21]) <= 2.0
    assert quick[21:] == [0.0] * 179
