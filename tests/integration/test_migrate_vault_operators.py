"""What the operators of Vault would have written is what the daemon writes with the plan, on real servers.

The expected data are written down by what the operators do: texts as they are, all else as JSON, templates by
Go. For VaultSecret a person adds the address and the login, and so does this test.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from secrets_manager.commands import run
from tests.integration.world import World
from tests.testbed.daemon import DaemonProcess

Json = dict[str, Any]

VALUES: Json = {
    "user": "shop",
    "password": "p/w d&1",
    "port": 5432,
    "tls": True,
    "nested": {"b": 1, "a": [True]},
    "tls.crt": "-----BEGIN",
    "bin": "AP8=",
    "data": "called data",
}
MORE: Json = {"user": "of more", "extra": "x"}
WHOLE = {
    "user": "shop",
    "password": "p/w d&1",
    "port": "5432",
    "tls": "true",
    "nested": '{"a":[true],"b":1}',
    "tls.crt": "-----BEGIN",
    "bin": "AP8=",
    "data": "called data",
}
SHAPES: Json = {
    "templates": {"shared": {"text": "{{ .Secrets.user | upper }} {{ .Annotations.tier }}"}},
    "excludes": ["^p"],
}
Data = dict[str, str | bytes]
# Name: the path, the fields of spec.destination.transformation, and the data of the Secret.
STATIC: dict[str, tuple[str, Json, Data]] = {
    "static-whole": ("app", {}, dict(WHOLE)),
    "static-chosen": (
        "app",
        {"includes": ["^(user|port)$", r"\.crt$"], "excludes": ["^t[a-z]s$"]},
        {"user": "shop", "port": "5432", "tls.crt": "-----BEGIN"},
    ),
    "static-made": (
        "app",
        {
            "excludes": [".*"],
            "templates": {
                "url": {
                    "text": "db://{{ .Secrets.user }}:{{ .Secrets.password | urlquery }}@{{ .Labels.app }}"
                },
                "data": {"text": '{{ .Secrets.data }} {{ get .Secrets "tls.crt" }} {{ .Secrets.port }}'},
            },
        },
        {"url": "db://shop:p%2Fw+d%261@web", "data": "called data -----BEGIN 5432"},
    ),
    "static-over-all": (
        "more",
        {"templates": {"env": {"text": "{{ range $k, $v := .Secrets }}{{ $k }}={{ $v }}\n{{ end }}"}}},
        {"env": "extra=x\nuser=of more\n", **MORE},
    ),
    "static-shared": (
        "app",
        {"transformationRefs": [{"name": "shapes"}], "includes": ["^password$", "^tls$"]},
        {"shared": "SHOP gold", "tls": "true"},
    ),
}
# Name: the spec beside the path, further paths, and the data of the Secret.
VAULT_SECRET: dict[str, tuple[Json, tuple[str, ...], Data]] = {
    "secret-whole": ({}, (), dict(WHOLE)),
    "secret-keys": ({"keys": ["user", "port", "none"]}, (), {"user": "shop", "port": "5432"}),
    "secret-several": ({}, ("more",), {**WHOLE, "extra": "x"}),
    "secret-binary": ({"keys": ["bin"], "isBinary": True}, (), {"bin": b"\x00\xff"}),
    "secret-made": (
        {
            "templates": {
                "url": "{% .Secrets.user %}:{% .Secrets.port %} {% .Secrets.nested %} {% .Labels.app %}"
            }
        },
        (),
        {"url": 'shop:5432 {"a":[true],"b":1} web'},
    ),
    "secret-made-of-several": (
        {"templates": {"k": "{% .Secrets.user %} {% .Secrets.extra %}"}},
        ("more",),
        {"k": "shop x"},
    ),
}
ALL = {name: data for name, (_, _, data) in (*STATIC.items(), *VAULT_SECRET.items())}


@pytest.fixture(scope="module")
def planned(world: World, place: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that was made; the daemon runs with its settings and the definitions are applied."""
    folder = tmp_path_factory.mktemp("migrate")
    for name, values in (("app", VALUES), ("more", MORE)):
        world.write(name, **values)
    old = folder / "old.yaml"
    old.write_text("---\n".join(map(yaml.safe_dump, _objects(world, place))), encoding="utf-8")
    new = folder / "new"
    command = ["migrate", "plan", "-f", str(old), "--out", str(new), "--kv2-mount", "secret"]
    assert run(command, {}, folder) == 0
    with _daemon(world, new, place):
        world.cluster.kubectl("apply", "-k", str(new / "definitions"))
        yield new


def _objects(world: World, namespace: str) -> Iterator[Json]:
    marks = {"labels": {"app": "web"}, "annotations": {"tier": "gold"}}
    login = {"roleId": world.role.role_id, "secretRef": "login"}
    parts: tuple[tuple[str, str, Json], ...] = (
        ("VaultConnection", "vault", {"address": world.openbao.url}),
        (
            "VaultAuth",
            "login",
            {"vaultConnectionRef": "vault", "method": "appRole", "mount": "approle", "appRole": login},
        ),
        ("SecretTransformation", "shapes", SHAPES),
    )
    for kind, name, spec in parts:
        yield _object(f"secrets.hashicorp.com/v1beta1 {kind}", namespace, name, spec)
    for name, (path, transformation, _) in STATIC.items():
        destination = {"name": name, "create": True, "transformation": {"excludeRaw": True, **transformation}}
        spec = {"vaultAuthRef": "login", "mount": "secret", "type": "kv-v2", "refreshAfter": "2s"}
        spec |= {"path": f"{world.prefix}/{path}", "destination": destination}
        yield _object("secrets.hashicorp.com/v1beta1 VaultStaticSecret", namespace, name, spec, **marks)
    for name, (more, paths, _) in VAULT_SECRET.items():
        spec = {"path": f"secret/{world.prefix}/app", "type": "Opaque", **more}
        spec |= {"paths": [f"secret/{world.prefix}/{path}" for path in paths]}
        yield _object("ricoberger.de/v1alpha1 VaultSecret", namespace, name, spec, **marks)


def _object(kind: str, namespace: str, name: str, spec: Json, **marks: Any) -> Json:
    api_version, _, kind = kind.partition(" ")
    metadata = {"name": name, "namespace": namespace, **marks}
    # No object is shared with another, which YAML would write as an alias.
    made: Json = json.loads(json.dumps({"metadata": metadata, "spec": spec}))
    return {"apiVersion": api_version, "kind": kind, **made}


def _daemon(world: World, new: Path, namespace: str) -> DaemonProcess:
    """With the settings that were made, where a person mounts the credential and names address and login."""
    secret_id = new.parent / "secret-id"
    secret_id.write_text(world.role.secret_id, encoding="utf-8")
    text = (new / "settings.toml").read_text(encoding="utf-8")
    login = f'url = "{world.openbao.url}"\nrole-id = "{world.role.role_id}"\nsecret-id-file = "{secret_id}"'
    text = text.replace('url = "https://vault.invalid:8200"', login)
    text = re.sub(r'"/etc/secrets-manager/backends/.*/secret-id"', f'"{secret_id}"', text)
    settings = new.parent / "settings.toml"
    settings.write_text(text, encoding="utf-8")
    environ = {name: "" for name in world.environ if name.startswith("VAULT_")}
    flags = (f"-config={settings}", f"-watch-namespaces={namespace}", "-reconcile-period=1s")
    return world.daemon(*flags, **environ)


@pytest.mark.parametrize("name", ALL)
def test_the_daemon_writes_what_the_operator_would_have_written(
    world: World, place: str, planned: Path, name: str
) -> None:
    assert planned.is_dir()

    world.wait_reason(place, name, "Synced")

    found = world.secret(place, name)["data"]
    expected = {
        key: value if isinstance(value, bytes) else value.encode() for key, value in ALL[name].items()
    }
    assert {key: base64.b64decode(value) for key, value in found.items()} == expected
