"""A context of a kubeconfig is chosen by name, and says which namespace is meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

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


def test_in_a_pod_a_context_is_one_of_a_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_cluster(**_: object) -> None:
        raise AssertionError("the pod's account was asked")

    monkeypatch.setattr(module, "_load_in_cluster", in_cluster)
    monkeypatch.setattr(
        module, "KUBE_CONFIG_DEFAULT_LOCATION", kubeconfig(tmp_path, context("blue"), context("green"))
    )

    assert Credentials(None, environ={}, context="green").base == "https://green.test"
