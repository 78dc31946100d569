"""The API server refuses, is busy, or loses a reply: nothing is written twice, nothing stays unwritten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secrets_manager.cluster.lease import micro_time
from tests.integration.world import CONFIG_RULES, PATIENCE, World, new_world, source
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import leases
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

LEASES = ({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]},)
SECRET = r".*/secrets(/[^?]*)?"
STATUS = r".*/secretdefinitions/[^/]*/status"
STALE = "secrets_manager_stale_writes_refused_total"


@pytest.fixture(scope="module")
def proxy(definitions_api: TestCluster, authority: Authority) -> Iterator[FaultProxy]:
    """Stands between the daemons and the API server."""
    tls = authority.issue("127.0.0.1", "localhost")
    with FaultProxy(definitions_api.url, upstream_ca=definitions_api.ca_file, tls=tls) as made:
        yield made


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster,
    openbao: OpenBao,
    authority: Authority,
    proxy: FaultProxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """A World whose account goes through the proxy and may use any Lease in its own namespace."""
    home = definitions_api.create_namespace()
    account = definitions_api.service_account(home, "daemon", rules=LEASES, cluster_rules=CONFIG_RULES)
    path = definitions_api.kubeconfig_for(account.token, server=proxy.url, ca_file=authority.ca_file)
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("faults")) as made:
        made.write("app", a="1")
        yield replace(made, account=account, environ={**made.environ, "KUBECONFIG": str(path)})
    definitions_api.delete_namespace(home)


@pytest.fixture(scope="module")
def place(definitions_api: TestCluster) -> Iterator[str]:
    """The namespace that the module's daemon works in."""
    name = definitions_api.create_namespace()
    yield name
    definitions_api.delete_namespace(name)


@pytest.fixture(scope="module")
def daemon(world: World, place: str) -> Iterator[DaemonProcess]:
    with world.daemon(
        f"-watch-namespaces={place}",
        "-reconcile-period=1s",
        SECRETS_MANAGER_CONFIG__KUBERNETES_TIMEOUT="3s",
    ) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def faults(proxy: FaultProxy, daemon: DaemonProcess) -> Iterator[FaultProxy]:
    """The proxy between the module's daemon and the API server; healthy again afterwards."""
    assert daemon.process.poll() is None
    yield proxy
    proxy.clear()


@pytest.fixture
def app(world: World, place: str, kv_prefix: str) -> str:
    """The name of a definition in step, of its Secret, and of what it reads."""
    world.write(kv_prefix, a="1")
    world.define(place, kv_prefix, world.keys("a", of=kv_prefix))
    world.wait_reason(place, kv_prefix, "Synced")
    return kv_prefix


def sent(proxy: FaultProxy, method: str, path: str) -> list[float]:
    """When such requests came."""
    return [each.at for each in proxy.requests if each.method == method and re.fullmatch(path, each.path)]


# ── writes that are refused ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("times", "warnings"), [(2, []), (5, ["Conflict"])])
def test_after_a_conflict_it_looks_again_and_writes(
    world: World,
    place: str,
    faults: FaultProxy,
    daemon: DaemonProcess,
    app: str,
    times: int,
    warnings: list[str],
) -> None:
    """Three times at once; who keeps changing it beyond that is somebody whom people should look for."""
    refused = faults.on("PUT", rf".*/secrets/{app}").times(times).kubernetes_error(409, "Conflict")
    before = daemon.metric(STALE) or 0
    reads = world.reads(app)
    world.write(app, a="2")

    world.wait_data(place, app, {"a": "2"})
    assert refused.hits == times
    assert daemon.metric(STALE) == before + times
    # The whole chain starts again: the Secret, then the backend, then the write.
    assert world.reads(app) >= reads + times
    told = [event["reason"] for event in world.events(place, app) if event["type"] == "Warning"]
    assert told == warnings


def test_a_conflict_on_the_status_does_not_fail_what_was_done(
    world: World, place: str, faults: FaultProxy, app: str
) -> None:
    refused = faults.on("PUT", rf".*/secretdefinitions/{app}/status").times(2)
    conflict = refused.kubernetes_error(409, "Conflict")
    more = {"b": source(world.path(app), "a")}
    world.change(place, app, {"metadata": {"labels": {"of": "others"}}, "spec": {"keysMap": more}})

    conflict.wait_hit(2, timeout=PATIENCE)
    wait_until(
        lambda: world.found(place, app)["status"]["observedGeneration"] == 2, PATIENCE, "the status written"
    )
    assert world.condition(place, app)["reason"] == "Synced"
    assert world.data(place, app) == {"a": "1", "b": "1"}
    assert world.found(place, app)["metadata"]["labels"] == {"of": "others"}


def test_the_pause_that_a_busy_api_server_asks_for_is_kept_and_the_write_is_made_up_for(
    world: World, place: str, faults: FaultProxy, daemon: DaemonProcess, kv_prefix: str
) -> None:
    busy = faults.on("POST", r".*/secrets").times(1).reply(429, retry_after=4)
    faults.on("POST", r".*/secrets").passthrough()
    before = len(sent(faults, "POST", r".*/secrets"))
    world.define(place, kv_prefix, world.keys("a"))

    world.wait_data(place, kv_prefix, {"a": "1"})
    assert busy.hits == 1
    first, second = sent(faults, "POST", r".*/secrets")[before:]
    assert second - first >= 4
    assert daemon.metric("rest_client_requests_total", code="429", method="POST") == 1


# ── replies that are lost ────────────────────────────────────────────────────────────────────────────


def test_a_create_whose_reply_was_lost_is_not_repeated(
    world: World, place: str, faults: FaultProxy, kv_prefix: str
) -> None:
    lost = faults.on("POST", r".*/secrets").times(1).apply_then_drop()
    posts, looks = r".*/secrets", rf".*/secrets/{kv_prefix}"
    before = len(sent(faults, "POST", posts))
    world.define(place, kv_prefix, world.keys("a"))

    world.wait_reason(place, kv_prefix, "Synced")
    assert lost.hits == 1
    assert world.data(place, kv_prefix) == {"a": "1"}
    assert len(sent(faults, "POST", posts)) == before + 1
    assert sent(faults, "GET", looks), "it looked before it went on"
    assert sent(faults, "PUT", looks) == []


def test_a_replacement_whose_reply_was_lost_is_not_repeated(
    world: World, place: str, faults: FaultProxy, app: str
) -> None:
    lost = faults.on("PUT", rf".*/secrets/{app}").times(1).apply_then_drop()
    world.write(app, a="2")
    version = _version_of_source(world, place, app)

    wait_until(lambda: _version_of_source(world, place, app) == "2" != version, PATIENCE, "the status")
    assert world.data(place, app) == {"a": "2"}
    assert lost.hits == 1
    assert len(sent(faults, "PUT", rf".*/secrets/{app}")) == 1


@pytest.mark.parametrize("fault", ["reset", "500", "HTML", "hang", "drip"])
def test_a_write_that_never_arrived_is_made_again(
    world: World, place: str, faults: FaultProxy, app: str, fault: str
) -> None:
    rule = faults.on("PUT", rf".*/secrets/{app}").times(1)
    met = {
        "reset": rule.reset,
        "500": lambda: rule.kubernetes_error(500, "InternalError"),
        "HTML": rule.html,
        "hang": rule.hang,
        "drip": rule.drip_body,
    }[fault]()
    world.write(app, a="2")

    met.wait_hit(timeout=PATIENCE)
    world.wait_data(place, app, {"a": "2"})
    world.wait_reason(place, app, "Synced")


# ── the Lease ────────────────────────────────────────────────────────────────────────────────────────


def _elected(world: World, place: str, lease: str) -> DaemonProcess:
    return world.daemon(
        f"-watch-namespaces={place}",
        "-reconcile-period=1s",
        "-enable-leader-election",
        f"-election.lease-namespace={world.account.namespace}",
        f"-election.lease-name={lease}",
    )


def _leads(daemon: DaemonProcess) -> bool:
    return daemon.metric("secrets_manager_leader") == 1


def test_a_slow_api_server_and_a_renewal_that_hangs_do_not_cost_the_lead(
    world: World, namespace: str, proxy: FaultProxy
) -> None:
    world.write("slow", a="1")
    for number in range(4):
        world.define(namespace, f"app-{number}", world.keys("a", of="slow"))
    with _elected(world, namespace, "slow") as daemon:
        for number in range(4):
            world.wait_data(namespace, f"app-{number}", {"a": "1"})
        try:
            proxy.on("GET|PUT|POST", rf".*/namespaces/{namespace}/.*").delay(3.0)
            hung = proxy.on("PUT", r".*/leases/slow").times(1).hang()
            hung.wait_hit(timeout=PATIENCE)
            world.write("slow", a="2")
            renewals = len(sent(proxy, "PUT", r".*/leases/slow"))
            wait_until(
                lambda: len(sent(proxy, "PUT", r".*/leases/slow")) >= renewals + 4, PATIENCE, "renewals"
            )
            for number in range(4):
                world.wait_data(namespace, f"app-{number}", {"a": "2"})
        finally:
            proxy.clear()

        assert _leads(daemon)
        assert daemon.logged("the Lease is lost") == []


def test_a_write_in_flight_when_the_lease_is_lost_does_not_outlive_the_process(
    world: World, namespace: str, proxy: FaultProxy
) -> None:
    world.write("flight", a="1")
    world.define(namespace, "app", world.keys("a", of="flight"))
    with _elected(world, namespace, "flight") as daemon:
        world.wait_data(namespace, "app", {"a": "1"})
        hung = proxy.on("PUT", rf".*/namespaces/{namespace}/secrets/app").hang()
        world.write("flight", a="2")
        hung.wait_hit(timeout=PATIENCE)
        path = leases(world.account.namespace, "flight")
        spec = world.cluster.api.get(path)["spec"]
        world.cluster.api.patch(path, {"spec": {**spec, "holderIdentity": "somebody"}})

        assert daemon.wait() == 1
        proxy.clear()
        assert world.data(namespace, "app") == {"a": "1"}
        assert world.cluster.api.get(path)["spec"]["holderIdentity"] == "somebody"


def test_a_leader_whose_clock_is_off_is_told_of_and_left_alone(world: World, namespace: str) -> None:
    path, body = leases(world.account.namespace), {"metadata": {"name": "skewed"}}
    world.cluster.api.post(path, {**body, "spec": _renewed(timedelta(hours=-1))})
    message = "the clock of the replica that leads differs from ours"
    with _elected(world, namespace, "skewed") as daemon:

        def told() -> bool:
            world.cluster.api.patch(f"{path}/skewed", {"spec": _renewed(timedelta(hours=-1))})
            return bool(daemon.logged(message))

        wait_until(told, PATIENCE, "the skew told", poll=1.0)
        (line,) = daemon.logged(message)

        assert line["holder"] == "somebody"
        assert line["seconds"] == pytest.approx(3600, abs=20)
        assert not _leads(daemon)


def test_two_installations_with_leases_of_their_own_both_lead(world: World, namespace: str) -> None:
    other = world.cluster.create_namespace()
    with _elected(world, namespace, "one") as one, _elected(world, other, "two") as two:
        wait_until(lambda: _leads(one) and _leads(two), PATIENCE, "both to lead")

        api, home = world.cluster.api, world.account.namespace
        holders = [api.get(leases(home, name))["spec"]["holderIdentity"] for name in ("one", "two")]
        assert holders[0] != holders[1]
    world.cluster.delete_namespace(other)


def _renewed(off: timedelta) -> dict[str, object]:
    stamp = micro_time(datetime.now(UTC) + off)
    return {
        "holderIdentity": "somebody",
        "leaseDurationSeconds": 3600,
        "acquireTime": stamp,
        "renewTime": stamp,
        "leaseTransitions": 1,
    }


def _version_of_source(world: World, place: str, name: str) -> str:
    return str(world.found(place, name)["status"]["sources"][0]["version"])
