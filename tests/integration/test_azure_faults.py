"""No Secret is changed or deleted because the key vault, Entra ID or the network between failed.

This is test_backend_faults.py for Azure: one daemon with Secrets in step meets one fault after another.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.azure_world import azure_world
from tests.integration.world import World, source
from tests.testbed.azure.cloud import AzureDouble
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_rules import RuleBuilder
from tests.testbed.pki import Authority
from tests.unit.backends.azure_key_vault.support import SECRET, TOKEN

KEPT = ("app", "tls-key")
# A pause after faults in a row is at most half of this; a busy machine may add some.
RECOVERY = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One daemon, its definitions, and the cloud that it reads."""

    world: World
    azure: AzureDouble
    authority: Authority
    namespace: str
    daemon: DaemonProcess

    def secrets(self) -> dict[str, tuple[str, str]]:
        """Identity and version of each Secret."""
        return self.world.versions(self.namespace, KEPT)

    def wait(self, reason: str) -> dict[str, Any]:
        """Wait until the definition `app` has a reason that matches this regular expression."""
        return self.world.wait_reason(self.namespace, "app", reason, RECOVERY)

    def certificate(self, *hosts: str, **options: Any) -> Any:
        """A certificate for these hosts, or for those of the cloud."""
        return self.authority.issue(
            *(hosts or (self.azure.vault.host, "login.microsoftonline.com")), **options
        )


@pytest.fixture(scope="module")
def stage(
    definitions_api: TestCluster, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    namespace = definitions_api.create_namespace()
    folder = tmp_path_factory.mktemp("azure-faults")
    with AzureDouble(authority) as azure, azure_world(definitions_api, azure, folder) as world:
        # Without the right to list, every secret is read once a period.
        azure.vault.rights.discard("list")
        azure.store.put("app", json.dumps({"key": "1"}))
        world.define(namespace, "app", {"value": source("app", "")})
        world.define(namespace, "tls-key", {"value": source("app", "#/key")})
        flags = ("-reconcile-period=500ms", "-config.backend-timeout=1s", f"-watch-namespaces={namespace}")
        with world.daemon(*flags) as daemon:
            for name in KEPT:
                world.wait_reason(namespace, name, "Synced")
            yield Stage(world=world, azure=azure, authority=authority, namespace=namespace, daemon=daemon)
            assert daemon.stop() == 0
    definitions_api.delete_namespace(namespace)


# ── the faults ───────────────────────────────────────────────────────────────────────────────────────

Act = Callable[[Stage], object]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of docs/reliability.md, a regular expression for the reason, how it comes about and ends."""

    row: int
    reason: str
    break_it: Act
    mend: Act = lambda _: None


def _reads(act: Callable[[RuleBuilder], object]) -> Act:
    return lambda stage: act(stage.azure.vault_proxy.on("GET", SECRET))


def _body(content: object, status: int = 200) -> Act:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return _reads(lambda rule: rule.reply(status, body, {"Content-Type": "application/json"}))


def _error(status: int, code: str, inner: str = "", **fields: Any) -> Act:
    told = {"code": code, "message": "x", **({"innererror": {"code": inner}} if inner else {})}
    return _reads(lambda rule: rule.reply(status, {"error": told}, **fields))


def _network_rule(rule: str) -> Act:
    return lambda stage: setattr(stage.azure.vault, "network_rule", rule)


def _present(certificate: Callable[[Stage], Any]) -> Act:
    return lambda stage: stage.azure.vault_proxy.present(certificate(stage))


def _stranger(stage: Stage) -> Any:
    folder = stage.authority.ca_file.parent / "azure-stranger"
    return Authority(folder, "stranger").issue(stage.azure.vault.host)


def _without_value(stage: Stage) -> None:
    identifier = f"https://{stage.azure.vault.host}/secrets/app/{'0' * 32}"
    _body({"value": None, "id": identifier, "attributes": {"enabled": True}})(stage)


EXPIRED = dt.timedelta(hours=-1)
FAULTS = {
    "refused connections": Fault(45, "BackendUnavailable", lambda stage: stage.azure.vault_proxy.refuse()),
    "a reset": Fault(45, "BackendUnavailable", _reads(lambda rule: rule.reset())),
    "an expired certificate": Fault(
        47, "BackendTLS", _present(lambda stage: stage.certificate(valid_for=EXPIRED))
    ),
    "a certificate of a stranger": Fault(47, "BackendTLS", _present(_stranger)),
    "a certificate for another host": Fault(
        47, "BackendTLS", _present(lambda stage: stage.certificate("elsewhere.test"))
    ),
    "a page with 200": Fault(51, "BackendUnavailable", _reads(lambda rule: rule.html())),
    "a page with 404": Fault(51, "BackendUnavailable", _body(b"<html>", 404)),
    "other JSON": Fault(51, "BackendUnavailable", _body({"value": "x"})),
    "half of a reply": Fault(51, "BackendUnavailable", _body(b'{"value": "x')),
    "500": Fault(51, "BackendUnavailable", _error(500, "InternalServerError")),
    "a redirect": Fault(
        51, "BackendUnavailable", _reads(lambda rule: rule.redirect("https://elsewhere.test"))
    ),
    "silence": Fault(52, "BackendTimeout", _reads(lambda rule: rule.hang())),
    "dripping headers": Fault(52, "BackendTimeout", _reads(lambda rule: rule.drip_headers(0.05))),
    "a dripping body": Fault(52, "BackendTimeout", _reads(lambda rule: rule.drip_body(0.05))),
    "a reply without end": Fault(52, "BackendUnavailable", _reads(lambda rule: rule.oversize(20_000_000))),
    "a gzip bomb": Fault(52, "BackendUnavailable", _reads(lambda rule: rule.gzip_bomb(50_000_000))),
    "throttling": Fault(66, "BackendThrottled", _error(429, "Throttled", retry_after=1)),
    "a disabled secret": Fault(
        67,
        "SourceDisabled",
        lambda stage: stage.azure.store.enable("app", enabled=False),
        lambda stage: stage.azure.store.enable("app"),
    ),
    "a deleted secret": Fault(
        68,
        "SourceDeleted",
        lambda stage: stage.azure.store.delete("app"),
        lambda stage: stage.azure.store.recover("app"),
    ),
    "a secret that is not there": Fault(68, "SourceNotFound", _error(404, "SecretNotFound")),
    "a missing right": Fault(
        54,
        "PermissionDenied",
        lambda stage: stage.azure.vault.denied.add("app"),
        lambda stage: stage.azure.vault.denied.discard("app"),
    ),
    "a firewall": Fault(69, "ForbiddenByNetwork", _network_rule("ForbiddenByFirewall"), _network_rule("")),
    "a secret without value": Fault(70, "NotAString", _without_value),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_no_secret_is_changed_or_deleted_because_the_key_vault_failed_lied_or_forgot(
    stage: Stage, kind: str
) -> None:
    before = stage.secrets()
    fault = FAULTS[kind]
    fault.break_it(stage)
    try:
        condition = stage.wait(fault.reason)
        after = stage.secrets()
    finally:
        fault.mend(stage)
        for proxy in (stage.azure.vault_proxy, stage.azure.entra_proxy):
            proxy.clear()
        stage.azure.vault_proxy.present(stage.certificate())
        stage.azure.vault_proxy.accept()
    stage.wait("Synced")

    assert condition["status"] == "False"
    assert after == before
    assert stage.secrets() == before


def test_no_fault_was_an_error_of_the_program_itself(stage: Stage) -> None:
    stage.wait("Synced")

    assert "InternalError" not in stage.daemon.output()
    assert "unexpected" not in stage.daemon.output()
    assert "Traceback" not in stage.daemon.output()


# The last test: a token that is refused while it is fresh ends the logins for half a minute.
def test_no_secret_is_changed_because_there_is_no_token_and_no_login(stage: Stage) -> None:
    before = stage.secrets()
    stage.azure.entra_proxy.on("POST", TOKEN).reply(503, b"", retry_after=1)
    stage.azure.entra.revoke_all()

    condition = stage.wait("BackendUnavailable|AuthFailed")

    assert condition["status"] == "False"
    assert stage.secrets() == before
