"""Fields about the life of sources, with a real OpenBao and a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.world import PATIENCE, World
from tests.testbed.daemon import DaemonProcess
from tests.testbed.waiting import wait_until


@pytest.fixture(scope="module", autouse=True)
def daemon(world: World) -> Iterator[DaemonProcess]:
    with world.daemon("-reconcile-period=1s") as running:
        running.wait_ready()
        yield running


def _define(world: World, namespace: str, name: str, **fields: Any) -> None:
    """A definition of the path of its name, which is in step when this returns."""
    world.write(name, user="ada", password="first")
    world.define(namespace, name, {})
    path = {"path": world.path(name)}
    world.change(namespace, name, {"spec": {"keysMap": None, "dataFrom": [path], **fields}})
    world.wait_data(namespace, name, {"user": "ada", "password": "first"})
    wait_until(
        lambda: world.found(namespace, name)["status"].get("sources"), PATIENCE, f"the sources of {name}"
    )


@pytest.mark.parametrize("way", ["purged", "deleted"])
def test_a_secret_goes_and_comes_with_its_path_if_that_is_wished(
    world: World, namespace: str, way: str, daemon: DaemonProcess
) -> None:
    for name, word in (("goes", "Delete"), ("stays", "Keep")):
        _define(world, namespace, name, onSourceGone=word)
        path = f"{world.prefix}/{name}"
        (world.openbao.purge_kv2 if way == "purged" else world.openbao.delete_kv2)(path)

    world.wait_data(namespace, "goes", None)
    world.wait_reason(namespace, "goes", "SourceGone")
    world.wait_event(namespace, "goes", "Deleted")
    assert daemon.logged("Secret deleted", namespace=namespace, secret="goes", reason="SourceGone")
    assert world.data(namespace, "stays") == {"user": "ada", "password": "first"}

    world.write("goes", user="ada", password="second")
    world.wait_data(namespace, "goes", {"user": "ada", "password": "second"})
    world.wait_reason(namespace, "goes", "Synced")


def test_a_path_that_loses_a_key_shrinks_no_secret_that_refuses_it(world: World, namespace: str) -> None:
    _define(world, namespace, "refuses", onShrink="Refuse")
    world.write("refuses", user="ada")
    world.wait_reason(namespace, "refuses", "WouldShrink")
    assert world.data(namespace, "refuses") == {"user": "ada", "password": "first"}

    world.change(namespace, "refuses", {"spec": {"onShrink": "Warn"}})
    world.wait_data(namespace, "refuses", {"user": "ada"})
    world.wait_event(namespace, "refuses", "Shrunk")


def test_a_path_is_read_as_often_as_its_definition_wishes(world: World, namespace: str) -> None:
    _define(world, namespace, "seldom", refreshPeriod="168h")
    _define(world, namespace, "often")
    before = world.reads("seldom")
    world.wait_polls("often", 5)
    assert world.reads("seldom") <= before + 1

    world.change(namespace, "seldom", {"spec": {"refreshPeriod": "1s"}})
    world.wait_polls("seldom", 3)
