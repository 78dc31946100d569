"""A campaign: servers, replicas, rising values, and blows until the plan is done."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos import blows
from chaos.blows import Blow
from chaos.replicas import Replicas
from chaos.restarts import Workload
from chaos.rising_values import RisingValues
from chaos.shapes import data_of, shape_of
from chaos.witness import Witness
from tests.integration.deployment_support import install
from tests.testbed.bed import Bed
from tests.testbed.kube_api import definitions
from tests.testbed.waiting import wait_until

_SETTLE_SECONDS = 60.0
# Definitions of all shapes whose Secrets one workload uses.
_USED = tuple(f"tide-{number}" for number in range(3))
_WINDOW = "2s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many of each blow, with how many replicas and paths."""

    terminations: int = 25
    kills: int = 25
    pauses: int = 10
    longest_pause: float = 30.0
    replicas: int = 3
    paths: int = 50
    rising: float = 0.2


@dataclass(eq=False)
class Tally:
    """The result of a campaign."""

    blows: list[Blow] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)

    def seconds(self, kind: str) -> list[float]:
        """The measured times of one kind of blow, sorted."""
        return sorted(blow.seconds for blow in self.blows if blow.kind == kind)

    def good(self) -> bool:
        """Whether no update was lost, regressed or partial."""
        return not self.faults and not self.behind


def run(bed: Bed, folder: Path, plan: Plan, rng: random.Random, on_blow: Callable[[Blow], None]) -> Tally:
    """Carry out the plan on the servers; every blow is reported as it happens."""
    tally = Tally()
    with _scene(bed, folder, plan) as (replicas, witness, rising):
        for strike in _strikes(plan, rng):
            replicas.start(plan.replicas)
            blow = strike(replicas, witness)
            tally.blows.append(blow)
            on_blow(blow)
        replicas.start(plan.replicas)
        last = rising.stop()
        tally.behind = witness.wait_for_level(last, plan.paths, _SETTLE_SECONDS)
        tally.faults = [*witness.judge.faults, *_restart_faults(witness)]
    return tally


def _restart_faults(witness: Witness) -> list[str]:
    """After the last change and the window, each restart had its reason and none is missing."""
    with suppress(AssertionError):
        wait_until(lambda: not witness.restarts.is_behind(_USED), _SETTLE_SECONDS, "the last restart", 0.5)
    return witness.restarts.faults(_USED)


def _strikes(plan: Plan, rng: random.Random) -> Iterator[Callable[[Replicas, Witness], Blow]]:
    def pause(replicas: Replicas, _: Witness) -> Blow:
        return blows.pause(replicas, rng.uniform(5.0, plan.longest_pause))

    order: list[Callable[[Replicas, Witness], Blow]] = [
        *[blows.terminate] * plan.terminations,
        *[blows.kill] * plan.kills,
        *[pause] * plan.pauses,
    ]
    rng.shuffle(order)
    return iter(order)


@contextmanager
def _scene(bed: Bed, folder: Path, plan: Plan) -> Iterator[tuple[Replicas, Witness, RisingValues]]:
    install(bed.cluster)
    api, namespace = bed.cluster.api, bed.cluster.create_namespace()
    role = bed.openbao.approle("chaos", [bed.openbao.read_policy("chaos", "secret/data/*")])
    rising = RisingValues(bed.openbao, f"chaos-{namespace}", plan.paths, plan.rising)
    rising.raise_once()
    for number, path in enumerate(rising.paths):
        api.post(definitions(namespace), _definition(number, f"secret/data/{path}"))
    witness = Witness(api, namespace)
    workload = Workload(api, namespace, witness.restarts)
    workload.make(_USED)
    environ = {
        "KUBECONFIG": str(bed.cluster.kubeconfig),
        "VAULT_ADDR": bed.openbao.url,
        "VAULT_ROLE_ID": role.role_id,
        "VAULT_SECRET_ID": role.secret_id,
        "SECRETS_MANAGER_RESTART__WINDOW": _WINDOW,
    }
    witness.start()
    workload.start()
    replicas = Replicas(api, namespace, folder, environ)
    try:
        replicas.start(plan.replicas)
        rising.start()
        yield replicas, witness, rising
    finally:
        rising.stop()
        replicas.stop()
        workload.stop()
        witness.stop()


def _definition(number: int, path: str) -> dict[str, object]:
    name = f"tide-{number}"
    restart = {"restart": {"referencing": True}} if name in _USED else {}
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": name},
        "spec": {"name": name, **data_of(shape_of(number), path, ("one", "two")), **restart},
    }
