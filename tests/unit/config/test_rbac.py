"""Rights: exactly what the daemon uses, exactly what people are meant to have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.config.manifests import CONFIG, one, resources

DAEMON_ROLES = ["config/rbac/cluster-wide/role.yaml", "config/rbac/per-namespace/role.yaml"]
LEASE = "5ac9a181.secrets-manager.tuenti.io"


def _verbs(role: str) -> dict[str, set[str]]:
    return {
        f"{group}/{resource}".lstrip("/"): set(rule["verbs"])
        for rule in one(role)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def _all_rules() -> list[tuple[str, dict[str, Any]]]:
    return [
        (str(path.relative_to(CONFIG)), rule)
        for path, document in resources(CONFIG)
        if document["kind"] in {"Role", "ClusterRole"}
        for rule in document["rules"]
    ]


@pytest.mark.parametrize("role", DAEMON_ROLES)
def test_the_daemon_has_these_rights_and_no_others(role: str) -> None:
    assert _verbs(role) == {
        "secrets-manager.tuenti.io/secretdefinitions": {"get", "list", "watch", "update"},
        "secrets-manager.tuenti.io/secretdefinitions/status": {"update"},
        "secrets": {"get", "list", "watch", "create", "update", "delete"},
        "events": {"create"},
    }


def test_the_status_page_adds_the_right_to_ask_who_somebody_is_and_no_other() -> None:
    assert _verbs("config/components/status-page/role.yaml") == {
        "authentication.k8s.io/tokenreviews": {"create"},
        "authorization.k8s.io/subjectaccessreviews": {"create"},
    }


def test_the_rights_in_one_namespace_are_those_of_the_whole_cluster() -> None:
    assert one(DAEMON_ROLES[0])["rules"] == one(DAEMON_ROLES[1])["rules"]


def test_nothing_is_granted_by_wildcard_and_nothing_that_leads_to_more_rights() -> None:
    for file, rule in _all_rules():
        granted = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert not granted & {"*", "bind", "escalate", "impersonate", "serviceaccounts/token"}, file


def test_the_lease_is_the_only_one_the_daemon_may_read_change_or_delete() -> None:
    create, rest = one("config/rbac/election/role.yaml")["rules"]

    assert create["verbs"] == ["create"]
    assert rest["resourceNames"] == [LEASE]
    assert rest["verbs"] == ["get", "update", "delete"]


def test_the_lease_is_read_in_the_daemons_own_namespace_only() -> None:
    role, binding = (one(f"config/rbac/election/{name}.yaml") for name in ("role", "binding"))

    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "secrets-manager")
    assert (binding["kind"], binding["metadata"]["namespace"]) == ("RoleBinding", "secrets-manager")


@pytest.mark.parametrize("folder", ["cluster-wide", "per-namespace", "election"])
def test_each_binding_gives_its_role_to_the_daemons_account(folder: str) -> None:
    role, binding = (one(f"config/rbac/{folder}/{name}.yaml") for name in ("role", "binding"))
    account = one("config/manager/service-account.yaml")["metadata"]

    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": role["kind"],
        "name": role["metadata"]["name"],
    }
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    ]


def test_the_view_role_may_view_definitions() -> None:
    labels = one("config/rbac/people/viewer.yaml")["metadata"]["labels"]

    assert labels["rbac.authorization.k8s.io/aggregate-to-view"] == "true"


def test_the_edit_role_may_not_write_definitions_by_default() -> None:
    labels = one("config/rbac/people/editor.yaml")["metadata"]["labels"]

    assert not [name for name in labels if name.startswith("rbac.authorization.k8s.io/")]


@pytest.mark.parametrize("person", ["viewer", "editor"])
def test_roles_for_people_reach_definitions_only(person: str) -> None:
    assert set(_verbs(f"config/rbac/people/{person}.yaml")) == {"secrets-manager.tuenti.io/secretdefinitions"}
