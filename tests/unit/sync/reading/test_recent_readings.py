"""Readings that are kept for a moment, for reconciles that were requested before they began."""

from __future__ import annotations

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.runtime.json_view import view
from secrets_manager.sync.reading.recent_readings import RecentReadings
from tests.unit.sync.doubles import FakeClock
from tests.unit.sync.world import World

MIB = 1024 * 1024
APP = Source("app")
READING = Reading(APP, "1", {"user": "alice"})


def kept(clock: FakeClock, *, shared: bool = True) -> RecentReadings:
    return RecentReadings(lambda _: shared, clock)


@pytest.mark.parametrize(("since", "found"), [(9.0, True), (10.0, False), (11.0, False)])
def test_a_reading_is_given_only_to_reconciles_requested_before_it_began(
    since: float, *, found: bool
) -> None:
    recent = kept(FakeClock())
    recent.put(APP, READING, began_at=10.0)

    assert (recent.get(APP, since) is READING) == found


def test_the_reading_of_a_source_with_one_user_is_not_kept() -> None:
    recent = kept(FakeClock(), shared=False)
    recent.put(APP, READING, began_at=10.0)

    assert recent.get(APP, 9.0) is None


def test_a_read_that_failed_ends_the_reading_before() -> None:
    recent = kept(FakeClock())
    recent.put(APP, READING, began_at=10.0)
    recent.put(APP, None, began_at=11.0)

    assert recent.get(APP, 9.0) is None


def test_values_are_gone_after_five_seconds() -> None:
    clock = FakeClock()
    recent = kept(clock)
    recent.put(APP, READING, began_at=clock())

    clock.advance(4.9)
    recent.drop_old()
    assert recent.get(APP, 0.0) is READING
    clock.advance(0.1)
    recent.drop_old()
    assert recent.get(APP, 0.0) is None


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"file": "x" * 64 * 1024, "more": "x"}, False),
        ({"file": "x" * 60 * 1024}, True),
        ({"map": {"a": 1}}, True),
        ({"lists": [[] for _ in range(2_000)]}, False),
        ({"maps": {str(number): {} for number in range(1_000)}}, False),
        ({"file": "\U0001f511" + "x" * 20 * 1024}, False),
        ({f"key-{number}": "x" for number in range(2_000)}, False),
    ],
    ids=["texts", "a text", "a map", "many lists", "many maps", "wide letters", "many keys"],
)
def test_a_reading_that_takes_much_memory_is_not_kept(values: dict[str, object], *, found: bool) -> None:
    recent = kept(FakeClock())
    recent.put(APP, Reading(APP, "1", values), began_at=10.0)

    assert (recent.get(APP, 9.0) is not None) == found


def test_a_large_answer_is_weighed_by_its_bytes() -> None:
    recent = kept(FakeClock())
    for size in (1_000, 70_000):
        source = Source(f"app-{size}")
        recent.put(source, Reading(source, "1", view(b'{"a":"' + b"x" * size + b'"}')), began_at=10.0)

    assert recent.get(Source("app-1000"), 9.0) is not None
    assert recent.get(Source("app-70000"), 9.0) is None


def test_all_that_is_kept_is_four_mebibytes_at_most() -> None:
    clock = FakeClock()
    recent = kept(clock)
    sources = [Source(f"app-{number}") for number in range(100)]

    def found() -> int:
        return sum(recent.get(source, clock() - 1) is not None for source in sources)

    for source in sources:
        recent.put(source, Reading(source, "1", {"a": "x" * 60_000}), began_at=clock())
    assert 65 <= found() < 70
    # The same again takes no more room, and what was let go of leaves it to others.
    for source in sources:
        recent.put(source, Reading(source, "1", {"a": "x" * 60_000}), began_at=clock())
    assert 65 <= found() < 70
    clock.advance(5.0)
    recent.drop_old()
    assert found() == 0
    for source in reversed(sources):
        recent.put(source, Reading(source, "1", {"a": "x" * 60_000}), began_at=clock())
    assert 65 <= found() < 70


def test_no_more_than_256_readings_are_kept() -> None:
    recent = kept(FakeClock())
    for number in range(300):
        recent.put(Source(f"app-{number}"), READING, began_at=10.0)

    assert sum(recent.get(Source(f"app-{number}"), 9.0) is not None for number in range(300)) == 256


@pytest.mark.parametrize(
    ("others", "each"), [(0, 4 * MIB), (1, 2 * MIB), (19, 4 * MIB // 20), (63, MIB // 16)]
)
def test_what_all_backends_keep_together_is_no_more_than_one_alone_may_keep(others: int, each: int) -> None:
    world = World(others={f"b{number}": MemoryBackend() for number in range(others)})
    rooms = [upstream.options.recent_bytes for upstream in world.upstreams.values()]

    assert set(rooms) == {each}
    assert sum(rooms) <= 4 * MIB


def test_a_backend_keeps_no_more_than_its_part() -> None:
    recent = RecentReadings(lambda _: True, FakeClock(), most_bytes=MIB)
    sources = [Source(f"app-{number}") for number in range(100)]
    for source in sources:
        recent.put(source, Reading(source, "1", {"a": "x" * 60_000}), began_at=10.0)

    assert 15 <= sum(recent.get(source, 9.0) is not None for source in sources) < 18
