"""The notes of a release warn of what the values leave closed or open."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.chart_support import CHART, NAME
from tests.testbed.helm_cli import Helm

CLOSED = "networkPolicy.egressPorts lacks"
VAULT = "https://vault.example.test"


def _notes(helm: Helm, values: dict[str, Any]) -> str:
    said = helm.run("install", NAME, CHART, "--namespace", NAME, "--dry-run=client", values=values)
    return said.partition("\nNOTES:\n")[2]


def _vault(url: str, **others: str) -> dict[str, Any]:
    return {"settings": {"vault": {"url": url, **others}}}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (_vault(f"{VAULT}:9443/a:1"), "9443, the port of settings.vault.url"),
        (_vault("http://[2001:db8::1]"), "80, the port of settings.vault.url"),
        (_vault("http://[2001:db8::1]:8300"), "8300, the port of settings.vault.url"),
        (_vault(VAULT, **{"https-proxy": "proxy:3128"}), "3128, the port of settings.vault.https-proxy"),
        (
            {"settings": {"backends": {"eu": {"kind": "vault", "url": f"{VAULT}:9443"}, "us": None}}},
            "9443, the port of settings.backends.eu.url",
        ),
        (
            {"extraEnv": [{"name": name, "value": "http://p:3128"} for name in ("https_proxy", "A_URLS")]},
            "3128, the port of extraEnv: https_proxy",
        ),
    ],
    ids=str,
)
def test_a_port_that_the_network_policy_leaves_closed_is_named(
    helm: Helm, values: dict[str, Any], told: str
) -> None:
    notes = _notes(helm, {"networkPolicy": {"enabled": True}, **values})

    assert f"{CLOSED} {told}. Name there the port at which its server listens." in notes
    assert notes.count(CLOSED) == 1


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"enabled": True, "egressPorts": [443, 6443, 9443]},
        {"enabled": True, "extraEgress": [{"ports": [{"port": 9443}]}]},
    ],
    ids=["no-policy", "named", "more-rules"],
)
def test_a_port_that_is_open_is_not(helm: Helm, policy: dict[str, Any]) -> None:
    assert CLOSED not in _notes(helm, {"networkPolicy": policy, **_vault(f"{VAULT}:9443")})


def test_a_mounted_secret_that_was_taken_back_is_not_asked_for(helm: Helm) -> None:
    notes = _notes(helm, {"mountedSecrets": {"eu": None}})

    assert notes.count("kubectl create secret") == 1
