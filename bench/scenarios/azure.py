"""Azure quiet: as quiet, with values from Azure Key Vault, once with the right to list and once without.

The key vault is the test bed's double, in this process, behind the real SDK: its calls are
measured, and its times mean nothing. Calls are counted by the proxy in front of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.figures import Figure, Result
from bench.meter import Meter
from bench.scenario import Options, Scenario
from bench.world import World, wait_synced
from tests.integration.azure_world import PRINCIPAL, environment
from tests.testbed.azure.cloud import AzureDouble
from tests.testbed.kube_api import definitions
from tests.testbed.pki import Authority

_NAMESPACE = "azure-quiet"
_API_VERSION = "secrets-manager.tuenti.io/v1alpha1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureCalls:
    """The calls to Azure in a stretch."""

    seconds: float
    lists: int
    reads: int
    logins: int
    cpu: float


def run(world: World, options: Options) -> Result:
    """Bring all in step, then count a quiet stretch, take the right to list away, and count another."""
    with AzureDouble(Authority(world.folder / "authority")) as azure:
        _seed(world, azure, options.definitions)
        meter = Meter(world.traffic())
        with world.daemon(options.period, {**environment(azure), **PRINCIPAL}) as process:
            wait_synced(meter, options.definitions)
            # Values that were written within the last seconds are read once more; after that all is known.
            time.sleep(2 * options.period)
            listing = _stretch(azure, Meter(world.traffic(), process.pid), process.pid, options)
            azure.vault.rights.discard("list")
            time.sleep(2 * options.period)
            reading = _stretch(azure, Meter(world.traffic(), process.pid), process.pid, options)
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": options.definitions,
            "reconcile period s": options.period,
            "minutes": options.minutes,
        },
        figures=figures(listing, reading, options),
    )


def figures(listing: AzureCalls, reading: AzureCalls, options: Options) -> Sequence[Figure]:
    """The figures of the two stretches; pure."""
    found = []
    for name, asked in (("with list", listing), ("without list", reading)):
        periods = asked.seconds / options.period
        found += [
            Figure(name=f"{name}: lists per period", value=asked.lists / periods),
            Figure(name=f"{name}: reads per period", value=asked.reads / periods),
            Figure(name=f"{name}: logins", value=asked.logins),
            Figure(name=f"{name}: CPU per period", value=asked.cpu / periods, unit="s"),
        ]
    return found


def _stretch(azure: AzureDouble, meter: Meter, pid: int, options: Options) -> AzureCalls:
    before = _counts(azure)
    time.sleep(options.minutes * 60)
    stretch, after = meter.stop(pid), _counts(azure)
    spent = {name: after[name] - before[name] for name in before}
    return AzureCalls(seconds=stretch.seconds, cpu=stretch.cpu, **spent)


def _counts(azure: AzureDouble) -> Mapping[str, int]:
    return {
        "lists": azure.vault_proxy.count("GET", "/secrets"),
        "reads": azure.vault_proxy.count("GET", "/secrets/.*"),
        "logins": azure.entra_proxy.count("POST", ".*"),
    }


def _seed(world: World, azure: AzureDouble, count: int) -> None:
    world.bed.cluster.create_namespace(_NAMESPACE)
    for number in range(count):
        name = f"azure-{number}"
        azure.store.put(name, f"value {number}")
        body = {
            "apiVersion": _API_VERSION,
            "kind": "SecretDefinition",
            "metadata": {"name": name},
            "spec": {"name": name, "keysMap": {"value": {"path": name, "key": ""}}},
        }
        world.bed.cluster.api.post(definitions(_NAMESPACE), body)


SCENARIO = Scenario(name="azure-quiet", summary="nothing changes in Azure Key Vault", run=run)
