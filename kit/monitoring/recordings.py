"""Series that dashboard and alerts share; the first two are dear to compute over weeks of many Secrets."""

from __future__ import annotations

from kit.monitoring.rule import Recording

__all__ = ["ERROR_RATIO", "FAILING", "RECORDINGS", "SECRETS"]

SECRETS = "job_namespace:secrets_manager_secrets:count"
FAILING = "job_namespace:secrets_manager_secrets_failing:count"
ERROR_RATIO = "job_namespace_backend:secrets_manager_backend_errors:ratio_rate5m"

# A replica that just lost the lead may be seen beside the new one for a moment: each Secret counts once.
_EACH = "min by (job, namespace, name) (secrets_manager_controller_last_sync_status)"
_CALLS = "secrets_manager_backend_request_duration_seconds_count"
# What a definition asks for wrongly is its author's matter; these are the backend's and the way to it.
_FAULTS = "BackendUnavailable|BackendSealed|BackendTimeout|BackendTLS|AuthFailed|ForbiddenByNetwork"

RECORDINGS = (
    Recording(name=SECRETS, expr=f"count by (job, namespace) ({_EACH})"),
    Recording(name=FAILING, expr=f"sum by (job, namespace) (1 - {_EACH})"),
    Recording(
        name=ERROR_RATIO,
        expr=(
            f'(\n  sum by (job, namespace, backend) (rate({_CALLS}{{result=~"{_FAULTS}"}}[5m]))\n'
            f"  or\n  0 * sum by (job, namespace, backend) (rate({_CALLS}[5m]))\n)\n"
            f"/\n(sum by (job, namespace, backend) (rate({_CALLS}[5m])) > 0)"
        ),
    ),
)
