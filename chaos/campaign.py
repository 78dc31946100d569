"""A campaign: servers, replicas, rising values, and blows until the plan is done."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chaos import blows
from chaos.blows import Blow
from chaos.replicas import Replicas
from chaos.tide import Tide
from chaos.witness import Witness
from tests.integration.deployment_support import install
from tests.testbed.bed import Bed
from tests.testbed.kube_api import definitions

_SETTLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many of each blow, with how many replicas and paths."""

    terminations: int = 25
    kills: int = 25
    pauses: int = 10
    longest_pause: float = 30.0
    replicas: int = 3
    paths: int = 50
    tide: float = 0.2


@dataclass(eq=False)
class Tally:
    """What came of a campaign."""

    blows: list[Blow] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)

    def seconds(self, kind: str) -> list[float]:
        """The measured times of one kind of blow, sorted."""
        return sorted(blow.seconds for blow in self.blows if blow.kind == kind)

    def good(self) -> bool:
        """Whether no update was lost, regressed or partial."""
        return not self.faults and not self.behind


def run(bed: Bed, folder: Path, plan: Plan, chance: random.Random, told: Callable[[Blow], None]) -> Tally:
    """Carry out the plan on the servers; every blow is told as it happens."""
    tally = Tally()
    with _scene(bed, folder, plan) as (replicas, witness, tide):
        for strike in _strikes(plan, chance):
            replicas.start(plan.replicas)
            blow = strike(replicas, witness)
            tally.blows.append(blow)
            told(blow)
        replicas.start(plan.replicas)
        last = tide.stop()
        tally.behind = witness.wait_for_level(last, plan.paths, _SETTLE_SECONDS)
        tally.faults = list(witness.judge.faults)
    return tally


def _strikes(plan: Plan, chance: random.Random) -> Iterator[Callable[[Replicas, Witness], Blow]]:
    def pause(replicas: Replicas, _: Witness) -> Blow:
        return blows.pause(replicas, chance.uniform(5.0, plan.longest_pause))

    order: list[Callable[[Replicas, Witness], Blow]] = [
        *[blows.terminate] * plan.terminations,
        *[blows.kill] * plan.kills,
        *[pause] * plan.pauses,
    ]
    chance.shuffle(order)
    return iter(order)


@contextmanager
def _scene(bed: Bed, folder: Path, plan: Plan) -> Iterator[tuple[Replicas, Witness, Tide]]:
    install(bed.cluster)
    api, namespace = bed.cluster.api, bed.cluster.create_namespace()
    role = bed.openbao.approle("chaos", [bed.openbao.read_policy("chaos", "secret/data/*")])
    tide = Tide(bed.openbao, f"chaos-{namespace}", plan.paths, plan.tide)
    tide.raise_once()
    for number, path in enumerate(tide.paths):
        api.post(definitions(namespace), _definition(f"tide-{number}", f"secret/data/{path}"))
    environ = {
        "KUBECONFIG": str(bed.cluster.kubeconfig),
        "VAULT_ADDR": bed.openbao.url,
        "VAULT_ROLE_ID": role.role_id,
        "VAULT_SECRET_ID": role.secret_id,
    }
    witness = Witness(api, namespace)
    witness.start()
    replicas = Replicas(api, namespace, folder, environ)
    try:
        replicas.start(plan.replicas)
        tide.start()
        yield replicas, witness, tide
    finally:
        tide.stop()
        replicas.stop()
        witness.stop()


def _definition(name: str, path: str) -> dict[str, object]:
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": name},
        "spec": {"name": name, "keysMap": {key: {"path": path, "key": key} for key in ("one", "two")}},
    }
