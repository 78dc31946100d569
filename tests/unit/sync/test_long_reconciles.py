"""A reconcile of very many paths delays no other definition, with however few workers."""

from __future__ import annotations

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS
from secrets_manager.domain.definition import Ref
from secrets_manager.runtime.terms import Terms
from tests.unit.sync.doubles import FakeClock
from tests.unit.sync.world import TEAM, World, wanting

MANY = 300
ELSEWHERE = "elsewhere"


class HookedBackend(MemoryBackend):
    """Each read takes 5 ms of the clock, and before one of them something happens."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.order: list[str] = []
        self.world: World | None = None
        self._clock = clock

    def read(self, source: Source, terms: Terms) -> Reading:
        self._clock.advance(0.005)
        self.order.append(source.path)
        if source.path == "bulk-50" and self.world is not None:
            self.happen(self.world)
        return super().read(source, terms)

    def happen(self, world: World) -> None:
        self.world = None
        define(world, "new", "new", ELSEWHERE)
        define(world, "same", "same", TEAM)
        world.deliver()


def define(world: World, name: str, path: str, namespace: str) -> None:
    body = {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": name},
        "spec": wanting(name, path),
    }
    with world.cluster.undisturbed():
        world.cluster.create(DEFINITIONS, namespace, body)


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_a_new_definition_elsewhere_is_served_in_the_middle_of_a_reconcile_of_many_paths(
    workers: int,
) -> None:
    clock = FakeClock()
    backend = HookedBackend(clock)
    world = World(clock=clock, backend=backend, workers=workers)
    paths = [f"bulk-{number}" for number in range(MANY)]
    for path in (*paths, "new", "same"):
        backend.put(path, {"user": "alice"})
    spec = wanting("bulk", paths[0])
    spec["keysMap"] = {path: {"path": path, "key": "user"} for path in paths}
    world.define("bulk", spec=spec)
    backend.world = world
    world.start()

    place = backend.order.index("new")
    assert 50 < place < 70
    # Of its own namespace nothing is done before its turn.
    assert backend.order.index("same") >= MANY
    assert backend.order.count("bulk-60") == 1
    assert world.cluster.snapshot(SECRETS, Ref(ELSEWHERE, "new")) is not None
    assert len(world.data("bulk") or ()) == MANY
