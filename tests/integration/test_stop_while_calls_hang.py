"""A signal ends the daemon in time, whichever call to the API server hangs, and at whatever moment."""

from __future__ import annotations

import fcntl
import os
import signal
from dataclasses import replace

import pytest

from tests.integration.world import PATIENCE, World
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.waiting import wait_until

# What Kubernetes gives a pod. What hangs would hang for an hour, but for calls about the Lease.
SOON = 30.0
ELECTION = ("-enable-leader-election",)
FOR_AN_HOUR = "-config.kubernetes-timeout=1h"
# The call that hangs, and flags of the daemon.
HANGS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "the list of definitions": ("GET", r".*/secretdefinitions\?(?!.*watch).*", ()),
    "the POST of a Secret": ("POST", r".*/secrets", ()),
    "the PUT of a status": ("PUT", r".*/status", ()),
    "the taking of the Lease": ("POST", r".*/leases", ELECTION),
    "the renewal of the Lease": ("PUT", r".*/leases/.*", ELECTION),
    "everything": (".*", ".*", ()),
    "everything, with an election": (".*", ".*", ELECTION),
}


@pytest.fixture(scope="module")
def world(proxied_world: World) -> World:
    lease = {"SECRETS_MANAGER_ELECTION__LEASE_NAMESPACE": proxied_world.account.namespace}
    return replace(proxied_world, environ={**proxied_world.environ, **lease})


@pytest.mark.parametrize(("method", "target", "flags"), HANGS.values(), ids=HANGS)
def test_a_call_to_the_api_server_that_hangs_does_not_delay_the_shutdown(
    world: World, namespace: str, api_proxy: FaultProxy, method: str, target: str, flags: tuple[str, ...]
) -> None:
    world.define(namespace, "app", world.keys("a"))
    hung = api_proxy.on(method, target).hang()
    try:
        named = (*flags, f"-election.lease-name=stop-{namespace}") if flags else (FOR_AN_HOUR,)
        with world.daemon(f"-watch-namespaces={namespace}", *named) as daemon:
            hung.wait_hit(timeout=PATIENCE)

            daemon.process.send_signal(signal.SIGTERM)

            assert daemon.wait(SOON) == 0
    finally:
        hung.remove()


def test_a_standby_ends_in_time_while_the_lease_hangs(
    world: World, namespace: str, api_proxy: FaultProxy
) -> None:
    flags = (f"-watch-namespaces={namespace}", *ELECTION, f"-election.lease-name=stop-{namespace}")
    with world.daemon(*flags) as leader:
        wait_until(lambda: leader.logged("leading"), PATIENCE, "a leader")
        with world.daemon(*flags) as standby:
            standby.wait_ready()
            hung = api_proxy.on(".*", ".*").hang()
            hung.wait_hit(2, timeout=PATIENCE)

            standby.process.send_signal(signal.SIGTERM)

            try:
                assert standby.wait(SOON) == 0
            finally:
                hung.remove()


def test_a_stuck_reader_of_the_logs_and_a_backend_that_hangs_do_not_delay_the_shutdown(
    world: World, namespace: str, openbao_proxy: FaultProxy
) -> None:
    for number in range(4):
        world.define(namespace, f"app-{number}", world.keys("a"))
    hung = openbao_proxy.on("GET", r"/v1/secret/data/.*").hang()
    reading, writing = os.pipe()
    os.write(writing, bytes(fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ)))
    environ = {**world.environ, "VAULT_ADDR": openbao_proxy.url}
    flags = (f"-watch-namespaces={namespace}", "-config.backend-timeout=1h")
    with DaemonProcess(world.folder, environ, *flags, output=writing) as daemon:
        hung.wait_hit(2, timeout=PATIENCE)

        daemon.process.send_signal(signal.SIGTERM)

        assert daemon.wait(SOON) == 0
    os.close(reading)
    os.close(writing)
