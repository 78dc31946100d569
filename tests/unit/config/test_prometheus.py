"""Alerts speak of series that exist, and the monitor finds the Service."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.config.manifests import one

# What the daemon exports and the alerts use; `up` and kube_* are Prometheus' and kube-state-metrics' own.
SERIES = {
    "secrets_manager_controller_last_sync_status",
    "secrets_manager_vault_login_errors_total",
    "secrets_manager_vault_token_renewal_errors_total",
    "secrets_manager_vault_token_ttl",
    "up",
    "kube_deployment_status_replicas_ready",
}


def _alerts() -> list[dict[str, Any]]:
    (group,) = one("config/prometheus/rules.yaml")["spec"]["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


@pytest.mark.parametrize("alert", _alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_uses_known_series_waits_and_explains_itself(alert: dict[str, Any]) -> None:
    bare = re.sub(r"\{.*?\}", "", alert["expr"])
    words = set(re.findall(r"[a-z][a-z_]{1,}", bare))
    functions = {"absent", "increase", "max_over_time", "count", "and"}

    assert words - functions - {"m"} <= SERIES
    assert re.fullmatch(r"\d+m", alert["for"])
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert set(alert["annotations"]) == {"summary", "description"}


def test_every_series_above_is_used() -> None:
    text = " ".join(alert["expr"] for alert in _alerts())

    assert all(name in text for name in SERIES)


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
