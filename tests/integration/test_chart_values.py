"""Every value of the chart changes what it says, and nothing else."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.described import described
from tests.integration.chart_support import CHART, NAME, chart, comparable, container_of, one_of, settings_of
from tests.integration.schema_walk import CHOSEN, Walk
from tests.testbed.helm_cli import Helm

Values = Mapping[str, Any]

WALK = Walk(root=json.loads((CHART / "values.schema.json").read_text(encoding="utf-8")))
DEFAULTS = described((CHART / "values.yaml").read_text(encoding="utf-8"))
DIGEST = f"sha256:{'0' * 64}"
POD = {"Deployment"}
# Names, selectors and bindings are nearly everywhere.
NAMED = {
    *("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "ConfigMap", "Role", "RoleBinding"),
    *("ClusterRole", "ClusterRoleBinding"),
}
SETTINGS = {"ConfigMap", "Deployment"}
RIGHTS = {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
POLICY = {"enabled": True}
PEERS = [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
VOLUME = {"extraVolumes": [{"name": "more", "emptyDir": {}}]}

# For each value another than the default, the kinds of objects that it changes, and what has to be set first.
OTHERS: dict[str, tuple[Any, set[str], Values]] = {
    "replicas": (3, POD, {}),
    "image.repository": ("images.example.test/secrets-manager", POD, {}),
    "image.tag": ("3.0.1", POD, {}),
    "image.digest": (DIGEST, POD, {}),
    "image.pullPolicy": ("Always", POD, {}),
    "imagePullSecrets": ([{"name": "registry"}], POD, {}),
    "fullnameOverride": ("other", NAMED, {}),
    "namespaces": (["team-a", "team-b"], SETTINGS | RIGHTS, {}),
    "settings": ({"reconcile-period": "10s"}, SETTINGS, {}),
    "plugins": (["aws-sm"], set(), {}),
    "mountedSecrets": ({"eu": {"secretName": "vault-eu"}}, POD, {}),
    "mountedSecrets.credentials": ({"secretName": "other", "keys": ["a"]}, POD, {}),
    "mountedSecrets.credentials.secretName": ("other", POD, {}),
    "mountedSecrets.credentials.keys": ([], POD, {}),
    "serviceAccountTokens": ({"eu": {"audience": "vault"}}, POD, {}),
    "vault.caConfigMap": ("ca", POD, {}),
    "vault.kubernetesAuth.enabled": (True, POD, {}),
    "vault.kubernetesAuth.role": ("other", POD, {"vault": {"kubernetesAuth": POLICY}}),
    "vault.kubernetesAuth.audience": ("other", POD, {"vault": {"kubernetesAuth": POLICY}}),
    "vault.kubernetesAuth.expirationSeconds": (7200, POD, {"vault": {"kubernetesAuth": POLICY}}),
    "rights.listSecrets": (False, {"ClusterRole"}, {}),
    "rights.restart": (True, {"ClusterRole"}, {}),
    "people.enabled": (False, {"ClusterRole"}, {}),
    "people.joinView": (False, {"ClusterRole"}, {}),
    "people.joinEdit": (True, {"ClusterRole"}, {}),
    "noForeignTokens.enabled": (
        True,
        {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"},
        {},
    ),
    "crds.enabled": (False, {"CustomResourceDefinition"}, {}),
    "crds.keep": (False, {"CustomResourceDefinition"}, {}),
    "serviceAccount.create": (False, {"ServiceAccount"}, {"serviceAccount": {"name": "secrets-manager"}}),
    "serviceAccount.name": (
        "other",
        {"ServiceAccount", "Deployment", "ClusterRoleBinding", "RoleBinding"},
        {},
    ),
    "serviceAccount.annotations": ({"a": "b"}, {"ServiceAccount"}, {}),
    "networkPolicy.enabled": (True, {"NetworkPolicy"}, {}),
    "networkPolicy.egressPorts": ([443], {"NetworkPolicy"}, {"networkPolicy": POLICY}),
    "networkPolicy.egressTo": (PEERS, {"NetworkPolicy"}, {"networkPolicy": POLICY}),
    "networkPolicy.extraEgress": ([{"to": PEERS}], {"NetworkPolicy"}, {"networkPolicy": POLICY}),
    "networkPolicy.ingressFrom": (PEERS, {"NetworkPolicy"}, {"networkPolicy": POLICY}),
    "podDisruptionBudget.enabled": (False, {"PodDisruptionBudget"}, {}),
    "topologySpread.enabled": (False, POD, {}),
    "topologySpread.topologyKey": ("topology.kubernetes.io/zone", POD, {}),
    "topologySpread.whenUnsatisfiable": ("DoNotSchedule", POD, {}),
    "statusPage.enabled": (True, {"Deployment", "Service", "ClusterRole", "ClusterRoleBinding"}, {}),
    "statusPage.address": ("[::]:8082", POD, {"statusPage": POLICY}),
    "service.annotations": ({"a": "b"}, {"Service"}, {}),
    "serviceMonitor.enabled": (True, {"ServiceMonitor"}, {}),
    "serviceMonitor.interval": ("10s", {"ServiceMonitor"}, {"serviceMonitor": POLICY}),
    "serviceMonitor.labels": ({"a": "b"}, {"ServiceMonitor"}, {"serviceMonitor": POLICY}),
    "prometheusRule.enabled": (True, {"PrometheusRule"}, {}),
    "prometheusRule.labels": ({"a": "b"}, {"PrometheusRule"}, {"prometheusRule": POLICY}),
    "runbooks": ("https://docs.example.test", {"PrometheusRule"}, {"prometheusRule": POLICY}),
    "dashboard.enabled": (True, {"ConfigMap"}, {}),
    "dashboard.labels": ({"a": "b"}, {"ConfigMap"}, {"dashboard": POLICY}),
    "dashboard.annotations": ({"a": "b"}, {"ConfigMap"}, {"dashboard": POLICY}),
    "resources": ({"limits": {"memory": "1Gi"}}, POD, {}),
    "commonLabels": ({"a": "b"}, NAMED | {"CustomResourceDefinition"}, {}),
    "podLabels": ({"a": "b"}, POD, {}),
    "podAnnotations": ({"a": "b"}, POD, {}),
    "podSecurityContext.runAsUser": (None, POD, {}),
    "podSecurityContext.runAsGroup": (1000, POD, {}),
    "podSecurityContext.fsGroup": (None, POD, {}),
    "priorityClassName": ("high", POD, {}),
    "nodeSelector": ({"a": "b"}, POD, {}),
    "tolerations": ([{"operator": "Exists"}], POD, {}),
    "affinity": ({"nodeAffinity": {}}, POD, {}),
    "extraPodSpec": ({"runtimeClassName": "gvisor"}, POD, {}),
    "extraEnv": ([{"name": "A", "value": "b"}], POD, {}),
    "extraVolumes": ([{"name": "more", "emptyDir": {}}], POD, {}),
    "extraVolumeMounts": ([{"name": "more", "mountPath": "/more"}], POD, VOLUME),
    "extraObjects": (
        [{"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "a"}}],
        {"LimitRange"},
        {},
    ),
}


def test_every_value_has_another_to_try() -> None:
    assert [value.name for value in DEFAULTS] == list(OTHERS)


@pytest.mark.parametrize("name", OTHERS)
def test_each_value_changes_the_objects_that_it_is_about_and_no_others(helm: Helm, name: str) -> None:
    other, kinds, first = OTHERS[name]
    before = _before(helm, json.dumps(first))
    after = chart(helm, _merged(first, _nested(name.split("."), other)))

    changed = [each for each in after if each not in before] + [each for each in before if each not in after]

    assert {each["kind"] for each in changed} == kinds


def test_what_may_be_left_out_may_be_null() -> None:
    # `global` is what Helm gives.
    assert WALK.never_null(_chart_defaults()) == ["/global"]


@pytest.mark.parametrize("depth", ["whole-tables", "deep-in-tables"])
def test_null_where_the_chart_says_nothing_says_nothing(helm: Helm, depth: str) -> None:
    nulls = WALK.nulls(_chart_defaults(), deep=depth == "deep-in-tables")

    assert nulls["podLabels"] == {CHOSEN: None}
    assert nulls["mountedSecrets"] == {CHOSEN: None}
    assert "namespace" in nulls["settings"]["vault"]
    assert _full(comparable(chart(helm, nulls))) == _full(comparable(chart(helm)))


def test_a_later_file_of_values_takes_back_what_an_earlier_one_said(helm: Helm, tmp_path: Path) -> None:
    base, own = tmp_path / "base.yaml", tmp_path / "own.yaml"
    said = {"podLabels": {"a": "b"}, "settings": {"backends": {"eu": {"kind": "vault"}}}}
    base.write_text(json.dumps(said | {"resources": {"limits": {"cpu": "1"}}}), encoding="utf-8")
    taken = {"podLabels": {"a": None}, "settings": {"backends": {"eu": None}}}
    own.write_text(json.dumps(taken | {"resources": {"limits": {"cpu": None}}}), encoding="utf-8")

    told = helm.run("template", NAME, CHART, "--namespace", NAME, "--values", base, "--values", own)

    objects = [each for each in yaml.safe_load_all(told) if each]
    assert "b" not in one_of(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].values()
    assert container_of(objects)["resources"]["limits"] == {"memory": "512Mi"}
    assert tomllib.loads(settings_of(objects)).get("backends", {}) == {}


def _chart_defaults() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return values


def _full(value: Any) -> Any:
    """The value without maps that hold nothing."""
    if not isinstance(value, dict):
        return value
    inner = {key: _full(item) for key, item in value.items()}
    return {key: item for key, item in inner.items() if item != {}}


@functools.cache
def _before(helm: Helm, first: str) -> list[dict[str, Any]]:
    return chart(helm, json.loads(first))


def _nested(path: list[str], value: Any) -> Any:
    return {path[0]: _nested(path[1:], value)} if path else value


def _merged(first: Values, second: Values) -> Values:
    both = {**first, **second}
    for key in first.keys() & second.keys():
        if isinstance(first[key], Mapping) and isinstance(second[key], Mapping):
            both[key] = _merged(first[key], second[key])
    return both
