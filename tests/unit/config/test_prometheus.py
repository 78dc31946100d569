"""Alerts speak of series that exist, and the monitor finds the Service."""

from __future__ import annotations

import re
from typing import Any

import pytest

from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.metrics.live import LiveValues
from secrets_manager.settings import Settings
from tests.unit.config.manifests import one

FUNCTIONS = {"absent", "and", "backend", "by", "count", "increase", "max", "max_over_time", "on"}
# Prometheus' own, and kube-state-metrics'.
OF_OTHERS = {"up", "kube_deployment_status_replicas_ready"}


def _exported() -> set[str]:
    metrics = Metrics(Settings())
    metrics.watch(
        LiveValues(
            ready=bool,
            queue_depth=int,
            oldest_wait=float,
            overdue=float,
            work_ages=list,
            definitions=int,
            backends=dict,
            log_lines_dropped=int,
            events_dropped=int,
            watch_silence=float,
            read_by_name=int,
            unwatched=int,
            full_lists=dict,
        ),
        "SecretDefinition",
    )
    return {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in metrics.registry.collect()
    }


def _alerts() -> list[dict[str, Any]]:
    (group,) = one("config/prometheus/rules.yaml")["spec"]["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


@pytest.mark.parametrize("alert", _alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_uses_known_series_waits_and_explains_itself(alert: dict[str, Any]) -> None:
    bare = re.sub(r"\{.*?\}", "", alert["expr"])
    series = set(re.findall(r"[a-z][a-z_]+", bare)) - FUNCTIONS

    assert series
    assert series <= _exported() | OF_OTHERS
    assert re.fullmatch(r"\d+m", alert["for"])
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert set(alert["annotations"]) == {"summary", "description"}


def test_the_monitor_scrapes_the_service_and_keeps_the_namespace_of_the_definition() -> None:
    monitor = one("config/prometheus/service-monitor.yaml")["spec"]
    service = one("config/manager/service.yaml")
    (endpoint,) = monitor["endpoints"]

    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["path"] == "/metrics"
    assert endpoint["honorLabels"] is True


def test_the_alert_for_a_missing_daemon_looks_for_the_job_of_that_service() -> None:
    name = one("config/manager/service.yaml")["metadata"]["name"]
    (down,) = [alert for alert in _alerts() if alert["alert"] == "SecretsManagerDown"]

    assert f'job="{name}"' in down["expr"]


def test_metrics_can_be_scraped_while_the_daemon_is_not_ready() -> None:
    assert one("config/manager/service.yaml")["spec"]["publishNotReadyAddresses"] is True
