"""Releases of the chart on a real API server: installed, upgraded, rolled back, uninstalled, side by side."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.chart_support import CHART, Object, chart, kustomize, one_of
from tests.integration.deployment_support import (
    CRD,
    allowed,
    daemon_client,
    definition,
    install,
    wait_served,
)
from tests.integration.test_chart_rendering import EVERYTHING
from tests.testbed.binaries import program
from tests.testbed.cluster import TestCluster
from tests.testbed.helm_cli import Helm, HelmError
from tests.testbed.kube_api import ApiError, definitions, namespaces
from tests.testbed.operator_crds import operator_crds
from tests.testbed.waiting import wait_until

PLACE = "secrets-manager"
GROUP = "secrets-manager.tuenti.io"
MONITORED: dict[str, Any] = {
    name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule", "dashboard")
}
WITHOUT_API: dict[str, Any] = {"crds": {"enabled": False}}


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """A control plane of the module's own, with the kinds of the Prometheus Operator."""
    with TestCluster.start(tmp_path_factory.mktemp("apart")) as running:
        for file in operator_crds():
            running.kubectl("create", "-f", str(file))
        yield running


@pytest.fixture
def on_cluster(apart: TestCluster, tmp_path: Path) -> Iterator[Helm]:
    """Helm as admin; every release and the API of definitions are gone afterwards."""
    helm = Helm(folder=tmp_path / "helm", kubeconfig=apart.kubeconfig)
    yield helm
    for release in json.loads(helm.run("list", "--all-namespaces", "--output", "json")):
        helm.run("uninstall", release["name"], "--namespace", release["namespace"])
    if apart.api.find(CRD) is not None:
        apart.kubectl("delete", "crd", CRD.rpartition("/")[2])


def _install(
    helm: Helm, values: dict[str, Any] | None = None, *, release: str = PLACE, namespace: str = PLACE
) -> str:
    """Install a release; returns its notes."""
    helm.run(
        *("install", release, CHART, "--namespace", namespace, "--create-namespace"), values=values or {}
    )
    return helm.run("get", "notes", release, "--namespace", namespace)


def _upgrade(helm: Helm, values: dict[str, Any]) -> None:
    helm.run("upgrade", PLACE, CHART, "--namespace", PLACE, values=values)


def _deployment(cluster: TestCluster, namespace: str = PLACE, name: str = PLACE) -> Object:
    found: Object = cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    return found


def _is_there(cluster: TestCluster, object_: Object) -> bool:
    place = object_["metadata"].get("namespace")
    where = ["-n", place] if place else []
    said = cluster.kubectl(
        "get", object_["kind"], object_["metadata"]["name"], *where, "--ignore-not-found", "-o", "name"
    )
    return bool(said.strip())


# What the other choices leave out, with names that only just fit.
REST: dict[str, Any] = {
    "commonLabels": {"example.test/team": "a" * 63, "empty": ""},
    "podLabels": {"A": "b", "gone": None},
    "podAnnotations": {"Example.test/a": "a b"},
    "nodeSelector": {"kubernetes.io/os": "linux", "gone": None},
    "tolerations": [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10_000_000}],
    "resources": {"limits": {"cpu": None, "memory": 134217728}},
    "extraPodSpec": {
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["10.0.0.10"], "searches": ["svc"], "options": [{"name": "ndots"}]},
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["vault.example.test"]}],
        "runtimeClassName": "gvisor",
        "schedulerName": "default-scheduler",
    },
}


@pytest.mark.parametrize("values", [REST, {"namespaces": ["team-a"]}], ids=["cluster-wide", "namespaced"])
def test_the_api_server_and_the_operator_know_every_field_of_every_object(
    apart: TestCluster, helm: Helm, values: dict[str, Any]
) -> None:
    _try_all(apart, chart(helm, {**EVERYTHING, **MONITORED, **values}))


@pytest.mark.parametrize(
    ("release", "namespace"),
    [("r" * 53, "n" * 63), ("1e3", "1e3"), ("a.b", "0x1f")],
    ids=["long", "number", "dot"],
)
def test_the_api_server_takes_objects_of_any_release_and_namespace(
    apart: TestCluster, helm: Helm, release: str, namespace: str
) -> None:
    _ensure_namespace(apart, namespace)
    values = {**EVERYTHING, **MONITORED, "namespaces": ["team-a"]}

    _try_all(apart, chart(helm, values, release=release, namespace=namespace))


def test_the_pod_passes_restricted_pod_security(apart: TestCluster, helm: Helm) -> None:
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    place = apart.create_namespace(labels=level)
    apart.api.post(f"{namespaces(place)}/serviceaccounts", {"metadata": {"name": PLACE}})
    tokens = {"serviceAccountTokens": {"eu": {"audience": "vault"}}}
    template = one_of(chart(helm, {**EVERYTHING, **tokens}), "Deployment")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": "try"}}

    apart.api.post(f"{namespaces(place)}/pods?dryRun=All", pod)

    del pod["spec"]["securityContext"]["runAsNonRoot"]
    with pytest.raises(ApiError, match="violates PodSecurity"):
        apart.api.post(f"{namespaces(place)}/pods?dryRun=All", pod)


def test_the_operator_knows_every_field_of_what_kustomize_builds_for_it(
    apart: TestCluster, tmp_path: Path
) -> None:
    _try_all(apart, kustomize(tmp_path / "overlay", "prometheus"))


def _try_all(cluster: TestCluster, objects: list[Object]) -> None:
    for name in (PLACE, "team-a"):
        _ensure_namespace(cluster, name)
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=everything)


def _ensure_namespace(cluster: TestCluster, name: str) -> None:
    if cluster.api.find(namespaces(name)) is None:
        cluster.create_namespace(name)


def test_a_release_is_upgraded_rolled_back_and_uninstalled_and_definitions_outlive_it(
    apart: TestCluster, on_cluster: Helm
) -> None:
    _install(on_cluster)
    wait_served(apart)
    api = apart.api.get(CRD)["metadata"]["uid"]
    apart.create_namespace("team")
    apart.api.post(definitions("team"), definition())
    first = _deployment(apart)["spec"]

    _upgrade(on_cluster, {"settings": {"reconcile-period": "10s"}, "rights": {"restart": True}, **MONITORED})
    second = _deployment(apart)["spec"]
    # A changed template is what rolls the pods.
    assert second["template"] != first["template"]
    assert second["selector"] == first["selector"]
    assert _rule_for(apart, "rollouts")
    assert "out of sync" in apart.kubectl("get", "prometheusrule", PLACE, "-n", PLACE, "-o", "yaml")

    on_cluster.run("rollback", PLACE, "1", "--namespace", PLACE)
    assert _deployment(apart)["spec"]["template"] == first["template"]
    assert not _rule_for(apart, "rollouts")
    objects = chart(on_cluster)
    assert all(_is_there(apart, each) for each in objects)

    on_cluster.run("uninstall", PLACE, "--namespace", PLACE)
    assert [each["kind"] for each in objects if _is_there(apart, each)] == ["CustomResourceDefinition"]
    assert apart.api.get(CRD)["metadata"]["uid"] == api
    assert apart.api.get(definitions("team", "app"))["spec"]["name"] == "app"

    # The release takes it back under the same name.
    _install(on_cluster)
    assert apart.api.get(CRD)["metadata"]["uid"] == api


def _rule_for(cluster: TestCluster, resource: str) -> bool:
    role = cluster.api.get(f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{PLACE}")
    return any(resource in rule["resources"] for rule in role["rules"])


def test_the_api_goes_with_the_release_only_where_it_was_said(apart: TestCluster, on_cluster: Helm) -> None:
    _install(on_cluster, {"crds": {"keep": False}})
    wait_served(apart)

    on_cluster.run("uninstall", PLACE, "--namespace", PLACE)

    wait_until(lambda: apart.api.find(CRD) is None, 60, "the API gone")


def test_the_api_stays_when_a_release_stops_bringing_it(apart: TestCluster, on_cluster: Helm) -> None:
    _install(on_cluster)
    api = apart.api.get(CRD)["metadata"]["uid"]

    _upgrade(on_cluster, WITHOUT_API)

    assert apart.api.get(CRD)["metadata"]["uid"] == api


def test_two_releases_live_beside_each_other_and_one_goes_without_the_other(
    apart: TestCluster, on_cluster: Helm
) -> None:
    _install(on_cluster, EVERYTHING)
    others = {**EVERYTHING, **WITHOUT_API}
    for release, namespace in ((PLACE, "elsewhere"), ("second", PLACE)):
        _install(on_cluster, others, release=release, namespace=namespace)

    on_cluster.run("uninstall", PLACE, "--namespace", PLACE)

    for release, namespace in ((PLACE, "elsewhere"), ("second", PLACE)):
        objects = chart(on_cluster, others, release=release, namespace=namespace)
        assert [each["kind"] for each in objects if not _is_there(apart, each)] == []


def test_a_second_release_is_told_that_the_api_is_there(on_cluster: Helm) -> None:
    _install(on_cluster)

    with pytest.raises(HelmError, match=r"secretdefinitions.* exists and cannot be imported"):
        _install(on_cluster, release="second", namespace="elsewhere")


def test_another_release_takes_the_api_over(apart: TestCluster, on_cluster: Helm) -> None:
    _install(on_cluster)
    _install(on_cluster, WITHOUT_API, release="second")
    api = apart.api.get(CRD)["metadata"]["uid"]

    _upgrade(on_cluster, WITHOUT_API)
    on_cluster.run(
        *("upgrade", "second", CHART, "--namespace", PLACE, "--take-ownership"), values={"replicas": 2}
    )
    on_cluster.run("uninstall", PLACE, "--namespace", PLACE)

    owned = apart.api.get(CRD)["metadata"]
    assert owned["uid"] == api
    assert owned["annotations"]["meta.helm.sh/release-name"] == "second"


def test_a_release_in_named_namespaces_has_rights_in_these_only(apart: TestCluster, on_cluster: Helm) -> None:
    for name in ("team-a", "team-b", "team-c"):
        _ensure_namespace(apart, name)
    _install(on_cluster, {"namespaces": ["team-a", "team-b"]})
    wait_served(apart)
    client = daemon_client(apart, "team-a")

    wait_until(lambda: allowed(client, "team-b", "list", "secrets"), what="the rights in the other namespace")
    for team, may in (("team-a", True), ("team-b", True), ("team-c", False), ("", False)):
        assert allowed(client, team, "list", "secrets") is may, team
        assert allowed(client, team, "update", f"{GROUP}:secretdefinitions/status") is may, team

    # A namespace that is taken off the list is out of reach.
    _upgrade(on_cluster, {"namespaces": ["team-b"]})
    wait_until(lambda: not allowed(client, "team-a", "get", "secrets"), what="the rights withdrawn")
    assert allowed(client, "team-b", "get", "secrets")


def test_a_release_goes_to_named_namespaces_and_back(apart: TestCluster, on_cluster: Helm) -> None:
    _ensure_namespace(apart, "team-a")
    _install(on_cluster)
    named, everywhere = {"namespaces": ["team-a"]}, {"replicas": 3}

    for values, other in ((named, everywhere), (everywhere, named)):
        _upgrade(on_cluster, values)
        assert all(_is_there(apart, each) for each in chart(on_cluster, values))
        gone = _rights(chart(on_cluster, other)) - _rights(chart(on_cluster, values))
        assert gone
        assert not [each for each in gone if _is_there(apart, _object(*each))]


def _rights(objects: list[Object]) -> set[tuple[str, str, str]]:
    kinds = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    found = [(each["kind"], each["metadata"]) for each in objects if each["kind"] in kinds]
    return {(kind, metadata.get("namespace", ""), metadata["name"]) for kind, metadata in found}


def _object(kind: str, namespace: str, name: str) -> Object:
    return {"kind": kind, "metadata": {"namespace": namespace, "name": name}}


def test_an_election_is_switched_off_and_on_again(apart: TestCluster, on_cluster: Helm) -> None:
    _install(on_cluster)

    _upgrade(on_cluster, {"replicas": 1, "settings": {"enable-leader-election": False}})
    assert _deployment(apart)["spec"]["strategy"] == {"type": "Recreate"}

    on_cluster.run("rollback", PLACE, "--namespace", PLACE)
    assert _deployment(apart)["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_what_an_upgrade_takes_back_is_gone_from_the_pods(apart: TestCluster, on_cluster: Helm) -> None:
    more = {
        "podLabels": {"a": "b"},
        "nodeSelector": {"a": "b"},
        "mountedSecrets": {"eu": {"secretName": "a"}},
        "extraEnv": [{"name": "A", "value": "a"}],
    }
    _install(on_cluster, {"replicas": 2})
    before = _deployment(apart)["spec"]["template"]

    _upgrade(on_cluster, more)
    assert _deployment(apart)["spec"]["template"] != before
    _upgrade(on_cluster, {"replicas": 2})

    assert _deployment(apart)["spec"]["template"] == before


def test_a_tenant_installs_a_release_for_a_namespace_with_rights_in_that_alone(
    apart: TestCluster, tmp_path: Path, on_cluster: Helm
) -> None:
    apart.apply(CHART.parent / "crd")
    team = apart.create_namespace()
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    tenant = apart.service_account(team, "tenant", rules=[everything])
    helm = Helm(folder=tmp_path / "tenant", kubeconfig=tenant.kubeconfig)
    values = {**WITHOUT_API, "people": {"enabled": False}, "namespaces": [team]}

    helm.run("install", "mine", CHART, "--namespace", team, values=values)

    assert _deployment(apart, team, "mine-secrets-manager")
    helm.run("uninstall", "mine", "--namespace", team)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"namespaces": ["team-a"]},
        {"vault": {"kubernetesAuth": {"enabled": True}}},
        {"mountedSecrets": {"eu": {"secretName": "vault-eu", "keys": ["token"]}}},
        {"vault": {"caConfigMap": "vault-ca"}},
    ],
    ids=["cluster-wide", "namespaced", "login-by-account", "two-secrets", "own-authority"],
)
def test_the_commands_of_the_notes_work(
    apart: TestCluster, on_cluster: Helm, tmp_path: Path, values: dict[str, Any]
) -> None:
    _ensure_namespace(apart, "team-a")
    place = f"notes-{len(apart.api.list(namespaces()))}"
    for name in ("role-id", "secret-id", "token", "ca.crt"):
        (tmp_path / name).write_text("x")

    notes = _install(on_cluster, values, namespace=place)
    wait_served(apart)

    commands = [line.strip() for line in notes.splitlines() if line.startswith("  ")]
    assert all(command.startswith("kubectl ") for command in commands)
    # No node runs here, so the rollout never ends.
    said = "".join(
        _kubectl(apart, tmp_path, command.replace("rollout status", "rollout status --watch=false"))
        for command in commands
    )
    mounted = [
        volume["secret"]["secretName"]
        for volume in _deployment(apart, place)["spec"]["template"]["spec"]["volumes"]
        if "secret" in volume
    ]
    assert [f"secret/{name} created" for name in mounted] == [
        line for line in said.splitlines() if line.startswith("secret/")
    ]
    assert ("configmap/vault-ca created" in said) == ("vault-ca" in str(values))
    assert "Waiting for deployment" in said
    assert ("namespaces team-a" if "namespaces" in values else "all namespaces") in " ".join(notes.split())


def _kubectl(cluster: TestCluster, folder: Path, command: str) -> str:
    """Run a command line of kubectl in a folder; returns its output."""
    done = subprocess.run(
        [program("kubectl"), *command.split()[1:]],
        cwd=folder,
        env={"KUBECONFIG": str(cluster.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_kustomize_installed_is_taken_over(apart: TestCluster, on_cluster: Helm) -> None:
    install(apart)
    apart.create_namespace("shop")
    apart.api.post(definitions("shop"), definition())
    uid = apart.api.get(CRD)["metadata"]["uid"]

    # The selector of a Deployment cannot change.
    apart.kubectl("delete", "deployment", PLACE, "-n", PLACE)
    on_cluster.run("install", PLACE, CHART, "--namespace", PLACE, "--take-ownership", "--force-conflicts")

    assert apart.api.get(CRD)["metadata"]["uid"] == uid
    assert apart.api.get(definitions("shop", "app"))
    assert all(_is_there(apart, each) for each in chart(on_cluster))
