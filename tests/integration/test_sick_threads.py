"""Core threads that die or stand still in a working daemon: the process ends, or its probe fails."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.integration.world import World, electable_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

# The promise is half a minute; a busy machine may add some.
SOON = 75.0
# Threads of the daemon's own: when one ends, the process ends.
OWN = ("worker", "informer", "lease", "events")
# Threads of libraries: the process continues, and the probe shows the fault.
OF_OTHERS = ("scheduler", "http")
# One thread for each way to notice: a heartbeat, a job that does not return, a probe without an answer.
STUCK = ("worker", "informer", "lease", "job", "http")


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with electable_world(definitions_api, openbao, tmp_path_factory.mktemp("world")) as made:
        yield made


class Ward:
    """Working daemons, each with one part that fails on command."""

    def __init__(self, world: World, how: str) -> None:
        self._world = world
        self._how = how
        self.when = world.folder / f"{how}-now"
        self.places: dict[str, str] = {}
        self.daemons: dict[str, DaemonProcess] = {}

    def admit(self, part: str, **environ: str) -> DaemonProcess:
        """Start a daemon whose part can be made to fail."""
        place = self.places[part] = self._world.cluster.create_namespace()
        command = (sys.executable, "-m", "tests.testbed.sick_daemon", part, self._how, str(self.when))
        flags = (
            "-enable-leader-election",
            f"-election.lease-namespace={self._world.account.namespace}",
            f"-election.lease-name={self._how}-{part}",
            f"-watch-namespaces={place}",
            "-reconcile-period=1s",
        )
        daemon = DaemonProcess(
            self._world.folder, {**self._world.environ, **environ}, *flags, launcher=command
        )
        self.daemons[part] = daemon
        return daemon

    def strike(self) -> None:
        """Let the parts fail once all daemons work; then change something, so that each thread has work."""
        for part, daemon in self.daemons.items():
            daemon.wait_ready(SOON)
            self._world.define(self.places[part], "before", self._world.keys("a"))
        for part, place in self.places.items():
            self._world.wait_data(place, "before", {"a": "1"})
            assert self.daemons[part].fetch("/healthz") == (200, "ok\n")
        self.when.touch()
        for place in self.places.values():
            self._world.define(place, "after", self._world.keys("a"))


@pytest.fixture(scope="module")
def wards(world: World, openbao: OpenBao) -> Iterator[dict[str, Ward]]:
    """Daemons whose parts died or stand still; all at once, since noticing takes a while."""
    with ExitStack() as stack:
        made = {how: Ward(world, how) for how in ("kill", "block")}
        for how, parts in (("kill", (*OWN, *OF_OTHERS)), ("block", STUCK)):
            for part in parts:
                stack.enter_context(made[how].admit(part))
        slow = stack.enter_context(FaultProxy(openbao.url))
        stack.enter_context(made["kill"].admit("watchdog", VAULT_ADDR=slow.url))
        for ward in made.values():
            ward.strike()
        # For the socket each byte is a sign of life, so only the watchdog would end these calls.
        slow.on("GET", r"/v1/secret/.*").drip_body()
        yield made


@pytest.mark.parametrize("part", OWN)
def test_a_core_thread_that_dies_ends_the_process(wards: dict[str, Ward], part: str) -> None:
    daemon = wards["kill"].daemons[part]

    assert daemon.wait(SOON) == 1
    assert daemon.logged("a core thread ended")


@pytest.mark.parametrize("part", OF_OTHERS)
def test_a_thread_of_a_library_that_dies_makes_the_process_unhealthy(
    wards: dict[str, Ward], part: str
) -> None:
    _found_out(wards["kill"].daemons[part])


@pytest.mark.parametrize("part", STUCK)
def test_a_thread_that_stands_still_makes_the_process_unhealthy(wards: dict[str, Ward], part: str) -> None:
    daemon = wards["block"].daemons[part]

    _found_out(daemon)
    if part != "http":
        assert part in daemon.fetch("/healthz")[1]


def test_a_call_that_is_not_ended_in_time_makes_the_process_unhealthy(wards: dict[str, Ward]) -> None:
    daemon = wards["kill"].daemons["watchdog"]

    wait_until(lambda: "deadlines" in daemon.fetch("/healthz")[1], SOON, "the fault to be reported")


def _found_out(daemon: DaemonProcess) -> None:
    """Wait until its liveness probe fails, or gets no answer."""
    wait_until(lambda: daemon.fetch("/healthz")[0] != 200, SOON, "the liveness probe to fail")
