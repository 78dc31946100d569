"""What External Secrets would have written is what the daemon writes with the plan, on real servers.

The expected data are written down by what External Secrets does: texts as they are, all else as JSON, paths
by the mount of the store, templates by Go.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from secrets_manager.commands import run
from tests.integration.old_operator import install_kind, remove_kind
from tests.integration.world import World
from tests.testbed.daemon import DaemonProcess

Json = dict[str, Any]

VALUES: Json = {
    "user": "shop",
    "password": "p/w d&1",
    "port": 5432,
    "tls": True,
    "hosts": ["a", "b"],
    "nested": {"b": 1, "a": [True, None]},
    "tls.crt": "-----BEGIN",
    "bin": "AP8=",
    "a-b": "dashed",
    "data": "called data",
    "empty": "",
    "unicode": "ß “quoted” ✓",
}
MORE: Json = {"user": "of more", "extra": "x", "strange key": "v", "html": "<a&b>"}


def read(*names: str, path: str = "app", **remote: Any) -> list[Json]:
    return [{"secretKey": name, "remoteRef": {"key": path, "property": name, **remote}} for name in names]


def templated(*, merge: bool = False, type_: str = "Opaque", **texts: str) -> Json:
    made: Json = {"type": type_, "data": {name.replace("__", "."): text for name, text in texts.items()}}
    return {"template": made | ({"mergePolicy": "Merge"} if merge else {})}


WHOLE = {
    "user": "shop",
    "password": "p/w d&1",
    "port": "5432",
    "tls": "true",
    "hosts": '["a","b"]',
    "nested": '{"a":[true,null],"b":1}',
    "tls.crt": "-----BEGIN",
    "bin": "AP8=",
    "a-b": "dashed",
    "data": "called data",
    "empty": "",
    "unicode": "ß “quoted” ✓",
}
PULL = '{"auths":{"r":{"auth":"{{ printf "%s:%s" .user .password | b64enc }}"}}}'
LOGIN = base64.b64encode(b"shop:p/w d&1").decode()
# Name: the spec beside the store, and the data of the Secret.
CASES: dict[str, tuple[Json, dict[str, str | bytes]]] = {
    "keys": (
        {"data": read("user", "port", "tls", "hosts", "nested", "tls.crt")},
        {name: WHOLE[name] for name in ("user", "port", "tls", "hosts", "nested", "tls.crt")},
    ),
    "json": (
        {"data": [{"secretKey": "all", "remoteRef": {"key": "more"}}]},
        {"all": '{"extra":"x","html":"\\u003ca\\u0026b\\u003e","strange key":"v","user":"of more"}'},
    ),
    "decoded": ({"data": read("bin", decodingStrategy="Base64")}, {"bin": b"\x00\xff"}),
    "whole": ({"dataFrom": [{"extract": {"key": "app"}}]}, dict(WHOLE)),
    "several": (
        {
            "dataFrom": [{"extract": {"key": "app"}}, {"extract": {"key": "secret/more"}}],
            "data": read("port"),
        },
        {**WHOLE, "user": "of more", "extra": "x", "strange_key": "v", "html": "<a&b>"},
    ),
    "renamed": (
        {
            "dataFrom": [
                {
                    "extract": {"key": "more"},
                    "rewrite": [
                        {"regexp": {"source": "^strange key$", "target": "strange"}},
                    ],
                }
            ]
        },
        {},
    ),
    "prefixed": (
        {
            "dataFrom": [
                {"extract": {"key": "few"}, "rewrite": [{"regexp": {"source": "(.*)", "target": "X_$1"}}]}
            ]
        },
        {"X_one": "1"},
    ),
    "url": (
        {
            "data": read("user", "password", "port"),
            "target": templated(url="postgres://{{ .user }}:{{ .password | urlquery }}@db:{{ .port }}/"),
        },
        {"url": "postgres://shop:p%2Fw+d%261@db:5432/"},
    ),
    "pull": (
        {
            "dataFrom": [{"extract": {"key": "app"}}],
            "target": templated(type_="kubernetes.io/dockerconfigjson", __dockerconfigjson=PULL),
        },
        {".dockerconfigjson": '{"auths":{"r":{"auth":"' + LOGIN + '"}}}'},
    ),
    "merged": (
        {"data": read("user"), "target": templated(merge=True, more="<{{ .user | upper }}>")},
        {"user": "shop", "more": "<SHOP>"},
    ),
    "typed": (
        {
            "dataFrom": [{"extract": {"key": "app"}}],
            "target": templated(
                text='{{ .tls }} {{ .nested }} {{ index . "a-b" }} {{ .data }} {{ .unicode }}|{{ .empty }}|\n'
            ),
        },
        {"text": 'true {"a":[true,null],"b":1} dashed called data ß “quoted” ✓||\n'},
    ),
    "chosen": (
        {
            "dataFrom": [{"extract": {"key": "app"}}, {"extract": {"key": "more"}}],
            "target": templated(k="{{ .user }} {{ .extra }} {{ .port }}"),
        },
        {"k": "of more x 5432"},
    ),
}


@pytest.fixture(scope="module")
def planned(world: World, place: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that was made; the daemon runs with its settings and the definitions are applied."""
    folder = tmp_path_factory.mktemp("migrate")
    for name, values in (("app", VALUES), ("more", MORE), ("few", {"one": "1"})):
        world.write(name, **values)
    old = folder / "old.yaml"
    old.write_text("---\n".join(map(yaml.safe_dump, _objects(world, place))), encoding="utf-8")
    new = folder / "new"
    assert run(["migrate", "plan", "-f", str(old), "--out", str(new)], {}, folder) == 1
    with _daemon(world, new, place):
        world.cluster.kubectl("apply", "-k", str(new / "definitions"))
        yield new


def _objects(world: World, namespace: str) -> Iterator[Json]:
    login = {
        "roleId": world.role.role_id,
        "secretRef": {"name": "login", "key": "secret-id", "namespace": "x"},
    }
    vault = {
        "server": world.openbao.url,
        "path": "secret",
        "auth": {"appRole": {"path": "approle", **login}},
    }
    yield {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": {"name": "vault"},
        "spec": {"provider": {"vault": vault}},
    }
    for name, (spec, _) in CASES.items():
        body = json.dumps({"secretStoreRef": {"name": "vault", "kind": "ClusterSecretStore"}, **spec})
        for path in ("app", "more", "few"):
            body = body.replace(f'"key": "{path}"', f'"key": "{world.prefix}/{path}"')
            body = body.replace(f'"key": "secret/{path}"', f'"key": "secret/{world.prefix}/{path}"')
        yield {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": name, "namespace": namespace},
            "spec": json.loads(body),
        }


def _daemon(world: World, new: Path, namespace: str) -> DaemonProcess:
    """With the settings that were made; a person mounts the credential, and here it is written."""
    mounted = new.parent / "mounted"
    mounted.mkdir()
    (mounted / "secret-id").write_text(world.role.secret_id, encoding="utf-8")
    text = (new / "settings.toml").read_text(encoding="utf-8")
    settings = new.parent / "settings.toml"
    settings.write_text(text.replace("/etc/secrets-manager/backends/vault", str(mounted)), encoding="utf-8")
    environ = {name: "" for name in world.environ if name.startswith("VAULT_")}
    flags = (f"-config={settings}", f"-watch-namespaces={namespace}", "-reconcile-period=1s")
    return world.daemon(*flags, **environ)


@pytest.mark.parametrize("name", [name for name, (_, data) in CASES.items() if data])
def test_the_daemon_writes_what_external_secrets_would_have_written(
    world: World, place: str, planned: Path, name: str
) -> None:
    _, data = CASES[name]
    assert planned.is_dir()

    world.wait_reason(place, name, "Synced")

    found = world.secret(place, name)["data"]
    expected = {key: value if isinstance(value, bytes) else value.encode() for key, value in data.items()}
    assert {key: base64.b64decode(value) for key, value in found.items()} == expected


def test_what_cannot_be_said_is_refused_and_not_made(planned: Path) -> None:
    assert not list(planned.glob("definitions/*/renamed.yaml"))


def test_the_objects_of_a_cluster_become_the_same_as_those_of_files(
    world: World, place: str, planned: Path, tmp_path: Path
) -> None:
    kinds = {"ExternalSecret": "Namespaced", "ClusterSecretStore": "Cluster"}
    for kind, scope in kinds.items():
        install_kind(world.cluster, kind, scope)
    try:
        for body in _objects(world, place):
            world.cluster.apply(body)
        words = ["migrate", "plan", "--from-cluster", "-n", place, "--out", str(tmp_path / "live")]
        code = run(words, {"KUBECONFIG": str(world.cluster.kubeconfig)}, tmp_path)
    finally:
        for kind in kinds:
            remove_kind(world.cluster, kind)

    assert code == 1
    assert _files(tmp_path / "live") == _files(planned)


def _files(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in folder.rglob("*")
        if file.is_file()
    }
