"""promtool reads the rules, and each alert fires where it should and not where it only nearly should."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.monitoring.alerts import ALERTS
from kit.monitoring.dashboard import ROWS
from kit.monitoring.rule import runbook_url
from tests.integration.alert_cases import CASES, Case
from tests.testbed import promtool

ROOT = Path(__file__).parents[2]
BY_NAME = {alert.name: alert for alert in ALERTS}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules of the manifest, as a file that Prometheus itself reads."""
    manifest = yaml.safe_load((ROOT / "config/prometheus/rules.yaml").read_text(encoding="utf-8"))
    file = tmp_path_factory.mktemp("rules") / "rules.yaml"
    file.write_text(yaml.safe_dump(manifest["spec"]), encoding="utf-8")
    return file


def test_promtool_finds_nothing_wrong_with_the_rules_not_even_by_its_lints(rules: Path) -> None:
    assert promtool.check_rules(rules) == ""


def test_promtool_complains_of_a_rule_that_is_there_twice(rules: Path, tmp_path: Path) -> None:
    groups = yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"]
    doubled = [{**groups[0], "name": "twice"}, *groups]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": doubled}), encoding="utf-8")

    assert "duplicate" in promtool.check_rules(file)


@pytest.mark.parametrize("alert", BY_NAME)
def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert: str) -> None:
    fires = {bool(case.summary) for case in CASES if case.alert == alert}

    assert fires == {True, False}


def test_each_alert_fires_where_it_should_and_nowhere_else(rules: Path, tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    told = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": list(map(_told, CASES))}
    file.write_text(yaml.safe_dump(told), encoding="utf-8")

    assert promtool.test_rules(file) == ""


def test_promtool_notices_an_alert_that_does_not_fire(rules: Path, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.summary)
    (silent,) = [_told(case)["alert_rule_test"]]
    file = tmp_path / "cases.yaml"
    told = {"interval": "30s", "input_series": [{"series": "up", "values": "1"}], "alert_rule_test": silent}
    silent[0] |= {"eval_time": "1m"}
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "tests": [told]}), encoding="utf-8")

    assert "FAILED" in promtool.test_rules(file)


def test_promtool_can_parse_each_query_of_the_dashboard(tmp_path: Path) -> None:
    queries = [query.expr for panels in ROWS.values() for panel in panels for query in panel.queries]
    parsed, wrong = tmp_path / "parsed.yaml", tmp_path / "wrong.yaml"
    for file, exprs in ((parsed, queries), (wrong, [*queries, "sum by (job (up)"])):
        rules = [
            {"record": f"query_{number}", "expr": expr.replace("$__rate_interval", "5m")}
            for number, expr in enumerate(exprs)
        ]
        file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")

    assert len(queries) > 50
    assert promtool.check_rules(parsed) == ""
    assert f"query_{len(queries)}" in promtool.check_rules(wrong)


def _told(case: Case) -> dict[str, Any]:
    """The case in promtool's form."""
    alert = BY_NAME[case.alert]
    annotations = {
        "summary": case.summary,
        "description": case.description or alert.description,
        "runbook_url": runbook_url(alert.name),
    }
    expected: Mapping[str, Any] = {
        "exp_labels": {"severity": alert.severity, **case.labels},
        "exp_annotations": annotations,
    }
    return {
        "name": str(case),
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": [
            {
                "eval_time": f"{case.at}m",
                "alertname": case.alert,
                "exp_alerts": [dict(expected)] if case.summary else [],
            }
        ],
    }
