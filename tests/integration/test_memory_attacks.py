"""Definitions and values that are made to fill the memory: a real daemon stays small.

The pod's limit is 512 Mi; a definition that makes the daemon exceed it would end it again at each start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.world import NO_SECRET_LIST, PATIENCE, World, new_world, source
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

MOST_MIB = 160.0
# Only memory is measured: moving megabytes takes time on a machine with other work.
LONG = 8 * PATIENCE
pytestmark = pytest.mark.timeout(900)
MIB = 1024 * 1024
# Just below the size up to which one reply is read.
LARGEST = 8 * MIB - 4096


@pytest.fixture
def place(world: World) -> Iterator[str]:
    name = world.cluster.create_namespace()
    yield name
    world.cluster.delete_namespace(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An attack: its values, its definitions, and replies that OpenBao would not give."""

    world: World
    place: str
    proxy: FaultProxy

    def write(self, name: str, **data: Any) -> str:
        """Store a secret; returns its path."""
        self.world.write(name, **data)
        return self.world.path(name)

    def lie(self, name: str, values: bytes) -> str:
        """Answer a path with these values, which are JSON already; returns the path."""
        path = self.world.path(name)
        body = b'{"request_id":"r","lease_id":"","data":{"data":' + values + b',"metadata":{"version":1}}}'
        self.proxy.on("GET", f"/v1/{path}").reply(200, body, {"Content-Type": "application/json"})
        return path

    def wish(self, name: str, **spec: Any) -> None:
        """Add fields to the spec of a definition."""
        self.world.change(self.place, name, {"spec": spec})

    def define(self, name: str, keys: Mapping[str, tuple[str, str]], encoding: str | None = None) -> None:
        """Make a definition of these data keys, each with a path and a key."""
        self.world.define(
            self.place, name, {data_key: source(*where, encoding) for data_key, where in keys.items()}
        )


def many_keys_of_one_value(scene: Scene) -> dict[str, str]:
    path = scene.write("app", value="x" * 500_000)
    scene.define("many", {f"key-{number}": (path, "value") for number in range(1_000)})
    return {"many": "TooLarge"}


def many_base64_keys_of_one_value(scene: Scene) -> dict[str, str]:
    path = scene.write("coded", value="QUFB" * 150_000)
    scene.define("coded", {f"key-{number}": (path, "value") for number in range(1_000)}, "base64")
    return {"coded": "TooLarge"}


def many_large_paths(scene: Scene) -> dict[str, str]:
    paths = [scene.write(f"large-{number}", value="x" * 1_000_000) for number in range(100)]
    scene.define("paths", {f"key-{number}": (path, "value") for number, path in enumerate(paths)})
    return {"paths": "TooLarge"}


def many_definitions_of_one_large_value(scene: Scene) -> dict[str, str]:
    path = scene.write("shared", value="x" * 1_000_000)
    names = [f"shared-{number}" for number in range(60)]
    for name in names:
        scene.define(name, {"value": (path, "value")})
    return dict.fromkeys(names, "Synced")


def many_definitions_with_a_large_value_each(scene: Scene) -> dict[str, str]:
    names = [f"own-{number}" for number in range(40)]
    for name in names:
        scene.define(name, {"value": (scene.write(name, value="\u20ac" * 340_000), "value")})
    return dict.fromkeys(names, "Synced")


def documents_that_the_type_wants_parsed(scene: Scene) -> dict[str, str]:
    document = '{"a":[' + '{"":0},' * 140_000 + "0]}"
    path = scene.write("docker", config=document)
    names = [f"docker-{number}" for number in range(20)]
    for name in names:
        keys = {".dockerconfigjson": source(path, "config")}
        scene.world.define(scene.place, name, keys, secret_type="kubernetes.io/dockerconfigjson")
    return dict.fromkeys(names, "Synced")


def nested_lists_in_the_real_store(scene: Scene) -> dict[str, str]:
    lists: list[object] = [[] for _ in range(100_000)]
    names = [f"lists-{number}" for number in range(16)]
    for name in names:
        scene.define(name, {"value": (scene.write(name, lists=lists, text="t"), "text")})
    return dict.fromkeys(names, "Synced")


def lies(kind: str, values: bytes, reason: str, *, count: int = 8) -> Callable[[Scene], dict[str, str]]:
    """Make this number of paths with this answer, each with a definition that asks for the key ``text``."""

    def plant(scene: Scene) -> dict[str, str]:
        names = [f"{kind}-{number}" for number in range(count)]
        for name in names:
            scene.define(name, {"value": (scene.lie(name, values), "text")})
        return dict.fromkeys(names, reason)

    return plant


NUMBERS = b"[" + b",".join(b"%d" % number for number in range(300, 49_000)) + b"]"


def many_whole_paths(scene: Scene) -> dict[str, str]:
    names = [f"whole-{number}" for number in range(8)]
    for name in names:
        path = scene.lie(name, b"{" + b",".join(b'"key-%06d":"v"' % n for n in range(200_000)) + b"}")
        scene.define(name, {})
        scene.wish(name, dataFrom=[{"path": path, "include": [f"{n}*" for n in range(64)]}] * 64)
    return dict.fromkeys(names, "SourceTooLarge")


def many_inputs_of_one_large_value(scene: Scene) -> dict[str, str]:
    names = [f"inputs-{number}" for number in range(8)]
    for name in names:
        path = scene.lie(name, b'{"a":' + NUMBERS + b',"b":{"c":' + NUMBERS + b"}}")
        scene.define(name, {})
        inputs = {f"i{n}": {"path": path, "key": ("a", "#/b/c")[n % 2]} for n in range(256)}
        scene.wish(name, inputs=inputs, template={"x": "{{ i1 }}"})
    return dict.fromkeys(names, "TooLarge")


def pointers_into_large_texts(scene: Scene) -> dict[str, str]:
    names = [f"pointers-{number}" for number in range(8)]
    for name in names:
        texts = b",".join(b'"t%d":"%b"' % (n, b"[" + b"[]," * 45_000 + b"0]") for n in range(50))
        path = scene.lie(name, b"{" + texts + b"}")
        scene.define(name, {f"k{n}": (path, f"#/t{n % 50}/{n}") for n in range(500)}, "json")
    return dict.fromkeys(names, "DecodeError")


def filled(pattern: bytes, size: int = LARGEST) -> bytes:
    """``pattern`` again and again, up to this number of bytes."""
    return pattern * (size // len(pattern))


def with_text(values: bytes) -> bytes:
    return b'{"rest":' + values + b',"text":"t"}'


# As objects of Python each of these would take up to thirty times its bytes.
LIES = {
    "empty-lists": lies("lists", with_text(b"[" + filled(b"[],") + b"0]"), "SourceTooLarge"),
    "fewer-lists": lies("fewer", with_text(b"[" + filled(b"[],", MIB) + b"0]"), "SourceTooLarge"),
    "just-few-enough": lies("few", with_text(b"[" + filled(b"[],", 600_000) + b"0]"), "Synced"),
    "maps-of-one": lies("maps", with_text(b"[" + filled(b'{"":0},') + b"0]"), "SourceTooLarge"),
    "numbers": lies("numbers", with_text(b"[" + filled(b"1.5,") + b"0]"), "Synced"),
    "one-long-number": lies("number", with_text(filled(b"7")), "Synced"),
    "deep": lies("deep", with_text(filled(b"[", 400_000) + filled(b"]", 400_000)), "SourceTooLarge"),
    "wide-letters": lies(
        "wide", with_text(b'"\xf0\x9f\x94\x91' + filled(b"x", LARGEST - 64) + b'"'), "Synced"
    ),
    "keys": lies(
        "keys",
        b'{"text":"t"' + b"".join(b',"key-%06d":"v"' % n for n in range(200_000)) + b"}",
        "Synced",
        count=6,
    ),
    "long-keys": lies("names", b'{"text":"t","' + filled(b"k") + b'":"v"}', "Synced"),
    "too-large-a-text": lies("text", b'{"text":"' + filled(b"x") + b'"}', "TooLarge"),
    "too-large-a-wide-text": lies("broad", b'{"text":"\xf0\x9f\x94\x91' + filled(b"x") + b'"}', "TooLarge"),
    "escapes": lies("escapes", b'{"text":"' + filled(rb"\u0001", 6 * MIB) + b'"}', "Synced", count=6),
    "too-many-escapes": lies("more", b'{"text":"' + filled(rb"\u0001\n", LARGEST) + b'"}', "TooLarge"),
}
REAL: dict[str, Callable[[Scene], dict[str, str]]] = {
    "many keys of one value": many_keys_of_one_value,
    "many base64 keys of one value": many_base64_keys_of_one_value,
    "many large paths": many_large_paths,
    "many definitions of one large value": many_definitions_of_one_large_value,
    "many definitions with a large value each": many_definitions_with_a_large_value_each,
    "documents that the type wants parsed": documents_that_the_type_wants_parsed,
    "nested lists in the real store": nested_lists_in_the_real_store,
    "many whole paths": many_whole_paths,
    "many inputs of one large value": many_inputs_of_one_large_value,
    "pointers into large texts": pointers_into_large_texts,
}
ATTACKS = {**REAL, **LIES}


def peak_mib(daemon: DaemonProcess) -> float:
    """The peak memory of the process."""
    lines = Path(f"/proc/{daemon.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def reasons(world: World, place: str, names: Mapping[str, str]) -> dict[str, str]:
    return {name: world.condition(place, name).get("reason", "") for name in names}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_definition_and_no_value_makes_the_daemon_large(
    world: World, place: str, bao_proxy: FaultProxy, attack: str
) -> None:
    world.write("sound", a="1")
    world.define(place, "sound", world.keys("a", of="sound"))
    told = ATTACKS[attack](Scene(world=world, place=place, proxy=bao_proxy))
    flags = (f"-watch-namespaces={place}", "-reconcile-period=5s")
    with world.daemon(*flags, VAULT_ADDR=bao_proxy.url) as daemon:
        world.wait_data(place, "sound", {"a": "1"}, LONG)
        wait_until(lambda: reasons(world, place, told) == told, LONG, attack)
        # The polls that follow read all of it again, and a change elsewhere is served meanwhile.
        world.wait_polls("sound")
        world.write("sound", a="2")
        world.wait_data(place, "sound", {"a": "2"}, LONG)
        peak = peak_mib(daemon)
    bao_proxy.clear()

    assert peak < MOST_MIB, peak


def test_large_secrets_that_are_read_by_name_are_all_made_and_reported_however_late_the_reconciles_are(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, place: str, bao_proxy: FaultProxy
) -> None:
    """The daemon cannot reconcile each of them once a second; these reconciles come after all others."""
    with new_world(definitions_api, openbao, tmp_path, rules={place: NO_SECRET_LIST}) as world:
        told = many_definitions_with_a_large_value_each(Scene(world=world, place=place, proxy=bao_proxy))
        with world.daemon(f"-watch-namespaces={place}", "-reconcile-period=1s") as daemon:
            wait_until(lambda: reasons(world, place, told) == told, LONG, "all of them in step")
            world.write("own-39", value="changed")
            world.wait_data(place, "own-39", {"value": "changed"}, LONG)
            before = world.calls()["get", "secrets"]
            wait_until(lambda: world.calls()["get", "secrets"] > before + 80, LONG, "all reconciled")
            peak = peak_mib(daemon)

        assert peak < MOST_MIB, peak
