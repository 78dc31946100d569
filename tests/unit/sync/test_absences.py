"""`optional` and `default` speak of what the backend says is not there, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.errors import (
    BackendUnavailable,
    EngineMismatch,
    PermissionDenied,
    SecretsManagerError,
    SourceDisabled,
    SourceNotFound,
)
from tests.unit.sync.world import NOTHING, World, wanting

KEYS = {
    "user": {"path": "app", "key": "user"},
    "banner": {"path": "app", "key": "banner", "optional": True},
    "extra": {"path": "extra", "key": "text", "optional": True},
    "region": {"path": "extra", "key": "region", "default": "eu"},
}
Change = Callable[[MemoryBackend], object]


@pytest.fixture
def world() -> World:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define(spec={**wanting(), "keysMap": KEYS})
    return world.start()


def test_a_secret_is_made_without_what_is_not_there(world: World) -> None:
    assert world.data() == {"user": "alice", "region": "eu"}
    assert world.condition() == ("True", "Synced")
    assert world.status()["sources"] == [{"path": "app", "version": "1"}, {"path": "extra", "version": ""}]
    with world.spending() as spent:
        world.pass_time()
    assert spent.calls == NOTHING.calls
    assert spent.reads == 2


@pytest.mark.parametrize(
    "go",
    [
        pytest.param(lambda backend: backend.soft_delete("extra"), id="deleted"),
        pytest.param(lambda backend: backend.destroy("extra"), id="destroyed"),
        pytest.param(lambda backend: backend.delete("extra"), id="never written"),
        pytest.param(lambda backend: backend.put("extra", {}), id="emptied"),
        pytest.param(lambda backend: backend.put("extra", {"text": None, "region": None}), id="null"),
    ],
)
def test_what_comes_and_goes_in_the_backend_comes_and_goes_in_the_secret(world: World, go: Change) -> None:
    world.backend.put("extra", {"text": "more", "region": "us"})
    world.pass_time()
    assert world.data() == {"user": "alice", "extra": "more", "region": "us"}

    go(world.backend)
    world.pass_time()
    assert world.data() == {"user": "alice", "region": "eu"}
    assert world.condition() == ("True", "Synced")


@pytest.mark.parametrize(
    "fault",
    [
        PermissionDenied("extra"),
        EngineMismatch("extra", "kv2"),
        SourceDisabled("extra"),
        SourceNotFound("extra", "for KV version 2 the path needs data/ after the mount"),
        BackendUnavailable("no connection"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_refusal_an_outage_or_a_mistake_is_no_absence(world: World, fault: SecretsManagerError) -> None:
    world.backend.put("extra", {"text": "more", "region": "us"})
    world.pass_time()
    world.backend.fail_with(fault, path="extra")
    world.pass_time(30)

    assert world.data() == {"user": "alice", "extra": "more", "region": "us"}
    assert world.condition() == ("False", fault.reason)


def test_a_path_that_others_need_is_missing_for_those_only(world: World) -> None:
    world.define("other", spec=wanting("other", path="extra", key="text"))
    world.settle()

    assert world.condition("other") == ("False", "SourceNotFound")
    assert world.condition() == ("True", "Synced")


def test_a_path_that_the_policy_refuses_is_not_left_out() -> None:
    world = World(policy=("app",))
    world.backend.put("app", {"user": "alice"})
    world.define(spec={**wanting(), "keysMap": KEYS})
    world.start()

    assert world.condition() == ("False", "PathNotAllowed")
    assert world.data() is None


def test_an_optional_key_counts_no_error(world: World) -> None:
    assert world.telemetry.failed_keys == []
