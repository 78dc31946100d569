"""The daemon from a key vault to Secrets on a real API server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.azure_world import PRINCIPAL, azure_world
from tests.integration.test_azure_login import ISSUER, KEY, RESOURCE_ID, SUBJECT, federated
from tests.integration.world import PATIENCE, World, source
from tests.testbed.azure.cloud import CLIENT_ID, TENANT, AzureDouble
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess, run_once
from tests.testbed.waiting import wait_until
from tests.unit.backends.azure_key_vault.support import SECRET, TOKEN
from tests.unit.backends.azure_key_vault.test_certificates import LEAF, MIDDLE, ROOT, STORED, pem


@pytest.fixture
def world(definitions_api: TestCluster, azure: AzureDouble, tmp_path: Path) -> Iterator[World]:
    with azure_world(definitions_api, azure, tmp_path) as made:
        yield made


def started(world: World, namespace: str, *flags: str, **environ: str) -> DaemonProcess:
    return world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}", *flags, **environ)


def keys(path: str, key: str = "") -> dict[str, Any]:
    return {"value": source(path, key)}


# ── what a user gets ─────────────────────────────────────────────────────────────────────────────────


def test_every_kind_of_object_becomes_a_secret(azure: AzureDouble, world: World, namespace: str) -> None:
    first = azure.store.put("plain", "old")
    azure.store.put("plain", "new")
    azure.store.put("json", json.dumps({"db": {"user": "u", "password": "p"}}))
    azure.store.put("encoded", "aGVsbG8=")
    azure.store.put("site", STORED["pfx"], content_type="application/x-pkcs12")
    world.define(namespace, "plain", keys("plain", "ignored"))
    world.define(namespace, "pinned", keys(f"secrets/plain/{first}"))
    world.define(
        namespace,
        "json",
        {"user": source("json", "#/db/user"), "password": source("json", "#/db/password")},
    )
    world.define(namespace, "encoded", {"value": source("encoded", "", "base64")})
    tls = {name: source("certificates/site", name) for name in ("tls.crt", "tls.key", "ca.crt")}
    world.define(namespace, "site", tls, secret_type="kubernetes.io/tls")
    with started(world, namespace):
        world.wait_data(namespace, "plain", {"value": "new"})
        world.wait_data(namespace, "pinned", {"value": "old"})
        world.wait_data(namespace, "json", {"user": "u", "password": "p"})
        world.wait_data(namespace, "encoded", {"value": "hello"})
        world.wait_reason(namespace, "site", "Synced")

    certificate = world.data(namespace, "site") or {}
    assert world.secret(namespace, "site")["type"] == "kubernetes.io/tls"
    assert (certificate["tls.crt"], certificate["ca.crt"]) == (pem(LEAF, MIDDLE, ROOT), pem(ROOT))
    versions = world.found(namespace, "pinned")["status"]["sources"]
    assert versions == [{"path": f"secrets/plain/{first}", "version": first}]


def test_a_change_arrives_and_a_quiet_vault_is_only_listed(
    azure: AzureDouble, world: World, namespace: str
) -> None:
    for name in ("a", "b", "c"):
        azure.store.put(name, "1")
        world.define(namespace, name, keys(name))
    with started(world, namespace):
        for name in ("a", "b", "c"):
            world.wait_data(namespace, name, {"value": "1"})
        # Until the readings are older than the second of the change, each source is read once more.
        settle(azure)
        before = azure.vault_proxy.count("GET", "/secrets/.*")
        lists = azure.vault_proxy.count("GET", "/secrets")
        azure.vault_proxy.wait_for("GET", "/secrets", lists + 3, timeout=PATIENCE)
        assert azure.vault_proxy.count("GET", "/secrets/.*") == before
        azure.store.put("b", "2")
        world.wait_data(namespace, "b", {"value": "2"})

    assert world.data(namespace, "a") == {"value": "1"}


def test_a_secret_follows_its_source_however_a_definition_spells_its_name(
    azure: AzureDouble, world: World, namespace: str
) -> None:
    azure.store.put("Db-Password", "1")
    spellings = {"lower": "db-password", "upper": "DB-PASSWORD", "kind": "secrets/dB-pAssword"}
    for name, path in spellings.items():
        world.define(namespace, name, keys(path))
    world.define(namespace, "both", {"a": source("db-PASSWORD", ""), "b": source("Db-password", "")})
    policy = "-policy.paths=Db-PASSWord"
    with started(world, namespace, policy):
        for value in ("1", "2"):
            azure.store.put("DB-password", value)
            for name in spellings:
                world.wait_data(namespace, name, {"value": value})
            world.wait_data(namespace, "both", {"a": value, "b": value})
        azure.store.delete("db-password")
        for name in (*spellings, "both"):
            world.wait_reason(namespace, name, "SourceDeleted")
            assert world.data(namespace, name)
        azure.store.put("dB-password", "3")
        world.wait_data(namespace, "both", {"a": "3", "b": "3"})


def settle(azure: AzureDouble) -> None:
    """Until two lists in a row caused no read."""

    def quiet() -> bool:
        reads, lists = (
            azure.vault_proxy.count("GET", "/secrets/.*"),
            azure.vault_proxy.count("GET", "/secrets"),
        )
        azure.vault_proxy.wait_for("GET", "/secrets", lists + 2, timeout=PATIENCE)
        return azure.vault_proxy.count("GET", "/secrets/.*") == reads

    wait_until(quiet, 60, "the sources quiet", 0.1)


def test_without_the_right_to_list_each_secret_is_read_once_a_period(
    azure: AzureDouble, world: World, namespace: str
) -> None:
    azure.vault.rights.discard("list")
    azure.store.put("app", "1")
    world.define(namespace, "app", keys("app"))
    with started(world, namespace) as daemon:
        world.wait_data(namespace, "app", {"value": "1"})
        azure.vault_proxy.wait_for("GET", "/secrets/app/", 4, timeout=PATIENCE)
        azure.store.put("app", "2")
        world.wait_data(namespace, "app", {"value": "2"})
        told = daemon.logged("the login has no right to list the secrets of the key vault")

    assert len(told) == 1


WAYS: dict[str, dict[str, str]] = {
    "client secret": PRINCIPAL,
    "managed identity by client id": {"AZURE_MANAGED_CLIENT_ID": "client-7"},
    "managed identity by resource id": {"AZURE_MANAGED_RESOURCE_ID": RESOURCE_ID},
    "system-assigned identity": {"SECRETS_MANAGER_AZURE_KV__SYSTEM_ASSIGNED_IDENTITY": "true"},
    "workload identity as AKS injects it": {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT_ID,
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_log_in_works_by_environment_alone(
    azure: AzureDouble, world: World, namespace: str, tmp_path: Path, way: str
) -> None:
    azure.imds.system_assigned = "system"
    azure.imds.by_client_id.add("client-7")
    azure.imds.by_resource_id[RESOURCE_ID] = "resource-7"
    azure.entra.principals[CLIENT_ID].issuers[ISSUER] = (SUBJECT, KEY.public_key())
    (tmp_path / "token").write_text(federated())
    azure.store.put("app", "1")
    world.define(namespace, "app", keys("app"))
    environ = {name: text for name, text in world.environ.items() if name not in PRINCIPAL}
    environ |= {"AZURE_POD_IDENTITY_AUTHORITY_HOST": azure.imds_url, **WAYS[way]}
    if way.startswith("workload"):
        environ["AZURE_FEDERATED_TOKEN_FILE"] = str(tmp_path / "token")
    done = run_once(environ, f"-watch-namespaces={namespace}", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert world.data(namespace, "app") == {"value": "1"}


# ── states ───────────────────────────────────────────────────────────────────────────────────────────


def test_each_state_of_a_secret_has_its_own_reason_and_the_last_good_value_stays(
    azure: AzureDouble, world: World, namespace: str
) -> None:
    names = ("disabled", "deleted", "denied", "fine")
    for name in (*names, "old"):
        azure.store.put(name, f"canary-{name}", expires=time.time() - 60 if name == "old" else None)
    for name in (*names, "old", "never", "no_name"):
        world.define(namespace, name.replace("_", "-"), keys(name))
    world.define(namespace, "pointer", keys("fine", "#/a"))
    with started(world, namespace) as daemon:
        for name in names:
            world.wait_data(namespace, name, {"value": f"canary-{name}"})
        azure.store.enable("disabled", enabled=False)
        azure.store.delete("deleted")
        azure.vault.denied.add("denied")
        azure.store.put("denied", "another")

        expired = world.wait_reason(namespace, "old", "SourceExpired")
        told = {
            name: world.wait_reason(namespace, name, reason)["message"]
            for name, reason in {
                "disabled": "SourceDisabled",
                "deleted": "SourceDeleted",
                "denied": "PermissionDenied",
                "never": "SourceNotFound",
                "no-name": "InvalidPath",
                "pointer": "DecodeError",
                "fine": "Synced",
            }.items()
        }
        expiry = daemon.metric(
            "secrets_manager_azure_kv_secret_expiry_timestamp_seconds", path="old", azure_kv_tenant=TENANT
        )
        errors = daemon.metric(
            "secrets_manager_azure_kv_read_secret_errors_total",
            azure_kv_name=azure.vault.name,
            path="never",
            error="BackendSecretNotFoundError",
        )

    assert expired["status"] == "True"
    assert "'old' expired at " in expired["message"]
    assert world.data(namespace, "old") == {"value": "canary-old"}
    for name in names:
        assert world.data(namespace, name) == {"value": f"canary-{name}"}
    assert expiry is not None
    assert expiry < time.time()
    assert errors is not None
    assert "canary" not in str(told)


def test_with_strict_expiry_an_expired_value_is_refused(
    azure: AzureDouble, world: World, namespace: str
) -> None:
    azure.store.put("old", "1", expires=time.time() - 60)
    world.define(namespace, "old", keys("old"))
    with started(world, namespace, "-azure-kv.strict-expiry"):
        condition = world.wait_reason(namespace, "old", "SourceExpired")

    assert condition["status"] == "False"
    assert world.data(namespace, "old") is None


# ── outages: rows 66 to 70 ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def running(azure: AzureDouble, world: World, namespace: str) -> Iterator[DaemonProcess]:
    """A daemon with one definition in step."""
    azure.store.put("app", "1")
    world.define(namespace, "app", keys("app"))
    with started(world, namespace, "-config.backend-timeout=1s") as daemon:
        world.wait_data(namespace, "app", {"value": "1"})
        yield daemon


def test_row_66_a_throttled_vault_keeps_the_secrets_and_is_left_alone(
    azure: AzureDouble, world: World, namespace: str, running: DaemonProcess
) -> None:
    azure.vault_proxy.on("GET", r".*").reply(429, {"error": {"code": "Throttled"}}, retry_after=5)
    azure.store.put("app", "2")
    world.define(namespace, "late", keys("app"))
    assert world.wait_reason(namespace, "late", "BackendThrottled")["status"] == "False"
    wait_until(
        lambda: running.metric("secrets_manager_backend_breaker_open") == 1.0, PATIENCE, "the breaker open"
    )
    assert world.data(namespace, "app") == {"value": "1"}
    azure.vault_proxy.clear()
    world.wait_data(namespace, "app", {"value": "2"})
    world.wait_data(namespace, "late", {"value": "2"})


def test_row_69_a_firewall_is_named_and_the_daemon_recovers_by_itself(
    azure: AzureDouble, world: World, namespace: str, running: DaemonProcess
) -> None:
    azure.vault.network_rule = "ForbiddenByFirewall"
    world.define(namespace, "late", keys("app"))
    world.wait_reason(namespace, "late", "ForbiddenByNetwork")
    assert world.data(namespace, "app") == {"value": "1"}
    azure.vault.network_rule = ""

    world.wait_data(namespace, "late", {"value": "1"})


@pytest.mark.parametrize("how", ["hang", "drip_body"])
def test_row_52_a_vault_that_hangs_or_drips_is_reported_as_a_timeout(
    azure: AzureDouble, world: World, namespace: str, running: DaemonProcess, how: str
) -> None:
    getattr(azure.vault_proxy.on("GET", SECRET), how)()
    world.define(namespace, "late", keys("app"))
    world.wait_reason(namespace, "late", "BackendTimeout")
    azure.vault_proxy.clear()

    world.wait_data(namespace, "late", {"value": "1"})


def test_row_69_a_daemon_started_with_a_wrong_secret_stays_up_reports_the_code_and_recovers(
    azure: AzureDouble, world: World, namespace: str, tmp_path: Path
) -> None:
    file = tmp_path / "client-secret"
    file.write_text("canary-wrong-secret")
    azure.store.put("app", "1")
    world.define(namespace, "app", keys("app"))
    with started(
        world,
        namespace,
        "-zap-log-level=debug",
        SECRETS_MANAGER_AZURE_KV__CLIENT_SECRET_FILE=str(file),
        AZURE_CLIENT_SECRET="",
    ) as daemon:
        condition = world.wait_reason(namespace, "app", "AuthFailed")
        assert condition["message"] == "Entra ID refused the login (AADSTS7000215)"
        assert daemon.fetch("/healthz")[0] == 200
        assert daemon.fetch("/readyz")[0] == 503
        # What was refused is tried again after five seconds, and after ten more.
        assert 1 <= (daemon.metric("secrets_manager_azure_kv_login_errors_total") or 0) <= 2
        assert azure.entra_proxy.count("POST", TOKEN) <= 3
        file.write_text(PRINCIPAL["AZURE_CLIENT_SECRET"])
        world.wait_data(namespace, "app", {"value": "1"}, 90)
        daemon.wait_ready()
        output = daemon.output()

    assert "canary" not in output


# ── nothing leaks ────────────────────────────────────────────────────────────────────────────────────


def test_no_canary_is_in_any_output_at_debug_level(azure: AzureDouble, world: World, namespace: str) -> None:
    azure.store.put("app", "canary-value")
    azure.store.put("json", '{"a": {"b": "canary-inner"}}')
    azure.store.put("site", STORED["pem, key first"], content_type="application/x-pem-file")
    world.define(namespace, "app", keys("app"))
    world.define(namespace, "wrong", keys("json", "#/a"))
    world.define(namespace, "half", keys("app", "#/a"))
    world.define(namespace, "site", keys("certificates/site", "tls.key"))
    world.define(namespace, "encoded", {"value": source("app", "", "base64")})
    with started(world, namespace, "-zap-log-level=127") as daemon:
        world.wait_data(namespace, "app", {"value": "canary-value"})
        for name, reason in {"wrong": "NotAString", "half": "DecodeError", "encoded": "DecodeError"}.items():
            world.wait_reason(namespace, name, reason)
        world.wait_reason(namespace, "site", "Synced")
        azure.store.put("app", "canary-second")
        azure.vault_proxy.on("GET", SECRET).times(2).reply(403, {"error": {"message": "canary-body"}})
        world.wait_data(namespace, "app", {"value": "canary-second"})
        shown = [daemon.output(), daemon.metrics()]
        for name in ("app", "wrong", "half", "site", "encoded"):
            shown += [str(world.found(namespace, name)), str(world.events(namespace, name))]

    assert all("canary" not in text for text in shown)
    assert all("PRIVATE KEY" not in text for text in shown)
