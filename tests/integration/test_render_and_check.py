"""``render`` shows what the daemon writes, and ``check`` finds in a backend what the daemon would miss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commands_support import command, write_manifests
from tests.integration.world import LAST_UPDATE, Json, World, definition, new_world, source
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import definitions
from tests.testbed.openbao import OpenBao

# As OpenBao gives them back; a parser would spoil the second.
NUMBERS = '{"ratio": 1.1, "big": 1.2345678901234568e+22, "tiny": 1e-7, "list": [1, {"z": 1, "a": "ü"}]}'
VALUES: dict[str, Any] = {
    "app": {"user": "canary-user", "password": "canary päss\nword\r\n", "data": "canary-data", "empty": ""},
    "keys": {"DB_HOST": "canary-host", "db-port": "5432", "internal_x": "canary-internal"},
    "binary": {"file": "AAFjYW5hcnn//g=="},
    "docker": {"user": "canary-robot", "password": "canary-p"},
}


def specs(world: World) -> dict[str, Json]:
    """Definitions that use every part of a spec that decides about a Secret."""
    app, numbers = world.path("app"), world.path("numbers")
    return {
        "plain": {"keysMap": {"U": source(app, "user"), "P": source(app, "password"), "D": source(app, "")}},
        "typed": {"type": "example.test/own", "keysMap": {"E": source(app, "empty")}},
        "binary": {"keysMap": {"f": source(world.path("binary"), "file", "base64")}},
        "numbers": {
            "keysMap": {
                **{name: source(numbers, name, "json") for name in ("ratio", "big", "tiny", "list")},
                "inner": source(numbers, "#/list/1/a"),
            }
        },
        "whole": {
            "dataFrom": [
                {
                    "path": world.path("keys"),
                    "exclude": ["internal_*"],
                    "rename": {"case": "upper", "invalid": "_"},
                },
                {"path": numbers, "include": ["big"], "rename": {"addPrefix": "n."}},
                {"path": world.path("nowhere"), "optional": True},
            ]
        },
        "rendered": {
            "type": "kubernetes.io/dockerconfigjson",
            "inputs": {"login": {"path": world.path("docker")}, "n": {"path": numbers, "key": "ratio"}},
            "template": {
                ".dockerconfigjson": '{"auths": {"r.test": {{ login | tojson }}}, "n": {{ n }}}',
            },
        },
        "absent": {
            "keysMap": {
                "d": {**source(app, "none"), "default": "of the spec"},
                "o": {**source(app, "none"), "optional": True},
            }
        },
        "marked": {
            "keysMap": {"U": source(app, "user")},
            "metadata": {
                "labels": {"argocd.argoproj.io/secret-type": "repository"},
                "annotations": {"a.test/b": "c"},
            },
        },
        "pinned": {"keysMap": {"U": {**source(app, "user"), "version": "1"}}, "onDelete": "Retain"},
    }


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("render")) as made:
        for name, values in VALUES.items():
            made.write(name, **values)
        openbao.request("POST", f"secret/data/{made.prefix}/numbers", f'{{"data": {NUMBERS}}}'.encode())
        yield made


@pytest.fixture(scope="module")
def written(world: World, place: str) -> dict[str, Json]:
    """The Secrets that a daemon writes, as far as no write is like another."""
    for name, spec in specs(world).items():
        body = definition(name, {}, labels={"team.test/name": "shop"}, annotations={"note.test/x": "of mine"})
        world.cluster.api.post(definitions(place), {**body, "spec": {"name": name, **spec}})
    with world.daemon("-reconcile-period=1s") as daemon:
        daemon.wait_ready()
        for name in specs(world):
            world.wait_reason(place, name, "Synced")
    return {name: _comparable(world.secret(place, name)) for name in specs(world)}


def _comparable(secret: Json) -> Json:
    """Without what only a server, or a write, gives a Secret."""
    metadata = secret["metadata"]
    annotations = {
        name: text for name, text in metadata.get("annotations", {}).items() if name != LAST_UPDATE
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "labels": metadata["labels"],
            **({"annotations": annotations} if annotations else {}),
        },
        "type": secret["type"],
        "data": secret.get("data", {}),
    }


@pytest.fixture(scope="module")
def file(world: World, place: str) -> str:
    bodies = [
        {
            **definition(name, {}, labels={"team.test/name": "shop"}, annotations={"note.test/x": "of mine"}),
            "spec": {"name": name, **spec},
        }
        for name, spec in specs(world).items()
    ]
    return write_manifests(world.folder, place, *bodies)


def rendered(world: World, *words: str) -> dict[str, Json]:
    done = command(world, "render", *words, "--show-values", "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return {item["metadata"]["name"]: item for item in json.loads(done.stdout)["items"]}


def test_what_is_rendered_from_the_backend_is_what_the_daemon_wrote(
    world: World, written: dict[str, Json], file: str
) -> None:
    assert rendered(world, file, "--backend") == written


def test_what_is_rendered_from_a_file_of_the_same_values_is_the_same(
    world: World, written: dict[str, Json], file: str, tmp_path: Path
) -> None:
    values = {world.path(name): json.dumps(held) for name, held in VALUES.items()}
    held = {**values, world.path("numbers"): NUMBERS}
    text = ",".join(f"{json.dumps(path)}: {body}" for path, body in held.items())
    (tmp_path / "values.json").write_text(f"{{{text}}}", encoding="utf-8")

    assert rendered(world, file, "--values", str(tmp_path / "values.json")) == written


def test_the_values_of_a_backend_show_only_where_that_is_wished(world: World, file: str) -> None:
    for form in ("text", "json", "yaml"):
        done = command(world, "render", file, "--backend", "-o", form)
        assert done.returncode == 0
        assert "(hidden)" in done.stdout
        assert "canary" not in done.stdout + done.stderr
        # Nor in base64.
        assert "Y2FuYXJ5" not in done.stdout


def test_only_the_paths_that_are_named_are_read(world: World, place: str, tmp_path: Path) -> None:
    one = write_manifests(tmp_path, place, definition("one", world.keys("user")))
    before = {name: world.reads(name) for name in ("app", "keys", "binary")}

    assert command(world, "render", one, "--backend").returncode == 0

    after = {name: world.reads(name) for name in before}
    assert after == {**before, "app": before["app"] + 1}


def test_a_good_file_passes_the_check_against_the_backend(world: World, file: str) -> None:
    done = command(world, "check", file, "--backend", "--", "-policy.paths", f"secret/data/{world.prefix}/*")

    assert done.stdout == f"{len(specs(world))} definitions, 0 errors, 0 warnings\n"
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def bad(world: World, place: str, tmp_path: Path) -> str:
    keys = {
        "A": source(world.path("app"), "usr"),
        "B": source(world.path("ap"), "user"),
        "C": source("secret/data/of-others/app", "user"),
        "D": source(world.path("binary"), "file"),
        "E": source(world.path("gone"), "x"),
    }
    world.write("gone", x="canary")
    world.openbao.delete_kv2(f"{world.prefix}/gone")
    return write_manifests(tmp_path, place, definition("bad", keys))


def problems(world: World, file: str, *words: str) -> list[tuple[str, str]]:
    done = command(world, "check", file, "--backend", "-o", "json", *words)
    assert done.returncode == 1
    assert "canary" not in done.stdout + done.stderr
    return [(each["reason"], each["message"]) for each in json.loads(done.stdout)["problems"]]


def test_absent_paths_and_keys_and_missing_rights_are_told_apart(world: World, bad: str) -> None:
    assert problems(world, bad) == [
        (
            "KeyNotFound",
            f"path '{world.path('app')}' has no key 'usr'; did you mean 'user'?",
        ),
        ("SourceNotFound", f"path '{world.path('ap')}' does not exist in the backend"),
        (
            "PermissionDenied",
            "the backend's policy does not allow the daemon to read path 'secret/data/of-others/app'",
        ),
        ("SourceDeleted", f"version 1 of path '{world.path('gone')}' is deleted in the backend"),
    ]


def test_a_near_path_is_offered_where_the_login_may_list(world: World, bad: str) -> None:
    rule = f'path "secret/metadata/{world.prefix}/*" {{ capabilities = ["list"] }}'
    listing = world.openbao.policy(f"{world.prefix}-list", rule)
    reading = world.openbao.read_policy(f"{world.prefix}-read", f"secret/data/{world.prefix}/*")
    role = world.openbao.approle(f"{world.prefix}-list", [listing, reading])
    lister = {"VAULT_ROLE_ID": role.role_id, "VAULT_SECRET_ID": role.secret_id}

    done = command(world, "check", bad, "--backend", **lister)

    assert (
        f"path '{world.path('ap')}' does not exist in the backend; did you mean '{world.path('app')}'?"
        in done.stdout
    )
    # Of what its namespace may not read nothing is offered.
    (own,) = (f"-policy.paths=secret/data/{world.prefix}/ap,secret/data/{world.prefix}/b*",)
    narrow = command(world, "check", bad, "--backend", "--", own, **lister)
    assert "did you mean 'secret" not in narrow.stdout


def test_a_backend_that_is_away_or_refuses_the_login_is_exit_code_3(world: World, bad: str) -> None:
    away = command(world, "check", bad, "--backend", VAULT_ADDR="http://127.0.0.1:9")
    refused = command(world, "render", bad, "--backend", VAULT_SECRET_ID="canary-wrong")

    assert (away.returncode, refused.returncode) == (3, 3)
    assert "BackendUnavailable" in away.stdout
    assert "AuthFailed" in refused.stderr
    assert "canary" not in refused.stdout + refused.stderr
