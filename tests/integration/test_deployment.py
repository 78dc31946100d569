"""`config/` on a real API server: it installs as it is, and grants no more than it should."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deployment_support import (
    CONFIG,
    NAMESPACE,
    SERVICE_ACCOUNT,
    allowed,
    daemon_client,
    install,
    render,
)
from tests.integration.world import raw_secret
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import ApiError, KubeApi, namespaces, secrets
from tests.testbed.waiting import wait_until

GROUP = "secrets-manager.tuenti.io"
LEASE = "5ac9a181.secrets-manager.tuenti.io"


@pytest.fixture(scope="module")
def deployed(cluster: TestCluster) -> TestCluster:
    install(cluster)
    return cluster


def test_applying_the_manifests_a_second_time_changes_nothing(deployed: TestCluster) -> None:
    said = deployed.kubectl("apply", "-k", str(CONFIG / "default")).splitlines()

    # kubectl writes the selector of a disruption budget again each time, to the same value.
    assert [
        line for line in said if not line.endswith(" unchanged") and "poddisruptionbudget" not in line
    ] == []


@pytest.mark.parametrize("folder", ["default", "namespaced", "prometheus", "crd"])
def test_the_api_server_knows_every_field_of_every_object(deployed: TestCluster, folder: str) -> None:
    if folder == "namespaced":
        _ensure_namespace(deployed, "team-a")
    for document in render(deployed, CONFIG / folder):
        if "monitoring.coreos.com" not in document["apiVersion"]:
            deployed.kubectl(
                "apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(document)
            )


def test_the_pod_passes_restricted_pod_security(deployed: TestCluster) -> None:
    template = _deployment(render(deployed, CONFIG / "default"))["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": "try"}}

    created = deployed.api.post(f"{namespaces(NAMESPACE)}/pods?dryRun=All", pod)

    assert created["spec"]["serviceAccountName"] == SERVICE_ACCOUNT
    del pod["spec"]["securityContext"]["runAsNonRoot"]
    with pytest.raises(ApiError, match="violates PodSecurity"):
        deployed.api.post(f"{namespaces(NAMESPACE)}/pods?dryRun=All", pod)


def test_changed_settings_roll_the_deployment(deployed: TestCluster, tmp_path: Path) -> None:
    before = _settings_name(render(deployed, CONFIG / "default"))
    after = _settings_name(render(deployed, CONFIG / "namespaced"))

    assert before != after


@pytest.mark.parametrize(
    "component",
    [
        "network-policy",
        "no-foreign-tokens",
        "no-secret-list",
        "restart",
        "status-page",
        "vault-ca",
        "vault-kubernetes-auth",
    ],
)
def test_each_component_can_be_added_to_the_whole(
    deployed: TestCluster, tmp_path: Path, component: str
) -> None:
    folder = _overlay(tmp_path, "default", component)
    plain, changed = render(deployed, CONFIG / "default"), render(deployed, folder)

    assert plain != changed
    for document in changed:
        deployed.kubectl(
            "apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(document)
        )


def test_the_status_page_has_a_port_and_the_network_policy_opens_it(
    deployed: TestCluster, tmp_path: Path
) -> None:
    objects = render(deployed, _overlay(tmp_path, "default", "network-policy, ../components/status-page"))
    (container,) = _deployment(objects)["spec"]["template"]["spec"]["containers"]
    (policy,) = [each for each in objects if each["kind"] == "NetworkPolicy"]
    (service,) = [each for each in objects if each["metadata"]["name"] == "secrets-manager-status"]

    (port,) = [each for each in container["ports"] if each["name"] == "status"]
    assert {"name": "SECRETS_MANAGER_STATUS_ADDR", "value": f"0.0.0.0:{port['containerPort']}"} in container[
        "env"
    ]
    assert [each["port"] for each in policy["spec"]["ingress"][0]["ports"]] == ["http", "status"]
    assert service["spec"]["ports"][0]["targetPort"] == "status"


def test_with_every_component_the_pod_still_passes_restricted_pod_security(
    deployed: TestCluster, tmp_path: Path
) -> None:
    folder = _overlay(tmp_path, "default", "vault-ca, ../components/vault-kubernetes-auth")
    template = _deployment(render(deployed, folder))["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": "try"}}

    created = deployed.api.post(f"{namespaces(NAMESPACE)}/pods?dryRun=All", pod)

    volumes = {volume["name"] for volume in created["spec"]["volumes"]}
    assert {"settings", "vault-ca", "vault-token"} <= volumes
    assert "credentials" not in volumes


def test_the_kustomization_that_the_documentation_shows_is_accepted(
    deployed: TestCluster, tmp_path: Path
) -> None:
    text = (CONFIG.parent / "docs/deploying.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\n(# kustomization.yaml\n.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    _copy_tree(CONFIG, tmp_path / "secrets-manager/config")
    (tmp_path / "kustomization.yaml").write_text(shown, encoding="utf-8")
    (tmp_path / "settings.toml").write_text('backend = "vault"\n', encoding="utf-8")

    objects = render(deployed, tmp_path)

    (container,) = _deployment(objects)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "images.example.test/platform/secrets-manager:3.0.0"
    assert {'backend = "vault"\n'} == {
        each["data"]["settings.toml"] for each in objects if each["kind"] == "ConfigMap"
    }
    assert "NetworkPolicy" in {each["kind"] for each in objects}
    deployed.kubectl("apply", "--dry-run=server", "--validate=strict", "-k", str(tmp_path))


@pytest.mark.parametrize("base", ["default", "namespaced"])
def test_the_right_to_list_secrets_can_be_left_out(deployed: TestCluster, tmp_path: Path, base: str) -> None:
    objects = render(deployed, _overlay(tmp_path, base, "no-secret-list"))
    rules = [
        rule
        for each in objects
        if each["kind"] in {"Role", "ClusterRole"}
        for rule in each["rules"]
        if "secrets" in rule["resources"]
    ]

    assert [rule["verbs"] for rule in rules] == [["get", "create", "update", "delete"]]


@pytest.mark.parametrize(("base", "kind"), [("default", "ClusterRole"), ("namespaced", "Role")])
def test_the_rights_to_restart_join_the_role_of_the_daemon(
    deployed: TestCluster, tmp_path: Path, base: str, kind: str
) -> None:
    objects = render(deployed, _overlay(tmp_path, base, "restart"))
    granted = {
        (each["kind"], resource, *rule["verbs"])
        for each in objects
        if each["kind"] in {"Role", "ClusterRole"}
        for rule in each["rules"]
        for resource in rule["resources"]
        if rule["apiGroups"][0] in {"apps", "argoproj.io"}
    }

    resources = ("deployments", "statefulsets", "daemonsets", "rollouts")
    assert granted == {(kind, resource, "get", "list", "patch") for resource in resources}


@pytest.mark.parametrize("verb", ["get", "list", "watch", "create", "update", "delete"])
def test_the_daemon_may_work_on_secrets_everywhere(deployed: TestCluster, namespace: str, verb: str) -> None:
    client = daemon_client(deployed)

    assert allowed(client, namespace, verb, "secrets")
    assert allowed(client, "", verb, "secrets")


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("patch", "secrets"),
        ("deletecollection", "secrets"),
        ("create", f"{GROUP}:secretdefinitions"),
        ("delete", f"{GROUP}:secretdefinitions"),
        ("update", f"{GROUP}:secretdefinitions/finalizers"),
        ("get", "pods"),
        ("get", "configmaps"),
        ("list", "namespaces"),
        ("list", "events"),
        ("create", "serviceaccounts/token"),
        ("create", "authentication.k8s.io:tokenreviews"),
        ("create", "coordination.k8s.io:leases"),
    ],
)
def test_the_daemon_may_do_nothing_beyond_its_rules(
    deployed: TestCluster, namespace: str, verb: str, resource: str
) -> None:
    assert not allowed(daemon_client(deployed), namespace, verb, resource)


def test_the_daemon_may_keep_its_own_lease_and_no_other(deployed: TestCluster) -> None:
    client = daemon_client(deployed)
    leases = "coordination.k8s.io:leases"

    assert allowed(client, NAMESPACE, "create", leases)
    assert all(allowed(client, NAMESPACE, verb, leases, LEASE) for verb in ("get", "update", "delete"))
    assert not any(allowed(client, NAMESPACE, verb, leases, "other") for verb in ("get", "update", "delete"))


@pytest.mark.parametrize("place", ["elsewhere", "kube-system", NAMESPACE])
def test_all_that_the_api_server_grants_the_daemon_is_what_the_documentation_lists(
    deployed: TestCluster, namespace: str, place: str
) -> None:
    """The rights of the account from every role, without those that every account has."""
    where = namespace if place == "elsewhere" else place
    stranger = deployed.service_account(namespace, f"stranger-{place}")
    everybodys = _rules(deployed.client(stranger.token), where)

    granted = _rules(daemon_client(deployed), where) - everybodys

    election = {
        ("create", "coordination.k8s.io", "leases", ""),
        *((verb, "coordination.k8s.io", "leases", LEASE) for verb in ("get", "update", "delete")),
    }
    assert granted == {
        *((verb, GROUP, "secretdefinitions", "") for verb in ("get", "list", "watch", "update")),
        ("update", GROUP, "secretdefinitions/status", ""),
        *((verb, "", "secrets", "") for verb in ("get", "list", "watch", "create", "update", "delete")),
        ("create", "", "events", ""),
        *(election if where == NAMESPACE else ()),
    }


def _rules(client: KubeApi, namespace: str) -> set[tuple[str, str, str, str]]:
    """Verb, group, resource and name of every right of an account in a namespace."""
    review = {"spec": {"namespace": namespace}}
    found = client.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)["status"]
    assert not found["incomplete"]
    return {
        one
        for rule in found["resourceRules"]
        for one in itertools.product(
            rule["verbs"], rule["apiGroups"], rule["resources"], rule.get("resourceNames") or [""]
        )
    }


@pytest.mark.parametrize("kind", ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"])
def test_the_daemons_account_can_have_tokens_made_unless_the_component_forbids_it(
    deployed: TestCluster, namespace: str, tmp_path: Path, kind: str
) -> None:
    thief = daemon_client(deployed)
    token = raw_secret("token", {}, type=kind)
    token["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "default"}
    path = secrets(namespace)
    plain = thief.post(path, raw_secret("plain", {"a": "1"}))
    thief.post(path, token)
    folder = _overlay(tmp_path, "default", "no-foreign-tokens")
    policy = [one for one in render(deployed, folder) if one["kind"].startswith("ValidatingAdmission")]
    deployed.kubectl(
        "apply", "-f", "-", stdin=json.dumps({"kind": "List", "apiVersion": "v1", "items": policy})
    )
    try:
        wait_until(
            lambda: _is_denied(lambda: thief.delete(f"{path}/token?dryRun=All")), 90, "the policy in force"
        )
        token["metadata"]["name"] = "another"
        assert _is_denied(lambda: thief.post(path, token))
        # The daemon's usual calls still work, and other accounts are not affected.
        thief.put(f"{path}/plain", {**plain, "data": {"a": "Mg=="}})
        thief.delete(f"{path}/plain")
        deployed.api.delete(f"{path}/token")
    finally:
        for one in policy:
            deployed.kubectl("delete", one["kind"].lower(), one["metadata"]["name"])
        # The API server forgets the policy a little later, and other tests must not meet it.
        wait_until(
            lambda: not _is_denied(lambda: thief.post(f"{path}?dryRun=All", token)), 90, "the policy gone"
        )


def _is_denied(call: Callable[[], object]) -> bool:
    try:
        call()
    except ApiError as error:
        return "may not write or delete" in str(error)
    return False


def test_rights_in_named_namespaces_end_there(tmp_path: Path) -> None:
    with TestCluster.start(tmp_path, controllers=False) as cluster:
        cluster.create_namespace("team-a")
        cluster.create_namespace("team-b")
        install(cluster, CONFIG / "namespaced")
        client = daemon_client(cluster, "team-a")

        assert allowed(client, "team-a", "list", "secrets")
        assert allowed(client, "team-a", "update", f"{GROUP}:secretdefinitions/status")
        assert not allowed(client, "team-b", "get", "secrets")
        assert not allowed(client, "", "list", "secrets")
        assert not allowed(client, "", "list", f"{GROUP}:secretdefinitions")


def test_people_who_may_edit_a_namespace_see_definitions_and_write_none_until_they_are_bound(
    deployed: TestCluster, namespace: str
) -> None:
    _ensure_role_for(deployed, namespace, "secrets-manager-editor", "writer")
    _ensure_role_for(deployed, namespace, "secrets-manager-viewer", "reader")
    writer, reader = (deployed.client(deployed.token(namespace, name)) for name in ("writer", "reader"))
    resource = f"{GROUP}:secretdefinitions"

    wait_until(lambda: allowed(writer, namespace, "create", resource), what="the editor's rights")
    wait_until(lambda: allowed(reader, namespace, "watch", resource), what="the viewer's rights")
    assert not allowed(writer, namespace, "update", f"{resource}/status")
    assert not allowed(reader, namespace, "update", resource)
    assert not allowed(writer, namespace, "get", "secrets")


def _overlay(tmp_path: Path, base: str, component: str) -> Path:
    folder = tmp_path / "config" / "overlay"
    _copy_tree(CONFIG, folder.parent)
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"resources: [../{base}]\ncomponents: [../components/{component}]\n",
        encoding="utf-8",
    )
    return folder


def _copy_tree(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())


def _deployment(objects: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [each for each in objects if each["kind"] == "Deployment"]
    return found


def _settings_name(objects: list[dict[str, Any]]) -> str:
    spec = _deployment(objects)["spec"]["template"]["spec"]
    (name,) = [volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume]
    assert name in {each["metadata"]["name"] for each in objects if each["kind"] == "ConfigMap"}
    return str(name)


def _ensure_namespace(cluster: TestCluster, name: str) -> None:
    if cluster.api.find(namespaces(name)) is None:
        cluster.create_namespace(name)


def _ensure_role_for(cluster: TestCluster, namespace: str, role: str, account: str) -> None:
    cluster.api.post(f"{namespaces(namespace)}/serviceaccounts", {"metadata": {"name": account}})
    cluster.kubectl(
        "create",
        "rolebinding",
        account,
        "-n",
        namespace,
        f"--clusterrole={role}",
        f"--serviceaccount={namespace}:{account}",
    )
