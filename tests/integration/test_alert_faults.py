"""Each alert fires with the fault that it is about, and the dashboard shows something then.

Real daemons, a real Prometheus with the shipped rules at a higher speed, real servers; all faults at once.
"""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from kit.monitoring.alerts import ALERTS
from kit.monitoring.dashboard import ROWS, VARIABLES
from kit.monitoring.dashboard.panel import Panel
from kit.monitoring.recordings import RECORDINGS
from tests.integration.alert_faults import FAULTS
from tests.integration.alert_fleet import DEFINITIONS, Fleet, alert_fleet
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

Json = dict[str, Any]
Labels = Mapping[str, str]

BY_NAME = {alert.name: alert for alert in ALERTS}
# Each alert with each of its faults, by what tests are called.
SIGHTS = {f"{name}: {fault}": (name, fault) for fault in FAULTS for name in fault.alerts}
PANELS = [panel for panels in ROWS.values() for panel in panels]
_METRIC = re.compile(
    r"\b(?:ALERTS|\w*(?:secrets_manager|workqueue|controller_runtime|rest_client|process)_[\w:]+|\w+:[\w:]+)"
)
_QUOTED = re.compile(r'"[^"]*"')
# The slowest of them waits for a token to run out.
PATIENCE = 90.0
# As Grafana chooses it: four times the time between two scrapes.
RATE_INTERVAL = "4s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened, and when, in Unix time.

    Attributes:
        fleet: with all faults.
        began: when all daemons were well.
        faulty: when the first fault was about to begin.
        fired: each alert as it fired with its fault, by the keys of SIGHTS.

    """

    fleet: Fleet
    began: float
    faulty: float
    fired: Mapping[str, Json]


@pytest.fixture(scope="module")
def fleet(
    definitions_api: TestCluster,
    openbao: OpenBao,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fleet]:
    with alert_fleet(definitions_api, openbao, authority, tmp_path_factory.mktemp("fleet")) as made:
        yield made


@pytest.fixture(scope="module")
def story(fleet: Fleet) -> Story:
    """All faults begin, and each alert has fired or had its time."""
    began = time.time()
    _await_calm(fleet)
    faulty = time.time()
    fired: dict[str, Json] = {}
    for fault in FAULTS:
        fault.begin(fleet)
        # Some faults take their time to begin, and an alert may be over by then.
        _note(fleet, fired)
    # Each test says which is missing.
    with contextlib.suppress(AssertionError):
        wait_until(lambda: _note(fleet, fired) == set(SIGHTS), PATIENCE, "all alerts", 0.5)
    return Story(fleet=fleet, began=began, faulty=faulty, fired=fired)


@pytest.fixture(scope="module")
def mended(story: Story) -> Fleet:
    """All faults are mended."""
    for fault in FAULTS:
        fault.end(story.fleet)
    return story.fleet


def _await_calm(fleet: Fleet) -> None:
    """Wait until all are scraped and no alert is left of their start; a test says of each if there is."""
    fleet.prometheus.wait_for(f"count(count_over_time(secrets_manager_ready[5s])) == {len(DEFINITIONS)}")
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not fleet.prometheus.alerts(), what="no alert", poll=0.5)


def _firing(fleet: Fleet) -> list[Json]:
    return [alert for alert in fleet.prometheus.alerts() if alert["state"] == "firing"]


def _note(fleet: Fleet, fired: dict[str, Json]) -> set[str]:
    """Add the alerts that fire now with the labels of a fault; returns the keys of all so far."""
    now = _firing(fleet)
    for sight, labels in {sight: _labels(fleet, sight) for sight in SIGHTS}.items():
        for alert in now:
            if alert["labels"] == labels:
                fired.setdefault(sight, alert)
    return set(fired)


def _labels(fleet: Fleet, sight: str) -> Labels:
    name, fault = SIGHTS[sight]
    return {"alertname": name, "severity": BY_NAME[name].severity, **fault.alerts[name](fleet)}


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_alert_has_a_fault_and_there_are_no_others() -> None:
    assert {name for name, _ in SIGHTS.values()} == set(BY_NAME)


@pytest.mark.parametrize("sight", SIGHTS)
def test_an_alert_fires_with_its_fault_and_not_before(story: Story, sight: str) -> None:
    assert sight in story.fired, [each["labels"] for each in _firing(story.fleet)]

    since = datetime.fromisoformat(story.fired[sight]["activeAt"]).timestamp()
    assert since > story.faulty
    labels, annotations = story.fired[sight]["labels"], story.fired[sight]["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert [text for text in annotations.values() if re.search(r"\{\{|\}\}|<no value>|<error", text)] == []
    assert [
        name for name in _plain_labels(sight) if not labels.get(name) or labels[name] not in str(annotations)
    ] == []


def _plain_labels(sight: str) -> list[str]:
    """The labels that the texts of the alert show in any case."""
    alert = BY_NAME[SIGHTS[sight][0]]
    shown = re.sub(r"\{\{ with .*?\{\{ end \}\}", "", f"{alert.summary} {alert.description}")
    return re.findall(r"\{\{ \$labels\.(\w+) \}\}", shown)


# ── metrics and panels ───────────────────────────────────────────────────────────────────────────────


def test_every_metric_of_a_rule_or_panel_is_scraped(story: Story) -> None:
    exprs = [alert.expr for alert in ALERTS] + [recording.expr for recording in RECORDINGS]
    exprs += [query.expr for panel in PANELS for query in panel.queries]
    exprs += [series for _, series in VARIABLES.values()]
    named = {name for expr in exprs for name in _METRIC.findall(_QUOTED.sub("", expr))}
    scraped = set(story.fleet.prometheus.values("__name__", '{job=~".+"}'))

    assert named >= {"secrets_manager_leader", "workqueue_depth", "process_open_fds", "ALERTS"}
    assert named - scraped == set()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_each_query_of_a_panel_shows_something(story: Story, panel: Panel) -> None:
    shown = {query.expr: _shown(story, panel, query.expr) for query in panel.queries}

    assert [expr for expr, values in shown.items() if not values] == []


def _shown(story: Story, panel: Panel, expr: str) -> list[float]:
    """The values that Grafana would show, with `All` chosen everywhere."""
    for variable in VARIABLES:
        expr = expr.replace(f"${variable}", ".*")
    expr = expr.replace("$__rate_interval", RATE_INTERVAL)
    assert "$" not in expr
    prometheus = story.fleet.prometheus
    if panel.kind in {"number", "name", "list"}:
        values = [value for _, value in prometheus.query(expr)]
    else:
        values = [value for _, series in prometheus.over_time(expr, story.began) for value in series]
    return [value for value in values if not math.isnan(value)]


# ── afterwards ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "sight", [sight for sight, (name, fault) in SIGHTS.items() if name not in fault.lasting]
)
def test_an_alert_ends_with_its_fault(mended: Fleet, sight: str) -> None:
    labels = _labels(mended, sight)

    wait_until(
        lambda: labels not in [each["labels"] for each in _firing(mended)], PATIENCE, "the end of it", 0.5
    )
