"""The API server refuses connections, for two replicas with a Lease or for one without. All values change
meanwhile.

A leader cannot renew the Lease and ends itself, as it should; it is started again, as a kubelet would. No
other replica has a reason to end.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from bench.corpus import check_secrets
from bench.gate import Gate
from bench.meter import Meter
from bench.plans import one_path_each
from bench.world import World, wait_synced
from chaos.outage.changes import all_changed, change, wait_fresh
from chaos.outage.findings import Finding, freshness
from tests.integration.deployment_support import NAMESPACE
from tests.testbed.daemon import DaemonProcess

_FRESH_SECONDS = 15.0
_READY_SECONDS = 60.0
_KUBELET_SECONDS = 1.0
_ELECTION = ("-enable-leader-election", f"-election.lease-namespace={NAMESPACE}")

Start = Callable[..., DaemonProcess]
# Starts the replicas and brings all in step; gives a function for the findings at the end.
Replicas = Callable[[Start, Callable[[], None]], AbstractContextManager[Callable[[], list[Finding]]]]


class Kubelet:
    """Keeps one replica running, and counts how often it had to be started again."""

    def __init__(self, start: Callable[[], DaemonProcess]) -> None:
        self.restarts = 0
        self._start = start
        self.replica = start()

    def restart_if_ended(self) -> None:
        """Start it again if it has ended."""
        if self.replica.process.poll() is not None:
            self.restarts += 1
            self.replica = self._start()


def refused(world: World, definitions: int, seconds: float) -> list[Finding]:
    """Two replicas with election: the leader loses the Lease, which none can renew."""
    return _outage(world, definitions, seconds, _pair)


def refused_alone(world: World, definitions: int, seconds: float) -> list[Finding]:
    """One replica without election: it goes on all the time."""
    return _outage(world, definitions, seconds, _alone)


def _outage(world: World, definitions: int, seconds: float, replicas: Replicas) -> list[Finding]:
    plan = world.seed(one_path_each(["outage"], definitions)).plan
    changed = all_changed(plan)
    with Gate(world.bed.cluster.url) as gate, world.watch() as watch:
        environ = {
            **world.openbao_at(world.bed.openbao.url),
            "KUBECONFIG": str(_kubeconfig_at(world.kubeconfig, gate.url)),
        }
        in_step = partial(wait_synced, Meter(world.traffic()), definitions)
        with replicas(lambda *flags: world.start(5.0, environ, flags), in_step) as restarts:
            gate.close()
            change(world, changed, seconds)
            expectations = [watch.expect(wish, changed.data(wish)) for wish in changed.wishes]
            gate.open()
            latencies = wait_fresh(watch, expectations)
            findings = restarts()
    check_secrets(changed, world.bed.cluster.api)
    return [*freshness(latencies, _FRESH_SECONDS), *findings]


@contextmanager
def _pair(start: Start, in_step: Callable[[], None]) -> Iterator[Callable[[], list[Finding]]]:
    leader = Kubelet(lambda: start(*_ELECTION))
    with _kept(leader):
        in_step()
        standby = Kubelet(lambda: start(*_ELECTION))
        with _kept(standby):
            standby.replica.wait_ready(_READY_SECONDS)
            yield lambda: [
                Finding(what="restarts of the standby", value=standby.restarts, most=0),
                Finding(what="restarts of the leader", value=leader.restarts),
            ]


@contextmanager
def _alone(start: Start, in_step: Callable[[], None]) -> Iterator[Callable[[], list[Finding]]]:
    replica = Kubelet(start)
    with _kept(replica):
        in_step()
        yield lambda: [Finding(what="restarts", value=replica.restarts, most=0)]


@contextmanager
def _kept(kubelet: Kubelet) -> Iterator[None]:
    """A replica is started again while this lasts, and killed at its end."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(_KUBELET_SECONDS):
            kubelet.restart_if_ended()

    # Its processes may end with it, by setpriv: it lasts as long as they have to.
    thread = threading.Thread(target=work, name="kubelet", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        kubelet.replica.kill()


def _kubeconfig_at(kubeconfig: Path, url: str) -> Path:
    """A copy of a kubeconfig that leads to another address."""
    config = json.loads(kubeconfig.read_text(encoding="utf-8"))
    config["clusters"][0]["cluster"]["server"] = url
    copy = kubeconfig.with_name(f"{kubeconfig.name}-outage")
    copy.touch(mode=0o600)
    copy.write_text(json.dumps(config), encoding="utf-8")
    return copy
