"""Daemons that are well and about to have trouble, each a job of its own, with the servers that they need.

One Prometheus scrapes them all, so that all faults brew at the same time. What goes wrong is in alert_faults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.integration.alert_backends import BACKENDS, Servers, sources, start_servers, write_settings
from tests.integration.hastened_rules import hastened
from tests.integration.world import CONFIG_RULES, LEASES, World, new_world, source
from tests.testbed.cluster import ServiceAccount, TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.prometheus_server import Prometheus

__all__ = ["DEFINITIONS", "PODS", "Fleet", "alert_fleet"]

Json = dict[str, Any]

_CONFIG = Path(__file__).parents[2] / "config/prometheus"
# The namespace of all pods. Those of their definitions have names of their own.
PODS = "secrets-manager"
# The names of the definitions of each job; a definition reads the path with its name.
DEFINITIONS: Mapping[str, Sequence[str]] = {
    "definitions": ("a", "b", "c", "d", "e"),
    "election": ("a",),
    "pair": ("a",),
    "slow": tuple("abcdefgh"),
    "apiserver": ("a",),
    "cutoff": ("a",),
    "backends": (),
    "restarting": ("a",),
}
_WORKLOAD = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop"},
    "spec": {
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {"containers": [{"name": "c", "image": "i", "envFrom": [{"secretRef": {"name": "a"}}]}]},
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Everything that a fault needs.

    Attributes:
        world: the cluster, OpenBao, and the login and rights that most daemons have.
        spaces: the namespace of the definitions of each job.
        servers: what stands behind the backends with names of their own.
        accounts: those that are not the World's, by job.
        api_proxies: between the API server and the jobs `apiserver` and `cutoff`.
        bao_proxy: between the job `slow` and OpenBao.
        prometheus: scrapes each daemon from its start on.
        settings: the file of the job `backends`.
        daemons: those that run, by the name of the pod.

    """

    world: World
    spaces: Mapping[str, str]
    servers: Servers
    accounts: Mapping[str, ServiceAccount]
    api_proxies: Mapping[str, FaultProxy]
    bao_proxy: FaultProxy
    prometheus: Prometheus
    settings: Path
    daemons: dict[str, DaemonProcess] = field(default_factory=dict)

    def start(self, job: str, pod: str = "a", **environ: str) -> DaemonProcess:
        """Start a replica and scrape it; its labels are those of a pod, the same after each start."""
        flags, own = self._settings_of(job)
        running = self.world.daemon(
            f"-watch-namespaces={self.spaces[job]}", "-reconcile-period=1s", *flags, **{**own, **environ}
        )
        name = f"{job}-{pod}"
        self.daemons[name] = running
        self.prometheus.scrape(running.port, job=job, namespace=PODS, pod=name, instance=f"{name}:8080")
        return running

    def crash(self, job: str, pod: str = "a") -> None:
        """Kill a replica; the target stays as long as its pod, for Prometheus to find nothing there."""
        self.daemons[f"{job}-{pod}"].kill()

    def restart(self, job: str, pod: str = "a") -> None:
        """Kill a replica, and start it again in the same pod; returns once it was scraped."""
        self.crash(job, pod)
        self.prometheus.forget(self.daemons[f"{job}-{pod}"].port)
        self.start(job, pod)
        self.wait_scraped(job, pod)

    def wait_scraped(self, job: str, pod: str = "a") -> None:
        """Return once Prometheus has seen the replica that runs now."""
        running = self.daemons[f"{job}-{pod}"]
        running.metrics()
        began = running.metric("process_start_time_seconds")
        self.prometheus.wait_for(f'process_start_time_seconds{{pod="{job}-{pod}"}} == {began!r}')

    def write(self, job: str, name: str, value: str) -> None:
        """Write what the definition `name` of a job reads."""
        self.world.write(f"{job}-{name}", a=value)

    def stop(self) -> None:
        """Kill every daemon."""
        for running in self.daemons.values():
            running.kill()

    def _settings_of(self, job: str) -> tuple[Sequence[str], Mapping[str, str]]:
        account = self.accounts.get(job)
        own: Mapping[str, tuple[Sequence[str], Mapping[str, str]]] = {
            "definitions": (("-restart.window=1s",), {}),
            "election": (
                ("-enable-leader-election", f"-election.lease-namespace={self.spaces['election']}"),
                {},
            ),
            # One worker: whoever waits for a slow answer lets others wait.
            "slow": (("-workers=1",), {"VAULT_ADDR": self.bao_proxy.url}),
            "backends": ((f"-config={self.settings}",), {}),
        }
        flags, environ = own.get(job, ((), {}))
        return flags, {**environ, **({"KUBECONFIG": str(account.kubeconfig)} if account else {})}


@contextmanager
def alert_fleet(
    cluster: TestCluster, openbao: OpenBao, authority: Authority, folder: Path
) -> Iterator[Fleet]:
    """Start everything; returns once all Secrets are there and every daemon was scraped."""
    with ExitStack() as stack:
        world = stack.enter_context(new_world(cluster, openbao, folder))
        spaces = {job: cluster.create_namespace() for job in DEFINITIONS}
        servers = stack.enter_context(start_servers(world, authority, folder))
        tls = authority.issue("127.0.0.1", "localhost")
        proxies = {
            job: stack.enter_context(FaultProxy(cluster.url, upstream_ca=cluster.ca_file, tls=tls))
            for job in ("apiserver", "cutoff")
        }
        fleet = Fleet(
            world=world,
            spaces=spaces,
            servers=servers,
            accounts=_accounts(cluster, spaces, proxies, authority),
            api_proxies=proxies,
            bao_proxy=stack.enter_context(FaultProxy(openbao.url)),
            prometheus=stack.enter_context(_prometheus(folder)),
            settings=write_settings(world, servers, folder),
        )
        stack.callback(fleet.stop)
        for namespace in spaces.values():
            stack.callback(cluster.delete_namespace, namespace)
        _define(fleet)
        for job in DEFINITIONS:
            fleet.start(job)
        _await_well(fleet)
        yield fleet


def _prometheus(folder: Path) -> Prometheus:
    rules = yaml.safe_load((_CONFIG / "rules.yaml").read_text(encoding="utf-8"))["spec"]
    monitor = yaml.safe_load((_CONFIG / "service-monitor.yaml").read_text(encoding="utf-8"))["spec"]
    (endpoint,) = monitor["endpoints"]
    return Prometheus(folder / "prometheus", hastened(rules), endpoint)


def _accounts(
    cluster: TestCluster,
    spaces: Mapping[str, str],
    proxies: Mapping[str, FaultProxy],
    authority: Authority,
) -> Mapping[str, ServiceAccount]:
    """An account that may use Leases, and those that go through a proxy, whose rights can be taken away."""
    made = {
        "election": cluster.service_account(
            spaces["election"], "daemon", rules=LEASES, cluster_rules=CONFIG_RULES
        )
    }
    for job, proxy in proxies.items():
        account = cluster.service_account(spaces[job], "daemon", cluster_rules=CONFIG_RULES)
        path = cluster.kubeconfig_for(account.token, server=proxy.url, ca_file=authority.ca_file)
        made[job] = replace(account, kubeconfig=path)
    return made


def _define(fleet: Fleet) -> None:
    for job, names in DEFINITIONS.items():
        for name in names:
            fleet.write(job, name, "1")
            keys = {"a": source(fleet.world.path(f"{job}-{name}"), "a")}
            fleet.world.define(fleet.spaces[job], name, keys)
    place = fleet.spaces["definitions"]
    fleet.world.cluster.api.post(f"/apis/apps/v1/namespaces/{place}/deployments", _WORKLOAD)
    restart = {"workloads": [{"kind": "Deployment", "name": "shop"}]}
    fleet.world.change(place, "a", {"spec": {"restart": restart}})
    for name in BACKENDS:
        fleet.world.define(fleet.spaces["backends"], name, sources(fleet.world, name))


def _await_well(fleet: Fleet) -> None:
    for job, names in {**DEFINITIONS, "backends": BACKENDS}.items():
        for name in names:
            fleet.world.wait_reason(fleet.spaces[job], name, "Synced")
        fleet.wait_scraped(job)
