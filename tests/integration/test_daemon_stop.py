"""How the daemon ends: in good order at a signal, soon whatever hangs, at once at a second signal."""

from __future__ import annotations

import signal

import pytest

from tests.integration.world import PATIENCE, World
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import secrets
from tests.testbed.waiting import wait_until

STORED = {"a": "1"}

# What Kubernetes gives a pod; what hangs here would hang for an hour.
SOON = 30.0
READ = r"/v1/secret/data/.*"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_with_0(world: World, namespace: str, number: signal.Signals) -> None:
    with world.daemon(f"-watch-namespaces={namespace}") as daemon:
        daemon.wait_ready()

        daemon.process.send_signal(number)

        assert daemon.wait(SOON) == 0
        assert daemon.logged("stopping", signal=number.name)
        assert daemon.log_lines()[-1]["msg"] == "stopped"


def test_a_signal_before_the_daemon_is_ready_ends_it_with_0(world: World, namespace: str) -> None:
    with world.daemon(f"-watch-namespaces={namespace}", VAULT_ADDR="http://127.0.0.1:1") as daemon:
        wait_until(lambda: daemon.logged("starting"), PATIENCE, "the start")

        daemon.process.send_signal(signal.SIGTERM)

        assert daemon.wait(SOON) == 0


def test_a_backend_that_hangs_does_not_delay_the_shutdown(
    world: World, namespace: str, openbao_proxy: FaultProxy
) -> None:
    for number in range(4):
        world.define(namespace, f"app-{number}", world.keys("a"))
    hung = openbao_proxy.on("GET", READ).hang()
    flags = (f"-watch-namespaces={namespace}", "-config.backend-timeout=1h")
    with world.daemon(*flags, VAULT_ADDR=openbao_proxy.url) as daemon:
        # The first try is given up after a moment; the next one has all its time.
        hung.wait_hit(2, timeout=PATIENCE)

        daemon.process.send_signal(signal.SIGTERM)

        assert daemon.wait(SOON) == 0
        assert daemon.logged("work in flight was abandoned")


def test_a_login_that_hangs_does_not_delay_the_shutdown(
    world: World, namespace: str, openbao_proxy: FaultProxy
) -> None:
    hung = openbao_proxy.on("PUT|POST", r"/v1/auth/approle/login").hang()
    flags = (f"-watch-namespaces={namespace}", "-config.backend-timeout=1h")
    with world.daemon(*flags, VAULT_ADDR=openbao_proxy.url) as daemon:
        hung.wait_hit(timeout=PATIENCE)

        daemon.process.send_signal(signal.SIGTERM)

        assert daemon.wait(SOON) == 0


def test_a_second_signal_ends_the_daemon_at_once(
    world: World, namespace: str, openbao_proxy: FaultProxy
) -> None:
    world.define(namespace, "app", world.keys("a"))
    hung = openbao_proxy.on("GET", READ).hang()
    flags = (f"-watch-namespaces={namespace}", "-config.backend-timeout=1h")
    with world.daemon(*flags, VAULT_ADDR=openbao_proxy.url) as daemon:
        hung.wait_hit(timeout=PATIENCE)
        daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: daemon.logged("stopping"), PATIENCE, "the first signal heard")

        daemon.process.send_signal(signal.SIGTERM)

        assert daemon.wait(SOON) == 143
        assert daemon.logged("stopped") == []


def test_a_write_in_flight_at_the_signal_is_whole_or_absent(
    world: World, namespace: str, openbao_proxy: FaultProxy
) -> None:
    world.write("pair", a="1", b="1")
    world.define(namespace, "app", world.keys("a", "b", of="pair"))
    slow = openbao_proxy.on("GET", READ).delay(1.0)
    with world.daemon(f"-watch-namespaces={namespace}", VAULT_ADDR=openbao_proxy.url) as daemon:
        slow.wait_hit(timeout=PATIENCE)

        daemon.process.send_signal(signal.SIGTERM)

        assert daemon.wait(SOON) == 0
    assert world.data(namespace, "app") in (None, {"a": "1", "b": "1"})


def test_a_killed_daemon_leaves_nothing_half_done_and_the_next_one_continues(
    world: World, namespace: str
) -> None:
    for number in range(10):
        world.define(namespace, f"app-{number}", world.keys("a"))
    with world.daemon(f"-watch-namespaces={namespace}") as daemon:
        wait_until(lambda: world.cluster.api.list(secrets(namespace)), PATIENCE, "the first Secret")
        daemon.kill()

    with world.daemon(f"-watch-namespaces={namespace}") as daemon:
        for number in range(10):
            world.wait_data(namespace, f"app-{number}", {"a": "1"})
            world.wait_reason(namespace, f"app-{number}", "Synced")
        assert daemon.stop() == 0
