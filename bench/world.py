"""The servers of a run, with the product installed from config/, and the daemon as its own service account.

A scenario is given a World and decides what to do in it. Each has fresh servers, so none sees what another
left behind.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.audit import by_kind
from bench.corpus import MOUNT, Corpus, seed
from bench.meter import Meter
from bench.traffic import Identity, Traffic
from tests.integration.deployment_support import NAMESPACE, SERVICE_ACCOUNT, daemon_kubeconfig, install
from tests.testbed.bed import Bed, running_bed
from tests.testbed.daemon import DaemonProcess
from tests.testbed.openbao_setup import AppRole
from tests.testbed.waiting import wait_until

ROLE = "bench"
# The end of a piece of work is seen in the audit log; looking there more often would cost what is measured.
_LOOK_SECONDS = 0.1
_SETTLED_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Fresh servers with SecretDefinitions installed, and the identity that the daemon has on them."""

    folder: Path
    bed: Bed
    kubeconfig: Path
    role: AppRole

    def seed(self, namespace: str, count: int) -> Corpus:
        """Definitions and their values in a new namespace."""
        return seed(self.bed, namespace, count)

    def traffic(self) -> Traffic:
        """What the daemon's identity asks of the servers from now on."""
        user = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
        traffic = Traffic(
            kubernetes_log=self.bed.cluster.folder / "audit.log",
            backend_log=self.folder / "openbao" / "audit.log",
            identity=Identity(user=user, role=ROLE),
        )
        traffic.skip()
        return traffic

    @contextmanager
    def daemon(self, period: float, environ: Mapping[str, str] | None = None) -> Iterator[DaemonProcess]:
        """The daemon at a reconcile period in seconds; told to stop at the end, it must exit with 0.

        It reads from the bed's OpenBao, unless `environ` names another backend.
        """
        backend = environ or {
            "VAULT_ADDR": self.bed.openbao.url,
            "VAULT_ROLE_ID": self.role.role_id,
            "VAULT_SECRET_ID": self.role.secret_id,
        }
        environ = {"KUBECONFIG": str(self.kubeconfig), **backend}
        flag = f"-reconcile-period={round(period * 1000)}ms"
        with DaemonProcess(self.folder, environ, flag, launcher=_launcher()) as process:
            yield process
            code = process.stop()
        assert code == 0, f"the daemon ended with {code}:\n{process.output()[-2000:]}"


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """Start the servers and install the product; all is stopped at the end."""
    with running_bed(folder) as bed:
        install(bed.cluster)
        policy = bed.openbao.read_policy(ROLE, f"{MOUNT}data/*")
        role = bed.openbao.approle(ROLE, [policy])
        yield World(folder=folder, bed=bed, kubeconfig=daemon_kubeconfig(bed.cluster), role=role)


def wait_synced(meter: Meter, count: int) -> None:
    """Until so many Secrets and statuses were written, and then nothing more for a while.

    AssertionError, with what was seen, when that takes far longer than it should.
    """
    seen = by_kind(())

    def done() -> bool:
        nonlocal seen
        seen = by_kind(call for call in meter.kubernetes_so_far() if call.status < 300)
        return seen["create secrets"] >= count and seen["update secretdefinitions/status"] >= count

    try:
        wait_until(done, timeout=60 + count / 5, poll=_LOOK_SECONDS)
    except AssertionError:
        raise AssertionError(f"{count} definitions are not in step yet; calls so far: {dict(seen)}") from None
    _wait_settled(meter)


def _wait_settled(meter: Meter) -> None:
    before = -1
    while before != len(meter.kubernetes_so_far()):
        before = len(meter.kubernetes_so_far())
        time.sleep(_SETTLED_SECONDS)


def _launcher() -> tuple[str, ...]:
    """The daemon's command; the kernel ends it with us where it can, so that a killed run leaves nothing."""
    setpriv = shutil.which("setpriv")
    bound = (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
    return (*bound, sys.executable, "-m", "secrets_manager")
