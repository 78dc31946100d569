"""What the scenarios make of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bench.audit import LOGIN, BackendCall, KubernetesCall
from bench.baseline import LoopTime
from bench.figures import Figure
from bench.meter import Stretch
from bench.poison_figures import Aftermath, Found, Part
from bench.poison_figures import figures as poison_figures
from bench.proc import Memory
from bench.scenario import Options
from bench.scenarios import (
    azure,
    backends,
    cold,
    machine,
    memory,
    outage,
    quiet,
    shapes,
    sharing,
    ten_thousand,
    two_backends,
)

LOOK_UP = BackendCall(operation="read", path="auth/token/lookup-self", at=1001.0)
LOG_IN = BackendCall(operation="update", path=LOGIN, at=1.0)


def call(kind: str, at: float, status: int = 200) -> KubernetesCall:
    verb, _, resource = kind.partition(" ")
    return KubernetesCall(verb=verb, resource=resource, status=status, at=at)


def made(*ages: float) -> list[KubernetesCall]:
    return [call("create secrets", 1000.0 + age, 201) for age in ages]


def told(*ages: float) -> list[KubernetesCall]:
    return [call("update secretdefinitions/status", 1000.0 + age) for age in ages]


def read(path: str, at: float = 1001.0) -> BackendCall:
    return BackendCall(operation="read", path=f"secret/data/{path}", at=at)


def stretch(*kubernetes: KubernetesCall, reads: Sequence[BackendCall] = (), **changes: float) -> Stretch:
    """Two minutes from the 1000th second on."""
    peak = changes.pop("peak", 80.0)
    return Stretch(
        **{"began": 1000.0, "seconds": 120.0, "cpu": 2.0, "servers_cpu": 6.0, **changes},
        memory=Memory(resident=peak - 20, peak=peak),
        kubernetes=kubernetes,
        backend=reads,
    )


def check(figures: Sequence[Figure], before: str = "", **expected: object) -> None:
    """That the figures have these values, each named by what comes after `before`."""
    found = {each.key: each.value for each in figures}
    assert {key: found[f"{before}{key}"] for key in expected} == expected


def ratio(figures: Sequence[Figure], key: str) -> float | None:
    return next(each.ratio for each in figures if each.key == key)


REFUSED = call("create secrets", 1001.5, 409)
START = [call("list secrets", 1000.5), *made(1.0), REFUSED, *made(2.0), *told(2.5)]
COLD = stretch(*START, call("create events", 1009.0, 201), reads=[read("app")] * 2)


def test_a_cold_start_is_timed_from_the_start_of_the_process_and_compared_with_the_floor() -> None:
    found = cold.figures(COLD, stretch(*COLD.kubernetes, cpu=0.5))

    check(found, first_call_s=0.5, half_of_the_secrets_s=1.0, all_secrets_right_s=2.0, all_in_step_s=2.5)
    check(found, kubernetes_calls_per_definition=3.0, backend_calls_per_definition=1.0)
    check(found, cpu_s=2.0, memory_peak_mib=80.0)
    assert [ratio(found, key) for key in ("cpu_s", "all_in_step_s", "memory_after_mib")] == [4.0, 1.0, None]


def test_a_shape_is_reported_by_the_median_of_its_rounds_beside_keysmap() -> None:
    rounds = {
        "keysMap": [stretch(*made(1.0), reads=[read("a")], cpu=cpu, peak=80.0) for cpu in (1.0, 9.0, 2.0)],
        "whole path": [stretch(*made(1.0), *told(2.0), reads=[read("a")], cpu=3.0, peak=90.0)] * 3,
    }
    found = shapes.figures(rounds, 2)

    check(found, cpu_keysmap_s=2.0, cpu_whole_path_s=3.0, memory_after_whole_path_mib=70.0)
    check(found, kubernetes_calls_per_definition_whole_path=1.0, backend_calls_per_definition_keysmap=0.5)
    keys = ("cpu_whole_path_s", "kubernetes_calls_per_definition_whole_path", "cpu_keysmap_s")
    assert [ratio(found, key) for key in keys] == [1.5, 2.0, None]


def test_the_median_of_several_rounds_is_reported() -> None:
    def took(seconds: float) -> cold.Round:
        return cold.Round(daemon=stretch(*told(seconds)), floor=stretch(*told(2.0)))

    slow, usual, quick = took(9.0), took(3.0), took(2.5)

    assert usual.ratio == 1.5
    assert cold.middle([slow, quick, usual]) is usual
    assert cold.middle([usual, slow]) is usual


QUIET = [call("watch secrets", 1001.0), call("list secrets", 1002.0), call("get secrets", 1003.0)]
# Two paths, three cycles of five seconds.
POLLS = [read(path, 1000.0 + 5 * cycle + at) for cycle in range(3) for path, at in (("a", 0), ("b", 1))]
AWAY, BACK = stretch(seconds=60.0), stretch(reads=[LOG_IN, read("a")])
BUSY = stretch(*made(1), call("create secrets", 1002.0, 429), *told(3), reads=[read("a", 1000.5)])
ALONE = {"read": 1.0, "create": 2.0, "status": 4.0}


def test_a_quiet_stretch_is_reported_per_minute_per_read_and_per_period() -> None:
    options = Options(definitions=10, minutes=2, period=30)
    found = quiet.figures(stretch(*QUIET, reads=[read("app")] * 40 + [LOOK_UP]), options)

    check(found, kubernetes_calls_but_watch_and_list=1, backend_reads=40, cpu_per_backend_read_ms=50.0)
    check(found, cpu_per_minute_s=1.0, cpu_of_the_servers_per_minute_s=3.0)
    check(found, backend_reads_per_path_and_period=1.0)


def test_a_shared_path_that_is_read_twice_in_a_cycle_shows() -> None:
    found = sharing.figures(stretch(reads=POLLS[:2]), stretch(reads=[*POLLS, LOOK_UP]), 5.0)
    check(found, reads_until_all_are_in_step=2, reads_per_cycle=2.0, paths_read=2)
    check(found, reads_within_half_a_cycle=0)

    again = sharing.figures(stretch(), stretch(reads=[*POLLS, read("a", 1000.1)]), 5.0)
    check(again, reads_within_half_a_cycle=1)


def test_an_outage_is_reported_with_the_attempts_to_connect_if_they_could_be_counted() -> None:
    found, unknown = (
        outage.figures(outage.Found(latencies=[0.5, 1.0], attempts=attempts, away=AWAY, back=BACK))
        for attempts in (30, None)
    )

    check(found, "connections_tried_while_away", **{"": 30, "_a_second": 0.5})
    check(found, return_to_secret_p95_s=1.0, logins_after_the_return=1)
    assert not [each.key for each in unknown if "tried" in each.key]


def test_the_machine_is_the_median_of_three_rounds() -> None:
    rounds = [
        {step: LoopTime(seconds=seconds * factor, cpu=seconds / 2) for step, seconds in ALONE.items()}
        for factor in (1.0, 3.0, 2.0)
    ]

    check(machine.figures(rounds), reads_s=2.0, reads_cpu_s=0.5, secrets_s=4.0, statuses_s=8.0)


def footprint(count: int, resident: float, peak: float) -> memory.Footprint:
    held = Memory(resident=resident, peak=peak)
    return memory.Footprint(estate=f"{count}", definitions=count, values=1.0, cold=held, restarted=held)


def test_memory_grows_from_the_least_to_the_most_of_two_keys() -> None:
    sizes = (1000, 60, 70), (2000, 66, 78), (4000, 75, 100), (7, 500, 900)
    found = memory.figures([footprint(*size) for size in sizes])

    check(found, each_further_1000_after_mib=5.0, each_further_1000_peak_mib=10.0)


def test_very_many_definitions_are_reported_with_refusals_and_the_cores_of_quiet() -> None:
    found = ten_thousand.figures(BUSY, stretch(cpu=24.0), (BUSY, BUSY), Options())

    check(found, all_in_step_s=3.0, kubernetes_calls_refused=1, quiet_cores=pytest.approx(0.2))


def test_calls_to_key_vault_are_reported_per_period_with_and_without_the_list() -> None:
    found = azure.figures(
        azure.AzureCalls(seconds=60.0, lists=80, reads=0, logins=0, cpu=0.2),
        azure.AzureCalls(seconds=60.0, lists=0, reads=2000, logins=1, cpu=1.4),
        Options(period=30.0),
    )

    check(found, "with_list_", lists_per_period=40, reads_per_period=0)
    check(found, "without_list_", reads_per_period=1000, logins=1)


def test_sick_definitions_are_reported_per_definition_and_per_minute_beside_healthy_ones_alone() -> None:
    def part(start: Stretch, healthy: int, sick: int = 0) -> Part:
        logged = 2 * (healthy + sick)
        return Part(healthy=healthy, sick=sick, cold=start, logged=logged, complaints=sick, faults=0)

    alone = part(stretch(*made(1, 2), *told(2, 4), reads=[LOOK_UP, read("app")]), healthy=2)
    few = part(stretch(*made(2, 3), *told(3, 4, 6), peak=100.0), healthy=2, sick=1)
    refused = [call("create events", 1001.0, 201), call("list secrets", 1001.0, 403)]
    ill = part(stretch(*told(1, 2), *refused, cpu=0.5), healthy=0, sick=2)
    calm = stretch(*QUIET, cpu=0.5, seconds=30.0, peak=120.0, reads=[LOOK_UP] + [read("app")] * 30)
    after = Aftermath(quiet=calm, latencies=[0.1, 0.3, 0.2])
    found = poison_figures(
        Found(alone=alone, one_in_ten=few, all_sick=ill, aftermath=after, calm=alone, crowded=few)
    )

    check(found, "one_in_ten_", last_secret_s=3.0, all_reported_s=6.0, reported_a_second=0.5)
    check(found, "all_", reported_a_second=1.0, kubernetes_calls_per_definition=2.0, events=1)
    check(found, "all_", cpu_per_definition_ms=250.0, log_lines_per_definition=2.0)
    check(found, "all_", statuses_per_definition=1.0, complaints_logged_per_sick=1.0)
    check(found, "all_quiet_", kubernetes_calls_but_watch_and_list_per_minute=2.0, cpu_per_minute_s=1.0)
    check(found, "all_quiet_", backend_reads_per_minute=60.0, other_backend_calls_per_minute=2.0)
    check(found, all_new_definition_to_secret_max_s=0.3, kubernetes_calls_refused=1)
    check(found, healthy_backend_calls_per_definition=1.0, faults_of_its_own_in_the_logs=0)
    for title in ("one_in_ten", "one_namespace"):
        kinds = ("last_secret_s", "secrets_made_p50_s", "memory_peak_mib")
        assert [ratio(found, f"{title}_{kind}") for kind in kinds] == [1.5, 2.0, 1.25]
    assert ratio(found, "healthy_last_secret_s") is None


def test_a_second_backend_in_trouble_is_reported_beside_the_calm_spell() -> None:
    def spell(trouble: str, *latencies: float, **changes: Any) -> two_backends.Spell:
        given: dict[str, Any] = {"unready": 0, "changed": 0, "told": 0, "reasons": (), "calls": 0}
        given |= {"logins": 0, "first_logins": 0, "cpu": 1.0, "seconds": 10.0}
        return two_backends.Spell(trouble=trouble, latencies=latencies, **{**given, **changes})

    calm = spell("", 1.0, 2.0)
    down = spell("down", 1.5, 2.2, told=4, reasons=("BackendUnavailable",), calls=20, logins=3, cpu=2.0)
    found = two_backends.figures([calm, down])

    check(found, "down_", change_to_secret_p95_s=2.2, healthy_definitions_that_were_not_ready=0)
    check(found, "down_", secrets_of_the_second_backend_changed=0, logins_to_the_second_backend=3)
    check(found, "down_", definitions_of_the_second_backend_not_ready=4)
    check(found, "down_", requests_to_the_second_backend_a_second=2.0)
    assert ratio(found, "down_change_to_secret_p95_s") == pytest.approx(1.1)
    assert ratio(found, "down_cpu_s") == 2.0


def test_what_a_further_backend_costs_is_taken_from_the_least_and_the_most() -> None:
    def footprint(count: int, memory: float, threads: int) -> backends.Footprint:
        calls = [BackendCall(operation="read", path="kv-0/data/a/b", at=1001.0), LOOK_UP, LOG_IN]
        quiet = stretch(reads=calls, cpu=1.0 + count / 10, peak=memory + 20)
        return backends.Footprint(backends=count, quiet=quiet, threads=threads, descriptors=10 + count)

    counts = [footprint(1, 60.0, 30), footprint(5, 61.0, 38), footprint(21, 65.0, 70)]
    found = backends.figures(counts, Options(definitions=1, period=60.0))

    check(found, each_further_backend_memory_mib=0.25, each_further_backend_threads=2.0)
    check(found, "21_backends_", memory_mib=65.0, threads=70, logins=1, reads_per_path_and_period=0.5)
    check(found, "5_backends_", cpu_of_a_quiet_minute_s=0.75)
