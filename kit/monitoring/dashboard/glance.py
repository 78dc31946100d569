"""The row that says within a second whether somebody has to look further."""

from __future__ import annotations

from kit.monitoring.dashboard.panel import BACKEND, JOB, SECRET, Panel, Query

__all__ = ["GLANCE"]

_EACH = "max by (job, namespace, backend)"

GLANCE = (
    Panel(
        title="Definitions",
        description="Definitions in the scope of the daemons.",
        queries=(Query(f"sum(max by (job, namespace) (secrets_manager_definitions{{{JOB}}}))"),),
        kind="number",
        width=3,
    ),
    Panel(
        title="Out of sync",
        description="Secrets that are not as their definitions say. The last good Secret is kept.",
        queries=(
            Query(
                "sum(1 - min by (job, namespace, name)"
                f" (secrets_manager_controller_last_sync_status{{{SECRET}}}))"
            ),
        ),
        kind="number",
        width=3,
        red_from=1,
        runbook="SecretsManagerDefinitionFailing",
    ),
    Panel(
        title="Backends in trouble",
        description="Backends that are down, or that the leader has no login to.",
        queries=(
            Query(
                "count(\n"
                f"  {_EACH} (secrets_manager_backend_breaker_open{{{BACKEND}}}) == 1\n"
                f"  or {_EACH} (secrets_manager_backend_ready{{{BACKEND}}}) == 0\n"
                ") or vector(0)"
            ),
        ),
        kind="number",
        width=3,
        red_from=1,
        runbook="SecretsManagerBackendDown",
    ),
    Panel(
        title="Late by",
        description="By how much the most overdue poll is late. A second or two is usual.",
        queries=(Query(f"max(secrets_manager_poll_overdue_seconds{{{JOB}}})"),),
        kind="number",
        unit="s",
        width=3,
        red_from=60,
        runbook="SecretsManagerBehind",
    ),
    Panel(
        title="Replicas that are not ready",
        description="Replicas that are scraped, and whose /readyz does not say ok.",
        queries=(Query(f"count(secrets_manager_ready{{{JOB}}} == 0) or vector(0)"),),
        kind="number",
        width=3,
        red_from=1,
        runbook="SecretsManagerNotReady",
    ),
    Panel(
        title="Leader",
        description="The replica that works; each installation has one.",
        queries=(Query(f"secrets_manager_leader{{{JOB}}} == 1", "{{pod}} {{instance}}"),),
        kind="name",
        width=5,
        runbook="SecretsManagerNobodyLeads",
    ),
    Panel(
        title="Version",
        description="The releases that run, two of them only during a rollout.",
        queries=(Query(f"count by (version) (secrets_manager_build_info{{{JOB}}})", "{{version}}"),),
        kind="name",
        width=4,
    ),
    Panel(
        title="Firing alerts",
        description="Alerts of config/prometheus that fire now, whatever is chosen above.",
        queries=(Query('ALERTS{alertname=~"SecretsManager.+", alertstate="firing"}'),),
        kind="list",
        width=12,
    ),
    Panel(
        title="Out of sync now",
        description="Secrets that are out of sync, and for how long; `never` in sync since the daemon began.",
        queries=(
            Query(
                "(\n"
                "  time() - max by (job, namespace, name)"
                f" (secrets_manager_controller_last_success_timestamp_seconds{{{SECRET}}})\n"
                "  and on (job, namespace, name)\n"
                "  min by (job, namespace, name)"
                f" (secrets_manager_controller_last_sync_status{{{SECRET}}}) == 0\n"
                ")\n"
                "or\n"
                "(min by (job, namespace, name)"
                f" (secrets_manager_controller_last_sync_status{{{SECRET}}}) == 0) - 1"
            ),
        ),
        kind="list",
        unit="s",
        width=12,
        runbook="SecretsManagerDefinitionFailing",
    ),
)
