"""The scenario of sick definitions on a small scale: it runs, and the cost of the sick ones is exact."""

from __future__ import annotations

from pathlib import Path

from bench.poison import mixed
from bench.scenario import Options
from bench.scenarios import SCENARIOS
from bench.world import open_world

COUNT = 30


def test_sick_definitions_are_reported_once_each_and_cost_kubernetes_nothing_more(tmp_path: Path) -> None:
    # The period is so long that no poll falls into the run.
    options = Options(definitions=COUNT, minutes=0.02, period=3600.0, changes=2)

    with open_world(tmp_path) as world:
        result = SCENARIOS["poisoned"].run(world, options)

    writes = {kind: count for kind, count in result.calls.items() if kind.startswith(("create s", "update"))}
    assert writes == {"update secretdefinitions/status": COUNT}
    # Each has one read, except for paths that are refused before any read.
    unasked = sum(each.poison.reason == "InvalidPath" for each in mixed(["any"], COUNT, sick_every=1).sick)
    assert result.backend["read secret/"] == COUNT - unasked
    for title, sick in (("one_in_ten", COUNT // 10), ("all", COUNT), ("one_namespace", COUNT // 2)):
        assert result.figure(f"{title}_sick").value == sick
        assert result.figure(f"{title}_statuses_per_definition").value == 1
        assert result.figure(f"{title}_complaints_logged_per_sick").value == 1
    assert result.figure("all_quiet_kubernetes_calls_but_watch_and_list_per_minute").value == 0
    assert result.figure("all_new_definition_to_secret_p50_s").value > 0
    assert result.figure("one_namespace_last_secret_s").ratio
    assert result.figure("faults_of_its_own_in_the_logs").value == 0
