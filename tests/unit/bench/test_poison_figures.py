"""What is made of cold starts among sick definitions."""

from __future__ import annotations

import pytest

from bench.audit import BackendCall, KubernetesCall
from bench.figures import Figure
from bench.meter import Stretch
from bench.poison_figures import Aftermath, Found, Part, figures
from bench.proc import Memory


def call(kind: str, at: float, status: int = 200) -> KubernetesCall:
    verb, _, resource = kind.partition(" ")
    return KubernetesCall(verb=verb, resource=resource, status=status, at=at)


def stretch(*kubernetes: KubernetesCall, peak: float = 80.0, reads: int = 0) -> Stretch:
    """Half a minute from the 1000th second on."""
    look_up = BackendCall(operation="read", path="auth/token/lookup-self", at=1001.0)
    read = BackendCall(operation="read", path="secret/data/app", at=1001.0)
    return Stretch(
        began=1000.0,
        seconds=30.0,
        cpu=0.5,
        servers_cpu=6.0,
        memory=Memory(resident=peak - 20, peak=peak),
        kubernetes=kubernetes,
        backend=(look_up, *(read,) * reads),
    )


def made(*ages: float) -> list[KubernetesCall]:
    return [call("create secrets", 1000.0 + age, 201) for age in ages]


def told(*ages: float) -> list[KubernetesCall]:
    return [call("update secretdefinitions/status", 1000.0 + age) for age in ages]


def part(cold: Stretch, *, healthy: int, sick: int = 0) -> Part:
    return Part(healthy=healthy, sick=sick, cold=cold, logged=2 * (healthy + sick), complaints=sick, faults=0)


ALONE = part(stretch(*made(1, 2), *told(2, 4), peak=80.0, reads=1), healthy=2)
MIXED = part(stretch(*made(2, 3), *told(3, 4, 6), peak=100.0), healthy=2, sick=1)
ILL = part(
    stretch(*told(1, 2), call("create events", 1001.0, 201), call("list secrets", 1001.0, 403)),
    healthy=0,
    sick=2,
)
QUIET = stretch(call("watch secrets", 1001.0), call("get secrets", 1002.0), peak=120.0, reads=30)


@pytest.fixture(scope="module")
def found() -> dict[str, Figure]:
    aftermath = Aftermath(quiet=QUIET, latencies=[0.1, 0.3, 0.2])
    rows = figures(
        Found(alone=ALONE, one_in_ten=MIXED, all_sick=ILL, aftermath=aftermath, calm=ALONE, crowded=MIXED)
    )
    return {each.key: each for each in rows}


def test_healthy_ones_are_told_beside_as_many_that_are_alone(found: dict[str, Figure]) -> None:
    for title in ("one_in_ten", "one_namespace"):
        last = found[f"{title}_last_secret_s"]
        assert (last.value, last.floor, last.ratio) == (3.0, 2.0, 1.5)
        assert found[f"{title}_secrets_made_p50_s"].ratio == 2.0
        assert found[f"{title}_memory_peak_mib"].ratio == 1.25
    assert found["healthy_last_secret_s"].ratio is None


def test_all_are_told_when_the_last_status_is_written(found: dict[str, Figure]) -> None:
    assert found["one_in_ten_all_told_s"].value == 6.0
    assert found["one_in_ten_told_a_second"].value == 0.5
    assert found["all_told_a_second"].value == 1.0


def test_costs_are_told_per_definition(found: dict[str, Figure]) -> None:
    assert found["all_kubernetes_calls_per_definition"].value == 2.0
    assert found["healthy_backend_calls_per_definition"].value == 1.0
    assert found["all_cpu_per_definition_ms"].value == 250.0
    assert found["all_log_lines_per_definition"].value == 2.0


def test_what_is_told_of_the_sick_is_counted(found: dict[str, Figure]) -> None:
    assert found["all_statuses_per_definition"].value == 1.0
    assert found["all_complaints_logged_per_sick"].value == 1.0
    assert found["all_events"].value == 1
    assert found["kubernetes_calls_refused"].value == 1
    assert found["faults_of_its_own_in_the_logs"].value == 0


def test_the_quiet_stretch_among_the_sick_is_told_per_minute(found: dict[str, Figure]) -> None:
    assert found["all_quiet_kubernetes_calls_but_watch_and_list_per_minute"].value == 2.0
    assert found["all_quiet_backend_reads_per_minute"].value == 60.0
    assert found["all_quiet_other_backend_calls_per_minute"].value == 2.0
    assert found["all_quiet_cpu_per_minute_s"].value == 1.0
    assert found["all_quiet_memory_peak_mib"].ratio == 1.5
    assert found["all_new_definition_to_secret_max_s"].value == 0.3
