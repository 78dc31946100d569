"""The samples are right by the product's own rules, and the values beside them are enough to run them."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from secrets_manager.cluster.workloads import RESOURCES
from secrets_manager.domain.decoding import Encoding, decode
from secrets_manager.domain.restart_wish import WorkloadKind
from tests.unit.config.manifests import SAMPLES, Manifest, one, resources
from tests.unit.sync.world import TEAM, World

# Those out of several backends are made in tests/docs/test_backends_page.py.
SEVERAL = SAMPLES / "several-backends"
SOURCES = [path for path, _ in resources(SAMPLES) if path.parent != SEVERAL]


def _values() -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = json.loads((SAMPLES / "values.json").read_text(encoding="utf-8"))
    return values


def _secret(path: Path) -> Manifest:
    """The Secret that the daemon makes of a sample where the backend holds the values."""
    world = World()
    # The workload that a sample restarts.
    template: Manifest = {"metadata": {}, "spec": {}}
    workload = {"metadata": {"name": "shop"}, "spec": {"template": template}}
    world.cluster.create(RESOURCES[WorkloadKind.DEPLOYMENT], TEAM, workload)
    for source, keys in _values().items():
        # As Vault has it, an empty key is short for this one.
        world.backend.put(source, {**keys, "": keys["data"]} if "data" in keys else keys)
    spec: Manifest = one(str(path.relative_to(SAMPLES.parent)))["spec"]
    world.define(spec=spec)
    world.start()
    assert world.condition() == ("True", "Synced"), world.status()
    secret = world.secret(spec["name"])
    assert secret is not None
    return secret


def _data(name: str) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in _secret(SAMPLES / name)["data"].items()}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_each_sample_can_be_made_of_the_values(path: Path) -> None:
    secret = _secret(path)

    assert secret["data"]
    assert all(secret["data"].values())


def test_every_path_of_the_values_is_used_by_a_sample() -> None:
    used = {name for path in SOURCES for name in re.findall(r"path: (\S+)", path.read_text(encoding="utf-8"))}

    # Of the others, a sample says that they need not be there.
    assert used - _values().keys() == {"secret/data/shop/storefront-local"}
    assert _values().keys() <= used


def test_the_binary_sample_is_no_text() -> None:
    with pytest.raises(UnicodeDecodeError):
        _data("binary-keystore.yaml")["keystore.p12"].decode()


@pytest.mark.parametrize("name", ["image-pull.yaml", "pull-secret.yaml"])
def test_samples_of_pull_secrets_are_the_document_that_kubernetes_asks_for(name: str) -> None:
    document = json.loads(_data(name)[".dockerconfigjson"])

    assert list(document) == ["auths"]
    (login,) = document["auths"].values()
    assert base64.b64decode(login["auth"]).decode() == f"{login['username']}:{login['password']}"


def test_the_url_can_be_taken_apart_again() -> None:
    url = urlsplit(_data("database-url.yaml")["DATABASE_URL"].decode())

    assert (url.hostname, url.port, url.path, url.query) == (
        "db.example.test",
        5432,
        "/shop",
        "sslmode=require",
    )
    assert unquote(url.password or "") == _values()["secret/data/shop/database-parts"]["password"]


def test_the_configuration_file_is_yaml() -> None:
    text = _data("config-file.yaml")["search.yaml"].decode()

    assert yaml.safe_load(text) == {
        "hosts": ["a.search.example.test", "b.search.example.test"],
        "apiKey": "example-cluster-api-key",
    }


def test_the_environment_has_the_names_of_variables_and_nothing_internal() -> None:
    assert set(_data("whole-path.yaml")) == {"SESSION_KEY", "MAIL_FROM"}


def test_argo_cd_finds_the_repository_and_what_it_needs() -> None:
    secret = _secret(SAMPLES / "argo-cd-repository.yaml")

    assert secret["metadata"]["labels"]["argocd.argoproj.io/secret-type"] == "repository"
    assert set(secret["data"]) == {"type", "url", "username", "password"}


def test_no_value_could_be_taken_for_a_real_one() -> None:
    for path, keys in _values().items():
        for key, value in keys.items():
            plain = decode(value, Encoding.BASE64).decode("latin-1") if key == "file" else str(value)
            assert "example" in plain or isinstance(value, int), (path, key)


def test_the_policy_allows_every_path_of_the_samples_and_only_to_read() -> None:
    policy = (SAMPLES / "vault-policy.hcl").read_text(encoding="utf-8")
    trees = re.findall(r'^path "(.+)\*" \{$', policy, flags=re.MULTILINE)

    assert all(any(path.startswith(tree) for tree in trees) for path in _values())
    assert set(re.findall(r"capabilities = (.+)", policy)) == {'["read"]'}


def test_the_list_of_samples_is_complete() -> None:
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(.+?)`", text, flags=re.MULTILINE))

    assert listed == {
        *(str(path.relative_to(SAMPLES)) for path in SOURCES),
        "several-backends/settings.toml",
        "several-backends/shop-checkout.yaml",
        "policy/settings.toml",
        "vault-policy.hcl",
        "values.json",
    }
