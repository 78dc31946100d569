"""The outages of `python -m chaos.outage` on a small scale: they run, and find what they should."""

from __future__ import annotations

from pathlib import Path

from bench.world import open_world
from chaos.outage.__main__ import OUTAGES

COUNT = 10
SECONDS = 3.0


def found(folder: Path, outage: str) -> dict[str, float]:
    """The findings of an outage, by their names; it raises unless all values are right at its end."""
    with open_world(folder) as world:
        return {finding.what: finding.value for finding in OUTAGES[outage](world, COUNT, SECONDS)}


def test_a_backend_that_was_away_is_not_logged_in_to_again(tmp_path: Path) -> None:
    findings = found(tmp_path, "backend-refused")

    assert findings["logins after the return"] == 0
    assert findings["all fresh after"] > 0


def test_values_of_other_paths_arrive_while_a_tenth_of_the_paths_hangs(tmp_path: Path) -> None:
    findings = found(tmp_path, "backend-hung-in-part")

    assert findings["paths that hang"] == COUNT // 10
    assert findings["calls that hung"] >= 1
    assert findings["changes of the others"] == 2 * (COUNT - COUNT // 10)
    assert findings["times as long"] > 0


def test_an_api_server_that_was_away_costs_no_replica_a_restart_while_the_lease_lasts(tmp_path: Path) -> None:
    findings = found(tmp_path, "api-server-refused")

    assert findings["restarts of the standby"] == 0
    assert findings["all fresh after"] > 0
