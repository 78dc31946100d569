"""The scenarios of change on a small scale: they run, and the cost of each change is exact."""

from __future__ import annotations

from pathlib import Path

from bench.figures import Result
from bench.scenario import Options
from bench.scenarios import SCENARIOS
from bench.world import open_world

COUNT = 12
SECONDS = 2.0
# These calls are few, and later fewer; none of them is made for a single definition.
LISTENING = ("watch ", "list ", "create events")


def test_a_changed_value_is_written_once_and_its_status_once(tmp_path: Path) -> None:
    result = run(tmp_path, "fresh", Options(definitions=COUNT, changes=5, minutes=SECONDS / 60, period=2.0))

    assert writes(result) == {"update secrets": 5, "update secretdefinitions/status": 5}
    assert result.figure("change_to_secret_max_s").value > 0


def test_a_hand_edit_or_deletion_costs_one_write_and_one_read(tmp_path: Path) -> None:
    # Polls are so rare that all reads belong to the repairs.
    options = Options(definitions=COUNT, changes=5, minutes=SECONDS / 60, period=3600.0)

    result = run(tmp_path, "drift", options)

    assert writes(result) == {"create secrets": 5, "update secrets": 5}
    assert result.backend["read secret/"] == 10
    assert result.figure("deleted_to_repaired_p50_s").value > 0
    assert result.figure("edited_to_repaired_p50_s").value > 0


def test_a_new_definition_costs_one_read_one_secret_and_one_status(tmp_path: Path) -> None:
    options = Options(definitions=COUNT, changes=5, minutes=SECONDS / 60, period=3600.0)

    result = run(tmp_path, "new-object", options)

    assert writes(result) == {"create secrets": 5, "update secretdefinitions/status": 5}
    assert result.backend["read secret/"] == 5
    assert result.figure("definition_to_secret_p95_s").value > 0


def test_an_outage_costs_one_write_for_each_value_changed_meanwhile_and_no_login(tmp_path: Path) -> None:
    result = run(tmp_path, "outage", Options(definitions=COUNT, period=1.0, outage=4.0))

    assert result.calls["update secrets"] == COUNT
    assert result.figure("logins_after_the_return").value == 0
    assert result.figure("return_to_secret_p50_s").value > 0


def run(folder: Path, scenario: str, options: Options) -> Result:
    with open_world(folder) as world:
        return SCENARIOS[scenario].run(world, options)


def writes(result: Result) -> dict[str, int]:
    return {kind: count for kind, count in result.calls.items() if not kind.startswith(LISTENING)}
