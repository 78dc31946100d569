"""Versions of a path of KV version 2, on the real API server and OpenBao."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.world import World, source
from tests.testbed.daemon import DaemonProcess
from tests.testbed.waiting import wait_until


@pytest.fixture(scope="module", autouse=True)
def daemon(world: World) -> Iterator[DaemonProcess]:
    with world.daemon("-reconcile-period=1s") as running:
        running.wait_ready()
        yield running


def _metadata(world: World, name: str, operation: str, version: int) -> None:
    """Delete, undelete or destroy a version."""
    path = world.path(name).replace("/data/", f"/{operation}/", 1)
    world.openbao.request("POST", path, {"versions": [version]})


def test_two_versions_of_a_path_in_one_secret_have_one_entry_in_the_status(
    world: World, namespace: str
) -> None:
    for text in ("first", "second"):
        world.write("licence", text=text)
    path = world.path("licence")
    world.define(
        namespace, "licence", {"old": {**source(path, "text"), "version": "1"}, "new": source(path, "text")}
    )
    world.change(namespace, "licence", {"spec": {"dataFrom": [{"path": path, "version": "2"}]}})
    world.wait_data(namespace, "licence", {"old": "first", "new": "second", "text": "second"})
    world.wait_reason(namespace, "licence", "Synced")
    assert world.found(namespace, "licence")["status"]["sources"] == [{"path": path, "version": "2, 1"}]

    world.write("licence", text="third")
    world.wait_data(namespace, "licence", {"old": "first", "new": "third", "text": "second"})
    wait_until(
        lambda: (
            world.found(namespace, "licence")["status"]["sources"] == [{"path": path, "version": "3, 1, 2"}]
        )
    )


def test_a_version_that_is_deleted_and_destroyed_is_reported_and_the_secret_stays(
    world: World, namespace: str
) -> None:
    for text in ("first", "second"):
        world.write("token", text=text)
    pinned = {**source(world.path("token"), "text"), "version": "1"}
    world.define(namespace, "token", {"text": pinned, "other": {**pinned, "version": "9", "default": "none"}})
    world.wait_data(namespace, "token", {"text": "first", "other": "none"})

    _metadata(world, "token", "delete", 1)
    assert "version 1 of path" in world.wait_reason(namespace, "token", "SourceDeleted")["message"]
    _metadata(world, "token", "undelete", 1)
    world.wait_reason(namespace, "token", "Synced")
    _metadata(world, "token", "destroy", 1)
    world.wait_reason(namespace, "token", "SourceDestroyed")
    assert world.data(namespace, "token") == {"text": "first", "other": "none"}

    world.change(namespace, "token", {"spec": {"keysMap": {"text": {"version": "2"}}}})
    world.wait_data(namespace, "token", {"text": "second", "other": "none"})


def test_what_is_no_version_is_reported_and_never_asked_for(world: World, namespace: str) -> None:
    world.write("plain", text="first")
    path = world.path("plain")
    world.define(namespace, "plain", {"text": {**source(path, "text"), "version": "latest"}})

    assert "whole number from 1" in world.wait_reason(namespace, "plain", "InvalidVersion")["message"]
    assert world.reads("plain") == 0
