"""No output of a daemon whose values come from a key vault shows a secret, whatever goes wrong there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.integration.azure_world import azure_world
from tests.integration.flock import PLACES, Flock, Story, all_that_is_said, once
from tests.integration.world import PATIENCE, World, source
from tests.testbed.azure.cloud import CLIENT_ID, AzureDouble
from tests.testbed.azure.entra import Principal
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import secrets
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until
from tests.unit.backends.azure_key_vault.test_certificates import LEAF_KEY, STORED, key_pem

NAMESPACE = "azure-canaries"
FLAGS = (f"-watch-namespaces={NAMESPACE}", "-reconcile-period=1s", "-enable-debug-log")
SECRET = r"/secrets/good[^?]*\?.*"
TOKEN = r"/.*/oauth2/v2\.0/token"
REASONS = {
    "AuthFailed",
    "BackendThrottled",
    "BackendUnavailable",
    "DecodeError",
    "EngineMismatch",
    "KeyNotFound",
    "NotAString",
    "PermissionDenied",
    "SourceDeleted",
    "SourceDisabled",
    "SourceNotFound",
}


@pytest.fixture(scope="module")
def azure(authority: Authority) -> Iterator[AzureDouble]:
    with AzureDouble(authority) as running:
        yield running


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, azure: AzureDouble, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    definitions_api.create_namespace(NAMESPACE)
    with azure_world(definitions_api, azure, tmp_path_factory.mktemp("canaries")) as made:
        yield made
    definitions_api.delete_namespace(NAMESPACE)


@pytest.fixture(scope="module")
def story(world: World, azure: AzureDouble) -> Story:
    """Lead daemons through every fault, then collect their output."""
    flock = Flock()
    secret = flock.make("client secret")
    azure.entra.register(Principal(client_id=CLIENT_ID, secrets=[secret]))
    environ = {"AZURE_CLIENT_SECRET": secret}
    flock.take("token of the service account", world.account.token)
    _values(world, azure, flock)
    first, refused = _a_day_without_a_login(world, azure, flock)
    with world.daemon(*FLAGS, **environ) as daemon:
        daemon.wait_ready()
        _good_and_bad_values(world)
        _a_vault_that_fails(world, azure, flock, daemon)
        said = all_that_is_said(world, daemon, NAMESPACE)
        assert daemon.stop() == 0
    for number, token in enumerate(sorted(_tokens(azure))):
        flock.take(f"token {number}", token)
    said["log"] = first.output() + daemon.output()
    said["output of --once"] = refused + once(world, environ, *FLAGS)
    stored = json.dumps(world.cluster.api.list(secrets(NAMESPACE)))
    return Story(flock, said, stored, [*first.log_lines(), *daemon.log_lines()])


@pytest.mark.parametrize("place", PLACES)
def test_no_planted_canary_shows_in_any_output(story: Story, place: str) -> None:
    story.check(place)


def test_the_daemon_met_every_fault_of_the_scenario_at_debug_level(story: Story) -> None:
    assert REASONS - story.reasons() == set()
    assert {"created", "replaced"} <= {line.get("operation") for line in story.log_lines}
    assert "debug" in {line["level"] for line in story.log_lines}


def test_the_search_covers_tokens_and_stored_values(story: Story) -> None:
    assert [what for what in story.flock.born if what.startswith("token ")]
    assert any(found.endswith("as base64") for found in story.flock.found_in(story.secrets))


# ── the story ────────────────────────────────────────────────────────────────────────────────────────


def _tokens(azure: AzureDouble) -> set[str]:
    """The tokens that were sent to the vault."""
    shown = (request.headers.get("authorization", "") for request in azure.vault_proxy.requests)
    return {header.partition(" ")[2] for header in shown if header}


def _values(world: World, azure: AzureDouble, flock: Flock) -> None:
    store = azure.store
    store.put("good", flock.make("a good value", ' "q" \\ü/+?&='))
    store.put("numbers", json.dumps({"port": 1, flock.make("a member"): flock.make("value of a member")}))
    store.put("broken", f"{{{flock.make('broken JSON')}")
    store.put("undecodable", f"{flock.make('no base64')}!")
    store.put("no-certificate", flock.make("no certificate"), content_type="application/x-pkcs12")
    store.put("site", STORED["pfx"], content_type="application/x-pkcs12")
    for number, line in enumerate(key_pem(LEAF_KEY).splitlines()[2:6]):
        flock.take(f"line {number} of a private key", line)
    store.put("off", flock.make("a value that is switched off"))
    store.enable("off", enabled=False)
    store.put("deleted", flock.make("a value that is deleted"))
    store.delete("deleted")
    defined = {
        "good": source("good", ""),
        "wrong-type": source("numbers", "#/port"),
        "no-member": source("numbers", "#/absent"),
        "broken": source("broken", "#/a"),
        "undecodable": source("undecodable", "", "base64"),
        "no-certificate": source("certificates/no-certificate", "tls.crt"),
        "site": source("certificates/site", "tls.key"),
        "off": source("off", ""),
        "deleted": source("deleted", ""),
        "absent": source("absent", ""),
    }
    for name, entry in defined.items():
        world.define(NAMESPACE, name, {"a": entry})


def _a_day_without_a_login(world: World, azure: AzureDouble, flock: Flock) -> tuple[DaemonProcess, str]:
    """A wrong secret, which Entra ID repeats at length, for a daemon and for a run in a pipeline."""
    wrong, speech = flock.make("wrong client secret"), flock.make("what Entra ID says")
    told = {
        "error": "invalid_client",
        "error_description": f"AADSTS7000215: {wrong} {speech}",
        "trace_id": speech,
    }
    refused = azure.entra_proxy.on("POST", TOKEN).reply(401, told)
    environ = {"AZURE_CLIENT_SECRET": wrong}
    with world.daemon(*FLAGS, **environ) as daemon:
        world.wait_reason(NAMESPACE, "good", "AuthFailed")
        assert daemon.stop() == 0
    said = once(world, environ, *FLAGS)
    refused.remove()
    return daemon, said


def _good_and_bad_values(world: World) -> None:
    for name, reason in {
        "good": "Synced",
        "site": "Synced",
        "wrong-type": "NotAString",
        "no-member": "KeyNotFound",
        "broken": "DecodeError",
        "undecodable": "DecodeError",
        "no-certificate": "EngineMismatch",
        "off": "SourceDisabled",
        "deleted": "SourceDeleted",
        "absent": "SourceNotFound",
    }.items():
        world.wait_reason(NAMESPACE, name, reason)


def _a_vault_that_fails(world: World, azure: AzureDouble, flock: Flock, daemon: DaemonProcess) -> None:
    """Each reply repeats secrets that no client should show."""
    said, proxy = flock.make("what a vault says"), azure.vault_proxy
    error = {"error": {"code": "Forbidden", "message": said, "innererror": {"code": said}}}
    bundle = {"id": f"https://x/secrets/good/{said}", "value": {"a": said}, "attributes": said}
    reply = proxy.on("GET", SECRET).reply(403, error)
    azure.store.put("good", flock.make("a value behind a refusal"))
    world.wait_reason(NAMESPACE, "good", "PermissionDenied")
    reply.remove()
    for broken in (
        proxy.on("GET", SECRET).times(1).reply(200, bundle),
        proxy.on("GET", SECRET).times(1).reply(200, f"<html>{said}</html>".encode()),
        proxy.on("GET", SECRET).times(1).reply(500, error),
        proxy.on("GET", SECRET).times(1).redirect(f"https://{said}.invalid/{said}"),
        proxy.on("GET", SECRET).times(1).reset(),
    ):
        azure.store.put("good", flock.make(f"a value behind fault {len(flock.born)}"))
        broken.wait_hit(timeout=2 * PATIENCE)
        broken.remove()
    limit = proxy.on("GET", r".*").reply(429, error, retry_after=1)
    world.wait_reason(NAMESPACE, "good", "BackendThrottled")
    limit.remove()
    last = flock.make("the last value")
    azure.store.put("good", last)
    world.wait_reason(NAMESPACE, "good", "Synced")
    wait_until(lambda: world.data(NAMESPACE, "good") == {"a": last}, 2 * PATIENCE, "the last value")
    assert daemon.logged("Secret is out of sync", reason="PermissionDenied")
