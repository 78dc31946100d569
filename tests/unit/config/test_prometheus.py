"""Alerts speak of series that exist and can be acted on, and the monitor finds the Service."""

from __future__ import annotations

import re
from typing import Any

import pytest

from docsite.references.metrics import exported
from tests.unit.config.manifests import ROOT, one

HEADINGS = ["What it means", "How to see it", "What to do", "What never to do"]
# Words of PromQL: what is no name of a series, of a label that is grouped by, or of a unit.
_LABEL_LISTS = re.compile(r"\b(?:by|on)\s*\([^)]*\)")
_SERIES = re.compile(r"\b[a-z][a-z_]*(?:_[a-z_]+)+\b(?!\s*\()")


def _groups() -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = one("config/prometheus/rules.yaml")["spec"]["groups"]
    return groups


RULES = [rule for group in _groups() for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]


def _series(expr: str) -> set[str]:
    """The names of series in an expression, without those that are recorded here."""
    plain = _LABEL_LISTS.sub("", re.sub(r"\{.*?\}", "", expr))
    return set(_SERIES.findall(re.sub(r"\b\w+:\w+:\w+\b", "", plain)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_each_rule_uses_series_that_the_daemon_has(rule: dict[str, Any]) -> None:
    names = {metric.name for metric in exported()}
    histograms = {f"{name}{suffix}" for name in names for suffix in ("_bucket", "_count")}
    recorded = {each["record"] for each in RULES if "record" in each}
    used = set(re.findall(r"\b\w+:\w+:\w+\b", rule["expr"]))

    assert _series(rule["expr"]) <= names | histograms
    assert used <= recorded
    assert _series(rule["expr"]) | used


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_waits_and_explains_itself(alert: dict[str, Any]) -> None:
    assert alert["alert"].startswith("SecretsManager")
    assert re.fullmatch(r"\d+[mh]", alert["for"])
    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert all(text.endswith(".") for name, text in alert["annotations"].items() if name != "runbook_url")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_has_a_runbook_that_says_what_to_do_and_what_never_to_do(alert: dict[str, Any]) -> None:
    url = alert["annotations"]["runbook_url"]
    page = (ROOT / "docs/runbooks" / url.rpartition("/")[2]).read_text(encoding="utf-8")
    parts = re.split(r"^## ", page, flags=re.MULTILINE)

    assert parts[0] == f"# {alert['alert']}\n\n"
    assert [part.partition("\n")[0] for part in parts[1:]] == HEADINGS
    assert all(len(part.split()) > 15 for part in parts[1:])


def test_there_is_no_runbook_for_an_alert_that_is_not_there() -> None:
    pages = {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")} - {"README"}

    assert pages == {alert["alert"] for alert in ALERTS}


def test_no_rule_names_a_job_since_each_way_to_install_has_another() -> None:
    assert [rule for rule in RULES if re.search(r"\bjob\s*=", rule["expr"])] == []


def test_the_monitor_scrapes_the_service_and_keeps_the_namespace_of_the_definition() -> None:
    monitor = one("config/prometheus/service-monitor.yaml")["spec"]
    service = one("config/manager/service.yaml")
    (endpoint,) = monitor["endpoints"]

    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["path"] == "/metrics"
    assert endpoint["honorLabels"] is True


def test_metrics_can_be_scraped_while_the_daemon_is_not_ready() -> None:
    assert one("config/manager/service.yaml")["spec"]["publishNotReadyAddresses"] is True
