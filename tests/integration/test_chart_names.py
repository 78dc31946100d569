"""Releases keep apart, whatever they and their namespaces are called, and a text stays a text."""

from __future__ import annotations

import functools
import itertools
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.monitoring.rule import RUNBOOKS
from tests.integration.chart_support import (
    CHART,
    NAME,
    Object,
    chart,
    chart_or_refusal,
    one_of,
    pod_of,
    settings_of,
)
from tests.integration.test_chart_settings import CONTROL, HOSTILE
from tests.testbed.helm_cli import Helm

# A name of a Service is the strictest of all.
SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LONG = "r" * 53
EVERYTHING: dict[str, Any] = {
    "networkPolicy": {"enabled": True},
    "noForeignTokens": {"enabled": True},
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboard": {"enabled": True},
    "namespaces": ["team-a"],
    "crds": {"enabled": False},
}
SELECTORS = (
    ("Deployment", ("spec", "selector", "matchLabels")),
    ("Service", ("spec", "selector")),
    ("PodDisruptionBudget", ("spec", "selector", "matchLabels")),
    ("NetworkPolicy", ("spec", "podSelector", "matchLabels")),
    ("ServiceMonitor", ("spec", "selector", "matchLabels")),
)
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
MONITORED = {name: {"enabled": True} for name in ("prometheusRule", "dashboard")}
# Release and namespace: what YAML would take for something else, what no Service may be called, what is long.
RELEASES = [
    ("secrets-manager", "secrets-manager"),
    ("secrets-manager", "kube-system"),
    ("secrets-manager", "a"),
    ("a-secrets-manager", "a"),
    ("a", "secrets-manager"),
    ("a", "a"),
    ("a.b", "a"),
    ("a-b", "a"),
    ("b", "a-b"),
    ("1", "1"),
    ("1e3", "1e3"),
    ("0x1f", "0x1f"),
    ("true", "true"),
    ("null", "null"),
    ("on", "y"),
    ("1.5", "123"),
    (LONG, "n" * 63),
    (f"{LONG[:-1]}s", "n" * 63),
    (f"{LONG[:-2]}-s", f"{'n' * 62}o"),
]


@functools.cache
def _everything(helm: Helm, release: tuple[str, str]) -> list[Object]:
    return chart(helm, EVERYTHING, release=release[0], namespace=release[1])


def _ids(release: tuple[str, str]) -> str:
    return "/".join(re.sub(r"(.)\1{9,}", r"\1\1", part) for part in release)


@pytest.mark.parametrize("release", RELEASES, ids=_ids)
def test_every_name_is_one_that_kubernetes_takes(helm: Helm, release: tuple[str, str]) -> None:
    objects = _everything(helm, release)

    for each in objects:
        metadata = each["metadata"]
        assert metadata.get("namespace", release[1]) in {release[1], "team-a"}
        assert len(metadata["name"]) <= 253
        assert all(isinstance(label, str) and len(label) <= 63 for label in metadata["labels"].values())
    for kind in ("Service", "Deployment", "PodDisruptionBudget"):
        assert SERVICE_NAME.fullmatch(one_of(objects, kind)["metadata"]["name"])


def test_no_two_releases_share_an_object(helm: Helm) -> None:
    owners: dict[tuple[str, str, str], tuple[str, str]] = {}
    for release in RELEASES:
        for each in _everything(helm, release):
            key = (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"])
            assert owners.setdefault(key, release) == release, key


def test_two_releases_of_one_namespace_select_pods_of_their_own_and_hold_leases_of_their_own(
    helm: Helm,
) -> None:
    first, second = (chart(helm, EVERYTHING, release=name, namespace="shared") for name in ("one", "two"))

    for kind, path in SELECTORS:
        labels = _at(one_of(second, "Deployment"), ("spec", "template", "metadata", "labels"))
        assert not _at(one_of(first, kind), path).items() <= labels.items(), kind
        assert _at(one_of(second, kind), path).items() <= labels.items(), kind
    assert _lease(first) == "one-secrets-manager.secrets-manager.tuenti.io"
    assert _lease(first) != _lease(second)


def test_the_lease_of_the_settings_is_the_one_that_the_role_is_about(helm: Helm) -> None:
    usual = chart(helm)
    other = chart(helm, {"settings": {"election": {"lease-name": "mine", "lease-namespace": "there"}}})

    assert _lease(usual) == "5ac9a181.secrets-manager.tuenti.io"
    assert "lease-name" not in settings_of(usual)
    assert _lease(other) == "mine"
    assert 'lease-name = "mine"' in settings_of(other)
    assert one_of(other, "RoleBinding", "secrets-manager-election")["metadata"]["namespace"] == "there"


def test_releases_that_share_a_namespace_of_their_leases_share_no_object(helm: Helm) -> None:
    values = {**EVERYTHING, "settings": {"election": {"lease-namespace": "leases"}}}
    first, second = (chart(helm, values, namespace=namespace) for namespace in ("one", "two"))
    there = [
        {(each["kind"], each["metadata"]["name"]) for each in objects if _is_in(each, "leases")}
        for objects in (first, second)
    ]

    assert [len(names) for names in there] == [2, 2]
    assert there[0] & there[1] == set()


def _is_in(object_: Object, namespace: str) -> bool:
    return bool(object_["metadata"].get("namespace") == namespace)


def test_the_admission_policy_is_about_the_account_of_the_release(helm: Helm) -> None:
    values = {**EVERYTHING, "serviceAccount": {"name": "robot"}}
    objects = chart(helm, values, release="other", namespace="elsewhere")

    (condition,) = one_of(objects, "ValidatingAdmissionPolicy")["spec"]["matchConditions"]
    assert "'system:serviceaccount:elsewhere:robot'" in condition["expression"]


def test_alerts_and_dashboard_are_the_same_for_every_release(helm: Helm) -> None:
    first, second = (
        chart(helm, MONITORED, release=release, namespace=release) for release in ("secrets-manager", "other")
    )

    assert one_of(first, "PrometheusRule")["spec"] == one_of(second, "PrometheusRule")["spec"]
    assert _dashboard(first) == _dashboard(second)
    assert _dashboard(first) == (CHART.parent / "grafana/secrets-manager.json").read_text(encoding="utf-8")


def test_alerts_and_dashboard_lead_to_the_runbooks_of_the_user(helm: Helm) -> None:
    base = "https://docs.example.test/runbooks"
    usual, own = chart(helm, MONITORED), chart(helm, {**MONITORED, "runbooks": base})

    for text, changed in (
        (str(one_of(usual, "PrometheusRule")["spec"]), str(one_of(own, "PrometheusRule")["spec"])),
        (_dashboard(usual), _dashboard(own)),
    ):
        assert RUNBOOKS in text
        assert changed == text.replace(RUNBOOKS, base)


def _dashboard(objects: list[Object]) -> str:
    found = [each for each in objects if each["metadata"]["name"].endswith("-dashboard")]
    text: str = found[0]["data"]["secrets-manager.json"]
    return text


def test_a_tenant_gets_nothing_that_needs_rights_in_the_cluster(helm: Helm) -> None:
    values = {"namespaces": ["team-a"], "crds": {"enabled": False}, "people": {"enabled": False}}

    objects = chart(helm, values, release="mine", namespace="team-a")

    assert {each["metadata"]["namespace"] for each in objects} == {"team-a"}
    assert not [each for each in objects if each["kind"].startswith("Cluster")]


def test_labels_of_a_user_never_replace_those_by_which_pods_are_found(helm: Helm) -> None:
    wrong = {"app.kubernetes.io/name": "other", "app.kubernetes.io/instance": "other", "own": "there"}
    objects = chart(helm, {**EVERYTHING, "podLabels": wrong, "commonLabels": wrong})

    labels = _at(one_of(objects, "Deployment"), ("spec", "template", "metadata", "labels"))
    assert one_of(objects, "Service")["spec"]["selector"].items() <= labels.items()
    assert labels["own"] == "there"
    assert {each["metadata"]["labels"]["app.kubernetes.io/instance"] for each in objects} == {
        "secrets-manager"
    }


def test_the_chart_can_stand_in_a_chart_of_ones_own(helm: Helm, tmp_path: Path) -> None:
    dependency = {"name": "secrets-manager", "version": ">=0", "repository": f"file://{CHART}"}
    about = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": [dependency]}
    (tmp_path / "Chart.yaml").write_text(json.dumps(about), encoding="utf-8")
    helm.run("dependency", "update", tmp_path)
    values = {"global": {"team": "x"}, "secrets-manager": {"replicas": 3}}

    objects = helm.template(tmp_path, values, release="platform", namespace="platform")

    assert one_of(objects, "Deployment")["spec"]["replicas"] == 3
    assert one_of(objects, "Deployment")["metadata"]["name"] == "platform-secrets-manager"


def test_null_in_the_values_of_a_chart_around_is_lost_and_given_with_the_release_it_is_not(
    helm: Helm, tmp_path: Path
) -> None:
    dependency = {"name": "secrets-manager", "version": ">=0", "repository": f"file://{CHART}"}
    about = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": [dependency]}
    (tmp_path / "Chart.yaml").write_text(json.dumps(about), encoding="utf-8")
    helm.run("dependency", "update", tmp_path)
    nulls = {"secrets-manager": {"podSecurityContext": {"runAsUser": None}}}
    (tmp_path / "values.yaml").write_text(json.dumps(nulls), encoding="utf-8")

    lost, given = (
        pod_of(helm.template(tmp_path, values, release="a", namespace="a"))["securityContext"]
        for values in ({}, nulls)
    )

    assert lost["runAsUser"] == 65532
    assert "runAsUser" not in given


def test_nothing_in_the_chart_asks_the_cluster_while_it_renders() -> None:
    for file in (CHART / "templates").iterdir():
        assert not re.search(r"\blookup\b|\.Capabilities\b", file.read_text(encoding="utf-8")), file


def test_aliases_of_the_chart_in_one_release_keep_apart(helm: Helm, tmp_path: Path) -> None:
    aliases = ("eu", "Us_1", "x" * 60)
    about = {"apiVersion": "v2", "name": "platform", "version": "1.0.0"}
    chart_of = {"name": "secrets-manager", "version": ">=0", "repository": f"file://{CHART}"}
    dependencies = [{**chart_of, "alias": alias} for alias in aliases]
    (tmp_path / "Chart.yaml").write_text(
        json.dumps({**about, "dependencies": dependencies}), encoding="utf-8"
    )
    helm.run("dependency", "update", tmp_path)
    values = dict.fromkeys(aliases, EVERYTHING)

    objects = helm.template(tmp_path, values, release="secrets-manager", namespace="platform")

    names = [(each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")) for each in objects]
    assert len(names) == len(set(names)) == len(aliases) * len(chart(helm, EVERYTHING))
    for kind, path in SELECTORS:
        selectors = [json.dumps(_at(each, path)) for each in objects if each["kind"] == kind]
        assert len(selectors) == len(set(selectors)) == len(aliases), kind
    labels = [value for each in objects for value in each["metadata"]["labels"].values()]
    assert all(LABEL.fullmatch(value) for value in labels)


def test_versions_of_a_build_of_ones_own_are_labels_that_kubernetes_takes(helm: Helm, tmp_path: Path) -> None:
    own = tmp_path / "secrets-manager"
    shutil.copytree(CHART, own)
    about = (own / "Chart.yaml").read_text(encoding="utf-8")
    for field, version in (("version", f"3.0.0-{'x' * 60}+a"), ("appVersion", "3.0.0+build.7")):
        about = re.sub(rf"(?m)^{field}: .*", f"{field}: {version}", about)
    (own / "Chart.yaml").write_text(about, encoding="utf-8")

    objects = helm.template(own, release=NAME, namespace=NAME)

    labels = [value for each in objects for value in each["metadata"]["labels"].values()]
    assert all(LABEL.fullmatch(value) for value in labels)
    assert "3.0.0_build.7" in labels


def test_without_an_election_one_pod_ends_before_the_next_begins(helm: Helm) -> None:
    values = {"replicas": 1, "settings": {"enable-leader-election": False}}
    objects = chart(helm, values)

    spec = one_of(objects, "Deployment")["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert "minReadySeconds" not in spec
    assert "secrets-manager-election" not in {each["metadata"]["name"] for each in objects}


@pytest.mark.parametrize(
    ("election", "seconds"),
    [({}, 20), ({"lease-duration": "1m"}, 65), ({"lease-duration": "1m0.9s", "retry-period": "10s"}, 81)],
)
def test_a_rollout_waits_longer_than_a_replica_needs_to_trust_the_next_hand_over(
    helm: Helm, election: dict[str, str], seconds: int
) -> None:
    spec = one_of(chart(helm, {"settings": {"election": election}}), "Deployment")["spec"]

    assert spec["minReadySeconds"] == seconds


# ── texts ────────────────────────────────────────────────────────────────────────────────────────────

HOSTILE_TEXTS = {f"text{number}": text for number, text in enumerate(HOSTILE)}


def test_no_text_of_the_values_becomes_anything_but_a_text(helm: Helm) -> None:
    values: dict[str, Any] = {
        **EVERYTHING,
        "podAnnotations": HOSTILE_TEXTS,
        "service": {"annotations": HOSTILE_TEXTS},
        "serviceAccount": {"annotations": HOSTILE_TEXTS},
        "dashboard": {"enabled": True, "annotations": HOSTILE_TEXTS},
        "extraPodSpec": {"dnsConfig": {"options": [{"name": "a", "value": text} for text in HOSTILE]}},
        "extraEnv": [{"name": f"N{number}", "value": text} for number, text in enumerate(HOSTILE)],
        "extraObjects": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": HOSTILE_TEXTS}
        ],
        "tolerations": [{"key": text} for text in HOSTILE],
        "serviceAccountTokens": {f"a{number}": {"audience": text} for number, text in enumerate(HOSTILE)},
    }
    plain = chart(helm, EVERYTHING)

    objects = chart(helm, values)

    assert len(objects) == len(plain) + 1
    found = list(itertools.chain.from_iterable(map(_texts, objects)))
    # Nine places hold the texts.
    for text in HOSTILE:
        assert found.count(text) >= 9, ascii(text)


def test_labels_that_yaml_would_take_for_something_else_stay_texts(helm: Helm) -> None:
    words = {
        f"a{number}": text for number, text in enumerate(["true", "1e5", "null", "0123", "no", "", "1.0"])
    }
    labels = {name: {"enabled": True, "labels": words} for name in ("serviceMonitor", "prometheusRule")}
    every = dict.fromkeys(("commonLabels", "podLabels", "nodeSelector"), words)

    objects = chart(helm, {**EVERYTHING, **labels, **every})

    assert all(words.items() <= each["metadata"]["labels"].items() for each in objects)
    assert pod_of(objects)["nodeSelector"] == words
    assert (
        words.items()
        <= _at(one_of(objects, "Deployment"), ("spec", "template", "metadata", "labels")).items()
    )


@pytest.mark.parametrize("text", CONTROL, ids=ascii)
def test_a_label_that_yaml_cannot_carry_takes_no_other_with_it(helm: Helm, text: str) -> None:
    values = {"podAnnotations": {"a": f"a{text}b", "other": "there"}}
    objects, told = chart_or_refusal(helm, values)

    assert objects or "control characters are not allowed" in told
    for deployment in (each for each in objects if each["kind"] == "Deployment"):
        assert deployment["spec"]["template"]["metadata"]["annotations"]["other"] == "there"


def test_a_role_in_vault_may_be_called_anything(helm: Helm) -> None:
    for text in ("true", "1e5", "null", " padded ", "\n".join(HOSTILE)):
        auth = {"enabled": True, "role": text, "audience": text}
        objects = chart(helm, {"vault": {"kubernetesAuth": auth}})
        assert list(itertools.chain.from_iterable(map(_texts, objects))).count(text) >= 2, ascii(text)


def test_the_chart_stays_below_what_a_release_may_hold(helm: Helm, tmp_path: Path) -> None:
    # Helm keeps chart, values and objects of each release in one Secret, packed, of 1 MiB at the most.
    helm.run("package", CHART, "--destination", tmp_path)

    (packed,) = tmp_path.iterdir()
    assert packed.stat().st_size < 200_000


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _lease(objects: list[Object]) -> str:
    role = one_of(objects, "Role", next(_election_roles(objects)))
    ((name,),) = (rule["resourceNames"] for rule in role["rules"] if "resourceNames" in rule)
    return str(name)


def _election_roles(objects: list[Object]) -> Iterator[str]:
    return (each["metadata"]["name"] for each in objects if each["metadata"]["name"].endswith("-election"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from itertools.chain.from_iterable(map(_texts, value.values()))
    elif isinstance(value, list):
        yield from itertools.chain.from_iterable(map(_texts, value))
    elif isinstance(value, str):
        yield value
