"""The places to wait in for what does not answer, of all backends together."""

from __future__ import annotations

import random

import pytest

from secrets_manager.sync.reading.waiting_room import Try, WaitingRoom
from tests.unit.sync.doubles import FakeClock

A, B, C = "a", "b", "c"


class Bench:
    def __init__(self, workers: int = 16, backends: str = "abc") -> None:
        self.clock = FakeClock()
        self.room = WaitingRoom(workers, self.clock)
        for backend in backends:
            self.room.admit(backend)

    def takes(self, backend: str, tries: int = 1) -> int:
        """How many of so many tries to take a place succeed."""
        return sum(self.room.take(backend) for _ in range(tries))


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (2, 1), (3, 1), (4, 2), (16, 8), (17, 8)])
def test_half_of_the_workers_have_places_and_at_least_one(workers: int, most: int) -> None:
    bench = Bench(workers)

    assert bench.takes(A, most + 3) == most
    assert bench.takes(B) == 0


def test_a_place_that_becomes_free_goes_to_the_backend_that_was_turned_away_first() -> None:
    bench = Bench()
    bench.takes(A, 8)
    assert [bench.takes(each) for each in (B, C, A)] == [0, 0, 0]
    bench.room.give_back(A, bench.clock())

    assert [bench.takes(each) for each in (A, C, B, C)] == [0, 0, 1, 0]
    bench.room.give_back(A, bench.clock())
    assert [bench.takes(each) for each in (A, C)] == [0, 1]


def test_two_free_places_are_kept_for_the_first_two() -> None:
    bench = Bench()
    bench.takes(A, 8)
    assert [bench.takes(each) for each in (B, C)] == [0, 0]
    for _ in range(2):
        bench.room.give_back(A, bench.clock())

    assert [bench.takes(each) for each in (A, C, B)] == [0, 1, 1]


def test_who_comes_no_more_loses_its_turn() -> None:
    bench = Bench()
    bench.takes(A, 8)
    assert bench.takes(B) == 0
    bench.room.give_back(A, bench.clock())
    assert bench.takes(A) == 0
    bench.clock.advance(3.5)

    assert bench.takes(A) == 1


@pytest.mark.parametrize(("workers", "rest"), [(1, 3.0), (2, 1.0)])
def test_the_one_place_of_few_workers_rests_for_all_backends(workers: int, rest: float) -> None:
    bench = Bench(workers)
    began = bench.clock()
    assert bench.takes(A) == 1
    bench.clock.advance(5.0)
    bench.room.give_back(A, began)
    bench.clock.advance(5.0 * rest - 0.1)
    assert bench.takes(B) == 0
    bench.clock.advance(0.2)

    assert bench.takes(B) == 1


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_backend_counts_with_all_workers_while_no_other_is_in_trouble() -> None:
    bench = Bench()
    bench.takes(A, 2)
    bench.room.silent(A)

    assert bench.room.part(A) == 1.0


@pytest.mark.parametrize("trouble", ["has a place", "was turned away", "was silent"])
def test_each_that_is_in_trouble_counts_with_the_same_part(trouble: str) -> None:
    bench = Bench()
    if trouble == "has a place":
        bench.takes(B)
    elif trouble == "was turned away":
        bench.takes(A, 8)
        bench.takes(B)
    else:
        bench.room.silent(B)

    assert bench.room.part(A) == 0.5
    assert bench.room.part(C) == (1 / 3 if trouble == "was turned away" else 0.5)


def test_trouble_is_over_some_time_after_the_last_silence() -> None:
    bench = Bench()
    bench.room.silent(B)
    bench.clock.advance(16.0)

    assert bench.room.part(A) == 1.0


# ── mute backends ────────────────────────────────────────────────────────────────────────────────────


def begun(bench: Bench, backend: str) -> Try:
    found = bench.room.begin_try(backend, 0.5)
    assert found is not None
    return found


def test_a_backend_is_mute_from_a_silence_to_the_next_answer() -> None:
    bench = Bench()
    bench.room.silent(A)
    since = bench.clock()
    bench.clock.advance(1.0)
    bench.room.silent(A)

    assert (bench.room.mute_since(A), bench.room.mute_since(B)) == (since, None)
    bench.room.answered(A)
    assert bench.room.mute_since(A) is None


def test_a_backend_is_mute_while_a_try_is_late_and_nothing_was_answered_since_it_began() -> None:
    bench = Bench()
    began, held = bench.clock(), begun(bench, A)
    assert bench.room.mute_since(A) is None
    bench.clock.advance(0.6)

    assert bench.room.mute_since(A) == began
    bench.room.end_try(held)
    assert bench.room.mute_since(A) is None


def test_one_late_try_of_a_backend_that_answers_is_no_silence() -> None:
    bench = Bench()
    begun(bench, A)
    bench.clock.advance(0.3)
    bench.room.answered(A)
    bench.clock.advance(10.0)

    assert bench.room.mute_since(A) is None


def test_late_tries_count_like_places() -> None:
    bench = Bench()
    held = [begun(bench, A) for _ in range(6)]
    assert bench.takes(B) == 1
    bench.clock.advance(0.6)

    assert bench.takes(C, 3) == 1
    bench.room.end_try(held[0])
    assert bench.takes(C) == 1


def test_the_only_backend_is_never_mute_and_its_tries_are_not_counted() -> None:
    bench = Bench(backends="a")
    bench.room.silent(A)

    assert bench.room.begin_try(A, 0.5) is None
    assert bench.room.mute_since(A) is None
    assert bench.room.part(A) == 1.0


# ── whatever happens ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(20))
def test_places_are_never_more_than_there_are_and_whoever_asks_every_second_gets_one(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible noise
    names = [f"b{number}" for number in range(chance.randint(2, 20))]
    workers = chance.choice([4, 8, 16])
    bench = Bench(workers, "")
    for name in names:
        bench.room.admit(name)
    held: list[tuple[float, str, float]] = []
    last = dict.fromkeys(names, bench.clock())
    # As many rounds of places as there are backends, each as long as a place is held, and a little more.
    longest = 6.0 * (len(names) / (workers // 2) + 2)
    for _ in range(600):
        bench.clock.advance(1.0)
        now = bench.clock()
        for place in [each for each in held if each[0] <= now]:
            held.remove(place)
            bench.room.give_back(place[1], place[2])
        for name in chance.sample(names, len(names)):
            if bench.room.take(name):
                held.append((now + chance.uniform(1.0, 5.0), name, now))
                last[name] = now
        assert len(held) <= workers // 2
        assert all(now - at <= longest for at in last.values())
