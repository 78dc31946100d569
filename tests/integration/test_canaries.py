"""No output shows a secret: values, tokens and ids that occur nowhere else are planted, the daemon is led
through good and bad days at debug level, and all its output is searched for them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.flock import PLACES, Flock, Story, all_that_is_said, forms, once
from tests.integration.world import MARK, PATIENCE, World, new_world, raw_secret, source
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import definitions, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

NAMESPACE = "canaries"
FLAGS = (f"-watch-namespaces={NAMESPACE}", "-reconcile-period=1s", "-enable-debug-log")
LOGIN = r"/v1/auth/approle/login"
# Reasons that must have occurred for the search to mean anything.
REASONS = {
    "AdmissionDenied",
    "AuthFailed",
    "BackendUnavailable",
    "ClusterUnavailable",
    "DecodeError",
    "ImmutableTarget",
    "InvalidForType",
    "KeyNotFound",
    "NotAString",
    "NotOwned",
    "RejectedByCluster",
    "TooLarge",
    "TypeConflict",
}


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    definitions_api.create_namespace(NAMESPACE)
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("canaries")) as made:
        yield made
    definitions_api.delete_namespace(NAMESPACE)


@pytest.fixture(scope="module")
def story(world: World, authority: Authority, api_proxy: FaultProxy, bao_proxy: FaultProxy) -> Story:
    """Lead daemons through every fault, then collect their output."""
    flock = Flock()
    flock.take("secret id", world.role.secret_id)
    flock.take("token of the service account", world.account.token)
    secret_id = world.folder / "secret-id"
    environ = _environment(world, authority, api_proxy, bao_proxy, secret_id)
    environ["VAULT_TOKEN"] = flock.make("token in the environment")
    _values_that_fail(world, flock)
    secret_id.write_text(flock.make("wrong secret id"), encoding="utf-8")
    first, refused = _days_without_a_login(world, flock, bao_proxy, environ)
    secret_id.write_text(world.role.secret_id, encoding="utf-8")
    with world.daemon(*FLAGS, "-vault.token-polling-period=1s", **environ) as daemon:
        daemon.wait_ready()
        _good_days(world, flock)
        _targets_that_fail(world, flock)
        _an_api_server_that_fails(world, flock, api_proxy)
        _a_backend_that_fails(world, flock, bao_proxy, daemon)
        said = all_that_is_said(world, daemon, NAMESPACE)
        assert daemon.stop() == 0
    tokens = {request.headers.get("x-vault-token", "") for request in bao_proxy.requests} - {""}
    for number, token in enumerate(sorted(tokens)):
        flock.take(f"token {number} of the backend", token)
    said["log"] = first.output() + daemon.output()
    said["output of --once"] = refused + once(world, environ, *FLAGS)
    stored = json.dumps(world.cluster.api.list(secrets(NAMESPACE)))
    return Story(flock, said, stored, [*first.log_lines(), *daemon.log_lines()])


@pytest.mark.parametrize("place", PLACES)
def test_no_planted_canary_shows_in_any_output(story: Story, place: str) -> None:
    story.check(place)


def test_the_daemon_met_every_fault_of_the_scenario_at_debug_level(story: Story) -> None:
    assert REASONS - story.reasons() == set()
    assert {"created", "replaced", "deleted"} <= {line.get("operation") for line in story.log_lines}
    assert "debug" in {line["level"] for line in story.log_lines}


def test_the_search_covers_the_tokens_that_the_backend_gave_out(story: Story) -> None:
    assert len([what for what in story.flock.born if what.endswith("of the backend")]) >= 2


def test_the_search_finds_a_canary_that_is_there(story: Story) -> None:
    assert any(found.endswith("as base64") for found in story.flock.found_in(story.secrets))
    for what, text in story.flock.born.items():
        for form, shown in forms(text):
            assert f"{what} as {form}" in story.flock.found_in(f"before {shown} after")


# ── the story ────────────────────────────────────────────────────────────────────────────────────────


def _environment(
    world: World, authority: Authority, api_proxy: FaultProxy, bao_proxy: FaultProxy, secret_id: Path
) -> dict[str, str]:
    token, ca_file = world.account.token, authority.ca_file
    kubeconfig = world.cluster.kubeconfig_for(token, server=api_proxy.url, ca_file=ca_file)
    return {
        "VAULT_ADDR": bao_proxy.url,
        "VAULT_SECRET_ID": "",
        "SECRETS_MANAGER_VAULT__SECRET_ID_FILE": str(secret_id),
        "KUBECONFIG": str(kubeconfig),
    }


def _days_without_a_login(
    world: World, flock: Flock, proxy: FaultProxy, environ: dict[str, str]
) -> tuple[DaemonProcess, str]:
    """A daemon meets a server that answers a login at length; a run with --once meets a real refusal."""
    speech = flock.make("what a backend says of a login")
    refused = proxy.on("PUT|POST", LOGIN).vault_error(400, speech)
    with world.daemon(*FLAGS, **environ) as daemon:
        world.wait_reason(NAMESPACE, "wrong-type", "AuthFailed")
        assert daemon.stop() == 0
    refused.remove()
    return daemon, once(world, environ, *FLAGS)


def _values_that_fail(world: World, flock: Flock) -> None:
    world.write("wrong-type", a={flock.make("key of a map"): flock.make("value in a map")})
    world.define(NAMESPACE, "wrong-type", world.keys("a", of="wrong-type"))
    world.write("number", a=int(flock.take("a number", "86420975318642")))
    world.define(NAMESPACE, "number", world.keys("a", of="number"))
    world.write("undecodable", a=f"{flock.make('not base64')}!")
    world.define(NAMESPACE, "undecodable", {"a": source(world.path("undecodable"), "a", "base64")})
    world.write("missing-key", other=flock.make("neighbour of a missing key"))
    world.define(NAMESPACE, "missing-key", world.keys("a", of="missing-key"))
    world.write("not-json", **{".dockerconfigjson": f"{{{flock.make('broken JSON')}"})
    world.define(
        NAMESPACE,
        "not-json",
        world.keys(".dockerconfigjson", of="not-json"),
        secret_type="kubernetes.io/dockerconfigjson",
    )
    big = flock.make("a large value") * 20_000
    world.write("big-1", a=big)
    world.write("big-2", b=big)
    world.define(NAMESPACE, "too-large", {**world.keys("a", of="big-1"), **world.keys("b", of="big-2")})


def _good_days(world: World, flock: Flock) -> None:
    for name in ("wrong-type", "number"):
        world.wait_reason(NAMESPACE, name, "NotAString")
    for name, reason in {
        "undecodable": "DecodeError",
        "missing-key": "KeyNotFound",
        "not-json": "InvalidForType",
        "too-large": "TooLarge",
    }.items():
        world.wait_reason(NAMESPACE, name, reason)
    # These hold letters that JSON, URLs and shells escape.
    first, second = flock.make("a good value", ' "q" \\ü/+?&='), flock.make("the next good value")
    binary = flock.make("a decoded value")
    world.write("good", a=first, b=base64.b64encode(binary.encode()).decode())
    keys = {**world.keys("a", of="good"), "b": source(world.path("good"), "b", "base64")}
    world.define(NAMESPACE, "good", keys, labels={"app": "shop"})
    world.wait_data(NAMESPACE, "good", {"a": first, "b": binary})
    world.write("good", a=second, b="")
    world.wait_data(NAMESPACE, "good", {"a": second, "b": ""})
    edited = base64.b64encode(flock.make("a value put in by hand").encode()).decode()
    world.cluster.api.patch(secrets(NAMESPACE, "good"), {"data": {"a": edited}})
    world.wait_data(NAMESPACE, "good", {"a": second, "b": ""})
    world.cluster.api.delete(secrets(NAMESPACE, "good"))
    world.wait_data(NAMESPACE, "good", {"a": second, "b": ""})
    world.define(NAMESPACE, "passing", world.keys("a", of="good"))
    world.wait_data(NAMESPACE, "passing", {"a": second})
    # The Secret of a deleted definition may be collected before we delete it; one of a former name is not.
    world.change(NAMESPACE, "passing", {"spec": {"name": "passed"}})
    world.wait_data(NAMESPACE, "passed", {"a": second})
    world.wait_data(NAMESPACE, "passing", None)
    world.cluster.api.delete(definitions(NAMESPACE, "passing"))
    world.wait_data(NAMESPACE, "passed", None)


def _targets_that_fail(world: World, flock: Flock) -> None:
    world.cluster.api.post(secrets(NAMESPACE), raw_secret("foreign", {"x": flock.make("a foreign value")}))
    world.define(NAMESPACE, "foreign", world.keys("a", of="good"))
    world.wait_reason(NAMESPACE, "foreign", "NotOwned")
    world.write("frozen", a=flock.make("a frozen value"))
    world.define(NAMESPACE, "frozen", world.keys("a", of="frozen"))
    world.wait_reason(NAMESPACE, "frozen", "Synced")
    world.cluster.api.patch(secrets(NAMESPACE, "frozen"), {"immutable": True})
    world.write("frozen", a=flock.make("a value that is refused"))
    world.wait_reason(NAMESPACE, "frozen", "ImmutableTarget")
    world.define(NAMESPACE, "typed", world.keys("a", of="good"))
    world.wait_reason(NAMESPACE, "typed", "Synced")
    world.change(NAMESPACE, "typed", {"spec": {"type": "example.com/other"}})
    world.wait_reason(NAMESPACE, "typed", "TypeConflict")
    world.change(NAMESPACE, "typed", {"metadata": {"annotations": {f"{MARK}recreate": "true"}}})
    world.wait_reason(NAMESPACE, "typed", "Synced")
    _refuse_with_an_echo(world)
    world.write("echoed", a=flock.make("a value that a policy repeats"))
    world.define(NAMESPACE, "echoed", world.keys("a", of="echoed"))
    world.wait_reason(NAMESPACE, "echoed", "AdmissionDenied")


def _an_api_server_that_fails(world: World, flock: Flock, proxy: FaultProxy) -> None:
    """A server that repeats the request in each kind of refusal."""
    told = f"the object {flock.make('what an API server repeats')} is bad"
    for name, status, reason in (
        ("invalid", 422, "Invalid"),
        ("unavailable", 500, "InternalError"),
    ):
        posts = proxy.on("POST", rf"/api/v1/namespaces/{NAMESPACE}/secrets").kubernetes_error(
            status, reason, told
        )
        world.write(name, a=flock.make(f"a value that is {name}"))
        world.define(NAMESPACE, name, world.keys("a", of=name))
        world.wait_reason(NAMESPACE, name, "RejectedByCluster" if status == 422 else "ClusterUnavailable")
        posts.remove()
    page = f"<html>{flock.make('a page')}</html>".encode()
    html = proxy.on("PUT", rf"/api/v1/namespaces/{NAMESPACE}/secrets/good").times(2).reply(200, page)
    world.write("good", a=flock.make("a value answered with a page"), b="")
    html.wait_hit(timeout=PATIENCE)
    world.wait_reason(NAMESPACE, "good", "Synced")
    dropped = proxy.on("PUT", rf"/api/v1/namespaces/{NAMESPACE}/secrets/good").times(1).apply_then_drop()
    last = flock.make("a value whose reply was lost")
    world.write("good", a=last, b="")
    dropped.wait_hit(timeout=PATIENCE)
    world.wait_data(NAMESPACE, "good", {"a": last, "b": ""})


def _a_backend_that_fails(world: World, flock: Flock, proxy: FaultProxy, daemon: DaemonProcess) -> None:
    said = flock.make("what a backend says")
    path = rf"/v1/{re.escape(world.path('good'))}"
    for rule in (
        proxy.on("GET", path).times(1).vault_error(500, said),
        proxy.on("GET", path).times(1).vault_error(400, said),
        proxy.on("GET", path).times(1).reply(200, f"<html>{said}</html>".encode()),
        proxy.on("GET", path).times(1).reply(200, {"data": said}),
        proxy.on("GET", path).times(1).reply(200, {"data": {"data": said, "metadata": said}}),
        proxy.on("GET", path).times(1).redirect(f"http://{said}:{said}@elsewhere.invalid/{said}"),
        proxy.on("GET", path).times(1).reset(),
    ):
        rule.wait_hit(timeout=PATIENCE)
        rule.remove()
    world.openbao.revoke_logins()
    proxy.wait_for("PUT|POST", LOGIN, count=4, timeout=PATIENCE)
    proxy.on("GET", r"/v1/secret/.*").times(12).vault_error(502, said)
    wait_until(
        lambda: daemon.logged("Secret is out of sync", reason="BackendUnavailable"), PATIENCE, "an outage"
    )
    proxy.clear()
    wait_until(lambda: world.condition(NAMESPACE, "good")["reason"] == "Synced", 2 * PATIENCE, "recovery")


def _refuse_with_an_echo(world: World) -> None:
    """A policy against one Secret whose message is the Secret's data."""
    group = "/apis/admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}
    here = {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}
    validation = {
        "expression": "object.metadata.name != 'echoed'",
        "messageExpression": "'refused: ' + string(object.data['a'])",
    }
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule], "namespaceSelector": here},
        "validations": [validation],
    }
    bound = {"policyName": "echo", "validationActions": ["Deny"]}
    world.cluster.api.post(
        f"{group}/validatingadmissionpolicies", {"metadata": {"name": "echo"}, "spec": policy}
    )
    world.cluster.api.post(
        f"{group}/validatingadmissionpolicybindings", {"metadata": {"name": "echo"}, "spec": bound}
    )
    wait_until(lambda: "refused: " in _refusal(world), PATIENCE, "the policy in effect")


def _refusal(world: World) -> str:
    try:
        world.cluster.api.post(f"{secrets(NAMESPACE)}?dryRun=All", raw_secret("echoed", {"a": "x"}))
    except Exception as error:  # noqa: BLE001 - the loop waits for ApiError
        return str(error)
    return ""
