"""The API server refuses, is busy, or loses a reply: no write is made twice, none is left out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from secrets_manager.cluster.lead.lease import micro_time
from tests.integration.world import PATIENCE, World, source
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import definitions, leases, secrets
from tests.testbed.waiting import wait_until

PROXIED = True
SECRET = r".*/secrets(/[^?]*)?"
STATUS = r".*/secretdefinitions/[^/]*/status"
STALE = "secrets_manager_stale_writes_refused_total"


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
def app(world: World, place: str, kv_prefix: str) -> str:
    """One name for a definition in step, its Secret, and the KV2 secret it reads."""
    world.write(kv_prefix, a="1")
    world.define(place, kv_prefix, world.keys("a", of=kv_prefix))
    world.wait_reason(place, kv_prefix, "Synced")
    return kv_prefix


def sent(api_proxy: FaultProxy, method: str, path: str) -> list[float]:
    """The times at which such requests came."""
    return [each.at for each in api_proxy.requests if each.method == method and re.fullmatch(path, each.path)]


# ── writes that are refused ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("times", "warnings"), [(2, []), (5, ["Conflict"])])
def test_after_a_conflict_the_secret_is_read_again_and_written(
    world: World,
    place: str,
    faults: FaultProxy,
    daemon: DaemonProcess,
    app: str,
    times: int,
    warnings: list[str],
) -> None:
    """The chain runs three times at once; people should find a writer that interferes for longer."""
    refused = faults.on("PUT", rf".*/secrets/{app}").times(times).kubernetes_error(409, "Conflict")
    before = daemon.metric(STALE) or 0
    reads = world.reads(app)
    world.write(app, a="2")

    world.wait_data(place, app, {"a": "2"})
    assert refused.hits == times
    assert daemon.metric(STALE) == before + times
    # The whole chain starts again: the Secret, then the backend, then the write.
    assert world.reads(app) >= reads + times
    for reason in warnings:
        world.wait_event(place, app, reason)
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
    assert sent(faults, "GET", looks), "it read the Secret before it continued"
    assert sent(faults, "PUT", looks) == []


def test_a_replacement_whose_reply_was_lost_is_not_repeated(
    world: World, place: str, faults: FaultProxy, app: str
) -> None:
    lost = faults.on("PUT", rf".*/secrets/{app}").times(1).apply_then_drop()
    assert _version_of_source(world, place, app) == "1"
    world.write(app, a="2")

    wait_until(lambda: _version_of_source(world, place, app) == "2", PATIENCE, "the status")
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
    world: World, namespace: str, api_proxy: FaultProxy
) -> None:
    world.write("slow", a="1")
    for number in range(4):
        world.define(namespace, f"app-{number}", world.keys("a", of="slow"))
    with _elected(world, namespace, "slow") as daemon:
        for number in range(4):
            world.wait_data(namespace, f"app-{number}", {"a": "1"})
        try:
            api_proxy.on("GET|PUT|POST", rf".*/namespaces/{namespace}/.*").delay(3.0)
            hung = api_proxy.on("PUT", r".*/leases/slow").times(1).hang()
            hung.wait_hit(timeout=PATIENCE)
            world.write("slow", a="2")
            renewals = len(sent(api_proxy, "PUT", r".*/leases/slow"))
            wait_until(
                lambda: len(sent(api_proxy, "PUT", r".*/leases/slow")) >= renewals + 4, PATIENCE, "renewals"
            )
            for number in range(4):
                world.wait_data(namespace, f"app-{number}", {"a": "2"})
        finally:
            api_proxy.clear()

        assert _leads(daemon)
        assert daemon.logged("the Lease is lost") == []


def test_a_write_in_flight_when_the_lease_is_lost_does_not_outlive_the_process(
    world: World, namespace: str, api_proxy: FaultProxy
) -> None:
    world.write("flight", a="1")
    world.define(namespace, "app", world.keys("a", of="flight"))
    with _elected(world, namespace, "flight") as daemon:
        world.wait_data(namespace, "app", {"a": "1"})
        hung = api_proxy.on("PUT", rf".*/namespaces/{namespace}/secrets/app").hang()
        world.write("flight", a="2")
        hung.wait_hit(timeout=PATIENCE)
        path = leases(world.account.namespace, "flight")
        spec = world.cluster.api.get(path)["spec"]
        world.cluster.api.patch(path, {"spec": {**spec, "holderIdentity": "somebody"}})

        assert daemon.wait() == 1
        api_proxy.clear()
        assert world.data(namespace, "app") == {"a": "1"}
        assert world.cluster.api.get(path)["spec"]["holderIdentity"] == "somebody"


def test_a_leader_whose_clock_is_off_is_logged_and_keeps_the_lead(world: World, namespace: str) -> None:
    path, body = leases(world.account.namespace), {"metadata": {"name": "skewed"}}
    world.cluster.api.post(path, {**body, "spec": _renewed(timedelta(hours=-1))})
    message = "the clock of the replica that leads differs from ours"
    with _elected(world, namespace, "skewed") as daemon:

        def told() -> bool:
            world.cluster.api.patch(f"{path}/skewed", {"spec": _renewed(timedelta(hours=-1))})
            return bool(daemon.logged(message))

        wait_until(told, PATIENCE, "the skew logged", poll=1.0)
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


# ── one object's trouble ─────────────────────────────────────────────────────────────────────────────

SYNC_ERRORS = "secrets_manager_controller_sync_errors_total"


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_nine_failing_answers_about_one_secret_are_made_up_for_within_seconds(
    world: World, place: str, faults: FaultProxy, app: str, method: str
) -> None:
    path = rf".*/secrets/{app}"
    rules = [
        faults.on(method, path).times(3).kubernetes_error(500, "InternalError"),
        faults.on(method, path).times(3).kubernetes_error(503, "ServiceUnavailable"),
        faults.on(method, path).times(3).reset(),
    ]
    if method == "GET":
        # After a write with an unknown outcome it reads the Secret.
        rules.append(faults.on("PUT", path).times(1).reset())
    world.write(app, a="2")

    world.wait_data(place, app, {"a": "2"})
    world.wait_reason(place, app, "Synced")
    assert all(rule.hits for rule in rules)


def test_a_secret_whose_writes_fail_for_good_is_retried_slowly_and_reported_while_others_are_served(
    world: World, place: str, faults: FaultProxy, daemon: DaemonProcess, app: str
) -> None:
    broken = faults.on("PUT", rf".*/secrets/{app}").kubernetes_error(500, "InternalError")
    world.write(app, a="2")
    told = world.wait_reason(place, app, "ClusterUnavailable")
    assert f"update secrets '{app}'" in told["message"]
    broken.wait_hit(11, timeout=2 * PATIENCE)
    tries = sent(faults, "PUT", rf".*/secrets/{app}")[-broken.hits :]
    # Milliseconds at first, ten seconds in the end.
    assert tries[3] - tries[0] < tries[-1] - tries[-2]
    assert tries[-1] - tries[-2] > 2
    # A try is counted as an error once it was answered.
    wait_until(
        lambda: (daemon.metric(SYNC_ERRORS, namespace=place, name=app) or 0) >= 11, PATIENCE, "errors counted"
    )
    assert len(daemon.logged("Secret is out of sync", name=app)) == 1
    other = f"{app}-other"
    world.define(place, other, world.keys("a"))
    world.wait_data(place, other, {"a": "1"})


def test_a_status_whose_writes_fail_while_others_pass_is_reported_as_its_own_trouble(
    world: World, place: str, faults: FaultProxy, daemon: DaemonProcess, kv_prefix: str
) -> None:
    broken = faults.on("PUT", rf".*/secretdefinitions/{kv_prefix}/status").kubernetes_error(
        500, "InternalError"
    )
    world.define(place, kv_prefix, world.keys("a"))
    world.wait_data(place, kv_prefix, {"a": "1"})
    event = world.wait_event(place, kv_prefix, "ClusterUnavailable")

    assert "the status cannot be written" in event["message"]
    assert len(daemon.logged("the status cannot be written", name=kv_prefix)) == 1
    assert (daemon.metric(SYNC_ERRORS, namespace=place, name=kv_prefix) or 0) >= 5
    broken.remove()
    world.wait_reason(place, kv_prefix, "Synced")


def test_a_status_that_the_api_server_finds_too_large_is_reported_and_not_retried_at_once(
    world: World, place: str, faults: FaultProxy, daemon: DaemonProcess, kv_prefix: str
) -> None:
    refused = faults.on("PUT", rf".*/secretdefinitions/{kv_prefix}/status").kubernetes_error(
        500, "", "etcdserver: request is too large"
    )
    world.define(place, kv_prefix, world.keys("a"))
    world.wait_event(place, kv_prefix, "TooLarge")
    world.wait_polls("app", 3)

    # Once with its sources and once without.
    assert refused.hits == 2
    assert world.data(place, kv_prefix) == {"a": "1"}
    assert len(daemon.logged("the status cannot be written", name=kv_prefix, reason="TooLarge")) == 1


def test_a_definition_of_many_long_paths_has_a_status_that_says_what_it_leaves_out(
    world: World, place: str, daemon: DaemonProcess, kv_prefix: str
) -> None:
    assert daemon.process.poll() is None
    keys = {}
    for number in range(200):
        name = f"{kv_prefix}/{number}/{'p' * 500}"
        world.write(name, a="1")
        keys[f"key-{number}"] = source(world.path(name), "a")
    world.define(place, kv_prefix, keys)

    told = world.wait_reason(place, kv_prefix, "Synced")
    listed = world.found(place, kv_prefix)["status"]["sources"]
    assert 50 < len(listed) < 200
    assert f"status.sources lists {len(listed)} of 200" in told["message"]


# ── a Secret that is recreated ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", ["500", "applied", "delete applied"])
def test_a_secret_that_is_recreated_while_posts_fail_and_the_backend_goes_exists_afterwards(
    world: World, place: str, faults: FaultProxy, daemon: DaemonProcess, kv_prefix: str, fault: str
) -> None:
    assert daemon.process.poll() is None
    world.write(kv_prefix, a="1")
    world.define(place, kv_prefix, world.keys("a", of=kv_prefix))
    world.wait_data(place, kv_prefix, {"a": "1"})
    before = world.secret(place, kv_prefix)["metadata"]["uid"]
    # The dry run that comes first is let through.
    posts = faults.on("POST", rf".*/namespaces/{place}/secrets").times(3)
    rule = {
        "500": lambda: posts.kubernetes_error(500, "InternalError"),
        "applied": lambda: faults.on("POST", rf".*/namespaces/{place}/secrets").times(1).apply_then_drop(),
        "delete applied": lambda: faults.on("DELETE", rf".*/secrets/{kv_prefix}").times(1).apply_then_drop(),
    }[fault]()
    reads, began = world.reads(kv_prefix), time.monotonic()
    recreate = {"metadata": {"annotations": {"secrets-manager.tuenti.io/recreate": "true"}}}
    world.change(place, kv_prefix, {**recreate, "spec": {"type": "example.test/other"}})

    wait_until(
        lambda: (world.cluster.api.find(secrets(place, kv_prefix)) or {}).get("type") == "example.test/other",
        PATIENCE,
        "the Secret recreated",
    )
    made = world.secret(place, kv_prefix)
    assert made["metadata"]["uid"] != before
    assert world.data(place, kv_prefix) == {"a": "1"}
    assert rule.hits >= 1
    # The values of one reading were enough: two reconciles read at most twice, polls come once a second.
    assert world.reads(kv_prefix) - reads <= 4 + (time.monotonic() - began)
    world.wait_reason(place, kv_prefix, "Synced")


# ── pages of a proxy ─────────────────────────────────────────────────────────────────────────────────

NOT_FOUND_PAGES = {
    "html": (b"<html><body><h1>404 Not Found</h1></body></html>", {"Content-Type": "text/html"}),
    "json": (b'{"code": 404, "reason": "NotFound"}', {"Content-Type": "application/json"}),
}


@pytest.mark.parametrize("page", NOT_FOUND_PAGES.values(), ids=NOT_FOUND_PAGES)
def test_a_page_of_a_proxy_that_says_404_makes_nothing_look_deleted(
    world: World, place: str, faults: FaultProxy, app: str, page: tuple[bytes, dict[str, str]]
) -> None:
    """The Secret is asked for, deleted and let go of on the API server's own word alone."""
    finalizer = {"metadata": {"finalizers": ["secret.finalizer.secrets-manager.tuenti.io"]}}
    world.change(place, app, finalizer)
    deleted = faults.on("DELETE", rf".*/secrets/{app}").times(2).reply(404, *page)
    asked = faults.on("GET", rf".*/secretdefinitions/{app}").times(1).reply(404, *page)
    released = faults.on("PUT", rf".*/secretdefinitions/{app}").times(1).reply(404, *page)
    world.cluster.api.delete(definitions(place, app))

    deleted.wait_hit(2, timeout=PATIENCE)
    find = world.cluster.api.find
    wait_until(lambda: find(secrets(place, app)) is None, PATIENCE, "the Secret deleted")
    wait_until(lambda: find(definitions(place, app)) is None, PATIENCE, "the definition let go of")
    assert asked.hits == released.hits == 1
