"""A process that is killed at any of its calls leaves nothing half done, and the next one continues."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from secrets_manager.cluster.base import Json, Resource
from secrets_manager.domain.definition import Ref
from tests.unit.sync.doubles import LossyCluster
from tests.unit.sync.world import TEAM, World, wanting


class Killed(BaseException):
    """Nothing catches this, as nothing outlives SIGKILL."""


class DeadlyCluster(LossyCluster):
    """Kills whoever makes a write too many, before or after the write is applied."""

    def __init__(self, *, applied: bool) -> None:
        super().__init__()
        self.writes_left = 1_000
        self._applied = applied

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        self._die(before=True)
        reply = super().create(resource, namespace, body)
        self._die(before=False)
        return reply

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        self._die(before=True)
        reply = super().replace(resource, ref, body, subresource=subresource)
        self._die(before=False)
        return reply

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        self._die(before=True)
        super().delete(resource, ref, preconditions)
        self._die(before=False)

    def _die(self, *, before: bool) -> None:
        if before != self._applied:
            self.writes_left -= 1
            if self.writes_left == 0:
                raise Killed


EXPECTED = {
    "stays": {"user": "bob"},
    "moved": {"user": "bob"},
    "new": {"user": "alice"},
    "moves": None,
}


def with_work_to_do(cluster: DeadlyCluster) -> World:
    """A value has changed, a definition is new, and one wants a Secret of another name."""
    world = World(cluster=cluster)
    for path in ("app", "other"):
        world.backend.put(path, {"user": "alice"})
    for name in ("stays", "moves"):
        world.define(name, spec=wanting(name))
    world.start().pass_time(10)
    world.backend.put("app", {"user": "bob"})
    world.define("new", spec=wanting("new", "other"))
    world.respecify(Ref(TEAM, "moves"), wanting("moved"))
    return world


def killed_until_done(world: World, cluster: DeadlyCluster, survived: int) -> World:
    """The last of some processes, each of which makes one write more than the one before."""
    for deaths in range(20):
        cluster.writes_left = survived + deaths
        try:
            world.settle()
            world.pass_time(20)
        except Killed:
            # Nothing is half done, and what was there still is.
            assert all(world.data(name) in ({"user": "alice"}, {"user": "bob"}, None) for name in EXPECTED)
            assert world.data("stays")
            assert world.data("moves") or world.data("moved")
            world = world.restarted()
        else:
            break
    return world


@pytest.mark.parametrize("survived", range(1, 9))
@pytest.mark.parametrize("applied", [False, True], ids=["before the write", "after the write"])
def test_whatever_write_kills_each_process_the_last_one_ends_the_work(
    survived: int, *, applied: bool
) -> None:
    cluster = DeadlyCluster(applied=applied)
    world = killed_until_done(with_work_to_do(cluster), cluster, survived)

    assert {name: world.data(name) for name in EXPECTED} == EXPECTED
    with world.spending() as spent:
        world.pass_time(10)
    assert spent.calls == {}
