"""Definitions of very many paths in some namespaces do not hold up a new one elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration.world import World, new_world, source
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

PATHS, LARGE = 300, 20
PATIENCE = 120.0


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("turns")) as world:
        for number in range(PATHS):
            world.write(f"bulk-{number}", a="0")
        world.write("new", a="1")
        yield world


@pytest.mark.parametrize("workers", [1, 16])
@pytest.mark.parametrize("crowds", [1, 3])
def test_a_new_definition_is_served_before_earlier_reconciles_of_many_paths(
    world: World, crowds: int, workers: int
) -> None:
    cluster = world.cluster
    crowded = [cluster.create_namespace() for _ in range(crowds)]
    calm = cluster.create_namespace()
    keys = {f"k{number}": source(world.path(f"bulk-{number}"), "a") for number in range(PATHS)}
    large = [(namespace, f"large-{n}") for namespace in crowded for n in range(LARGE // crowds)]
    for namespace, name in large:
        world.define(namespace, name, keys)
    # The period is so long that no poll helps.
    flags = (
        f"-watch-namespaces={','.join([*crowded, calm])}",
        "-reconcile-period=1h",
        f"-workers={workers}",
    )
    with world.daemon(*flags) as daemon:
        # All others were listed before, and some are being reconciled already.
        wait_until(lambda: daemon.metric("secrets_manager_definitions") == len(large), PATIENCE, "all listed")
        defined = _version(world.define(calm, "new", world.keys("a", of="new")))
        for namespace, name in ((calm, "new"), *large):
            wait_until(partial(_is_there, world, namespace, name), PATIENCE, f"the Secret {name}")
        assert daemon.stop() == 0
    served = _version(world.secret(calm, "new"))
    between = [at for at in _versions(world, large) if defined < at < served]
    for namespace in (*crowded, calm):
        cluster.delete_namespace(namespace)

    # Those that were under way already may have ended in between.
    assert len(between) <= LARGE / 2


def _is_there(world: World, namespace: str, name: str) -> bool:
    return world.data(namespace, name) is not None


def _versions(world: World, names: list[tuple[str, str]]) -> list[int]:
    return [_version(world.secret(namespace, name)) for namespace, name in names]


def _version(stored: dict[str, Any]) -> int:
    """When it was written, by the count of all writes: no matter how late the test looks."""
    return int(stored["metadata"]["resourceVersion"])
