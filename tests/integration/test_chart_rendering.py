"""What the chart renders: the same as kustomize for the same choice, and every value does something."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.chart_support import (
    chart,
    comparable,
    kustomize,
    one_of,
)
from tests.integration.deployment_support import CONFIG
from tests.testbed.helm_cli import Helm

# A choice in words of kustomize, and the same in values.
CHOICES: dict[str, tuple[str, tuple[str, ...], Mapping[str, Any]]] = {
    "default": ("default", (), {}),
    "namespaced": ("namespaced", (), {"namespaces": ["team-a"]}),
    "network-policy": ("default", ("network-policy",), {"networkPolicy": {"enabled": True}}),
    "no-foreign-tokens": ("default", ("no-foreign-tokens",), {"noForeignTokens": {"enabled": True}}),
    "no-secret-list": ("default", ("no-secret-list",), {"rights": {"listSecrets": False}}),
    "restart": ("default", ("restart",), {"rights": {"restart": True}}),
    "status-page": ("default", ("status-page",), {"statusPage": {"enabled": True}}),
    "vault-ca": ("default", ("vault-ca",), {"vault": {"caConfigMap": "secrets-manager-vault-ca"}}),
    "vault-kubernetes-auth": (
        "default",
        ("vault-kubernetes-auth",),
        {"vault": {"kubernetesAuth": {"enabled": True}}},
    ),
    "prometheus": (
        "prometheus",
        (),
        {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}},
    ),
    "grafana": ("grafana", (), {"dashboard": {"enabled": True}}),
}
# What is installed beside the daemon.
MONITORING = ("prometheus", "grafana")
COMPONENTS = tuple(each for _, components, _ in CHOICES.values() for each in components)
EVERYTHING: dict[str, Any] = {
    "networkPolicy": {"enabled": True},
    "noForeignTokens": {"enabled": True},
    "rights": {"listSecrets": False, "restart": True},
    "statusPage": {"enabled": True},
    "vault": {"caConfigMap": "secrets-manager-vault-ca", "kubernetesAuth": {"enabled": True}},
}
CHOICES |= {
    "everything": ("default", COMPONENTS, EVERYTHING),
    "everything-namespaced": ("namespaced", COMPONENTS, {**EVERYTHING, "namespaces": ["team-a"]}),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_the_chart_renders_what_kustomize_builds_for_the_same_choice(
    helm: Helm, tmp_path: Path, choice: str
) -> None:
    base, components, values = CHOICES[choice]
    built = comparable(kustomize(tmp_path / "overlay", base, components))
    rendered = comparable(chart(helm, values))
    if base in MONITORING:
        rendered = {key: value for key, value in rendered.items() if key in built}

    assert set(rendered) == set(built)
    for key, object_ in built.items():
        assert rendered[key] == object_


def test_the_network_policy_opens_the_ports_at_which_pods_of_dns_listen(helm: Helm) -> None:
    dns, _ = one_of(chart(helm, EVERYTHING), "NetworkPolicy")["spec"]["egress"]

    opened = {(each["protocol"], each["port"]) for each in dns["ports"]}
    assert opened == {(protocol, port) for protocol in ("UDP", "TCP") for port in (53, 5353)}


def test_every_component_is_compared() -> None:
    assert sorted(COMPONENTS) == sorted(path.name for path in (CONFIG / "components").iterdir())
