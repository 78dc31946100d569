"""Absence from a list is not evidence: lists of the cluster come back empty or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.integration.world import PATIENCE, World, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy, Rule
from tests.testbed.fault_rules import RuleBuilder
from tests.testbed.kube_api import definitions, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

NAMES = ("a", "b", "c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A daemon with definitions in step, whose way to the API server can be disturbed."""

    world: World
    proxy: FaultProxy
    namespace: str
    daemon: DaemonProcess

    def lists(self, of: Callable[[str], str], answer: Callable[[RuleBuilder, str], Rule]) -> Rule:
        """Answer full lists of these objects with this; it is given the current resourceVersion."""
        path = of(self.namespace)
        version = self.world.cluster.api.get(path)["metadata"]["resourceVersion"]
        return answer(self.proxy.on("GET", rf"{path}\?(?!.*watch=true).*limit=.*"), version)

    def in_step(self) -> int:
        """The number of definitions whose series has this value."""
        status = "secrets_manager_controller_last_sync_status"
        return sum(self.daemon.metric(status, namespace=self.namespace, name=name) == 1 for name in NAMES)


@pytest.fixture(scope="module")
def stage(
    definitions_api: TestCluster,
    openbao: OpenBao,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    tls = authority.issue("127.0.0.1")
    proxy = FaultProxy(definitions_api.url, upstream_ca=definitions_api.ca_file, tls=tls)
    namespace = definitions_api.create_namespace()
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("lists")) as world:
        world.write("app", a="1")
        for name in NAMES:
            world.define(namespace, name, world.keys("a"))
        kubeconfig = definitions_api.kubeconfig_for(
            world.account.token, server=proxy.url, ca_file=authority.ca_file
        )
        flags = ("-reconcile-period=1s", "-resync-period=1s", f"-watch-namespaces={namespace}")
        with world.daemon(*flags, KUBECONFIG=str(kubeconfig)) as daemon:
            for name in NAMES:
                world.wait_reason(namespace, name, "Synced")
            yield Stage(world=world, proxy=proxy, namespace=namespace, daemon=daemon)
            assert daemon.stop() == 0
    proxy.stop()
    definitions_api.delete_namespace(namespace)


def empty(rule: RuleBuilder, version: str) -> Rule:
    return rule.reply(200, {"metadata": {"resourceVersion": version}, "items": []})


def forbidden(rule: RuleBuilder, _: str) -> Rule:
    return rule.kubernetes_error(403, "Forbidden")


@pytest.mark.parametrize("answer", [empty, forbidden])
def test_lists_that_come_back_empty_or_refused_delete_nothing(
    stage: Stage, answer: Callable[[RuleBuilder, str], Rule]
) -> None:
    world, namespace = stage.world, stage.namespace
    before = {name: world.secret(namespace, name)["metadata"] for name in NAMES}
    rules = [stage.lists(definitions, answer), stage.lists(secrets, answer)]

    def listed() -> bool:
        # A list is made at the first end of a watch after the resync period.
        stage.proxy.drop_connections()
        return all(rule.hits for rule in rules)

    wait_until(listed, PATIENCE, "both lists", poll=1.2)
    world.wait_polls("app", 1)
    assert {name: world.secret(namespace, name)["metadata"] for name in NAMES} == before
    stage.proxy.clear()

    world.write("app", a=answer.__name__)
    for name in NAMES:
        world.wait_data(namespace, name, {"a": answer.__name__})
        assert world.secret(namespace, name)["metadata"]["uid"] == before[name]["uid"]
    wait_until(lambda: stage.in_step() == len(NAMES), PATIENCE, "the series of all")
    assert stage.daemon.metric("secrets_manager_definitions") == len(NAMES)
