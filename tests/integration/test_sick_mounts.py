"""Trouble of one mount, one Vault namespace or some paths stays there: other paths do not notice.

A proxy spoils the answers of a real OpenBao about some paths of one daemon. Healthy definitions in another
mount, in another Vault namespace and right beside the sick paths must stay fresh and Ready, whatever the
trouble is, and so must definitions that are made meanwhile.
"""

from __future__ import annotations

import secrets as random_source
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.world import World, new_world, source
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.fault_rules import RuleBuilder
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

BREAKER, PARTS = "secrets_manager_backend_breaker_open", "secrets_manager_backend_parts_open"
ALONE, BESIDE = 12, 3
# In these seconds twelve paths would be asked about a hundred and twenty times.
WATCHED = 10.0
# One second, less the tenth by which pauses vary.
SHORTEST_PAUSE = 0.9
# A requested pause is kept up to half a minute.
RECOVERY = 60.0
# Less than such a pause: healthy paths wait only for their own poll.
SOON = 25.0
HTML = b"<html><body>Bad Gateway</body></html>"

TROUBLES: Mapping[str, tuple[str, Callable[[RuleBuilder], object]]] = {
    "a quota with a long pause": ("BackendThrottled", lambda rule: rule.reply(429, retry_after=60)),
    "a quota": ("BackendThrottled", lambda rule: rule.vault_error(429, "rate limit quota exceeded")),
    "500 for good": ("BackendUnavailable", lambda rule: rule.vault_error(500, "internal error")),
    "a proxy's page": (
        "BackendUnavailable",
        lambda rule: rule.reply(502, HTML, {"Content-Type": "text/html"}),
    ),
    "a page with 200": ("BackendUnavailable", lambda rule: rule.html()),
    "a reset": ("BackendUnavailable", lambda rule: rule.reset()),
    "silence": ("BackendTimeout", lambda rule: rule.hang()),
    "a drip": ("BackendTimeout", lambda rule: rule.drip_headers(0.05)),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A KV2 secret: its path as definitions write it, and how it is written."""

    mount: str
    name: str
    vault_namespace: str = ""

    @property
    def path(self) -> str:
        parts = (self.vault_namespace, self.mount, "data", self.name)
        return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A daemon and the definitions it serves, by the name of the definition."""

    world: World
    proxy: FaultProxy
    namespace: str
    daemon: DaemonProcess
    sick: Mapping[str, Place]
    well: Mapping[str, Place]

    def write(self, place: Place, value: str) -> None:
        self.world.openbao.write_kv2(
            place.name, {"a": value}, mount=place.mount, namespace=place.vault_namespace or None
        )

    def add(self, name: str, place: Place, value: str = "1") -> None:
        self.write(place, value)
        self.world.define(self.namespace, name, {"a": source(place.path, "a")})

    def arrives(self, places: Mapping[str, Place], patience: float) -> None:
        """Change each of these and wait for its Secret."""
        value = random_source.token_hex(4)
        for place in places.values():
            self.write(place, value)
        wait_until(
            lambda: all(self.world.data(self.namespace, name) == {"a": value} for name in places),
            patience,
            f"changes of {sorted(places)}",
        )

    def ready_since(self) -> dict[str, Any]:
        """Since when each healthy definition is Ready; another time means that it was not so in between."""
        conditions = {name: self.world.condition(self.namespace, name) for name in self.well}
        assert {each["status"] for each in conditions.values()} == {"True"}
        return {name: each["lastTransitionTime"] for name, each in conditions.items()}


@pytest.fixture(scope="module")
def stage(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    namespace = definitions_api.create_namespace()
    with (
        FaultProxy(openbao.url) as proxy,
        new_world(definitions_api, openbao, tmp_path_factory.mktemp("sick")) as world,
    ):
        sick, well = _places(world)
        flags = (
            "-reconcile-period=1s",
            "-config.backend-timeout=1500ms",
            f"-watch-namespaces={namespace}",
        )
        with world.daemon(*flags, VAULT_ADDR=proxy.url) as daemon:
            stage = Stage(world=world, proxy=proxy, namespace=namespace, daemon=daemon, sick=sick, well=well)
            for name, place in {**sick, **well}.items():
                stage.add(name, place)
            for name in (*sick, *well):
                world.wait_reason(namespace, name, "Synced")
            yield stage
            assert daemon.stop() == 0
    definitions_api.delete_namespace(namespace)


def _places(world: World) -> tuple[dict[str, Place], dict[str, Place]]:
    """The sick paths: a whole mount, a whole Vault namespace, and some beside healthy ones.

    On a server without namespaces, mounts at the same paths stand for them.
    """
    bao, prefix = world.openbao, world.prefix
    ill, team, other = f"ill-{prefix}", f"team-{prefix}", f"other-{prefix}"
    bao.enable_engine(ill, "kv", {"version": "2"})
    for space in (team, other):
        _make_space(bao, space)
    bao.read_policy(
        prefix,
        f"secret/data/{prefix}/*",
        f"{ill}/data/*",
        f"{team}/deep/kv/data/*",
        f"{other}/deep/kv/data/*",
    )
    sick = {f"sick-mount-{number}": Place(ill, f"sick-{number}") for number in range(ALONE)}
    for number in range(BESIDE):
        sick[f"sick-space-{number}"] = _in_space(bao, team, f"sick-{number}")
        sick[f"sick-beside-{number}"] = Place("secret", f"{prefix}/sick-{number}")
    well = {
        "well-beside": Place("secret", f"{prefix}/well"),
        "well-space": _in_space(bao, other, "well"),
    }
    return sick, well


def _make_space(bao: OpenBao, space: str) -> None:
    if not bao.program.has_namespaces:
        bao.enable_engine(f"{space}/deep/kv", "kv", {"version": "2"})
        return
    bao.create_namespace(space)
    mount = {"type": "kv", "options": {"version": "2"}}
    bao.request("POST", "sys/mounts/deep/kv", mount, namespace=space)


def _in_space(bao: OpenBao, space: str, name: str) -> Place:
    if bao.program.has_namespaces:
        return Place("deep/kv", name, space)
    return Place(f"{space}/deep/kv", name)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_of_some_paths_reaches_no_other_path(stage: Stage, trouble: str) -> None:
    reason, spoil = TROUBLES[trouble]
    before = stage.ready_since()
    spoil(stage.proxy.on("GET", "/v1/.*/sick-[0-9]+"))
    try:
        for name in stage.sick:
            stage.world.wait_reason(stage.namespace, name, reason)
        for _ in range(3):
            stage.arrives(stage.well, SOON)
        new = random_source.token_hex(3)
        mount = stage.sick["sick-mount-0"].mount
        stage.add(f"new-beside-{new}", Place("secret", f"{stage.world.prefix}/new-{new}"))
        stage.add(f"new-in-mount-{new}", Place(mount, f"new-{new}"))
        for name in (f"new-beside-{new}", f"new-in-mount-{new}"):
            stage.world.wait_data(stage.namespace, name, {"a": "1"})
        assert stage.daemon.metric(BREAKER) == 0
        assert stage.ready_since() == before
    finally:
        stage.proxy.clear()
    stage.arrives({**stage.sick, **stage.well}, RECOVERY)
    for name in stage.sick:
        stage.world.wait_reason(stage.namespace, name, "Synced")
    assert stage.ready_since() == before
    wait_until(lambda: stage.daemon.metric(PARTS) == 0, RECOVERY, "nothing is sick any more")


def test_a_whole_mount_that_is_sick_is_asked_about_once_a_second_and_is_back_within_seconds(
    stage: Stage,
) -> None:
    mount = stage.sick["sick-mount-0"].mount
    for definition in list(stage.world.cluster.api.list(_all(stage))):
        name = definition["metadata"]["name"]
        if name.startswith("new-in-mount-"):
            stage.world.cluster.api.delete(f"{_all(stage)}/{name}")
    places = {name: place for name, place in stage.sick.items() if place.mount == mount}
    rule = stage.proxy.on("GET", f"/v1/{mount}/.*").vault_error(500, "internal error")
    for name in places:
        stage.world.wait_reason(stage.namespace, name, "BackendUnavailable")
    # Only now, when all are known to be sick: for some seconds the healthy paths of the definitions that were
    # just deleted count as well, and until then each sick path is a part by itself and asked once a second.
    wait_until(lambda: stage.daemon.metric(PARTS) == 1, RECOVERY, "the mount is found sick")
    hits, began = rule.hits, time.monotonic()
    while time.monotonic() < began + WATCHED:
        stage.arrives(stage.well, SOON)
    # No pause is shorter than this, whatever stands still meanwhile. One call may have been on its way.
    assert rule.hits - hits <= (time.monotonic() - began) / SHORTEST_PAUSE + 2

    rule.remove()
    stage.arrives(places, SOON)


def _all(stage: Stage) -> str:
    return f"/apis/secrets-manager.tuenti.io/v1alpha1/namespaces/{stage.namespace}/secretdefinitions"
