"""A process that is killed at any of its calls leaves the restart to the next, which makes it once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secrets_manager.cluster.base import Json, Resource
from secrets_manager.cluster.workloads import RESOURCES
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.restart_wish import WorkloadKind
from secrets_manager.domain.restarts import RESTARTED_FOR
from secrets_manager.domain.secret import LAST_UPDATE, RESTART_PENDING
from tests.unit.sync.doubles import LossyCluster
from tests.unit.sync.world import TEAM, World, wanting

DEPLOYMENTS = RESOURCES[WorkloadKind.DEPLOYMENT]
NAMES = ("shop", "search")


class Killed(BaseException):
    """Nothing catches this, as nothing outlives SIGKILL."""


class DeadlyCluster(LossyCluster):
    """Kills whoever makes a call too many, before or after it is applied."""

    def __init__(self, *, applied: bool) -> None:
        super().__init__()
        self.calls_left = 10_000
        self._applied = applied

    def get(self, resource: Resource, ref: Ref) -> Json:
        return self._deadly(super().get, resource, ref)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        return self._deadly(super().replace, resource, ref, body, subresource=subresource)

    def patch(self, resource: Resource, ref: Ref, body: Json) -> Json:
        return self._deadly(super().patch, resource, ref, body)

    def _deadly(self, call: Callable[..., Json], *args: Any, **keywords: Any) -> Json:
        self.calls_left -= 1
        if self.calls_left == 0 and not self._applied:
            raise Killed
        reply = call(*args, **keywords)
        if self.calls_left == 0:
            raise Killed
        return reply


def deployment(name: str) -> Json:
    return {"metadata": {"name": name}, "spec": {"template": {"metadata": {}, "spec": {}}}}


def with_a_change_to_come(cluster: DeadlyCluster) -> World:
    world = World(cluster=cluster)
    for name in NAMES:
        cluster.create(DEPLOYMENTS, TEAM, deployment(name))
    world.backend.put("app", {"user": "alice"})
    workloads = [{"kind": "Deployment", "name": name} for name in NAMES]
    world.define(spec=wanting(restart={"workloads": workloads}))
    world.start().pass_time(40)
    world.backend.put("app", {"user": "bob"})
    return world


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("survived", range(1, 13))
def test_whatever_call_is_the_last_each_workload_restarts_once(survived: int, *, applied: bool) -> None:
    cluster = DeadlyCluster(applied=applied)
    world = with_a_change_to_come(cluster)
    marks: dict[str, set[str]] = {name: set() for name in NAMES}
    cluster.calls_left = survived
    try:
        world.pass_time(60)
    except Killed:
        note(cluster, marks)
        cluster.calls_left = 10_000
        world = world.restarted().start()
        world.pass_time(60)
    note(cluster, marks)

    annotations = world.metadata()["annotations"]
    assert RESTART_PENDING not in annotations
    assert marks == {name: {annotations[LAST_UPDATE]} for name in NAMES}
    assert world.data() == {"user": "bob"}


def note(cluster: DeadlyCluster, marks: dict[str, set[str]]) -> None:
    """Add the marks that the workloads have now."""
    for name in NAMES:
        found = cluster.snapshot(DEPLOYMENTS, Ref(TEAM, name))
        assert found is not None
        mark = found["spec"]["template"]["metadata"].get("annotations", {}).get(RESTARTED_FOR)
        marks[name].update([mark] if mark else [])


def test_the_kills_reach_every_call() -> None:
    """A change takes no more calls than there are places to die above."""
    cluster = DeadlyCluster(applied=False)
    world = with_a_change_to_come(cluster)
    before = cluster.calls_left
    world.pass_time(60)

    assert 6 <= before - cluster.calls_left <= 12


@pytest.mark.parametrize("between", range(7))
def test_two_that_believe_to_lead_restart_once(monkeypatch: pytest.MonkeyPatch, between: int) -> None:
    """The second takes over at any call of the first, which then goes on."""
    cluster = DeadlyCluster(applied=False)
    first = with_a_change_to_come(cluster)
    first.pass_time(10)
    second = first.restarted().start()
    original, seen = LossyCluster.patch, 0

    def overtaken(self: LossyCluster, resource: Resource, ref: Ref, body: Json) -> Json:
        nonlocal seen
        seen += 1
        if seen == between:
            second.pass_time(60)
        return original(self, resource, ref, body)

    monkeypatch.setattr(LossyCluster, "patch", overtaken)
    first.pass_time(60)
    second.pass_time(60)

    annotations = first.metadata()["annotations"]
    found: dict[str, set[str]] = {name: set() for name in NAMES}
    note(cluster, found)
    assert found == {name: {annotations[LAST_UPDATE]} for name in NAMES}
    assert RESTART_PENDING not in annotations
    versions = [change for change in cluster._history if change.resource == DEPLOYMENTS]
    assert [change.type for change in versions] == ["ADDED"] * 2 + ["MODIFIED"] * 2
