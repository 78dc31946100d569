"""Heavy values are handled a few at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import SECRETS
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Conflict
from secrets_manager.runtime.byte_semaphore import ByteSemaphore
from secrets_manager.runtime.terms import Terms
from tests.unit.sync.world import TEAM, World, wanting

HEAVY = "x" * 300_000


class CountedSemaphore(ByteSemaphore):
    """Remembers the sizes that were asked for, and how many threads are inside."""

    def __init__(self) -> None:
        super().__init__(4 * 1024 * 1024, light=64 * 1024)
        self.asked: list[int] = []
        self.inside = 0

    @contextlib.contextmanager
    def hold(self, size: int) -> Iterator[None]:
        self.asked.append(size)
        with super().hold(size):
            self.inside += 1
            try:
                yield
            finally:
                self.inside -= 1


def counted(**values: str) -> tuple[World, CountedSemaphore]:
    """A world that has not begun, with one definition of these values."""
    world, room = World(), CountedSemaphore()
    world.workforce.reconciler.room = room
    world.backend.put("app", dict(values))
    world.define("app", spec=wanting("app"))
    return world, room


def test_a_definition_takes_room_for_the_values_that_it_asks_for() -> None:
    world, room = counted(user="alice", other=HEAVY)
    spec = wanting("app")
    spec["keysMap"]["second"] = {"path": "second", "key": "user"}
    world.backend.put("second", {"user": "bob", "number": 7})
    world.respecify(Ref(TEAM, "app"), spec)
    world.start()

    assert world.data() == {"user": "alice", "second": "bob"}
    assert room.asked == [len("alice") + len("bob")]


def test_the_room_is_free_again_after_a_conflict() -> None:
    world, room = counted(user=HEAVY)
    world.cluster.fail_next("create", "secrets", Conflict("somebody was faster"))
    world.start()

    assert world.cluster.snapshot(SECRETS, Ref(TEAM, "app")) is not None
    assert room.asked == [300_000, 300_000]
    assert (room.inside, room._used) == (0, 0)


class WatchedBackend(MemoryBackend):
    """Notes at each read whether a thread is in the room."""

    def __init__(self, room: CountedSemaphore) -> None:
        super().__init__()
        self._room = room
        self.inside: list[int] = []

    def read(self, source: Source, terms: Terms) -> Reading:
        self.inside.append(self._room.inside)
        return super().read(source, terms)


def test_nothing_is_asked_of_the_backend_while_room_is_held() -> None:
    room = CountedSemaphore()
    backend = WatchedBackend(room)
    world = World(backend=backend)
    world.workforce.reconciler.room = room
    backend.put("app", {"user": HEAVY})
    world.define()
    world.start()

    assert backend.inside == [0]
    assert room.asked == [300_000]
