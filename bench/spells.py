"""Spells of trouble: what one scenario after the other needs that has something fail while values change."""

from __future__ import annotations

import time
from collections.abc import Mapping

from bench.corpus import pages
from bench.plans import Plan
from bench.world import World
from tests.testbed.kube_api import definitions

Values = Mapping[str, Mapping[str, str]]


class Beat:
    """Lets each spell begin at the same point of the poll period, so that the same changes wait as long."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._first = time.monotonic()

    def wait(self) -> None:
        """Return at that point."""
        time.sleep(self._period - (time.monotonic() - self._first) % self._period)


def halves(new: Values) -> tuple[Values, Values]:
    """The values of the first half of the paths, and of the others."""
    paths = list(new)
    first = paths[: len(paths) // 2]
    return {path: new[path] for path in first}, {path: new[path] for path in paths[len(first) :]}


def ready_since(world: World, plan: Plan) -> Mapping[str, str]:
    """Since when each definition of a plan is Ready, as its condition says; those that are not are left out.

    A definition that was not Ready in between is Ready since another time.
    """
    return {
        name: ready["lastTransitionTime"]
        for name, ready in conditions(world, plan).items()
        if ready["status"] == "True"
    }


def conditions(world: World, plan: Plan) -> Mapping[str, Mapping[str, str]]:
    """The Ready condition of each definition of a plan that has one, by name."""
    found = {}
    for namespace in plan.namespaces:
        for each in pages(world.bed.cluster.api, definitions(namespace)):
            for condition in each.get("status", {}).get("conditions", []):
                if condition["type"] == "Ready":
                    found[each["metadata"]["name"]] = condition
    return found
