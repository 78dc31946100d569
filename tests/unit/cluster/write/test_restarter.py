"""The calls about workloads: what is seen, and the patch that restarts one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secrets_manager.cluster.base import Json, NotFound, Resource
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.workloads import RESOURCES
from secrets_manager.cluster.write.restarter import Restarter
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Conflict, Forbidden
from secrets_manager.domain.restart_wish import WorkloadKind, WorkloadName
from secrets_manager.domain.restarts import RESTARTED_FOR, Restart

SHOP = WorkloadName(WorkloadKind.DEPLOYMENT, "shop")
BLUE = WorkloadName(WorkloadKind.ROLLOUT, "blue")
PLACE = (RESOURCES[SHOP.kind], Ref("team", "shop"))
LEVEL, LATER = "2026-05-04T11.59.00Z", "2026-05-04T11.59.30Z"


class Busy(MemoryCluster):
    """Somebody changes the workload before each patch, for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[Callable[[Json], Json]] = []

    def patch(self, resource: Resource, ref: Ref, body: Json) -> Json:
        if self.changes and (found := self.snapshot(resource, ref)) is not None:
            self.edit(resource, ref, self.changes.pop(0)(found))
        return super().patch(resource, ref, body)


def make(cluster: MemoryCluster, name: WorkloadName = SHOP, **spec: Any) -> None:
    template = {"metadata": {}, "spec": {"imagePullSecrets": [{"name": "app"}]}}
    body = {"metadata": {"name": name.name}, "spec": {"template": template, **spec}}
    cluster.create(RESOURCES[name.kind], "team", body)


def restart_of(restarter: Restarter, level: str = LEVEL) -> Restart:
    seen = restarter.get("team", SHOP)
    assert seen is not None
    return Restart(workload=seen, level=level, secrets=("app",))


def mark(cluster: MemoryCluster) -> str | None:
    found = cluster.snapshot(*PLACE)
    assert found is not None
    marked: str | None = found["spec"]["template"]["metadata"].get("annotations", {}).get(RESTARTED_FOR)
    return marked


def scaled(found: Json) -> Json:
    return {"spec": {**found["spec"], "replicas": found["spec"].get("replicas", 0) + 1}}


def marked_with(level: str) -> Callable[[Json], Json]:
    def change(found: Json) -> Json:
        template = {**found["spec"]["template"], "metadata": {"annotations": {RESTARTED_FOR: level}}}
        return {"spec": {**found["spec"], "template": template}}

    return change


@pytest.fixture
def cluster() -> Busy:
    made = Busy()
    make(made)
    return made


def test_a_workload_that_changes_all_the_time_is_restarted_all_the_same(cluster: Busy) -> None:
    restarter = Restarter(cluster)
    restart = restart_of(restarter)
    cluster.changes = [scaled] * 5

    assert restarter.restart("team", restart)
    assert mark(cluster) == LEVEL
    found = cluster.snapshot(*PLACE)
    assert found is not None
    assert found["spec"]["replicas"] == 5


def test_there_is_an_end_to_trying(cluster: Busy) -> None:
    restarter = Restarter(cluster)
    restart = restart_of(restarter)
    cluster.changes = [scaled] * 6

    with pytest.raises(Conflict, match="Deployment 'shop' keeps changing"):
        restarter.restart("team", restart)
    assert mark(cluster) is None


@pytest.mark.parametrize("level", [LEVEL, LATER])
def test_a_mark_that_another_replica_set_meanwhile_stays(cluster: Busy, level: str) -> None:
    restarter = Restarter(cluster)
    restart = restart_of(restarter)
    cluster.changes = [marked_with(level)]

    assert not restarter.restart("team", restart)
    assert mark(cluster) == level


def test_an_older_mark_that_was_set_meanwhile_is_replaced(cluster: Busy) -> None:
    restarter = Restarter(cluster)
    restart = restart_of(restarter, LATER)
    cluster.changes = [marked_with(LEVEL)]

    assert restarter.restart("team", restart)
    assert mark(cluster) == LATER


def test_a_workload_that_went_or_was_made_anew_is_left_alone(cluster: Busy) -> None:
    restarter = Restarter(cluster)
    restart = restart_of(restarter)
    cluster.delete(*PLACE, {})
    assert not restarter.restart("team", restart)

    make(cluster)
    assert not restarter.restart("team", restart)
    assert mark(cluster) is None


def test_a_workload_that_gave_its_pods_away_meanwhile_is_left_alone(cluster: Busy) -> None:
    restarter = Restarter(cluster)
    restart = restart_of(restarter)
    cluster.changes = [lambda found: {"spec": {**found["spec"], "workloadRef": {"name": "other"}}}]

    assert not restarter.restart("team", restart)


# ── what is there ────────────────────────────────────────────────────────────────────────────────────


def test_workloads_are_listed_page_by_page() -> None:
    cluster = MemoryCluster(page_size=2)
    for number in range(5):
        make(cluster, WorkloadName(SHOP.kind, f"w{number}"))
    restarter = Restarter(cluster)

    listed = list(restarter.listed("team", SHOP.kind))
    assert [each.name.name for each in listed] == [f"w{number}" for number in range(5)]
    assert {secret for each in listed for secret in each.secrets} == {"app"}
    calls = cluster.calls["list", "deployments"]
    restarter.check_list("team", SHOP.kind)
    assert cluster.calls["list", "deployments"] == calls + 1


def test_what_does_not_exist_is_none_and_has_no_list(cluster: Busy) -> None:
    restarter = Restarter(cluster)
    cluster.fail_next("list", "rollouts", *[NotFound("no such kind")] * 3)

    assert restarter.get("team", WorkloadName(SHOP.kind, "never")) is None
    assert list(restarter.listed("team", BLUE.kind)) == []
    restarter.check_list("team", BLUE.kind)
    # The API server answers a GET of a kind that it does not know with a line of text, as a proxy would.
    cluster.fail_next("get", "rollouts", ClusterUnavailable("404 without the name"))
    assert restarter.get("team", BLUE) is None


@pytest.mark.parametrize("name", [SHOP, BLUE])
def test_an_api_server_that_is_away_shows_nothing_to_be_missing(cluster: Busy, name: WorkloadName) -> None:
    cluster.fail_next("get", RESOURCES[name.kind].plural, ClusterUnavailable("away"))

    with pytest.raises(ClusterUnavailable):
        Restarter(cluster).get("team", name)


def test_a_list_that_is_refused_says_so(cluster: Busy) -> None:
    cluster.forbid("list", "deployments")

    with pytest.raises(Forbidden):
        Restarter(cluster).check_list("team", SHOP.kind)
