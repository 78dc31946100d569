"""Every write asks whether it may; reads do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, KubernetesApi, Scope
from secrets_manager.cluster.lead.fenced import FencedApi
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Conflict, NotLeading

REF = Ref("team", "app")
BODY = {"metadata": {"name": "app"}}
SEEN = {"metadata": {"name": "app", "resourceVersion": "1"}}


class Told:
    def __init__(self) -> None:
        self.refused = 0
        self.stale = 0

    def write_refused(self) -> None:
        self.refused += 1

    def stale_write_refused(self) -> None:
        self.stale += 1


class Bench:
    def __init__(self) -> None:
        self.cluster = MemoryCluster()
        self.told = Told()
        self.leads = True
        self.asked: list[str] = []
        self.api: KubernetesApi = FencedApi(self.cluster, self._holds, self.told)

    def _holds(self, namespace: str) -> bool:
        self.asked.append(namespace)
        return self.leads


WRITES: dict[str, Callable[[KubernetesApi], object]] = {
    "create": lambda api: api.create(SECRETS, "team", BODY),
    "replace": lambda api: api.replace(SECRETS, REF, SEEN),
    "replace of the status": lambda api: api.replace(DEFINITIONS, REF, SEEN, subresource="status"),
    "delete": lambda api: api.delete(SECRETS, REF, {}),
    "patch": lambda api: api.patch(SECRETS, REF, SEEN),
}


def test_a_rehearsal_writes_nothing_and_needs_no_lead() -> None:
    bench = Bench()
    bench.leads = False

    bench.api.rehearse(SECRETS, "team", BODY)

    assert (bench.asked, bench.told.refused) == ([], 0)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_without_the_lead_no_write_reaches_the_api_server(write: Callable[[KubernetesApi], object]) -> None:
    bench = Bench()
    bench.leads = False

    with pytest.raises(NotLeading):
        write(bench.api)

    assert bench.cluster.calls.total() == 0
    assert bench.told.refused == 1


def test_with_the_lead_writes_go_through_and_name_the_object_they_are_about() -> None:
    bench = Bench()

    made = bench.api.create(SECRETS, "team", BODY)
    bench.api.replace(SECRETS, REF, {**made, "type": "other"})
    bench.api.delete(SECRETS, REF, {})

    assert bench.asked == ["team", REF.namespace, REF.namespace]
    assert bench.told.refused == 0


@pytest.mark.parametrize("subresource", ["", "status"])
def test_an_object_that_was_seen_without_a_version_is_not_written_over(subresource: str) -> None:
    bench = Bench()
    made = bench.cluster.create(DEFINITIONS, "team", BODY)
    del made["metadata"]["resourceVersion"]

    with pytest.raises(ClusterUnavailable, match="'app' came from the API server without a resourceVersion"):
        bench.api.replace(DEFINITIONS, REF, made, subresource=subresource)

    assert [verb for verb, _ in bench.cluster.calls] == ["create"]


def test_reads_need_no_lead() -> None:
    bench = Bench()
    bench.cluster.create(SECRETS, "team", BODY)
    bench.leads = False

    assert bench.api.get(SECRETS, REF)["metadata"]["name"] == "app"
    assert [len(page.items) for page in bench.api.pages(Scope(resource=SECRETS))] == [1]
    assert [event.type for event in bench.api.watch(Scope(resource=SECRETS), "0")] == ["ADDED"]
    assert bench.asked == []


@pytest.mark.parametrize("write", [WRITES["replace"], WRITES["delete"]], ids=["replace", "delete"])
def test_a_write_that_is_refused_as_stale_is_counted(write: Callable[[KubernetesApi], object]) -> None:
    bench = Bench()
    bench.cluster.create(SECRETS, "team", BODY)
    for verb in ("update", "delete"):
        bench.cluster.fail_next(verb, "secrets", Conflict("changed"))

    with pytest.raises(Conflict):
        write(bench.api)

    assert bench.told.stale == 1
