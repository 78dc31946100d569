"""The Deployment keeps to the restricted Pod Security Standard, and to what the daemon promises."""

from __future__ import annotations

import tomllib
from pathlib import Path, PurePosixPath

import pytest

from secrets_manager import __version__
from secrets_manager.daemon.config.configuration import load
from secrets_manager.daemon.config.settings_file import SYSTEM_FILE
from secrets_manager.settings import Settings
from tests.unit.config.manifests import ROOT, Manifest, container, one, pod_spec

UID = 65532


def _labels() -> dict[str, str]:
    labels: dict[str, str] = one("config/manager/deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    return labels


def _selectors() -> dict[str, Manifest]:
    return {
        "deployment": one("config/manager/deployment.yaml")["spec"]["selector"]["matchLabels"],
        "service": one("config/manager/service.yaml")["spec"]["selector"],
        "budget": one("config/manager/pod-disruption-budget.yaml")["spec"]["selector"]["matchLabels"],
        "policy": one("config/components/network-policy/network-policy.yaml")["spec"]["podSelector"][
            "matchLabels"
        ],
    }


def test_the_namespace_enforces_the_restricted_standard() -> None:
    labels = one("config/manager/namespace.yaml")["metadata"]["labels"]

    assert {mode: labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {
        "enforce": "restricted",
        "audit": "restricted",
        "warn": "restricted",
    }


def test_the_pod_runs_as_nobody_in_particular() -> None:
    context = pod_spec()["securityContext"]

    assert context["runAsNonRoot"] is True
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (UID, UID, UID)
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_the_container_can_neither_gain_rights_nor_change_its_files() -> None:
    context = container()["securityContext"]

    assert context == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize(
    "setting", ["hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"]
)
def test_the_pod_shares_nothing_with_its_node_and_has_one_container(setting: str) -> None:
    assert setting not in pod_spec()


def test_volumes_are_settings_and_credentials_and_mounted_read_only() -> None:
    assert {volume["name"] for volume in pod_spec()["volumes"]} == {"settings", "credentials"}
    assert all(mount["readOnly"] for mount in container()["volumeMounts"])


def test_credentials_are_for_the_daemon_only_and_follow_a_rotation() -> None:
    (volume,) = [volume for volume in pod_spec()["volumes"] if volume["name"] == "credentials"]
    (mount,) = [mount for mount in container()["volumeMounts"] if mount["name"] == "credentials"]

    assert volume["secret"]["defaultMode"] == 0o400
    assert volume["secret"]["optional"] is True
    assert "subPath" not in mount


def test_no_credential_is_given_by_environment_or_argument() -> None:
    assert "env" not in container()
    assert "envFrom" not in container()
    assert "args" not in container()


@pytest.mark.parametrize("name", ["manager", "namespaced"])
def test_the_settings_name_the_files_that_the_pod_mounts(name: str) -> None:
    settings = tomllib.loads((ROOT / "config" / name / "settings.toml").read_text(encoding="utf-8"))
    (mount,) = [mount for mount in container()["volumeMounts"] if mount["name"] == "credentials"]
    (volume,) = [volume for volume in pod_spec()["volumes"] if volume["name"] == "credentials"]
    mounted = {str(PurePosixPath(mount["mountPath"], item["path"])) for item in volume["secret"]["items"]}

    assert {settings["vault"]["role-id-file"], settings["vault"]["secret-id-file"]} == mounted


@pytest.mark.parametrize("name", ["manager", "namespaced"])
def test_the_daemon_accepts_the_settings(name: str, tmp_path: Path) -> None:
    settings = load([], {}, tmp_path, system_file=ROOT / "config" / name / "settings.toml")

    assert isinstance(settings, Settings)
    assert settings.controller.watch_namespaces == (("team-a",) if name == "namespaced" else ())
    assert settings.vault.secret_id_file == "/etc/secrets-manager/credentials/secret-id"


def test_the_service_account_can_stand_in_for_the_credentials(tmp_path: Path) -> None:
    pod = one("config/components/vault-kubernetes-auth/deployment.yaml")["spec"]["template"]["spec"]
    (patch,) = pod["containers"]
    environ = {variable["name"]: variable["value"] for variable in patch["env"]}
    settings = load([], environ, tmp_path, system_file=ROOT / "config/manager/settings.toml")

    assert isinstance(settings, Settings)
    assert (settings.vault.auth_method, settings.vault.kubernetes_role) == ("kubernetes", "secrets-manager")
    token = pod["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]
    assert settings.vault.kubernetes_token_file == f"{patch['volumeMounts'][0]['mountPath']}/{token['path']}"


def test_the_settings_are_mounted_at_the_daemons_first_path() -> None:
    (mount,) = [mount for mount in container()["volumeMounts"] if mount["name"] == "settings"]

    assert mount["mountPath"] == str(SYSTEM_FILE)


@pytest.mark.parametrize("folder", ["manager", "namespaced"])
def test_two_replicas_run_since_an_election_lets_only_one_write(tmp_path: Path, folder: str) -> None:
    spec = one("config/manager/deployment.yaml")["spec"]
    settings = load([], {}, tmp_path, system_file=ROOT / f"config/{folder}/settings.toml")

    assert spec["replicas"] == 2
    assert isinstance(settings, Settings)
    assert settings.election.enabled


def test_a_rollout_starts_the_new_pod_before_it_ends_an_old_one() -> None:
    strategy = one("config/manager/deployment.yaml")["spec"]["strategy"]

    assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


@pytest.mark.parametrize("folder", ["manager", "namespaced"])
def test_a_rollout_ends_no_old_pod_while_the_new_one_may_not_take_over_at_once(
    tmp_path: Path, folder: str
) -> None:
    settings = load([], {}, tmp_path, system_file=ROOT / f"config/{folder}/settings.toml")

    assert isinstance(settings, Settings)
    # A replica that sees a hand-over trusts the next one after that time; it sees one by the Lease.
    trusts_after = settings.election.lease_duration + 2 * settings.election.retry_period
    assert one("config/manager/deployment.yaml")["spec"]["minReadySeconds"] > trusts_after


def test_replicas_are_spread_over_nodes_where_there_are_several() -> None:
    (constraint,) = pod_spec()["topologySpreadConstraints"]

    assert constraint["topologyKey"] == "kubernetes.io/hostname"
    assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"
    labels = one("config/manager/deployment.yaml")["spec"]["selector"]["matchLabels"]
    assert constraint["labelSelector"]["matchLabels"] == labels


def test_the_daemon_has_far_longer_to_end_than_the_ten_seconds_of_a_stop() -> None:
    assert pod_spec()["terminationGracePeriodSeconds"] >= 2 * 10


@pytest.mark.parametrize(
    ("probe", "path"),
    [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")],
)
def test_probes_ask_the_port_of_the_metrics(probe: str, path: str) -> None:
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}

    assert container()[probe]["httpGet"] == {"path": path, "port": "http"}
    assert ports == {"http": 8080}


def test_memory_is_requested_and_bounded() -> None:
    resources = container()["resources"]

    assert set(resources["requests"]) == {"cpu", "memory"}
    assert set(resources["limits"]) == {"memory"}


def test_the_image_is_of_this_version() -> None:
    assert container()["image"] == f"secrets-manager:{__version__}"


def test_the_account_gives_its_token_to_this_pod_only() -> None:
    account = one("config/manager/service-account.yaml")

    assert account["automountServiceAccountToken"] is False
    assert pod_spec()["automountServiceAccountToken"] is True
    assert pod_spec()["serviceAccountName"] == account["metadata"]["name"]


@pytest.mark.parametrize("user", ["deployment", "service", "budget", "policy"])
def test_every_selector_finds_the_pod(user: str) -> None:
    assert _selectors()[user].items() <= _labels().items()


def test_the_budget_never_blocks_the_drain_of_a_node() -> None:
    spec = one("config/manager/pod-disruption-budget.yaml")["spec"]

    assert spec["maxUnavailable"] == 1
    assert "minAvailable" not in spec
