"""Heavy values are handled a few at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import SECRETS
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Conflict
from secrets_manager.runtime.room import Room
from tests.unit.sync.world import TEAM, World, wanting

HEAVY = "x" * 300_000


class CountedRoom(Room):
    """Remembers what was asked for, and who is in it."""

    def __init__(self) -> None:
        super().__init__(4 * 1024 * 1024, light=64 * 1024)
        self.asked: list[int] = []
        self.inside = 0

    @contextlib.contextmanager
    def of(self, size: int) -> Iterator[None]:
        self.asked.append(size)
        with super().of(size):
            self.inside += 1
            try:
                yield
            finally:
                self.inside -= 1


def counted(**values: str) -> tuple[World, CountedRoom]:
    """A world that has not begun, with one definition of these values."""
    world, room = World(), CountedRoom()
    world.engine.work.reconciler.room = room
    world.backend.put("app", dict(values))
    world.define("app", spec=wanting("app"))
    return world, room


def test_a_definition_takes_room_for_all_that_its_paths_hold() -> None:
    world, room = counted(user="alice", other=HEAVY)
    spec = wanting("app")
    spec["keysMap"]["second"] = {"path": "second", "key": "user"}
    world.backend.put("second", {"user": "bob", "number": 7})
    world.respecify(Ref(TEAM, "app"), spec)
    world.start()

    assert world.data() == {"user": "alice", "second": "bob"}
    assert room.asked == [len("alice") + len(HEAVY) + len("bob")]


def test_the_room_is_free_again_whatever_came_of_it() -> None:
    world, room = counted(user=HEAVY)
    world.cluster.fail_next("create", "secrets", Conflict("somebody was faster"))
    world.start()

    assert world.cluster.snapshot(SECRETS, Ref(TEAM, "app")) is not None
    assert room.asked == [300_000, 300_000]
    assert (room.inside, room._used) == (0, 0)


class WatchedBackend(MemoryBackend):
    """Looks at each read whether somebody is in the room."""

    def __init__(self, room: CountedRoom) -> None:
        super().__init__()
        self._room = room
        self.inside: list[int] = []

    def read(self, source: Source) -> Reading:
        self.inside.append(self._room.inside)
        return super().read(source)


def test_nothing_is_asked_of_the_backend_while_room_is_held() -> None:
    room = CountedRoom()
    backend = WatchedBackend(room)
    world = World(backend=backend)
    world.engine.work.reconciler.room = room
    backend.put("app", {"user": HEAVY})
    world.define()
    world.start()

    assert backend.inside == [0]
    assert room.asked == [300_000]
