"""The tables of metrics in docs/metrics.md: names, types and labels are those of the registry.

The meanings are written by people and stay; a metric that is new begins with its help text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from docsite.references import Files, TextOf, between, kept, replaced, table
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.metrics.backends import ORIGINALS
from secrets_manager.daemon.metrics.live import BackendState, LiveValues
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SourceNotFound
from secrets_manager.domain.location import Location
from secrets_manager.settings import AzureKvSettings, BackendSettings, Settings

_PAGE = "docs/metrics.md"
# The tables of the page, and the names that stand in each; the first that fits counts.
_TABLES = {
    "metrics of Azure Key Vault": r"secrets_manager_azure_kv_",
    "metrics of Vault": r"secrets_manager_vault_",
    "metrics of every backend": r"secrets_manager_backend_",
    "metrics of leading": r"secrets_manager_(leader$|lease_|writes_refused|stale_writes)",
    "metrics of definitions": r"secrets_manager_(controller_|restarts_|definitions$)",
    "metrics of the daemon": r"secrets_manager_|rest_client_|process_|python_",
    "metrics as in controller-runtime": r"",
}
_SERVER = ("vault_address", "vault_engine", "vault_version", "vault_cluster_id", "vault_cluster_name")


@dataclass(frozen=True, slots=True)
class Exported:
    """One metric as `/metrics` has it; ``labels`` in their order."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


def written(text_of: TextOf) -> Files:
    """The page with its tables."""
    page = text_of(_PAGE)
    metrics = list(exported())
    for title, pattern in _TABLES.items():
        mine = {each.name: each for each in metrics if re.match(pattern, each.name)}
        metrics = [each for each in metrics if each.name not in mine]
        page = replaced(_PAGE, page, title, _table(mine, kept(between(page, title))))
    return {_PAGE: page}


def exported() -> Iterator[Exported]:
    """Every metric, of a daemon with one backend of each of our kinds."""
    registry = registry_of_all()
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield Exported(name, family.type, _labels(registry, family, name), family.documentation)


def registry_of_all() -> CollectorRegistry:
    """A registry in which each family has a series."""
    metrics = Metrics(Settings(named=(_key_vault(),)))
    metrics.watch(_live(), "SecretDefinition")
    for name in ("default", "keys"):
        metrics.sync.source_failed(Ref("shop", "db"), Location("p", backend=name), "k", SourceNotFound("p"))
        metrics.backends.of(name).own.login_failed()
    vault, azure = (metrics.backends.of(name).own for name in ("default", "keys"))
    vault.token_ttl(1)
    vault.max_token_ttl(1)
    vault.renewal_failed("renew-self", "UnknownError")
    azure.source_expiry("p", 1.0)
    return metrics.registry


def _table(mine: dict[str, Exported], before: dict[str, tuple[str, ...]]) -> str:
    """The rows of the metrics in the order of the page, new ones at the end."""
    order = [name for name in before if name in mine] + [name for name in mine if name not in before]
    rows = ((*_cells(mine[name]), before.get(name, ("", "", mine[name].help))[-1]) for name in order)
    return table(("metric", "type", "labels", "meaning"), rows)


def _cells(metric: Exported) -> tuple[str, ...]:
    own = [f"`{label}`" for label in metric.labels if label not in _SERVER]
    server = ["*server*"] if set(_SERVER) <= set(metric.labels) else []
    return f"`{metric.name}`", metric.type, ", ".join([*server, *own])


def _labels(registry: CollectorRegistry, family: Metric, name: str) -> tuple[str, ...]:
    collector: Any = registry._names_to_collectors.get(name)  # noqa: SLF001 - a family without series shows no label
    declared = getattr(collector, "_labelnames", None)
    if declared is not None:
        return tuple(declared)
    # Labels of the samples themselves: `le` and `quantile` belong to their values.
    labels = tuple(label for label in family.samples[0].labels if label not in {"le", "quantile"})
    # The page says it once for all of them.
    return tuple(label for label in labels if label != "backend") if family.name in ORIGINALS else labels


def _key_vault() -> BackendSettings:
    own = AzureKvSettings(name="keys", tenant_id="t")
    return BackendSettings(
        name="keys", kind="azure-kv", table="backends.keys", own=own, timeout=5.0, reconcile_period=5.0
    )


def _live() -> LiveValues:
    return LiveValues(
        ready=lambda: True,
        queue_depth=lambda: 0,
        oldest_wait=lambda: 0.0,
        overdue=lambda: 0.0,
        work_ages=list,
        definitions=lambda: 0,
        backends=lambda: {"default": BackendState(down=False, parts_down=0, ready=True)},
        log_lines_dropped=lambda: 0,
        events_dropped=lambda: 0,
        watch_silence=lambda: 0.0,
        read_by_name=lambda: 0,
        unwatched=lambda: 0,
        full_lists=lambda: {"start": 1},
    )
