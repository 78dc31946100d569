"""One daemon with two OpenBaos and a Key Vault: each definition follows its own, whatever another does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.several_backends import KEYS, SECOND, Backends, at, several_backends
from tests.integration.world import CONFIG_RULES, LEASES, PATIENCE, World, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess, run_once
from tests.testbed.openbao import BaoError, OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

CANARIES = {"of the first": "canary-one", "of the second": "canary-two", "of the vault": "canary-three"}
READY = "secrets_manager_backend_ready"
BREAKER = "secrets_manager_backend_breaker_open"


@pytest.fixture(scope="module")
def backends(
    definitions_api: TestCluster,
    openbao: OpenBao,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Backends]:
    folder = tmp_path_factory.mktemp("several")
    with (
        new_world(definitions_api, openbao, folder) as world,
        several_backends(world, authority, folder) as made,
    ):
        world.write("app", a="canary-one")
        made.write_second("app", a="canary-two")
        made.azure.store.put("app", "canary-three")
        yield made


@pytest.fixture
def world(backends: Backends) -> World:
    return backends.world


@pytest.fixture(scope="module")
def place(definitions_api: TestCluster) -> Iterator[str]:
    name = definitions_api.create_namespace()
    yield name
    definitions_api.delete_namespace(name)


@pytest.fixture(scope="module")
def daemon(backends: Backends, place: str) -> Iterator[DaemonProcess]:
    """A daemon that has all of them, and one definition of each: `one`, `two` and `three`."""
    world = backends.world
    world.define(place, "one", world.keys("a"))
    world.define(place, "two", {"a": at("secret/data/app", "a", SECOND)})
    world.define(place, "three", {"a": at("app", "", KEYS)})
    with backends.daemon(place, "-enable-debug-log", "-config.backend-timeout=2s") as running:
        running.wait_ready()
        for name in ("one", "two", "three"):
            world.wait_reason(place, name, "Synced")
        yield running


# ── one Secret out of all ────────────────────────────────────────────────────────────────────────────


def test_one_secret_is_made_of_all_three(world: World, daemon: DaemonProcess, place: str) -> None:
    keys = {
        "one": world.keys("a")["a"],
        "two": at("secret/data/app", "a", SECOND),
        "three": at("app", "", KEYS),
    }
    world.define(place, "all", keys)
    world.wait_reason(place, "all", "Synced")

    assert world.data(place, "all") == {"one": "canary-one", "two": "canary-two", "three": "canary-three"}
    sources = world.found(place, "all")["status"]["sources"]
    assert sorted(each.get("backend", "default") for each in sources) == ["default", KEYS, SECOND]
    assert daemon.process.poll() is None


# ── trouble of one ───────────────────────────────────────────────────────────────────────────────────


@contextmanager
def down(backends: Backends) -> Iterator[None]:
    backends.proxy.refuse()
    yield
    backends.proxy.accept()


@contextmanager
def hung(backends: Backends) -> Iterator[None]:
    rule = backends.proxy.on(".*", ".*").hang()
    yield
    rule.remove()


@contextmanager
def sealed(backends: Backends) -> Iterator[None]:
    backends.second.seal()
    yield
    backends.second.unseal()


@contextmanager
def another_authority(backends: Backends) -> Iterator[None]:
    stranger = Authority(backends.world.folder / "stranger")
    backends.proxy.present(backends.certificate(stranger))
    yield
    backends.proxy.present(backends.certificate())


TROUBLES: Mapping[str, tuple[Callable[[Backends], AbstractContextManager[None]], str]] = {
    "down": (down, "BackendUnavailable"),
    "hung": (hung, "BackendTimeout"),
    "sealed": (sealed, "BackendSealed"),
    "wrong TLS": (another_authority, "BackendTLS"),
}


@pytest.mark.parametrize(("trouble", "reason"), TROUBLES.values(), ids=TROUBLES)
def test_while_one_is_in_trouble_the_others_change_and_its_secret_stays(
    backends: Backends,
    daemon: DaemonProcess,
    place: str,
    trouble: Callable[[Backends], AbstractContextManager[None]],
    reason: str,
) -> None:
    world = backends.world
    world.wait_reason(place, "two", "Synced")
    before = world.versions(place, ["two"])
    since = {name: world.condition(place, name)["lastTransitionTime"] for name in ("one", "three")}
    logins = len(daemon.logged("logged in", backend="default"))
    with trouble(backends):
        world.wait_reason(place, "two", reason)
        _change_the_others(backends, place, reason)
        assert daemon.metric(BREAKER, backend="default") == 0
        assert daemon.metric(BREAKER, backend=KEYS) == 0
        assert daemon.fetch("/readyz") == (200, "ok\n")
        assert world.versions(place, ["two"]) == before
        assert world.condition(place, "two")["message"].startswith(f"backend {SECOND}: ")
    world.wait_reason(place, "two", "Synced")

    assert world.versions(place, ["two"]) == before
    assert len(daemon.logged("logged in", backend="default")) == logins
    for name, time in since.items():
        assert world.condition(place, name)["lastTransitionTime"] == time


def _change_the_others(backends: Backends, place: str, value: str) -> None:
    world = backends.world
    for text in (value, "canary-one"):
        world.write("app", a=text)
        world.wait_data(place, "one", {"a": text})
    backends.azure.store.put("app", value)
    world.wait_data(place, "three", {"a": value})
    backends.azure.store.put("app", "canary-three")
    world.wait_data(place, "three", {"a": "canary-three"})


def test_credentials_of_one_that_are_refused_leave_the_daemon_ready_and_are_named(
    backends: Backends, daemon: DaemonProcess, place: str
) -> None:
    world = backends.world
    world.wait_reason(place, "two", "Synced")
    before = world.versions(place, ["two"])
    login = backends.proxy.on("POST|PUT", "/v1/auth/approle/login").vault_error(400, "invalid secret id")
    backends.second.revoke_logins()
    world.wait_reason(place, "two", "AuthFailed")
    wait_until(lambda: daemon.metric(READY, backend=SECOND) == 0, PATIENCE, "the second to be logged out")

    status, text = daemon.fetch("/readyz?verbose")
    assert daemon.fetch("/readyz") == (200, "ok\n")
    assert status == 200
    assert re.search(rf"^\[-\]backend {SECOND} failed: not logged in yet", text, re.MULTILINE)
    assert f"[+]backend default ok\n[-]backend {SECOND}" in text
    assert f"[+]backend {KEYS} ok\n" in text
    assert daemon.metric(READY, backend="default") == daemon.metric(READY, backend=KEYS) == 1
    _change_the_others(backends, place, "refused")
    assert world.versions(place, ["two"]) == before

    login.remove()
    world.wait_reason(place, "two", "Synced")
    wait_until(lambda: daemon.metric(READY, backend=SECOND) == 1, PATIENCE, "the second to be logged in")


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────


def test_a_scrape_is_valid_and_names_the_backends(
    backends: Backends, world: World, daemon: DaemonProcess, place: str
) -> None:
    world.define(place, "missing", {"a": at("secret/data/none", "a", SECOND)})
    world.wait_reason(place, "missing", "SourceNotFound")
    text = daemon.metrics()
    series = [line.rpartition(" ")[0] for line in text.splitlines() if line and not line.startswith("#")]
    types = [line for line in text.splitlines() if line.startswith("# TYPE")]

    assert len(series) == len(set(series))
    assert len(types) == len(set(types))
    found = {family.name: family for family in text_string_to_metric_families(text)}
    ttl = [sample.labels for sample in found["secrets_manager_vault_token_ttl"].samples]
    assert [(labels["vault_address"], labels.get("backend")) for labels in ttl] == [
        (world.openbao.url, None),
        (backends.proxy.url, SECOND),
    ]
    failed = found["secrets_manager_vault_read_secret_errors"].samples
    assert {sample.labels["backend"] for sample in failed if sample.labels["path"] == "secret/data/none"} == {
        SECOND
    }
    calls = found["secrets_manager_backend_request_duration_seconds"].samples
    assert {(sample.labels["backend"], sample.labels["kind"]) for sample in calls} == {
        ("default", "vault"),
        (SECOND, "vault"),
        (KEYS, "azure-kv"),
    }


def test_lines_about_a_login_name_the_backend(daemon: DaemonProcess) -> None:
    assert {line["backend"] for line in daemon.logged("logged in")} == {"default", SECOND, KEYS}
    assert {line["backend"] for line in daemon.logged("polled")} == {"default", SECOND, KEYS}


def test_no_token_of_one_backend_is_shown_to_another(
    backends: Backends, daemon: DaemonProcess, openbao: OpenBao
) -> None:
    shown = {request.headers.get("x-vault-token", "") for request in backends.proxy.requests} - {""}

    assert daemon.process.poll() is None
    assert shown
    assert any(_knows(backends.second, token) for token in shown)
    assert not any(_knows(openbao, token) for token in shown)


def _knows(server: OpenBao, token: str) -> bool:
    try:
        server.request("GET", "auth/token/lookup-self", token=token)
    except BaoError:
        return False
    return True


def test_nothing_that_is_said_holds_a_value_or_a_credential(
    backends: Backends, daemon: DaemonProcess, place: str
) -> None:
    said = daemon.output() + daemon.metrics() + daemon.fetch("/readyz?verbose")[1]
    for name in ("one", "two", "three"):
        said += str(backends.world.found(place, name)["status"])
    hidden = [
        *CANARIES.values(),
        backends.role.secret_id,
        backends.world.role.secret_id,
        "canary~client~secret",
    ]

    assert "logged in" in said
    assert not [number for number, secret in enumerate(hidden) if secret in said]


# ── a backend that leaves the settings ───────────────────────────────────────────────────────────────


def test_a_backend_that_leaves_the_settings_is_unknown_and_its_secret_stays(
    backends: Backends, world: World, namespace: str
) -> None:
    world.define(namespace, "two", {"a": at("secret/data/app", "a", SECOND)})
    world.define(namespace, "one", world.keys("a"))
    with backends.daemon(namespace):
        world.wait_reason(namespace, "two", "Synced")
    before = world.versions(namespace, ["two"])
    with backends.daemon(namespace, named=(KEYS,)) as running:
        told = world.wait_reason(namespace, "two", "UnknownBackend")
        world.wait_reason(namespace, "one", "Synced")
        world.wait_polls("app")
        assert running.fetch("/readyz") == (200, "ok\n")

    assert SECOND in told["message"]
    assert world.versions(namespace, ["two"]) == before
    with backends.daemon(namespace):
        world.wait_reason(namespace, "two", "Synced")
    assert world.versions(namespace, ["two"]) == before


# ── a single run ─────────────────────────────────────────────────────────────────────────────────────


def test_a_single_run_names_the_backend_that_is_missing_and_writes_the_others(
    backends: Backends, world: World, namespace: str, tmp_path: Path
) -> None:
    world.define(namespace, "one", world.keys("a"))
    world.define(namespace, "two", {"a": at("secret/data/app", "a", SECOND)})
    world.define(namespace, "three", {"a": at("app", "", KEYS)})
    environ = {**backends.environ(), "SECRETS_MANAGER_WATCH_NAMESPACES": namespace}
    with down(backends):
        done = run_once(environ, cwd=tmp_path)

    assert done.returncode == 1
    assert (
        done.stdout.splitlines()[-1] == f"2 created, 1 failed, backend {SECOND} failed (BackendUnavailable)"
    )
    assert (world.data(namespace, "one"), world.data(namespace, "two")) == ({"a": "canary-one"}, None)


# ── several replicas ─────────────────────────────────────────────────────────────────────────────────


def test_a_standby_logs_in_to_no_backend_and_takes_over_all(
    backends: Backends, definitions_api: TestCluster, namespace: str
) -> None:
    account = definitions_api.service_account(namespace, "daemon", rules=LEASES, cluster_rules=CONFIG_RULES)
    world = replace(
        backends.world,
        account=account,
        environ={**backends.world.environ, "KUBECONFIG": str(account.kubeconfig)},
    )
    backends = replace(backends, world=world)
    election = ("-enable-leader-election", f"-election.lease-namespace={namespace}")
    with backends.daemon(namespace, *election) as leader:
        wait_until(lambda: leader.metric("secrets_manager_leader") == 1, PATIENCE, "a leader")
        with backends.daemon(namespace, *election) as standby:
            standby.wait_ready()
            world.define(namespace, "two", {"a": at("secret/data/app", "a", SECOND)})
            world.wait_reason(namespace, "two", "Synced")
            assert standby.logged("logged in") == []
            assert {standby.metric(READY, backend=name) for name in ("default", SECOND, KEYS)} == {0}
            assert leader.stop() == 0
            wait_until(lambda: standby.metric("secrets_manager_leader") == 1, PATIENCE, "the other to lead")
            backends.write_second("app", a="after")
            world.wait_data(namespace, "two", {"a": "after"})
            backends.write_second("app", a="canary-two")
            wait_until(lambda: len(standby.logged("logged in")) == 3, PATIENCE, "a login to each")
