"""The semaphore that counts bytes: which threads wait, and which do not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from secrets_manager.runtime.byte_semaphore import ByteSemaphore


class Holder:
    """A thread that takes bytes and keeps them until it is released."""

    def __init__(self, room: ByteSemaphore, size: int) -> None:
        self.inside = threading.Event()
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._stay, args=(room, size), daemon=True)
        self._thread.start()

    def _stay(self, room: ByteSemaphore, size: int) -> None:
        with room.hold(size):
            self.inside.set()
            assert self._leave.wait(30)

    def leave(self) -> None:
        assert self.inside.wait(30)
        self._leave.set()
        self._thread.join(30)

    def waits(self, room: ByteSemaphore, behind: int = 0) -> None:
        """Until it stands in the line."""
        for _ in range(3000):
            if len(room._line) > behind:
                return
            threading.Event().wait(0.01)
        raise AssertionError("it does not wait")


@pytest.fixture
def room() -> Iterator[ByteSemaphore]:
    made = ByteSemaphore(100, light=10)
    yield made
    assert (made._used, len(made._line)) == (0, 0)


def test_requests_that_fit_together_hold_bytes_at_the_same_time(room: ByteSemaphore) -> None:
    with room.hold(60), room.hold(40):
        pass


def test_a_request_that_does_not_fit_waits_until_bytes_are_released(room: ByteSemaphore) -> None:
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


def test_a_request_larger_than_the_semaphore_holds_it_alone(room: ByteSemaphore) -> None:
    huge = Holder(room, 1000)
    assert huge.inside.wait(30)
    small = Holder(room, 10)
    small.waits(room)
    assert not small.inside.is_set()
    huge.leave()

    small.leave()


def test_a_light_request_never_waits(room: ByteSemaphore) -> None:
    with room.hold(100), room.hold(9):
        pass


def test_a_waiting_request_is_not_overtaken_by_a_later_one_that_would_fit(room: ByteSemaphore) -> None:
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


def test_a_block_that_raises_releases_its_bytes(room: ByteSemaphore) -> None:
    with contextlib.suppress(KeyError), room.hold(100):
        raise KeyError

    with room.hold(100):
        pass
