"""What the page about dashboard and alerts shows fits to the alerts."""

from __future__ import annotations

import re

import yaml

from kit.monitoring.alerts import ALERTS
from kit.monitoring.dashboard import ROWS
from kit.monitoring.recordings import RECORDINGS
from kit.monitoring.rule import RUNBOOKS
from tests.docs.pages import page, plain

PAGE = page("docs/monitoring.md")


def test_the_rule_for_alertmanager_names_alerts_and_a_label_that_they_share() -> None:
    (shown,) = PAGE.fences("yaml")
    (rule,) = yaml.safe_load(shown.text)["inhibit_rules"]
    matchers = " ".join(rule["source_matchers"] + rule["target_matchers"])
    named = {alert.name: alert for alert in ALERTS if alert.name in re.findall(r"\w+", matchers)}

    assert set(re.findall(r"SecretsManager\w+", matchers)) == set(named)
    assert rule["equal"] == ["job"]
    assert all("by (job" in alert.expr for alert in named.values())


def test_every_recording_rule_and_every_row_of_the_dashboard_is_on_the_page() -> None:
    recorded = [plain(row[0])[0] for row in PAGE.rows("Recording rules")[1:]]

    assert recorded == [recording.name for recording in RECORDINGS]
    assert [row[0] for row in PAGE.rows("The dashboard")[1:]] == list(ROWS)


def test_the_placeholder_on_the_page_is_that_of_the_files() -> None:
    assert f"sed -i 's|{RUNBOOKS}|" in PAGE.text


def test_the_number_of_panels_that_need_the_recording_rules_is_right() -> None:
    panels = [panel for panels in ROWS.values() for panel in panels]
    recorded = [panel for panel in panels if any(":" in query.expr for query in panel.queries)]

    assert [panel for panel in recorded if "Needs the recording rules" not in panel.description] == []
    assert len(recorded) == 3
    assert "Three of its panels, those that say so, need the recording rules." in PAGE.text
