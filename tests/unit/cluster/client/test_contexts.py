"""A context of a kubeconfig is chosen by name, and says which namespace is meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import incluster_config

from secrets_manager.cluster.client import kubeconfig as module
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.domain.errors import ConfigError


def kubeconfig(folder: Path, *contexts: dict[str, Any]) -> str:
    path = folder / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "blue",
                "clusters": [
                    {"name": "blue", "cluster": {"server": "https://blue.test"}},
                    {"name": "green", "cluster": {"server": "https://green.test"}},
                ],
                "users": [{"name": "me", "user": {"token": "t"}}],
                "contexts": list(contexts),
            }
        )
    )
    return str(path)


def context(name: str, **more: str) -> dict[str, Any]:
    return {"name": name, "context": {"cluster": name, "user": "me", **more}}


def test_without_a_name_the_current_context_counts(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, context("green"), context("blue", namespace="shop"))

    found = Credentials(path, environ={})

    assert (found.base, found.namespace) == ("https://blue.test", "shop")


def test_a_named_context_brings_its_server_and_its_namespace(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, context("blue"), context("green", namespace="team-a"))

    found = Credentials(path, environ={}, context="green")

    assert (found.base, found.namespace) == ("https://green.test", "team-a")


def test_a_context_without_a_namespace_names_none(tmp_path: Path) -> None:
    assert Credentials(kubeconfig(tmp_path, context("blue")), environ={}).namespace == ""


def test_an_unknown_context_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, context("blue"), context("green"))

    with pytest.raises(ConfigError, match="has no context 'red'; its contexts are blue, green"):
        Credentials(path, environ={}, context="red")


def test_a_kubeconfig_without_a_current_context_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = Path(kubeconfig(tmp_path, context("blue"), context("green")))
    path.write_text(path.read_text().replace('"current-context": "blue"', '"current-context": ""'))

    with pytest.raises(ConfigError, match="has no current-context; its contexts are blue, green"):
        Credentials(str(path), environ={})
    assert Credentials(str(path), environ={}, context="green").base == "https://green.test"


def test_what_is_wrong_with_a_file_is_said_in_words_and_without_its_content(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("token: {canary-4711")

    with pytest.raises(ConfigError) as caught:
        Credentials(str(broken), environ={})
    assert caught.value.message == f"kubeconfig {str(broken)!r} is not valid YAML"
    with pytest.raises(ConfigError) as caught:
        Credentials("/proc/self/mem", environ={})
    assert caught.value.message == "kubeconfig '/proc/self/mem' cannot be read: Input/output error"


def test_where_there_is_neither_a_pod_nor_a_file_both_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = str(tmp_path / "config")
    monkeypatch.setattr(module, "KUBE_CONFIG_DEFAULT_LOCATION", nowhere)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))

    with pytest.raises(ConfigError) as caught:
        Credentials(None, environ={})
    assert caught.value.message == (
        f"there is no service account of a pod, and kubeconfig {nowhere!r} does not exist"
    )
    with pytest.raises(ConfigError, match=f"^kubeconfig {nowhere!r} does not exist$"):
        Credentials(None, environ={}, context="blue")
    with pytest.raises(ConfigError, match=r"^kubeconfig '/nope' does not exist$"):
        Credentials("/nope", environ={})


def test_in_a_pod_a_context_is_one_of_a_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_cluster(**_: object) -> None:
        raise AssertionError("the pod's account was asked")

    monkeypatch.setattr(module, "_load_in_cluster", in_cluster)
    monkeypatch.setattr(
        module, "KUBE_CONFIG_DEFAULT_LOCATION", kubeconfig(tmp_path, context("blue"), context("green"))
    )

    assert Credentials(None, environ={}, context="green").base == "https://green.test"
