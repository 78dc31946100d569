"""A panel as a plain value, and the selectors that all panels share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BACKEND", "JOB", "SECRET", "Kind", "Panel", "Query", "of_backend"]

# What the variables of the dashboard choose. In series of definitions `namespace` is that of the definition,
# in all others that of the daemon, so it selects nothing there.
JOB = 'job=~"$job"'
SECRET = f'{JOB}, namespace=~"$namespace"'
BACKEND = f'{JOB}, backend=~"$backend"'

Kind = Literal["graph", "list", "name", "number", "states"]


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and the name of each series in Grafana's form."""

    expr: str
    legend: str = "__auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        title: its heading.
        description: what it shows and when it matters, in sentences.
        queries: what it shows.
        kind: a `graph` over time, the `states` of a few series over time, a `number` or a `name` of now, or a
            `list` of series of now.
        unit: one of Grafana's.
        width: columns of 24.
        stacked: whether the series add up to something.
        red_from: the least value that is shown in red; none is when it is None.
        runbook: the alert whose runbook says more.

    """

    title: str
    description: str
    queries: tuple[Query, ...]
    kind: Kind = "graph"
    unit: str = "short"
    width: int = 8
    stacked: bool = False
    red_from: float | None = None
    runbook: str = ""


def of_backend(expr: str) -> str:
    """Series that lack the label `backend` for the backend of the flags, with it, and for the chosen ones."""
    labelled = f'label_replace({expr}, "backend", "default", "backend", "")'
    return f"{labelled} and on (job, backend) secrets_manager_backend_ready{{{BACKEND}}}"
