"""The scenarios of shape and size on a small scale: they run, and their counts are exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.audit import by_kind, by_operation
from bench.figures import Result
from bench.plans import MOUNT
from bench.scenario import Options
from bench.scenarios import SCENARIOS
from bench.world import open_world


def test_shared_paths_are_read_once_a_cycle_however_many_definitions_want_them(tmp_path: Path) -> None:
    # On a busy machine a poll may be late by a second, which is no half of such a cycle.
    result = run(tmp_path, "sharing", Options(definitions=40, period=4.0, minutes=0.15))

    assert {call for call in result.calls if not call.startswith("watch ")} == set()
    assert result.figure("paths_read").value == 20
    assert result.figure("reads_within_half_a_cycle").value == 0
    assert 20 <= result.figure("reads_until_all_are_in_step").value < 40 * 10


def test_every_measured_start_makes_its_secret(tmp_path: Path) -> None:
    result = run(tmp_path, "startup", Options(repeats=2))

    assert 0 < result.figure("start_to_secret_least_s").value <= result.figure("start_to_secret_most_s").value


def test_each_kind_of_call_is_measured_alone_and_each_definition_has_one_of_each(tmp_path: Path) -> None:
    with open_world(tmp_path) as world:
        traffic = world.traffic()
        result = SCENARIOS["machine"].run(world, Options(definitions=6, repeats=2))
        calls, reads = by_kind(traffic.take_kubernetes()), by_operation(traffic.take_backend(), MOUNT)

    assert calls == {"create secrets": 12, "update secretdefinitions/status": 12}
    assert reads == {"read secret/": 12, "update auth/approle/login": 6}
    assert all(figure.value > 0 for figure in result.figures)


def run(folder: Path, scenario: str, options: Options) -> Result:
    with open_world(folder) as world:
        return SCENARIOS[scenario].run(world, options)


def test_memory_is_measured_by_the_number_and_the_size_of_the_values(tmp_path: Path) -> None:
    result = run(tmp_path, "memory", Options(definitions=4, large=2, minutes=0.01))

    assert all(result.figure(f"{count}_of_two_keys_peak_mib").value > 10 for count in (4, 8, 16))
    assert result.figure("2_large_values_that_exist_mib").value == 2 * 500 / 1024
    assert result.figure("4_of_many_keys_peak_of_a_restart_mib").value > 10


@pytest.mark.parametrize(("layout", "namespaces"), [("one", 1), ("many", 2), ("watched", 20)])
def test_each_of_very_many_definitions_costs_one_read_and_two_writes_in_any_layout(
    tmp_path: Path, layout: str, namespaces: int
) -> None:
    # The period is so long that no poll falls into the run.
    options = Options(definitions=20, layout=layout, period=3600.0, minutes=0.01)

    result = run(tmp_path, "ten-thousand", options)

    assert result.conditions["namespaces"] == namespaces
    writes = {kind: count for kind, count in result.calls.items() if kind.startswith(("create s", "update"))}
    assert writes == {"create secrets": 20, "update secretdefinitions/status": 20}
    assert result.backend["read secret/"] == 20
    assert result.figure("kubernetes_calls_refused").value == 0
    assert result.figure("all_in_step_s").ratio


def test_a_standby_takes_over_after_a_kill_and_after_a_stop(tmp_path: Path) -> None:
    result = run(tmp_path, "fail-over", Options(definitions=6, changes=3, period=1.0, lease=4.0))

    for how in ("sigkill", "sigterm"):
        first, last = result.figure(f"{how}_first_write_s").value, result.figure(f"{how}_all_fresh_s").value
        assert 0 < first <= last
