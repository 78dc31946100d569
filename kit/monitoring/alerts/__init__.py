"""All alerts, in the groups that Prometheus evaluates together."""

from __future__ import annotations

from collections.abc import Mapping

from kit.monitoring.alerts.backends import BACKENDS
from kit.monitoring.alerts.daemon import DAEMON
from kit.monitoring.alerts.definitions import DEFINITIONS
from kit.monitoring.alerts.logins import LOGINS
from kit.monitoring.rule import Alert

__all__ = ["ALERTS", "GROUPS"]

GROUPS: Mapping[str, tuple[Alert, ...]] = {
    "daemon": DAEMON,
    "definitions": DEFINITIONS,
    "backends": BACKENDS,
    "logins": LOGINS,
}
ALERTS = tuple(alert for group in GROUPS.values() for alert in group)
