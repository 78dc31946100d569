"""Alerts about backends, the same for every kind; each backend is judged by itself."""

from __future__ import annotations

from kit.monitoring.recordings import ERROR_RATIO
from kit.monitoring.rule import Alert

__all__ = ["BACKENDS"]

BACKENDS = (
    Alert(
        name="SecretsManagerBackendDown",
        severity="critical",
        after="10m",
        expr="max by (job, namespace, backend) (secrets_manager_backend_breaker_open) == 1",
        summary="The backend {{ $labels.backend }} is down.",
        description=(
            "Secrets out of it are kept and follow no change; those out of other backends notice nothing. The"
            " log says why."
        ),
        meaning="A backend as a whole does not answer; one call at a time finds out when it is back.",
    ),
    Alert(
        name="SecretsManagerBackendPartDown",
        severity="warning",
        after="15m",
        expr="""\
max by (job, namespace, backend) (secrets_manager_backend_parts_open) > 0
unless
max by (job, namespace, backend) (secrets_manager_backend_breaker_open) == 1""",
        summary="{{ $value }} parts of the backend {{ $labels.backend }} do not answer.",
        description=(
            "A mount, a Vault namespace or single paths give no answer while the rest is well. Secrets out of"
            " them are kept and follow no change."
        ),
        meaning="A mount, a Vault namespace or a path does not answer, while the rest of a backend does.",
    ),
    Alert(
        name="SecretsManagerBackendLoggedOut",
        severity="critical",
        after="10m",
        # Standbys do not log in.
        expr="""\
max by (job, namespace, backend) (secrets_manager_backend_ready) == 0
and on (job, namespace)
max by (job, namespace) (secrets_manager_leader) == 1""",
        summary="The daemon is not logged in to the backend {{ $labels.backend }}.",
        description=(
            "Its credentials are refused, or it was down when the daemon started. Secrets out of it are kept"
            " and follow no change. /readyz?verbose and the log say why."
        ),
        meaning="The leader has no login to a backend.",
    ),
    Alert(
        name="SecretsManagerBackendErrors",
        severity="warning",
        after="15m",
        expr=f"{ERROR_RATIO} > 0.1",
        summary=("{{ $value | humanizePercentage }} of the calls to the backend {{ $labels.backend }} fail."),
        description=(
            "What definitions ask for wrongly is not counted. A backend that fails now and then delays"
            " changes, though each call is tried again."
        ),
        meaning="More than a tenth of the calls to a backend fail, through no fault of definitions.",
    ),
    Alert(
        name="SecretsManagerBackendThrottled",
        severity="warning",
        after="15m",
        expr=(
            "sum by (job, namespace, backend) (increase("
            'secrets_manager_backend_request_duration_seconds_count{result="BackendThrottled"}[5m])) > 0'
        ),
        summary="The backend {{ $labels.backend }} is asked more often than it allows.",
        description=(
            "It answers 429, or calls wait too long for their turn within max-requests-per-second. Changes"
            " reach Secrets late."
        ),
        meaning="A backend refuses calls since there are too many, or our own limit does.",
    ),
    Alert(
        name="SecretsManagerBackendSlow",
        severity="warning",
        after="15m",
        expr="""\
histogram_quantile(0.9, sum by (job, namespace, backend, le) (
  rate(secrets_manager_backend_request_duration_seconds_bucket{operation="read"}[5m])
)) > 1""",
        summary=(
            "A tenth of the reads from the backend {{ $labels.backend }} take longer than"
            " {{ $value | humanizeDuration }}."
        ),
        description="Changes reach Secrets late, and other work waits for the workers that read.",
        meaning="A tenth of the reads from a backend take longer than a second.",
    ),
)
