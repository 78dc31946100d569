"""Lists and watches that fail in several ways at once, while everything changes: nothing is missed."""

from __future__ import annotations

import random

import pytest

from secrets_manager.cluster.base import SECRETS, Expired
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized, ClusterUnavailable, Forbidden
from tests.unit.sync.world import TEAM, World, wanting

FAULTS = (Expired("410"), ClusterUnavailable("500"), ClusterUnauthorized("401"), Forbidden("403"))
NAMES = [f"app-{number}" for number in range(6)]


class Turmoil:
    """A world in which, by the seed, faults and changes come in any order."""

    def __init__(self, seed: int) -> None:
        self.world = World()
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self.defined: set[str] = set()
        for name in NAMES:
            self.world.backend.put(name, {"user": "alice"})
            self.toggle(name)
        self.world.start()

    def toggle(self, name: str) -> None:
        if name in self.defined:
            self.defined.remove(name)
            self.world.delete(Ref(TEAM, name))
        else:
            self.defined.add(name)
            self.world.define(name, spec=wanting(name, name))

    def happen(self) -> None:
        chance, world = self._chance, self.world
        for verb in ("list", "watch"):
            for plural in ("secrets", "secretdefinitions"):
                faults = chance.choices(FAULTS, k=chance.randrange(3))
                world.cluster.fail_next(verb, plural, *faults)
        if chance.random() < 0.3:
            world.cluster.compact()
        name = chance.choice(NAMES)
        self.toggle(name)
        name = chance.choice(NAMES)
        if world.secret(name):
            if chance.random() < 0.5:
                world.edit_secret(name, user="mallory")
            else:
                world.delete(Ref(TEAM, name), SECRETS)
        world.pass_time(chance.randrange(1, 9))


@pytest.mark.parametrize("seed", range(6))
def test_after_any_faults_of_lists_and_watches_together_all_is_in_step(seed: int) -> None:
    turmoil = Turmoil(seed)
    for _ in range(12):
        turmoil.happen()
    world = turmoil.world
    world.cluster.calm()
    world.pass_time(400, step=4)
    for name in NAMES:
        if name not in turmoil.defined and world.secret(name):
            # Kubernetes' garbage collector: nobody saw the definition of this one go.
            assert world.metadata(name)["ownerReferences"]
            world.delete(Ref(TEAM, name), SECRETS)
    world.pass_time(30)

    held = {name: world.data(name) for name in NAMES}
    assert held == {name: {"user": "alice"} if name in turmoil.defined else None for name in NAMES}
