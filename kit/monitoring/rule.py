"""The two kinds of rules of Prometheus, as plain values, and the address of the runbooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["RUNBOOKS", "Alert", "Recording", "Severity", "runbook_url"]

# Nobody's address, on purpose: the pages are wherever you publish docs/, so you set it (docs/monitoring.md).
RUNBOOKS = "https://secrets-manager.example/docs/runbooks"

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A series that is computed once for dashboard and alerts: ``name`` is level:metric:operations."""

    name: str
    expr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert; its runbook is docs/runbooks/NAME.md.

    Attributes:
        name: what Alertmanager calls it.
        severity: `critical` when nothing follows the backend any more, `warning` when a person should look.
        after: how long `expr` has to give something, as a duration of Prometheus.
        expr: PromQL. What it gives has few labels, which stay the same when another pod takes over.
        summary: one sentence with the labels in it, in the language of Prometheus' templates.
        description: what it means for Secrets, and where to look first.
        meaning: the sentence of the table in docs/monitoring.md, without labels.

    """

    name: str
    severity: Severity
    after: str
    expr: str
    summary: str
    description: str
    meaning: str


def runbook_url(name: str, base: str = RUNBOOKS) -> str:
    """Where the runbook of an alert is."""
    return f"{base}/{name}.md"
