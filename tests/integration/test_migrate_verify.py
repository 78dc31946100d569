"""``migrate verify`` compares what others wrote with what definitions would make, on real servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commands_support import Done, command, write_manifests
from tests.integration.world import World, definition, raw_secret, source
from tests.testbed.kube_api import secrets

CANARY = "canary-51ba"
STORED = {"a": CANARY, "b": f"{CANARY}-b"}


def verify(world: World, *words: str, **environ: str) -> tuple[Done, dict[str, Any]]:
    """What it ended with, and the answer by the name of the definition."""
    before = world.calls()
    done = command(world, "migrate", "verify", *words, "-o", "json", **environ)
    assert world.writes(before) == {}
    assert CANARY not in done.stdout + done.stderr
    found = json.loads(done.stdout)["definitions"] if done.stdout else []
    return done, {each["name"]: each for each in found}


def theirs(world: World, namespace: str, name: str, data: dict[str, str], **fields: Any) -> None:
    world.cluster.api.post(secrets(namespace), raw_secret(name, data, **fields))


def test_equal_different_missing_and_unreadable_are_told_apart(
    world: World, namespace: str, tmp_path: Path
) -> None:
    theirs(world, namespace, "equal", STORED)
    theirs(world, namespace, "differs", {"a": "another", "old": "x"})
    theirs(world, namespace, "typed", STORED, type="example.test/theirs")
    theirs(world, namespace, "unread", {})
    names = ("equal", "differs", "typed", "missing")
    wanted = [definition(name, world.keys("a", "b")) for name in names]
    wanted.append(definition("unread", {"a": source(world.path("nowhere"), "a")}))
    folder = tmp_path / "plan/definitions/shop"
    folder.mkdir(parents=True)
    write_manifests(folder, namespace, *wanted)

    done, found = verify(world, "-f", str(tmp_path / "plan"))

    assert done.returncode == 1
    assert {name: each["verdict"] for name, each in found.items()} == {
        "equal": "equal",
        "differs": "differs",
        "typed": "differs",
        "missing": "missing",
        "unread": "unread",
    }
    assert found["differs"]["keys"] == {"added": ["b"], "changed": ["a"], "removed": ["old"]}
    assert found["typed"]["type"] == {"from": "example.test/theirs", "to": "Opaque"}
    assert found["unread"]["reason"] == "SourceNotFound"


def test_all_that_is_equal_ends_well_also_where_one_namespace_is_chosen(
    world: World, namespace: str, tmp_path: Path
) -> None:
    theirs(world, namespace, "app", STORED)
    file = write_manifests(tmp_path, namespace, definition("app", world.keys("a", "b")))
    other = write_manifests(tmp_path, "elsewhere", definition("app", world.keys("a")))

    done, found = verify(world, "-f", file, "-f", other, "-n", namespace)
    nothing, _ = verify(world, "-f", file, "-n", "nobody")

    assert (done.returncode, list(found)) == (0, ["app"])
    assert found["app"]["namespace"] == namespace
    assert nothing.returncode == 2
    assert "no SecretDefinition in the files for namespace 'nobody'" in nothing.stderr


@pytest.mark.parametrize("away", ["backend", "cluster"])
def test_what_cannot_be_asked_is_told_from_what_differs(
    world: World, namespace: str, tmp_path: Path, away: str
) -> None:
    theirs(world, namespace, "app", {"a": "another"})
    file = write_manifests(tmp_path, namespace, definition("app", world.keys("a")))
    nowhere = tmp_path / "kubeconfig"
    config = Path(world.environ["KUBECONFIG"]).read_text(encoding="utf-8")
    nowhere.write_text(config.replace(world.cluster.url, "https://127.0.0.1:1"), encoding="utf-8")
    gone = {"backend": {"VAULT_ADDR": "http://127.0.0.1:1"}, "cluster": {"KUBECONFIG": str(nowhere)}}

    done, found = verify(world, "-f", file, **gone[away])

    assert done.returncode == 3
    assert away == "cluster" or found["app"]["verdict"] == "unread"


def test_a_file_that_is_none_is_a_fault_and_the_others_are_compared(
    world: World, namespace: str, tmp_path: Path
) -> None:
    theirs(world, namespace, "app", STORED)
    file = write_manifests(tmp_path, namespace, definition("app", world.keys("a", "b")))

    done, found = verify(world, "-f", file, "-f", str(tmp_path / "absent.yaml"))

    assert (done.returncode, found["app"]["verdict"]) == (2, "equal")
    assert "absent.yaml" in done.stderr
