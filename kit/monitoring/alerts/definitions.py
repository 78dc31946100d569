"""Alerts about definitions, their Secrets, and the workloads that use these."""

from __future__ import annotations

from kit.monitoring.recordings import FAILING, SECRETS
from kit.monitoring.rule import Alert

__all__ = ["DEFINITIONS"]

DEFINITIONS = (
    Alert(
        name="SecretsManagerDefinitionFailing",
        severity="warning",
        after="15m",
        # Without the labels of the pod, so that the alert lives on when another replica leads.
        expr="min by (job, namespace, name) (secrets_manager_controller_last_sync_status) == 0",
        summary="Secret {{ $labels.namespace }}/{{ $labels.name }} is out of sync with the backend.",
        description=(
            "The last good Secret is kept. `kubectl get secretdefinitions -n {{ $labels.namespace }} -o wide`"
            " says why."
        ),
        meaning="A Secret is out of sync; the label `namespace` is that of the definition, for its team.",
    ),
    Alert(
        name="SecretsManagerManyDefinitionsFailing",
        severity="critical",
        after="10m",
        # One or two of a handful are their authors' matter.
        expr=f"""\
sum by (job) ({FAILING}) > 0.5 * sum by (job) ({SECRETS})
and
sum by (job) ({FAILING}) > 2""",
        summary="{{ $value }} Secrets, more than half of all, are out of sync with their backends.",
        description=(
            "Most likely a backend cannot be reached, is sealed, or refuses the daemon. Existing Secrets are"
            " kept."
        ),
        meaning="More than half of all Secrets are out of sync, and at least three.",
    ),
    Alert(
        name="SecretsManagerRestartsFailing",
        severity="warning",
        after="20m",
        # A restart that is refused is tried again every five minutes, so one that worked later is left out.
        expr="""\
sum by (job, namespace, kind, result) (increase(
  secrets_manager_restarts_total{result!="success"}[15m]
)) > 0""",
        summary="Workloads of kind {{ $labels.kind }} cannot be restarted ({{ $labels.result }}).",
        description=(
            "Their Secrets are written, and their pods run with what the Secrets held before. Definitions"
            " with the reason NotRestarted name the workloads and what is missing."
        ),
        meaning="Workloads cannot be restarted though their Secrets changed.",
    ),
)
