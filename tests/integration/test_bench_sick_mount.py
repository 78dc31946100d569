"""The scenario of a sick mount on a small scale: it runs, and healthy definitions stay Ready."""

from __future__ import annotations

from pathlib import Path

from bench.scenario import Options
from bench.scenarios import SCENARIOS
from bench.scenarios.sick_mount import TROUBLES, sick_counts
from bench.world import open_world

COUNT = 24


def test_no_healthy_definition_is_ever_not_ready_while_a_mount_is_sick(tmp_path: Path) -> None:
    options = Options(definitions=COUNT, minutes=0.1, period=1.0, changes=8)

    with open_world(tmp_path) as world:
        result = SCENARIOS["sick-mount"].run(world, options)

    titles = [f"{sick}_sick_{trouble}" for sick in sick_counts(COUNT) for trouble in TROUBLES]
    assert titles[-1] == "12_sick_429"
    for title in titles:
        assert result.figure(f"{title}_healthy_definitions_that_were_not_ready").value == 0
        assert result.figure(f"{title}_calls_to_the_sick_mount_a_second").value > 0
        assert result.figure(f"{title}_change_to_secret_max_s").ratio
