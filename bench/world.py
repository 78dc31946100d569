"""The servers of a run, with the product installed from config/, and the daemon as its own service account.

A scenario is given a World and decides what to do in it. Each has fresh servers, so none sees what another
left behind.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.audit import by_kind
from bench.corpus import Corpus, api_server, clear, definition, prepare, seed
from bench.meter import Meter, servers_cpu
from bench.plans import MOUNT, Plan, Wish
from bench.traffic import Identity, Traffic
from bench.watcher import SecretWatch
from tests.integration.deployment_support import NAMESPACE, SERVICE_ACCOUNT, daemon_kubeconfig, install
from tests.testbed.bed import Bed, running_bed
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import definitions
from tests.testbed.openbao_setup import AppRole
from tests.testbed.waiting import wait_until

ROLE = "bench"
# The audit log shows the end of a piece of work; more frequent reads would disturb the measurement.
_LOOK_SECONDS = 0.1
_SETTLED_SECONDS = 2.0
# Idle servers use less than this.
_IDLE_CORES = 0.25
_IDLE_LOOK_SECONDS = 1.0
_IDLE_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Fresh servers with SecretDefinitions installed, and the identity that the daemon has on them."""

    folder: Path
    bed: Bed
    kubeconfig: Path
    role: AppRole

    def seed(self, plan: Plan) -> Corpus:
        """Put a plan on the servers, whose namespaces must be new."""
        return seed(self.bed, plan)

    def prepare(self, plan: Plan) -> None:
        """Put a plan on the servers, except for its definitions."""
        prepare(self.bed, plan)

    def define(self, wish: Wish) -> None:
        """Make one definition."""
        self.bed.cluster.api.post(definitions(wish.namespace), definition(wish))

    def write(self, path: str, values: Mapping[str, str]) -> None:
        """Give a backend path new values."""
        self.bed.openbao.request("POST", path, {"data": dict(values)})

    def clear(self, plan: Plan) -> None:
        """Take the definitions and the Secrets of a plan off the servers; its namespaces and values stay."""
        clear(self.bed, plan)

    def watch(self) -> SecretWatch:
        """The benchmark's own eye on all Secrets."""
        return SecretWatch(api_server(self.bed))

    def traffic(self) -> Traffic:
        """The calls of the daemon's identity from now on."""
        user = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
        traffic = Traffic(
            kubernetes_log=self.bed.cluster.folder / "audit.log",
            backend_log=self.folder / "openbao" / "audit.log",
            identity=Identity(user=user, role=ROLE),
        )
        traffic.skip()
        return traffic

    @contextmanager
    def daemon(
        self, period: float, environ: Mapping[str, str] | None = None, flags: Sequence[str] = ()
    ) -> Iterator[DaemonProcess]:
        """The daemon at a reconcile period in seconds; it is stopped at the end and must exit with 0.

        It reads from the bed's OpenBao, unless `environ` names another backend.
        """
        with self.start(period, environ, flags) as process:
            yield process
            code = process.stop()
        assert code == 0, f"the daemon ended with {code}:\n{process.output()[-2000:]}"

    def start(
        self, period: float, environ: Mapping[str, str] | None = None, flags: Sequence[str] = ()
    ) -> DaemonProcess:
        """As `daemon`, for a process that may end in any way; killed at the end of a with block."""
        environ = {"KUBECONFIG": str(self.kubeconfig), **(environ or self.openbao_at(self.bed.openbao.url))}
        flags = (f"-reconcile-period={round(period * 1000)}ms", *flags)
        return DaemonProcess(self.folder, environ, *flags, launcher=_launcher())

    @contextmanager
    def daemon_in_step(
        self,
        period: float,
        count: int,
        environ: Mapping[str, str] | None = None,
        flags: Sequence[str] = (),
    ) -> Iterator[DaemonProcess]:
        """As `daemon`, once it has brought `count` definitions from nothing into step."""
        meter = Meter(self.traffic())
        with self.daemon(period, environ, flags) as process:
            wait_synced(meter, count)
            yield process

    def openbao_at(self, url: str) -> Mapping[str, str]:
        """The environment that lets the daemon in to the bed's OpenBao, which it reaches by `url`."""
        return {
            "VAULT_ADDR": url,
            "VAULT_ROLE_ID": self.role.role_id,
            "VAULT_SECRET_ID": self.role.secret_id,
        }

    def wait_idle(self) -> None:
        """Until the servers have done their work, so that it is not measured with what follows."""
        deadline = time.monotonic() + _IDLE_PATIENCE_SECONDS
        before = -float("inf")
        while time.monotonic() < deadline:
            spent = servers_cpu()
            if spent - before < _IDLE_CORES * _IDLE_LOOK_SECONDS:
                return
            before = spent
            time.sleep(_IDLE_LOOK_SECONDS)


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """Start the servers and install the product; all is stopped at the end."""
    with running_bed(folder) as bed:
        install(bed.cluster)
        policy = bed.openbao.read_policy(ROLE, f"{MOUNT}data/*")
        role = bed.openbao.approle(ROLE, [policy])
        yield World(folder=folder, bed=bed, kubeconfig=daemon_kubeconfig(bed.cluster), role=role)


def wait_synced(meter: Meter, count: int) -> None:
    """As wait_written, of so many Secrets and as many statuses."""
    wait_written(meter, secrets=count, statuses=count)


def wait_written(meter: Meter, *, secrets: int, statuses: int) -> None:
    """Until so many Secrets and statuses were written, and then nothing more for a while.

    AssertionError, with the numbers so far, if that takes far longer than it should.
    """
    seen: Counter[str] = Counter()
    taken = 0

    def done() -> bool:
        nonlocal taken
        calls = meter.kubernetes_so_far()
        seen.update(by_kind(call for call in calls[taken:] if call.status < 300))
        taken = len(calls)
        return seen["create secrets"] >= secrets and seen["update secretdefinitions/status"] >= statuses

    try:
        wait_until(done, timeout=60 + statuses / 5, poll=_LOOK_SECONDS)
    except AssertionError:
        wanted = f"{secrets} Secrets and {statuses} statuses"
        raise AssertionError(f"{wanted} are not written yet; calls so far: {dict(seen)}") from None
    wait_settled(meter)


def wait_settled(meter: Meter) -> None:
    """Until Kubernetes got no call for a while, so that the calls after a Secret are counted, too."""
    before = -1
    while before != (now := _deeds(meter)):
        before = now
        time.sleep(_SETTLED_SECONDS)


def _deeds(meter: Meter) -> int:
    """Calls so far that are made for a reason; the Lease is renewed for ever."""
    return sum(call.resource != "leases" for call in meter.kubernetes_so_far())


def _launcher() -> tuple[str, ...]:
    """The daemon's command; the kernel ends it with us where it can, so that a killed run leaves nothing."""
    setpriv = shutil.which("setpriv")
    bound = (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
    return (*bound, sys.executable, "-m", "secrets_manager")
