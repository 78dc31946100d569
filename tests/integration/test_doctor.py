"""``doctor`` finds each fault where it is, says what to do, and finds nothing where all is well."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.azure_world import PRINCIPAL, environment
from tests.integration.commands_support import Done, command
from tests.integration.deployment_support import original_crd
from tests.integration.world import (
    CONFIG_RULES,
    LEASES,
    NO_SECRET_LIST,
    WRITES,
    Json,
    World,
    definition,
    grant,
    new_world,
    raw_secret,
    source,
)
from tests.testbed.azure.cloud import AzureDouble
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import base_environment
from tests.testbed.faked_clock import FakedClock
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import definitions, leases, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

CANARY = "canary-91be"
LEASE = "5ac9a181.secrets-manager.tuenti.io"
CRD_FILE = Path(__file__).parents[2] / "config/crd/secretdefinitions.yaml"
DAYS = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def front(openbao: OpenBao, authority: Authority) -> Iterator[FaultProxy]:
    """OpenBao behind TLS."""
    with FaultProxy(openbao.url, tls=authority.issue("127.0.0.1", "localhost", valid_for=25 * DAYS)) as made:
        yield made


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster,
    openbao: OpenBao,
    front: FaultProxy,
    authority: Authority,
    place: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """A daemon's account with the rights of config/, in one namespace, and one definition in step."""
    with new_world(
        definitions_api, openbao, tmp_path_factory.mktemp("doctor"), rules={place: CONFIG_RULES}
    ) as made:
        grant_leases(definitions_api, made)
        environ = {
            **made.environ,
            "VAULT_ADDR": front.url,
            "VAULT_CACERT": str(authority.ca_file),
            "SECRETS_MANAGER_WATCH_NAMESPACES": place,
            "SECRETS_MANAGER_ENABLE_LEADER_ELECTION": "true",
            "SECRETS_MANAGER_ELECTION__LEASE_NAMESPACE": made.account.namespace,
            "SECRETS_MANAGER_POLICY__PATHS": f"secret/data/{made.prefix}/*,secret/data/elsewhere/*",
        }
        here = replace(made, environ=environ)
        here.write("app", a=f"{CANARY}-a", b=f"{CANARY}-b")
        here.define(place, "good", here.keys("a", "b"))
        with here.daemon("-reconcile-period=1s") as daemon:
            daemon.wait_ready()
            here.wait_reason(place, "good", "Synced")
            yield here


def grant_leases(cluster: TestCluster, world: World) -> None:
    rules = [*LEASES, {"apiGroups": ["secrets-manager.tuenti.io"], "resources": ["*"], "verbs": ["list"]}]
    grant(cluster, world.account, world.account.namespace, rules)


Findings = list[Json]


def told(done: Done) -> Findings:
    assert CANARY not in done.stdout + done.stderr
    assert "Y2FuYXJ5" not in done.stdout
    answer = json.loads(done.stdout)
    findings: Findings = answer["findings"]
    assert done.returncode == (1 if answer["fail"] else 0)
    for each in findings:
        assert each["level"] != "fail" or each["advice"], each
    return findings


def doctor(world: World, *words: str, **environ: str) -> Findings:
    at = words.index("--") if "--" in words else len(words)
    return told(command(world, "doctor", *words[:at], "-o", "json", *words[at:], **environ))


def of(findings: Findings, check: str, level: str = "fail") -> str:
    """What was found there, of that level, as one text with what to do."""
    chosen = [each for each in findings if (each["check"], each["level"]) == (check, level)]
    return "\n".join(f"{each['found']} -> {each['advice']}" for each in chosen)


def others_are_well(findings: Findings, *but: str) -> bool:
    """A sick part hides none of the others, and makes none of them sick."""
    return all(each["level"] == "ok" for each in findings if each["check"] not in but)


def test_where_all_is_well_all_is_said_to_be(world: World) -> None:
    findings = doctor(world)

    assert [each for each in findings if each["level"] != "ok"] == []
    assert [each["check"] for each in findings] == [
        *("settings", "cluster", "clock", "crd", "rights", "lease"),
        *(
            "backend default",
            "clock",
            "backend default",
            "backend default",
            "backend default",
            "backend default",
        ),
        *("definitions", "leftovers"),
    ]
    assert "until 20" in of(findings, "backend default", "ok")
    assert "the token may read 1 path that definitions use" in of(findings, "backend default", "ok")
    assert "is renewed for" in of(findings, "backend default", "ok")
    assert f"system:serviceaccount:{world.account.namespace}" in of(findings, "rights", "ok")


def test_text_has_a_line_for_each_and_below_it_what_to_do(world: World) -> None:
    done = command(world, "doctor", VAULT_SECRET_ID=f"{CANARY}-wrong")

    lines = done.stdout.splitlines()
    assert done.returncode == 1
    at = next(number for number, line in enumerate(lines) if "the login is refused" in line)
    assert lines[at].startswith("fail   backend default   the login is refused: Vault refused the login")
    assert lines[at + 1].strip().startswith("-> mend the credentials, or the role")
    assert lines[-1].endswith("1 fail")
    assert CANARY not in done.stdout + done.stderr


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────


def test_settings_that_cannot_be_read_hide_nothing_of_the_cluster(world: World) -> None:
    findings = doctor(world, "--", "-workers=0", "-reconcile-period=1ms")

    assert "-workers" in of(findings, "settings")
    assert "reconcile-period" in of(findings, "settings")
    assert of(findings, "cluster", "ok")
    assert of(findings, "crd", "ok")
    assert not any(each["check"].startswith("backend") for each in findings)


def test_what_the_daemon_warns_of_is_a_warning(world: World) -> None:
    environ = {name: text for name, text in world.environ.items() if "POLICY" not in name}

    findings = doctor(replace(world, environ=environ))

    assert "no path policy is set" in of(findings, "settings", "warn")
    assert "set policy.paths or policy.rules" in of(findings, "settings", "warn")


# ── the cluster ──────────────────────────────────────────────────────────────────────────────────────


def test_an_api_server_that_is_away_ends_in_findings(world: World, tmp_path: Path) -> None:
    text = Path(world.environ["KUBECONFIG"]).read_text(encoding="utf-8")
    away = tmp_path / "kubeconfig"
    away.write_text(text.replace(world.cluster.url, "https://127.0.0.1:9"), encoding="utf-8")

    findings = doctor(world, KUBECONFIG=str(away))

    for check in ("cluster", "crd", "rights", "lease", "definitions", "leftovers"):
        assert "cannot be looked at" in of(findings, check)
    assert of(findings, "backend default", "ok").count("->") == 4
    assert of(findings, "settings", "ok")


def test_without_a_kubeconfig_the_backends_are_looked_at_all_the_same(world: World, tmp_path: Path) -> None:
    findings = doctor(world, "--kubeconfig", str(tmp_path / "none"))

    assert "kubeconfig" in of(findings, "cluster")
    assert "cannot be looked at" in of(findings, "rights")
    assert "the login works" in of(findings, "backend default", "ok")


def test_rights_that_are_missing_are_named_with_what_comes_of_it(
    world: World, place: str, namespace: str
) -> None:
    cluster = world.cluster
    some, none = cluster.service_account(namespace, "some"), cluster.service_account(namespace, "none")
    grant(cluster, some, place, NO_SECRET_LIST)

    few = doctor(world, KUBECONFIG=str(some.kubeconfig))
    bare = doctor(world, KUBECONFIG=str(none.kubeconfig))

    assert f"may not list, watch secrets in '{place}': each Secret is read by name" in of(
        few, "rights", "warn"
    )
    assert "no replica can lead" in of(few, "rights")
    assert "Secrets may not be listed" in of(few, "leftovers", "ok")
    for said in (
        f"may not get, create, update, delete secrets in '{place}': it cannot keep Secrets in step",
        f"may not get, list, watch secretdefinitions in '{place}'",
        "grant get, create, update, delete on secrets, as config/rbac does",
    ):
        assert said in of(bare, "rights")
    assert "cannot be looked at: RBAC does not grant you" in of(bare, "definitions")


def test_the_rights_of_the_daemon_are_asked_for_by_somebody_else(world: World, place: str) -> None:
    admin = {"KUBECONFIG": str(world.cluster.kubeconfig)}
    account = f"system:serviceaccount:{world.account.namespace}:{world.account.name}"
    stranger = f"system:serviceaccount:{place}:default"

    own = doctor(world, **admin)
    daemons = doctor(world, "--as", account, **admin)
    strangers = doctor(world, "--as", stranger, **admin)
    forbidden = doctor(world, "--as", "system:admin")

    assert "these are the rights of admin, and not those of the daemon" in of(own, "rights", "warn")
    assert f"{account} has all" in of(daemons, "rights", "ok")
    assert "it cannot keep Secrets in step" in of(strangers, "rights")
    assert "you may not ask for the rights of another" in of(forbidden, "rights")


def test_restarts_need_rights_of_their_own_only_where_they_are_wished_for(world: World, place: str) -> None:
    wish = {"restart": {"workloads": [{"kind": "Deployment", "name": "web"}]}}
    world.change(place, "good", {"spec": wish})
    try:
        findings = doctor(world)
    finally:
        world.change(place, "good", {"spec": {"restart": None}})
        world.wait_reason(place, "good", "Synced")

    assert "may not get, list, patch deployments" in of(findings, "rights")


def test_a_status_page_for_others_needs_rights_of_its_own(world: World) -> None:
    wide = doctor(world, SECRETS_MANAGER_STATUS_ADDR="0.0.0.0:8082")
    loopback = doctor(world, SECRETS_MANAGER_STATUS_ADDR="127.0.0.1:8082")

    for resource in ("tokenreviews", "subjectaccessreviews"):
        assert f"may not create {resource} in 'all namespaces': the status page" in of(wide, "rights")
    assert "as config/components/status-page does" in str(wide)
    assert "has all" in of(loopback, "rights", "ok")


def test_clocks_that_differ_are_told(world: World, tmp_path: Path) -> None:
    clock = FakedClock(tmp_path)
    if not clock.works():
        pytest.skip("libfaketime cannot be loaded here")
    clock.step(-300)
    done = subprocess.run(
        [sys.executable, "-m", "secrets_manager", "doctor", "-o", "json"],
        capture_output=True,
        text=True,
        env={**base_environment(), **world.environ, **clock.environ},
        cwd=tmp_path,
        check=False,
    )

    findings = told(Done(done.returncode, done.stdout, done.stderr))

    assert re.search(
        r"the clock of the API server is (299|300|301)s ahead of this one", of(findings, "clock")
    )
    assert re.search(r"the clock of backend default is (299|300|301)s ahead", of(findings, "clock"))


# ── the CRD, in a cluster of its own ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def bare_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    with TestCluster.start(tmp_path_factory.mktemp("bare"), controllers=False) as made:
        yield made


def test_a_crd_that_is_missing_old_or_new_is_told(world: World, bare_cluster: TestCluster) -> None:
    admin = {"KUBECONFIG": str(bare_cluster.kubeconfig)}

    def wait_said(level: str, *texts: str) -> None:
        def said() -> bool:
            found = of(doctor(world, **admin), "crd", level)
            return all(text in found for text in texts)

        wait_until(said, 30, f"{texts}")

    wait_said("fail", "the cluster has no SecretDefinitions", "kubectl apply --server-side -k config/crd")
    bare_cluster.apply(original_crd())
    wait_said("fail", "has no status", "it is older than this release")
    newer: Json = yaml.safe_load(CRD_FILE.read_text(encoding="utf-8"))
    version = newer["spec"]["versions"][0]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["next"] = {"type": "string"}
    version["additionalPrinterColumns"].pop()
    bare_cluster.apply(newer)
    wait_said("warn", "it is newer than this release", "'spec.next'", "kubectl shows other columns")
    bare_cluster.apply(CRD_FILE)
    wait_said("ok", "installed, and that of this release")


# ── the Lease ────────────────────────────────────────────────────────────────────────────────────────


def lease(holder: str | None, renewed: dt.datetime | None = None) -> Json:
    spec: Json = {"holderIdentity": holder, "leaseDurationSeconds": 15}
    if renewed is not None:
        spec["renewTime"] = renewed.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return {"metadata": {"name": LEASE}, "spec": spec}


def test_a_lease_that_nobody_renews_is_told(world: World, namespace: str) -> None:
    account = world.cluster.service_account(namespace, "looker", cluster_rules=[*LEASES, *CONFIG_RULES])
    here = {"SECRETS_MANAGER_ELECTION__LEASE_NAMESPACE": namespace, "KUBECONFIG": str(account.kubeconfig)}
    api, hour = world.cluster.api, dt.timedelta(hours=1)

    def said() -> str:
        return of(doctor(world, **here), "lease")

    wait_until(lambda: "no daemon has led yet" in said(), 30, "the right to read Leases")
    api.post(leases(namespace), lease("pod-1", dt.datetime.now(dt.UTC) - hour))
    assert "nobody leads: 'pod-1' renewed it 36" in said()
    api.patch(leases(namespace, LEASE), {"spec": {"holderIdentity": ""}})
    assert "nobody holds the Lease" in said()
    assert others_are_well(doctor(world, **here), "lease")
    # It asks, and writes nothing.
    made = world.cluster.audit_counts(f"system:serviceaccount:{namespace}:looker")
    asked = {"selfsubjectaccessreviews", "selfsubjectreviews"}
    assert made
    assert {call for call in made if call[0] in WRITES and call[1] not in asked} == set()


def test_daemons_beside_each_other_are_told_to_who_may_see_pods(world: World, namespace: str) -> None:
    api = world.cluster.api
    labels = {"app.kubernetes.io/name": "secrets-manager", "app.kubernetes.io/component": "daemon"}
    admin = {"KUBECONFIG": str(world.cluster.kubeconfig)}

    def pod(name: str, image: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods"
        spec = {"containers": [{"name": "c", "image": image}]}
        api.post(path, {"metadata": {"name": name, "labels": labels}, "spec": spec})
        api.patch(f"{path}/{name}/status", {"status": {"phase": "Running"}})

    def look(**more: str) -> Findings:
        return doctor(world, "-n", namespace, **admin, **more)

    alone = {"SECRETS_MANAGER_ENABLE_LEADER_ELECTION": "false"}
    pod("one", "images.example.test/secrets-manager:3.0.0")
    assert "1 daemon of image" in of(look(), "replicas", "ok")
    pod("two", "images.example.test/secrets-manager:2.1.0")
    assert "daemons of different releases" in of(look(), "replicas", "warn")
    assert "2 daemons run without an election" in of(look(**alone), "replicas")


# ── backends ─────────────────────────────────────────────────────────────────────────────────────────

BACKEND = "backend default"


@pytest.fixture
def way(openbao: OpenBao, authority: Authority) -> Iterator[FaultProxy]:
    """Another way to the same OpenBao, which the daemon does not take."""
    with FaultProxy(openbao.url, tls=authority.issue("127.0.0.1", valid_for=25 * DAYS)) as made:
        yield made


def test_each_step_of_the_way_to_a_backend_is_told(
    world: World, way: FaultProxy, openbao: OpenBao, authority: Authority, tmp_path: Path
) -> None:
    front, world = way, replace(world, environ={**world.environ, "VAULT_ADDR": way.url})
    good = authority.issue("127.0.0.1", valid_for=25 * DAYS)
    port = front.url.rpartition(":")[2]
    stranger = Authority(tmp_path / "pki", "another")

    def said(level: str = "fail", **environ: str) -> str:
        findings = doctor(world, **environ)
        assert others_are_well(findings, BACKEND)
        return of(findings, BACKEND, level)

    assert "the name vault.invalid cannot be resolved -> mend vault.url" in said(
        VAULT_ADDR="https://vault.invalid"
    )
    assert "127.0.0.1:9 (127.0.0.1) cannot be connected to: Connection refused" in said(
        VAULT_ADDR="https://127.0.0.1:9"
    )
    assert "TLS cannot be agreed" in said(VAULT_ADDR=openbao.url.replace("http:", "https:"))
    assert "answer a request by HTTP" in said("warn", VAULT_ADDR=f"http://127.0.0.1:{port}")
    assert "trust the authority that signed it" in said(VAULT_CACERT=str(stranger.ca_file))
    with presented(front, authority.issue("vault.example.test"), good):
        told_of_name = said()
        assert "not valid for '127.0.0.1'" in told_of_name
        assert "set tls-server-name" in told_of_name
        assert not said(VAULT_TLS_SERVER_NAME="vault.example.test")
    with presented(front, authority.issue("127.0.0.1", valid_for=-DAYS), good):
        assert "certificate has expired -> renew the certificate of the server" in said()
    with presented(front, authority.issue("127.0.0.1", valid_for=3 * DAYS), good):
        assert "ends in 3 days" in said("warn")
    unverified = doctor(world, VAULT_SKIP_VERIFY="true", VAULT_CACERT="")
    assert "is not verified" in of(unverified, BACKEND, "warn")
    assert "vault.skip-verify is set" in of(unverified, "settings", "warn")


@contextmanager
def presented(front: FaultProxy, pair: Any, after: Any) -> Iterator[None]:
    """The proxy shows this certificate inside of the block."""
    front.present(pair)
    try:
        yield
    finally:
        front.present(after)


def test_a_login_that_is_refused_is_told_and_so_is_a_server_that_is_sealed(
    world: World, way: FaultProxy
) -> None:
    front, world = way, replace(world, environ={**world.environ, "VAULT_ADDR": way.url})
    assert "the login is refused" in of(doctor(world, VAULT_SECRET_ID=f"{CANARY}-x"), BACKEND)
    rule = front.on("POST", "/v1/auth/approle/login").vault_error(503, "Vault is sealed")
    status = front.on("GET", "/v1/sys/seal-status").reply(200, body=b'{"initialized": true, "sealed": true}')
    try:
        findings = doctor(world)
    finally:
        rule.remove()
        status.remove()
    assert "BackendSealed" in of(findings, BACKEND)
    assert others_are_well(findings, BACKEND)


def test_a_token_that_lives_wrongly_is_told(world: World, tmp_path: Path) -> None:
    openbao, prefix = world.openbao, world.prefix
    policy = openbao.read_policy(f"{prefix}-t", f"secret/data/{prefix}/*")

    def by_role(**options: object) -> Findings:
        role = openbao.approle(f"{prefix}-r", [policy], **options)
        return doctor(world, VAULT_ROLE_ID=role.role_id, VAULT_SECRET_ID=role.secret_id)

    def by_file(token: str) -> Findings:
        (tmp_path / "token").write_text(token)
        return doctor(
            world,
            SECRETS_MANAGER_VAULT__AUTH_METHOD="token",
            SECRETS_MANAGER_VAULT__TOKEN_FILE=str(tmp_path / "token"),
        )

    assert "it dies in between -> give the role a longer token_ttl" in of(by_role(token_ttl="10s"), BACKEND)
    assert "limited number of uses" in of(by_role(token_num_uses=9), BACKEND)
    batch = by_role(token_type="batch", token_ttl="1h", token_num_uses=0)
    assert "is replaced by a new login in time" in of(batch, BACKEND, "ok")
    silent = by_role(token_no_default_policy=True, token_type="service", token_ttl="1h")
    assert "nobody knows how long it lives" in of(silent, BACKEND, "warn")
    assert "does not say what the token may read (403)" in of(silent, BACKEND, "warn")
    assert "it never expires, as a root token" in of(by_file(openbao.root_token), BACKEND, "warn")
    kept = openbao.request(
        "POST", "auth/token/create", {"policies": [policy], "renewable": False, "ttl": "1h"}
    )["auth"]["client_token"]
    findings = by_file(kept)
    assert "cannot be renewed -> see to it that whoever keeps vault.token-file" in of(
        findings, BACKEND, "warn"
    )
    assert kept not in json.dumps(findings)


def test_paths_that_the_token_may_not_read_are_named(world: World, place: str) -> None:
    keys = {f"k{number}": source(f"secret/data/elsewhere/p{number}", "a") for number in range(7)}
    world.define(place, "elsewhere", keys)
    world.wait_reason(place, "elsewhere", "PermissionDenied")
    try:
        findings = doctor(world)
    finally:
        world.cluster.api.delete(definitions(place, "elsewhere"))

    said = of(findings, BACKEND)
    assert "the token may not read 7 of 8 paths that definitions use: 'secret/data/elsewhere/p0'" in said
    assert "and 2 more -> add them to the policy of the role" in said
    assert "1 definition not ready: PermissionDenied 1" in of(findings, "definitions", "warn")


def test_a_backend_that_hangs_holds_up_nothing_and_is_told(world: World, way: FaultProxy) -> None:
    front, world = way, replace(world, environ={**world.environ, "VAULT_ADDR": way.url})
    rule = front.on("POST", "/v1/auth/approle/login").hang()
    try:
        findings = doctor(world, "--timeout", "3s", SECRETS_MANAGER_CONFIG__BACKEND_TIMEOUT="60s")
    finally:
        rule.release()
        rule.remove()

    assert "did not answer within 3s" in of(findings, BACKEND)
    assert others_are_well(findings, BACKEND)


def test_a_backend_that_cannot_be_asked_about_rights_is_read(
    world: World, azure: AzureDouble, namespace: str
) -> None:
    admin = {"KUBECONFIG": str(world.cluster.kubeconfig)}
    azure.store.put("app", f"{CANARY}-azure")
    world.define(namespace, "app", {"k": source("app", ""), "x": source("none", "")})
    environ = {
        **environment(azure),
        **PRINCIPAL,
        **admin,
        "SECRETS_MANAGER_WATCH_NAMESPACES": namespace,
        "SECRETS_MANAGER_POLICY__PATHS": "*",
    }

    good = doctor(world, **environ)
    azure.vault.rights.discard("get")
    denied = doctor(world, **environ)

    assert "is reached by a proxy" in of(good, BACKEND, "ok")
    assert "the login may read 2 paths" in of(good, BACKEND, "ok")
    assert "the login may not read 2 of 2 paths: 'app', 'none'" in of(denied, BACKEND)


# ── definitions and leftovers ────────────────────────────────────────────────────────────────────────


def test_definitions_that_cannot_work_and_what_is_left_are_told(
    world: World, place: str, namespace: str
) -> None:
    api = world.cluster.api
    here = {"SECRETS_MANAGER_WATCH_NAMESPACES": namespace, "KUBECONFIG": str(world.cluster.kubeconfig)}
    world.define(namespace, "strange", {"a": {**source("p", "k"), "backend": "eu"}})
    world.define(namespace, "denied", {"a": source("secret/data/not-allowed", "k")})
    world.define(namespace, "first", world.keys("a"), secret="wanted")
    world.define(namespace, "second", world.keys("a"), secret="wanted")
    body = definition("suspended", world.keys("a"))
    api.post(definitions(namespace), {**body, "spec": {**body["spec"], "suspend": True}})
    ours = {"app.kubernetes.io/managed-by": "secrets-manager"}
    owner = {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "name": "first",
        "uid": world.found(namespace, "first")["metadata"]["uid"],
    }
    api.post(secrets(namespace), raw_secret("kept", {"a": CANARY}, metadata={"labels": ours}))
    orphan = {"labels": ours, "ownerReferences": [owner]}
    api.post(secrets(namespace), raw_secret("orphan", {"a": CANARY}, metadata=orphan))
    api.post(secrets(namespace), raw_secret("foreign", {"a": CANARY}))

    findings = doctor(world, **{**here, "SECRETS_MANAGER_POLICY__PATHS": f"secret/data/{world.prefix}/*,p"})

    said = of(findings, "definitions")
    assert f"1 definition with UnknownBackend, '{namespace}/strange': the settings" in said
    assert "add the backend to the settings" in said
    assert f"1 definition with PathNotAllowed, '{namespace}/denied': the path policy" in said
    assert (
        f"'{namespace}/second and {namespace}/first'" in said
        or f"'{namespace}/first and {namespace}/second'" in said
    )
    assert "5 definitions, 1 suspended" in of(findings, "definitions", "ok")
    left = of(findings, "leftovers", "warn")
    assert f"1 Secret that its definition does not want any more: '{namespace}/orphan'" in left
    assert f"1 Secret that no definition wants, and that stay: '{namespace}/kept'" in left
    assert "foreign" not in left
