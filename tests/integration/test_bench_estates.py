"""The scenarios of shape and size on a small scale: they run, and what they count is exact."""

from __future__ import annotations

from pathlib import Path

from bench.figures import Result
from bench.scenario import Options
from bench.scenarios import SCENARIOS
from bench.world import open_world


def test_shared_paths_are_read_once_a_cycle_however_many_definitions_want_them(tmp_path: Path) -> None:
    result = run(tmp_path, "sharing", Options(definitions=40, period=2.0, minutes=0.1))

    assert result.calls == {}
    assert result.figure("paths_read").value == 20
    # Three cycles, and at the edges a poll more or less of a path.
    assert 2 * 20 <= result.backend["read secret/"] <= 4 * 20


def test_every_start_brings_its_secret(tmp_path: Path) -> None:
    result = run(tmp_path, "startup", Options(repeats=2))

    assert 0 < result.figure("start_to_secret_least_s").value <= result.figure("start_to_secret_most_s").value


def run(folder: Path, scenario: str, options: Options) -> Result:
    with open_world(folder) as world:
        return SCENARIOS[scenario].run(world, options)
