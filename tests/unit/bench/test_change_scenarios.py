"""What the scenarios of change and of size make of what was measured."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.audit import LOGIN, BackendCall, KubernetesCall
from bench.baseline import Alone
from bench.figures import Figure
from bench.layouts import LAYOUTS
from bench.meter import Stretch
from bench.proc import Memory
from bench.scenario import Options
from bench.scenarios import drift, fail_over, fresh, machine, memory, outage, sharing, startup, ten_thousand


def stretch(
    *backend: BackendCall,
    kubernetes: Sequence[KubernetesCall] = (),
    cpu: float = 2.0,
    seconds: float = 60.0,
) -> Stretch:
    return Stretch(
        began=1000.0,
        seconds=seconds,
        cpu=cpu,
        servers_cpu=6.0,
        memory=Memory(resident=60.0, peak=80.0),
        kubernetes=kubernetes,
        backend=backend,
    )


def read(path: str, at: float) -> BackendCall:
    return BackendCall(operation="read", path=f"secret/data/{path}", at=at)


def call(kind: str, at: float, status: int = 201) -> KubernetesCall:
    verb, _, resource = kind.partition(" ")
    return KubernetesCall(verb=verb, resource=resource, status=status, at=at)


def values(figures: Sequence[Figure]) -> dict[str, float]:
    return {each.key: each.value for each in figures}


def test_changes_are_told_by_their_latencies_and_by_what_they_cost_meanwhile() -> None:
    found = values(fresh.figures([0.1, 0.3, 0.2], stretch(cpu=2.5, seconds=24.0)))

    assert found["change_to_secret_p50_s"] == 0.2
    assert found["change_to_secret_max_s"] == 0.3
    assert (found["cpu_while_values_change_s"], found["time_of_that_s"]) == (2.5, 24.0)


def test_both_kinds_of_harm_are_told_apart() -> None:
    found = values(drift.figures([0.1], [0.2], stretch()))

    assert (found["deleted_to_repaired_p95_s"], found["edited_to_repaired_p95_s"]) == (0.1, 0.2)


def test_reads_per_cycle_are_the_rates_of_all_paths_together() -> None:
    polls = [
        read(path, 1000.0 + 5 * cycle + shift) for cycle in range(3) for path, shift in (("a", 0), ("b", 1))
    ]
    other = BackendCall(operation="read", path="auth/token/lookup-self", at=1001.0)

    found = values(sharing.figures(stretch(read("a", 1.0), read("b", 1.0)), stretch(*polls, other), 5.0))

    assert found["reads_until_all_are_in_step"] == 2
    assert found["reads_per_cycle"] == 2.0
    assert found["reads_within_half_a_cycle"] == 0
    assert found["paths_read"] == 2


def test_a_path_read_twice_in_a_cycle_is_told() -> None:
    quiet = stretch(read("a", 1000.0), read("a", 1000.1), read("b", 1001.0), read("a", 1005.0))

    assert values(sharing.figures(stretch(), quiet, 5.0))["reads_within_half_a_cycle"] == 1


def test_without_reads_there_is_nothing_per_cycle() -> None:
    assert values(sharing.figures(stretch(), stretch(), 5.0))["reads_per_cycle"] == 0


def test_an_outage_is_told_by_its_recovery_its_logins_and_its_knocking() -> None:
    login = BackendCall(operation="update", path=LOGIN, at=1.0)
    found = outage.Found(
        latencies=[0.5, 1.0], knocks=30, away=stretch(seconds=60.0), back=stretch(login, read("a", 2.0))
    )

    figures = values(outage.figures(found))

    assert figures["return_to_secret_p95_s"] == 1.0
    assert figures["logins_after_the_return"] == 1
    assert figures["connections_tried_while_away"] == 30
    assert figures["connections_tried_while_away_a_second"] == 0.5


def test_knocking_that_could_not_be_counted_is_not_told_as_none() -> None:
    found = outage.Found(latencies=[0.5], knocks=None, away=stretch(), back=stretch())

    assert not [key for key in values(outage.figures(found)) if "tried" in key]


def test_starts_are_told_by_their_median() -> None:
    found = values(startup.figures([0.9, 0.5, 0.6]))

    assert found == {
        "start_to_secret_median_s": 0.6,
        "start_to_secret_least_s": 0.5,
        "start_to_secret_most_s": 0.9,
    }


def test_a_machine_is_told_by_the_median_of_each_kind_of_call() -> None:
    rounds = [
        {
            step: Alone(seconds=seconds * factor, cpu=seconds / 2)
            for step, seconds in (("read", 1.0), ("create", 2.0), ("status", 4.0))
        }
        for factor in (1.0, 3.0, 2.0)
    ]

    assert values(machine.figures(rounds)) == {
        "reads_s": 2.0,
        "reads_cpu_s": 0.5,
        "secrets_s": 4.0,
        "secrets_cpu_s": 1.0,
        "statuses_s": 8.0,
        "statuses_cpu_s": 2.0,
    }


def test_growth_is_from_the_least_to_the_most_of_two_keys() -> None:
    def footprint(definitions: int, resident: float, peak: float) -> memory.Footprint:
        cold = Memory(resident=resident, peak=peak)
        return memory.Footprint(
            estate=f"{definitions}", definitions=definitions, values=1.0, cold=cold, restarted=cold
        )

    sizes = [footprint(1000, 60.0, 70.0), footprint(2000, 66.0, 78.0), footprint(4000, 75.0, 100.0)]

    found = values(memory.figures([*sizes, footprint(7, 500.0, 900.0)]))

    assert found["each_further_1000_after_mib"] == 5.0
    assert found["each_further_1000_peak_mib"] == 10.0
    assert found["7_peak_mib"] == 900.0


def test_very_many_are_told_cold_and_quiet_with_what_was_refused() -> None:
    calls = (
        call("create secrets", 1001.0),
        call("create secrets", 1002.0, 429),
        call("update secretdefinitions/status", 1003.0, 200),
    )
    cold = stretch(read("a", 1000.5), kubernetes=calls)

    figures = ten_thousand.figures(cold, stretch(cpu=12.0), (cold, cold), Options())

    found = values(figures)
    assert found["all_in_step_s"] == 3.0
    assert found["kubernetes_calls_refused"] == 1
    assert found["quiet_cores"] == pytest.approx(0.2)
    assert {each.key: each.ratio for each in figures}["all_in_step_s"] == 1.0


def test_a_hand_over_is_told_by_its_first_and_its_last_write() -> None:
    found = values(fail_over.figures("SIGTERM", [2.0, 1.0, 3.0]))

    assert (found["sigterm_first_write_s"], found["sigterm_all_fresh_s"]) == (1.0, 3.0)


@pytest.mark.parametrize(
    ("layout", "definitions", "namespaces", "each"),
    [("one", 10_000, 1, 10_000), ("many", 10_000, 1000, 10), ("watched", 10_000, 50, 200), ("many", 7, 1, 7)],
)
def test_layouts_spread_definitions_evenly(layout: str, definitions: int, namespaces: int, each: int) -> None:
    plan = LAYOUTS[layout].plan("x", definitions)

    assert len(plan.namespaces) == namespaces
    assert len(plan.wishes) == namespaces * each


def test_only_named_namespaces_are_named_to_the_daemon() -> None:
    one, watched = LAYOUTS["one"], LAYOUTS["watched"]

    assert one.flags(one.plan("x", 2)) == ()
    assert watched.flags(watched.plan("x", 2)) == ("-watch-namespaces=x-0000,x-0001",)
