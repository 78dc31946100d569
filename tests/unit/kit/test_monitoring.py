"""Alerts and dashboard in the tree are those that the code makes, and hang together."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from kit.monitoring import __main__ as program
from kit.monitoring.alerts import ALERTS
from kit.monitoring.dashboard import ROWS, VARIABLES, dashboard_json
from kit.monitoring.pages import BEGIN, END, PageError, with_made_part
from kit.monitoring.rule import RUNBOOKS

ROOT = Path(__file__).parents[3]
MADE = program.made_files()
ELSEWHERE = "https://docs.example.test/runbooks"


def _dashboard() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(dashboard_json())
    return made


PANELS = [panel for panel in _dashboard()["panels"] if panel["type"] != "row"]


# ── files ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", MADE)
def test_a_file_is_what_is_made_now(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == MADE[name], "run `make monitoring`"


def test_a_check_writes_nothing_and_names_what_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _copy(tmp_path, monkeypatch)
    rules = tmp_path / "config/prometheus/rules.yaml"
    rules.write_text("old", encoding="utf-8")

    assert program.main(["--check"]) == 1
    assert capsys.readouterr().out.startswith("config/prometheus/rules.yaml is out of date")
    assert rules.read_text(encoding="utf-8") == "old"
    assert program.main([]) == 0
    assert program.main(["--check"]) == 0


def test_another_address_of_the_runbooks_stands_in_every_alert_and_in_the_dashboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _copy(tmp_path, monkeypatch)

    assert program.main(["--runbooks", f"{ELSEWHERE}/"]) == 0
    rules = (tmp_path / "config/prometheus/rules.yaml").read_text(encoding="utf-8")
    dashboard = (tmp_path / "config/grafana/secrets-manager.json").read_text(encoding="utf-8")
    assert rules.count(f"runbook_url: {ELSEWHERE}/SecretsManager") == len(ALERTS)
    assert RUNBOOKS not in rules + dashboard
    assert ELSEWHERE in dashboard


@pytest.mark.parametrize("page", ["", BEGIN, f"{END} {BEGIN}", f"{BEGIN}{END}" * 2])
def test_a_page_without_a_place_for_its_part_is_refused_with_its_name(page: str) -> None:
    with pytest.raises(PageError, match=r"docs/monitoring\.md"):
        with_made_part("docs/monitoring.md", page)


def test_what_stands_around_the_part_of_a_page_stays() -> None:
    made = with_made_part("docs/monitoring.md", f"before\n{BEGIN}\nold\n{END}\nafter\n")

    assert made.startswith(f"before\n{BEGIN}\n\n| alert |")
    assert made.endswith(f"|\n\n{END}\nafter\n")
    assert "old" not in made


def _copy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in MADE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(program, "ROOT", folder)


# ── the dashboard ────────────────────────────────────────────────────────────────────────────────────


def test_panels_have_numbers_titles_and_places_of_their_own() -> None:
    every = _dashboard()["panels"]

    assert len({panel["id"] for panel in every}) == len(every)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for one, other in combinations(every, 2):
        assert not _overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


@pytest.mark.parametrize("row", ROWS)
def test_no_panel_of_a_row_leaves_a_gap_before_it(row: str) -> None:
    filled = 0
    for panel in ROWS[row]:
        assert filled % 24 + panel.width <= 24, panel.title
        filled += panel.width


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_asks_the_chosen_data_source_and_explains_itself(panel: dict[str, Any]) -> None:
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["description"].endswith(".")
    assert [target["refId"] for target in panel["targets"]] == list("ABCDEFGH"[: len(panel["targets"])])


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_query_follows_the_choice_of_the_job(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert 'job=~"$job"' in target["expr"] or target["expr"].startswith("ALERTS{")


def test_each_link_leads_to_the_runbook_of_an_alert() -> None:
    links = [link["url"] for panel in PANELS for link in panel.get("links", [])]
    named = [re.fullmatch(r"\$\{runbooks\}/(\w+)\.md", link) for link in links]

    assert len(links) > 20
    assert {found and found[1] for found in named} <= {alert.name for alert in ALERTS}


def test_each_variable_is_used_and_each_that_is_used_is_there() -> None:
    dashboard = _dashboard()
    there = {variable["name"] for variable in dashboard["templating"]["list"]}
    text = json.dumps([*dashboard["panels"], dashboard["annotations"]])
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval"}

    assert there == {"datasource", "runbooks", *VARIABLES}
    assert used == there
