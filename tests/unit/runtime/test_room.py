"""Room for so many bytes: who waits, and who does not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from secrets_manager.runtime.room import Room


class Holder:
    """Somebody on a thread of its own who takes room and keeps it until told."""

    def __init__(self, room: Room, size: int) -> None:
        self.inside = threading.Event()
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._stay, args=(room, size), daemon=True)
        self._thread.start()

    def _stay(self, room: Room, size: int) -> None:
        with room.of(size):
            self.inside.set()
            assert self._leave.wait(30)

    def leave(self) -> None:
        assert self.inside.wait(30)
        self._leave.set()
        self._thread.join(30)

    def waits(self, room: Room, behind: int = 0) -> None:
        """Until it stands in the line."""
        for _ in range(3000):
            if len(room._line) > behind:
                return
            threading.Event().wait(0.01)
        raise AssertionError("it does not wait")


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room(100, light=10)
    yield made
    assert (made._used, len(made._line)) == (0, 0)


def test_what_fits_together_is_in_together(room: Room) -> None:
    with room.of(60), room.of(40):
        pass


def test_what_does_not_fit_waits_until_somebody_leaves(room: Room) -> None:
    first, second = Holder(room, 60), Holder(room, 40)
    assert first.inside.wait(30)
    assert second.inside.wait(30)
    third = Holder(room, 50)
    third.waits(room)
    assert not third.inside.is_set()
    first.leave()
    assert third.inside.wait(30)

    third.leave()
    second.leave()


def test_what_is_larger_than_the_room_has_it_alone(room: Room) -> None:
    huge = Holder(room, 1000)
    assert huge.inside.wait(30)
    small = Holder(room, 10)
    small.waits(room)
    assert not small.inside.is_set()
    huge.leave()

    small.leave()


def test_what_is_light_never_waits(room: Room) -> None:
    with room.of(100), room.of(9):
        pass


def test_who_came_first_is_not_overtaken_by_what_would_fit(room: Room) -> None:
    first = Holder(room, 60)
    assert first.inside.wait(30)
    large = Holder(room, 100)
    large.waits(room)
    small = Holder(room, 20)
    small.waits(room, behind=1)
    assert not small.inside.is_set()
    first.leave()
    assert large.inside.wait(30)
    assert not small.inside.is_set()

    large.leave()
    small.leave()


def test_who_fails_leaves(room: Room) -> None:
    with contextlib.suppress(KeyError), room.of(100):
        raise KeyError

    with room.of(100):
        pass
