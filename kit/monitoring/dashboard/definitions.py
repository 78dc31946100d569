"""Definitions, their Secrets, and the workloads that use these."""

from __future__ import annotations

from kit.monitoring.dashboard.panel import JOB, SECRET, Panel, Query
from kit.monitoring.recordings import FAILING, SECRETS

__all__ = ["DEFINITIONS"]

_RATE = "[$__rate_interval]"

DEFINITIONS = (
    Panel(
        title="Secrets",
        description="Secrets that definitions want, in sync and out of sync. Needs the recording rules.",
        queries=(
            Query(f"sum({SECRETS}{{{SECRET}}}) - sum({FAILING}{{{SECRET}}})", "in sync"),
            Query(f"sum({FAILING}{{{SECRET}}})", "out of sync"),
        ),
        stacked=True,
        runbook="SecretsManagerManyDefinitionsFailing",
    ),
    Panel(
        title="Out of sync by namespace",
        description="Namespaces with Secrets that are out of sync. Needs the recording rules.",
        queries=(Query(f"sum by (namespace) ({FAILING}{{{SECRET}}}) > 0", "{{namespace}}"),),
        stacked=True,
        runbook="SecretsManagerDefinitionFailing",
    ),
    Panel(
        title="Failed reconciles by reason",
        description="Reconciles that failed; docs/troubleshooting.md says of each reason what to do.",
        queries=(
            Query(
                f"sum by (reason) (rate(secrets_manager_controller_failures_total{{{JOB}}}{_RATE}))",
                "{{reason}}",
            ),
        ),
        unit="ops",
        stacked=True,
    ),
    Panel(
        title="What was done",
        description="Reconciles by what was done to the Secret; `refused` means that it was left as it is.",
        queries=(
            Query(
                f"sum by (operation) (rate(secrets_manager_controller_operations_total{{{JOB}}}{_RATE}))",
                "{{operation}}",
            ),
        ),
        unit="ops",
        stacked=True,
    ),
    Panel(
        title="Restarts of workloads",
        description="Restarts for changed Secrets, by kind and by success or the reason why there was none.",
        queries=(
            Query(
                f"sum by (kind, result) (increase(secrets_manager_restarts_total{{{JOB}}}{_RATE}))",
                "{{kind}}: {{result}}",
            ),
        ),
        runbook="SecretsManagerRestartsFailing",
    ),
    Panel(
        title="Secrets and statuses that could not be read or written",
        description="Errors of single Secrets, by the namespace of the definition.",
        queries=(
            Query(
                f"sum by (namespace) (rate(secrets_manager_controller_sync_errors_total{{{SECRET}}}{_RATE}))",
                "{{namespace}}",
            ),
        ),
        unit="ops",
    ),
)
