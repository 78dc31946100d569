"""Workloads as the API server sends them: which Secrets their pods use, and what restarts one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.cluster import spec_restart, workloads
from secrets_manager.domain.errors import InvalidSpec
from secrets_manager.domain.restart_wish import MAX_WORKLOADS, RestartWish, WorkloadKind, WorkloadName
from secrets_manager.domain.restarts import RESTARTED_FOR, Restart
from tests.builders import attempt, raw_definition, spec
from tests.unit.cluster.test_manifests import ANY_JSON

SHOP = WorkloadName(WorkloadKind.DEPLOYMENT, "shop")


def raw(pod: Any = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "shop",
            "uid": "u",
            "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"template": {"metadata": {"annotations": {RESTARTED_FOR: "t"}}, "spec": pod or {}}, **spec},
    }


def used(pod: dict[str, Any]) -> set[str]:
    return set(workloads.workload(WorkloadKind.DEPLOYMENT, raw(pod)).secrets)


@pytest.mark.parametrize(
    "pod",
    [
        {"volumes": [{"name": "v", "secret": {"secretName": "app"}}]},
        {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "app"}}]}}]},
        {"volumes": [{"name": "v", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "app"}}}]},
        {"volumes": [{"name": "v", "cephfs": {"secretRef": {"name": "app"}}}]},
        {"volumes": [{"name": "v", "azureFile": {"secretName": "app", "shareName": "s"}}]},
        {"imagePullSecrets": [{"name": "app"}]},
        *(
            {containers: [{"name": "c", **source}]}
            for containers in ("containers", "initContainers", "ephemeralContainers")
            for source in (
                {"envFrom": [{"configMapRef": {"name": "x"}}, {"secretRef": {"name": "app"}}]},
                {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "app", "key": "k"}}}]},
            )
        ),
    ],
)
def test_every_way_to_use_a_secret_is_found(pod: dict[str, Any]) -> None:
    assert used(pod) == {"app"}


def test_what_is_no_secret_is_not_taken_for_one() -> None:
    pod = {
        "containers": [{"name": "c", "image": "i", "envFrom": [{"configMapRef": {"name": "map"}}]}],
        "volumes": [
            {"name": "a", "configMap": {"name": "map"}},
            {"name": "b", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "c", "projected": {"sources": [{"configMap": {"name": "map"}}]}},
        ],
    }

    assert used(pod) == set()


def test_a_workload_is_read_with_its_mark() -> None:
    found = workloads.workload(WorkloadKind.DEPLOYMENT, raw())

    assert (found.name, found.uid, found.version, found.restarted_for) == (SHOP, "u", "7", "t")
    assert found.has_template
    assert not found.deleting


def test_a_rollout_that_takes_its_pods_from_elsewhere_has_no_template() -> None:
    referring = raw(workloadRef={"kind": "Deployment", "name": "shop"})
    without: dict[str, Any] = {**raw(), "spec": {"replicas": 1}}

    assert not workloads.workload(WorkloadKind.ROLLOUT, referring).has_template
    assert not workloads.workload(WorkloadKind.ROLLOUT, without).has_template


def test_a_restart_patches_one_annotation_of_exactly_what_was_seen() -> None:
    found = workloads.workload(WorkloadKind.DEPLOYMENT, raw())

    assert workloads.restart_patch(Restart(workload=found, level="l", secrets=("app",))) == {
        "metadata": {"resourceVersion": "7"},
        "spec": {"template": {"metadata": {"annotations": {RESTARTED_FOR: "l"}}}},
    }


@given(st.dictionaries(st.sampled_from(["metadata", "spec"]), ANY_JSON), ANY_JSON, ANY_JSON)
def test_anything_can_be_read_as_a_workload(body: dict[str, Any], volumes: Any, containers: Any) -> None:
    workloads.workload(WorkloadKind.ROLLOUT, body)
    workloads.workload(WorkloadKind.ROLLOUT, raw({"volumes": volumes, "containers": containers}))
    workloads.workload(WorkloadKind.ROLLOUT, raw({"volumes": [volumes], "containers": [containers]}))


# ── the wish ─────────────────────────────────────────────────────────────────────────────────────────


def wish(restart: Any) -> RestartWish | None:
    return spec_restart.restart({**raw_definition()["spec"], "restart": restart})


def test_a_wish_names_workloads_once_and_asks_for_those_that_use_the_secret() -> None:
    named = {"kind": "Deployment", "name": "shop"}

    assert wish({"workloads": [named, named], "referencing": True}) == RestartWish(
        workloads=(SHOP,), referencing=True
    )


@pytest.mark.parametrize("restart", [None, {}, {"workloads": []}, {"referencing": False}])
def test_a_wish_for_nothing_is_none(restart: Any) -> None:
    assert wish(restart) is None


@pytest.mark.parametrize(
    ("restart", "message"),
    [
        ([], "spec.restart is a list, not a map"),
        ({"workloads": {}}, "spec.restart.workloads is a map, not a list"),
        ({"workloads": ["shop"]}, "spec.restart.workloads[0] is a string, not a map"),
        ({"workloads": [{"name": "a"}]}, "spec.restart.workloads[0].kind is missing, not a string"),
        (
            {"workloads": [{"kind": "Job", "name": "a"}]},
            "spec.restart.workloads[0].kind is 'Job'; it may be Deployment, StatefulSet, DaemonSet, Rollout",
        ),
        ({"workloads": [{"kind": "Rollout"}]}, "spec.restart.workloads[0].name is missing, not a string"),
        ({"referencing": "yes"}, "spec.restart.referencing is a string, not a bool"),
    ],
)
def test_a_wish_that_cannot_be_read_is_refused_by_its_field(restart: Any, message: str) -> None:
    error = attempt(lambda: wish(restart))

    assert isinstance(error, InvalidSpec)
    assert error.message == message


@pytest.mark.parametrize("name", ["", "Shop", "a/b", "x" * 254])
def test_a_name_that_no_workload_can_have_is_refused(name: str) -> None:
    error = attempt(lambda: spec(restart=RestartWish(workloads=(WorkloadName(SHOP.kind, name),))))

    assert isinstance(error, InvalidSpec)
    assert error.message.startswith("spec.restart.workloads[0].name is '")


def test_a_wish_has_no_more_names_than_the_schema_allows() -> None:
    names = [WorkloadName(SHOP.kind, f"w{number}") for number in range(MAX_WORKLOADS + 1)]

    assert attempt(lambda: spec(restart=RestartWish(workloads=tuple(names[1:])))) is None
    error = attempt(lambda: spec(restart=RestartWish(workloads=tuple(names))))
    assert isinstance(error, InvalidSpec)
    assert error.message == "spec.restart.workloads has 65 entries, more than 64"
