"""Several replicas on the real API server: one writes, hand-over is quick, no Secret goes back.

The long form of the campaign is `make chaos`; the bounds of time are asserted there and printed here.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import urllib3
import yaml

from chaos import campaign
from chaos.blows import Blow
from chaos.replicas import LEASE
from tests.integration.world import CONFIG_RULES, World, new_world
from tests.testbed.bed import Bed
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import leases, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

PATIENCE = 40.0
ELECTION_ROLE = Path(__file__).parents[2] / "config/rbac/election/role.yaml"


@pytest.fixture
def world(definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, namespace: str) -> Iterator[World]:
    """A World whose account may use the Lease in the test's namespace, as config/rbac/election grants it."""
    rules = yaml.safe_load(ELECTION_ROLE.read_text(encoding="utf-8"))["rules"]
    account = definitions_api.service_account(namespace, "daemon", rules=rules, cluster_rules=CONFIG_RULES)
    with new_world(definitions_api, openbao, tmp_path) as made:
        environ = {**made.environ, "KUBECONFIG": str(account.kubeconfig)}
        yield replace(made, account=account, environ=environ)


def replica(world: World, namespace: str, *flags: str, **environ: str) -> DaemonProcess:
    return world.daemon(
        "-enable-leader-election",
        f"-election.lease-namespace={namespace}",
        f"-watch-namespaces={namespace}",
        "-reconcile-period=1s",
        *flags,
        **environ,
    )


def lease(world: World, namespace: str) -> dict[str, object]:
    found = world.cluster.api.find(leases(namespace, LEASE))
    assert found is not None
    spec: dict[str, object] = found["spec"]
    return spec


def leads(daemon: DaemonProcess) -> bool:
    return daemon.metric("secrets_manager_leader") == 1


@contextmanager
def pair(world: World, namespace: str) -> Iterator[tuple[DaemonProcess, DaemonProcess]]:
    """A leader and a standby."""
    with replica(world, namespace) as leader:
        wait_until(lambda: leads(leader), timeout=PATIENCE, what="the first replica to lead")
        with replica(world, namespace) as standby:
            standby.wait_ready(PATIENCE)
            yield leader, standby


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 5])
def test_no_secret_is_lost_regressed_or_partial_under_kills_and_pauses(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, replicas: int
) -> None:
    plan = campaign.Plan(terminations=2, kills=1, pauses=1, longest_pause=25.0, replicas=replicas, paths=20)
    told: list[Blow] = []
    rng = random.Random(7)  # noqa: S311 - the order of blows

    tally = campaign.run(Bed(cluster=definitions_api, openbao=openbao), tmp_path, plan, rng, told.append)

    assert (tally.faults, tally.behind) == ([], [])
    assert len(told) == 4
    assert {blow.exit_code for blow in told if blow.kind == "SIGTERM"} == {0}
    assert {blow.exit_code for blow in told if blow.kind == "pause"} <= {1}


def test_a_standby_is_ready_writes_nothing_and_does_not_log_in(world: World, namespace: str) -> None:
    world.write("app", user="u")
    with pair(world, namespace) as (leader, standby):
        world.define(namespace, "app", world.keys("user"))
        wait_until(lambda: world.cluster.api.find(secrets(namespace, "app")), what="the Secret")

        assert leads(leader)
        assert standby.metric("secrets_manager_leader") == 0
        assert standby.fetch("/readyz")[0] == 200
        assert standby.logged("Secret created") == []
        assert standby.logged("logged in") == []


def test_the_lease_is_written_as_client_go_writes_it(world: World, namespace: str) -> None:
    with replica(world, namespace) as daemon:
        wait_until(lambda: leads(daemon), timeout=PATIENCE, what="leading")
        spec = lease(world, namespace)

    assert str(spec["holderIdentity"]).count("_") >= 1
    assert (spec["leaseDurationSeconds"], spec.get("leaseTransitions", 0)) == (15, 0)
    for shown in (spec["acquireTime"], spec["renewTime"]):
        assert len(str(shown)) == len("2026-05-04T03:02:01.000000Z")


def test_the_daemon_waits_for_a_lease_that_the_original_holds(world: World, namespace: str) -> None:
    held = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": LEASE},
        "spec": {
            "holderIdentity": "secrets-manager-7d9f_5b0c",
            "leaseDurationSeconds": 3600,
            "acquireTime": "2020-01-01T00:00:00.000000Z",
            "renewTime": "2020-01-01T00:00:00.000000Z",
            "leaseTransitions": 4,
        },
    }
    api = world.cluster.api
    api.post(leases(namespace), held)
    world.write("app", user="u")
    world.define(namespace, "app", world.keys("user"))
    with replica(world, namespace) as daemon:
        daemon.wait_ready(PATIENCE)
        assert not leads(daemon)
        assert api.find(secrets(namespace, "app")) is None

        path = leases(namespace, LEASE)
        found = api.get(path)
        api.put(path, {**found, "spec": {**found["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}})

        wait_until(lambda: api.find(secrets(namespace, "app")), timeout=PATIENCE, what="the Secret")
        assert lease(world, namespace)["leaseTransitions"] == 5


def take_by_hand(world: World, namespace: str) -> None:
    path = leases(namespace, LEASE)
    found = world.cluster.api.get(path)
    spec = {**found["spec"], "holderIdentity": "somebody"}
    world.cluster.api.patch(path, {"spec": spec})


def test_a_lease_taken_by_hand_ends_the_leader_with_exit_code_1(world: World, namespace: str) -> None:
    with replica(world, namespace) as daemon:
        wait_until(lambda: leads(daemon), timeout=PATIENCE, what="leading")
        take_by_hand(world, namespace)

        assert daemon.wait() == 1
        assert daemon.logged("the Lease is lost")


def delete_by_hand(world: World, namespace: str) -> None:
    world.cluster.api.delete(leases(namespace, LEASE))


def empty_by_hand(world: World, namespace: str) -> None:
    world.cluster.api.patch(leases(namespace, LEASE), {"spec": {"holderIdentity": ""}})


@pytest.mark.parametrize("meddle", [delete_by_hand, empty_by_hand], ids=["deleted", "holder emptied"])
def test_exactly_one_replica_leads_again_after_somebody_edits_the_lease(
    world: World, namespace: str, meddle: Callable[[World, str], None]
) -> None:
    with pair(world, namespace) as (one, other):
        meddle(world, namespace)

        def settled() -> bool:
            alive = [daemon for daemon in (one, other) if daemon.process.poll() is None]
            holder = (world.cluster.api.find(leases(namespace, LEASE)) or {}).get("spec", {})
            return bool(holder.get("holderIdentity")) and sum(map(leads, alive)) == 1

        wait_until(settled, timeout=PATIENCE, what="one leader")


def test_a_leader_that_is_cut_off_from_the_api_server_makes_room_for_another(
    world: World, namespace: str, cluster_proxy: FaultProxy, authority: Authority
) -> None:
    through = world.cluster.kubeconfig_for(
        world.account.token,
        server=cluster_proxy.url,
        ca_file=authority.ca_file,
    )
    api = world.cluster.api
    world.write("app", user="first")
    world.define(namespace, "app", world.keys("user"))
    with replica(world, namespace, KUBECONFIG=str(through)) as leader:
        wait_until(lambda: leads(leader), timeout=PATIENCE, what="the first replica to lead")
        with replica(world, namespace) as standby:
            standby.wait_ready(PATIENCE)

            cluster_proxy.refuse()
            cluster_proxy.drop_connections()

            assert leader.wait() == 1
            wait_until(lambda: leads(standby), timeout=PATIENCE, what="the standby to lead")
            world.write("app", user="second")
            wait_until(
                lambda: api.secret_data(namespace, "app") == {"user": b"second"},
                timeout=PATIENCE,
                what="the change to arrive",
            )


def test_without_rights_on_the_lease_the_daemon_is_not_ready_and_says_which_rule_to_add(
    world: World, namespace: str
) -> None:
    account = world.cluster.service_account(
        namespace,
        "no-lease",
        rules=[
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]},
            {"apiGroups": ["secrets-manager.tuenti.io"], "resources": ["*"], "verbs": ["*"]},
        ],
    )
    with replica(world, namespace, KUBECONFIG=str(account.kubeconfig)) as daemon:
        wait_until(lambda: "leases" in daemon.fetch("/readyz")[1], timeout=PATIENCE, what="the rule")
        status, text = daemon.fetch("/readyz")

    assert status == 503
    assert "verb 'get' on 'leases'" in text


def test_a_second_signal_ends_a_leader_at_once(
    world: World, namespace: str, openbao_proxy: FaultProxy
) -> None:
    world.define(namespace, "app", world.keys("user"))
    hang = openbao_proxy.on("GET", r"/v1/secret/.*").hang()
    with replica(world, namespace, "-config.backend-timeout=1h", VAULT_ADDR=openbao_proxy.url) as daemon:
        hang.wait_hit(timeout=PATIENCE)
        daemon.process.terminate()
        wait_until(lambda: daemon.logged("stopping"), what="the first signal to be heard")
        daemon.process.terminate()

        # Its call would last for an hour, and an orderly end has another code.
        assert daemon.wait() == 143


def test_a_leader_whose_backend_hangs_still_ends_in_time_and_keeps_the_lease(
    world: World, namespace: str, openbao_proxy: FaultProxy
) -> None:
    world.define(namespace, "app", world.keys("user"))
    hang = openbao_proxy.on("GET", r"/v1/secret/.*").hang()
    with replica(world, namespace, "-config.backend-timeout=1h", VAULT_ADDR=openbao_proxy.url) as daemon:
        # The first try is left after a moment; the next one has all its time.
        hang.wait_hit(2, timeout=PATIENCE)

        assert daemon.stop() == 0
        # A call that hangs could still write, so the Lease is left to run out.
        assert lease(world, namespace)["holderIdentity"] != ""


def shorten_by_hand(world: World, namespace: str) -> None:
    world.cluster.api.patch(leases(namespace, LEASE), {"spec": {"leaseDurationSeconds": 1}})


def renewed_since(world: World, namespace: str, before: object) -> bool:
    return lease(world, namespace)["renewTime"] != before


def test_a_leader_leads_on_when_somebody_leaves_no_room_for_annotations_in_its_lease(
    world: World, namespace: str
) -> None:
    ours = ("secrets-manager.tuenti.io/lease-pledge", "secrets-manager.tuenti.io/lease-taken-by")
    # As much as the API server takes.
    full = {**dict.fromkeys(ours), "x": "x" * (256 * 1024 - 1)}
    with replica(world, namespace) as daemon:
        wait_until(lambda: leads(daemon), timeout=PATIENCE, what="the replica to lead")
        world.cluster.api.patch(leases(namespace, LEASE), {"metadata": {"annotations": full}})
        renewed = lease(world, namespace)["renewTime"]
        # Twice, so that it goes on after the first of them.
        for _ in range(2):
            wait_until(partial(renewed_since, world, namespace, renewed), PATIENCE, "a renewal")
            renewed = lease(world, namespace)["renewTime"]

        assert leads(daemon)
        assert daemon.logged("the API server refuses the Lease with what others put on it, which is left out")


@contextmanager
def together(daemons: list[DaemonProcess]) -> Iterator[list[str]]:
    """Ask all replicas all the time whether they lead; return the moments at which more than one said yes."""
    over, found = threading.Event(), list[str]()

    def look() -> None:
        while not over.is_set():
            # A replica that says yes twice led at the moment of the answer in between.
            for one, other in itertools.permutations(daemons, 2):
                with contextlib.suppress(AssertionError, OSError, urllib3.exceptions.HTTPError):
                    if leads(one) and leads(other) and leads(one):
                        found.append(f"{one.process.pid} and {other.process.pid}")

    watching = threading.Thread(target=look, name="two leaders", daemon=True)
    watching.start()
    try:
        yield found
    finally:
        over.set()
        watching.join(PATIENCE)


@pytest.mark.parametrize(
    "meddle",
    [delete_by_hand, empty_by_hand, shorten_by_hand],
    ids=["deleted", "holder emptied", "duration shortened"],
)
def test_no_two_replicas_lead_while_somebody_edits_the_lease_all_the_time(
    world: World, namespace: str, meddle: Callable[[World, str], None]
) -> None:
    """The leader gives up at its deadline at the latest; no other begins while it may still lead."""
    api = world.cluster.api
    with pair(world, namespace) as (one, other), together([one, other]) as found:
        ends_at = time.monotonic() + 16.0
        while time.monotonic() < ends_at:
            if (api.find(leases(namespace, LEASE)) or {}).get("spec", {}).get("holderIdentity"):
                meddle(world, namespace)
            time.sleep(0.2)

        def settled() -> bool:
            alive = [daemon for daemon in (one, other) if daemon.process.poll() is None]
            return sum(map(leads, alive)) == 1

        wait_until(settled, timeout=PATIENCE, what="one leader")

    assert found == []


def test_a_leader_that_is_stopped_hands_over_before_its_lease_runs_out(world: World, namespace: str) -> None:
    world.write("app", user="first")
    world.define(namespace, "app", world.keys("user"))
    api = world.cluster.api
    with pair(world, namespace) as (leader, standby):
        wait_until(lambda: api.find(secrets(namespace, "app")), what="the Secret")
        leading = lease(world, namespace)["holderIdentity"]
        assert leader.stop() == 0
        # It gave the Lease away before it ended: nobody had to wait until that runs out.
        assert lease(world, namespace)["holderIdentity"] != leading
        wait_until(lambda: leads(standby), timeout=PATIENCE, what="the standby to lead")

        assert lease(world, namespace)["leaseTransitions"] == 1
