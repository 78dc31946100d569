"""The scenarios of several backends on a small scale: they run, and one backend's trouble stays its own."""

from __future__ import annotations

from pathlib import Path

from bench.scenario import Options
from bench.scenarios import SCENARIOS
from bench.scenarios.backends import COUNTS
from bench.second_backend import TROUBLES
from bench.world import open_world

COUNT = 12


def test_trouble_of_one_backend_touches_no_definition_of_the_other_and_no_secret(tmp_path: Path) -> None:
    options = Options(definitions=COUNT, minutes=0.1, period=1.0, changes=8)

    with open_world(tmp_path) as world:
        result = SCENARIOS["two-backends"].run(world, options)

    for trouble in (each.lower().replace(" ", "_") for each in TROUBLES):
        assert result.figure(f"{trouble}_healthy_definitions_that_were_not_ready").value == 0
        assert result.figure(f"{trouble}_secrets_of_the_second_backend_changed").value == 0
        assert result.figure(f"{trouble}_logins_to_the_first_backend").value == 0
        assert result.figure(f"{trouble}_change_to_secret_p95_s").ratio
    # An outage is reported to all of them after ten seconds, which is longer than these spells.
    assert 0 < result.figure("down_definitions_of_the_second_backend_not_ready").value <= COUNT
    assert result.conditions["reasons, wrong TLS"] == "BackendTLS"


def test_each_number_of_backends_is_measured_with_all_definitions_in_step(tmp_path: Path) -> None:
    options = Options(definitions=40, minutes=0.1, period=1.0)

    with open_world(tmp_path) as world:
        result = SCENARIOS["backends"].run(world, options)

    for count in COUNTS:
        assert result.figure(f"{count}_backends_reads_per_path_and_period").value > 0
        assert result.figure(f"{count}_backends_memory_mib").value > 0
    assert result.figure("each_further_backend_threads").value <= 3
