"""The benchmark on a small scale: it runs, and its counts are exactly the promised costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.scenario import Options
from bench.scenarios import SCENARIOS
from bench.shapes import KEYS_MAP, SHAPES
from bench.world import World, open_world
from tests.testbed.daemon import base_environment
from tests.testbed.vault_program import VAULT_BINARY

ROOT = Path(__file__).parents[2]
COUNT = 20
# A burst of ten, and one more every five seconds: the recorder's own limit.
EVENTS = 10 + 12
LISTENING = {"list secrets": 1, "list secretdefinitions": 1, "watch secrets": 1, "watch secretdefinitions": 1}


@pytest.fixture
def bench_world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        yield world


def test_a_cold_start_reads_each_path_once_and_writes_each_secret_and_status_once(bench_world: World) -> None:
    result = SCENARIOS["cold"].run(bench_world, Options(definitions=COUNT, repeats=2))

    calls = dict(result.calls)
    assert 0 < calls.pop("create events") <= EVENTS
    assert calls == {"create secrets": COUNT, "update secretdefinitions/status": COUNT, **LISTENING}
    assert result.backend["read secret/"] == COUNT
    assert result.figure("all_in_step_s").value >= result.figure("all_secrets_right_s").value > 0
    assert all(figure.value > 0 for figure in result.figures)
    alone = ("memory after", "times the floor, least", "times the floor, most")
    assert all(figure.floor for figure in result.figures if figure.name not in alone)
    ratio = result.figure("all_in_step_s").ratio or 0.0
    assert result.figure("times_the_floor_least").value == ratio
    assert result.figure("times_the_floor_most").value >= ratio


def test_each_shape_costs_the_same_calls_and_is_compared_with_keysmap(bench_world: World) -> None:
    result = SCENARIOS["shapes"].run(bench_world, Options(definitions=COUNT, repeats=1))

    writes = {name: count for name, count in result.calls.items() if name.split()[0] in ("create", "update")}
    writes.pop("create events")
    made = len(SHAPES) * COUNT
    assert writes == {"create secrets": made, "update secretdefinitions/status": made}
    assert result.backend["read secret/"] == made
    for shape in SHAPES:
        compared = [figure for figure in result.figures if figure.name.endswith(f", {shape}")]
        assert {each.name.removesuffix(f", {shape}") for each in compared} == {
            *("Kubernetes calls per definition", "backend calls per definition", "CPU", "memory after"),
        }
        assert all((each.ratio is None) == (shape == KEYS_MAP) for each in compared)


def test_a_quiet_stretch_asks_nothing_of_kubernetes_and_reads_each_path_once_a_period(
    bench_world: World,
) -> None:
    options = Options(definitions=COUNT, minutes=0.1, period=2.0)

    result = SCENARIOS["quiet"].run(bench_world, options)

    assert {call for call in result.calls if not call.startswith("watch ")} == set()
    # A poll of each path a period; one more may have been due at the edges.
    reads = result.backend["read secret/"]
    periods = reads / (COUNT * result.figure("backend_reads_per_path_and_period").value)
    assert COUNT <= reads <= COUNT * (periods + 1)
    assert result.figure("kubernetes_calls_but_watch_and_list").value == 0


def test_the_command_prints_a_line_of_json_for_each_scenario_and_then_the_table() -> None:
    ended = bench("--scenario=cold", "--definitions=3", "--repeats=1")

    assert ended.returncode == 0, ended.stderr
    line, head, *rows = ended.stdout.splitlines()
    assert json.loads(line)["scenario"] == "cold"
    assert json.loads(line)["calls"]["create secrets"] == 3
    assert head.split() == ["scenario", "figure", "value", "floor", "ratio"]
    assert all(row.startswith(("cold ", "----")) for row in rows)


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("--definitions=0", "0 is below 1"),
        ("--minutes=0", "not a number above 0"),
        ("--reconcile-period=inf", "not a number above 0"),
        ("--scenario=warm", "invalid choice"),
    ],
)
def test_a_bad_argument_is_refused_before_anything_starts(argument: str, complaint: str) -> None:
    ended = bench(argument)

    assert ended.returncode == 2
    assert complaint in ended.stderr


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**base_environment(), VAULT_BINARY: os.environ.get(VAULT_BINARY, "")},
        timeout=200,
        check=False,
    )
