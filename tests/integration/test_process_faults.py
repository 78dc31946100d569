"""The machine under the daemon misbehaves: its clock is set, its logs are not read, it has no more threads or
descriptors.
"""

from __future__ import annotations

import fcntl
import os
import resource
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.integration.world import PATIENCE, World, electable_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.faked_clock import FakedClock
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

HOUR, DAY = 3600, 86_400
YEARS = 10 * 365 * DAY
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with electable_world(definitions_api, openbao, tmp_path_factory.mktemp("world")) as made:
        yield made


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────


def test_setting_the_clock_stops_nothing_and_costs_no_memory(
    world: World, namespace: str, fault_proxy: Callable[..., FaultProxy], tmp_path: Path
) -> None:
    clock = FakedClock(tmp_path)
    if not clock.works():
        pytest.skip("libfaketime cannot be loaded here")
    # The servers speak plain text: no certificate is valid in ten years.
    proxy = fault_proxy(world.cluster.url, upstream_ca=world.cluster.ca_file)
    kubeconfig = world.cluster.kubeconfig_for(world.account.token, server=proxy.url)
    world.write("clock", a="0")
    world.define(namespace, "app", world.keys("a", of="clock"))
    flags = (
        f"-watch-namespaces={namespace}",
        "-reconcile-period=1s",
        "-enable-leader-election",
        f"-election.lease-namespace={world.account.namespace}",
    )
    with world.daemon(*flags, KUBECONFIG=str(kubeconfig), **clock.environ) as daemon:
        world.wait_data(namespace, "app", {"a": "0"})
        world.wait_polls("clock", 3)
        before = _memory(daemon)
        for number, off in enumerate((-HOUR, DAY, YEARS, 0), 1):
            clock.step(off)
            wait_until(partial(_noticed, daemon, number), PATIENCE, f"step {number} noticed")
            world.write("clock", a=str(number))
            world.wait_data(namespace, "app", {"a": str(number)})
            world.wait_polls("clock", 2)

        # A schedule that counted every run since would need hundreds of MiB.
        assert _memory(daemon) - before < 5 * MEBIBYTE
        assert daemon.fetch("/healthz") == (200, "ok\n")
        assert daemon.metric("secrets_manager_leader") == 1
        assert daemon.logged("the Lease is lost") == []
        assert daemon.stop() == 0


def _noticed(daemon: DaemonProcess, times: int) -> bool:
    return len(daemon.logged("the system clock was changed")) == times


def _memory(daemon: DaemonProcess) -> int:
    """Resident bytes."""
    pages = Path(f"/proc/{daemon.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stuck_reader_of_the_logs_delays_nothing(world: World, namespace: str) -> None:
    world.write("app", a="1")
    reading, writing = os.pipe()
    room = fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, resource.getpagesize())
    try:
        with _daemon(world, f"-watch-namespaces={namespace}", output=writing) as daemon:
            for number in range(40):
                world.define(namespace, f"app-{number}", world.keys("a"))
            for number in range(40):
                world.wait_data(namespace, f"app-{number}", {"a": "1"})
            # No further line can be written; the lines of the last Secrets were not.
            assert _unread(reading) > room - 1000

            assert daemon.fetch("/healthz") == (200, "ok\n")
            assert daemon.stop() == 0
    finally:
        os.close(reading)
        os.close(writing)


def _unread(pipe: int) -> int:
    """The number of bytes that wait in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_full_disk_under_the_logs_costs_lines_and_no_work(world: World, namespace: str) -> None:
    world.write("app", a="1")
    world.define(namespace, "app", world.keys("a"))
    with (
        Path("/dev/full").open("wb") as full,
        _daemon(world, f"-watch-namespaces={namespace}", output=full.fileno()) as daemon,
    ):
        world.wait_data(namespace, "app", {"a": "1"})

        dropped = "secrets_manager_log_lines_dropped"
        wait_until(lambda: (daemon.metric(dropped) or 0) > 0, PATIENCE, "lines dropped")
        assert daemon.stop() == 0


# ── threads and descriptors ──────────────────────────────────────────────────────────────────────────


def test_a_daemon_that_cannot_start_a_thread_ends_with_1(world: World, tmp_path: Path) -> None:
    starved = tmp_path / "starved"
    with _starving(world, starved) as daemon:
        daemon.wait_ready()
        assert daemon.stop() == 0
    starved.touch()

    with _starving(world, starved) as daemon:
        assert daemon.wait() == 1


def test_when_threads_run_out_the_daemon_continues_with_those_it_has_and_its_probe_fails(
    world: World, namespace: str, tmp_path: Path
) -> None:
    world.write("threads", a="1")
    world.define(namespace, "app", world.keys("a", of="threads"))
    starved = tmp_path / "starved"
    with _starving(world, starved, f"-watch-namespaces={namespace}") as daemon:
        world.wait_data(namespace, "app", {"a": "1"})
        # A poll finds this value: by then the job that starts polls has its thread.
        world.write("threads", a="2")
        world.wait_data(namespace, "app", {"a": "2"})
        starved.touch()
        world.write("threads", a="3")
        world.wait_data(namespace, "app", {"a": "3"})
        assert daemon.fetch("/healthz")[0] == 0

        # The number of probes in the meantime does not matter.
        for _ in range(40):
            assert daemon.fetch("/healthz")[0] == 0
        starved.unlink()
        wait_until(lambda: daemon.fetch("/healthz")[0] == 200, PATIENCE, "threads again")


def test_when_descriptors_run_out_nothing_is_lost_and_the_daemon_continues_once_there_are_some(
    world: World, namespace: str, openbao_proxy: FaultProxy
) -> None:
    world.write("descriptors", a="1")
    world.define(namespace, "app", world.keys("a", of="descriptors"))
    flags = (f"-watch-namespaces={namespace}", "-reconcile-period=1s")
    with world.daemon(*flags, VAULT_ADDR=openbao_proxy.url) as daemon:
        world.wait_reason(namespace, "app", "Synced")
        before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        # Only the three lowest descriptors are allowed: one that is closed meanwhile cannot be opened again.
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        openbao_proxy.drop_connections()
        world.write("descriptors", a="2")
        wait_until(lambda: daemon.logged("Secret is out of sync", name="app"), PATIENCE, "reads to fail")
        assert world.data(namespace, "app") == {"a": "1"}

        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
        world.wait_data(namespace, "app", {"a": "2"})
        wait_until(lambda: daemon.fetch("/healthz")[0] == 200, PATIENCE, "the endpoint answers")
        assert daemon.stop() == 0


def _starving(world: World, when: Path, *flags: str) -> DaemonProcess:
    command = (sys.executable, "-m", "tests.testbed.sick_daemon", "threads", "-", str(when))
    return DaemonProcess(world.folder, world.environ, "-reconcile-period=1s", *flags, launcher=command)


@contextmanager
def _daemon(world: World, *flags: str, output: int) -> Iterator[DaemonProcess]:
    with DaemonProcess(world.folder, world.environ, *flags, output=output) as daemon:
        yield daemon
