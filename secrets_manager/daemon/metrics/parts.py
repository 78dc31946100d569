"""Shared parts of the metrics: short constructors, buckets, and the original's words."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from secrets_manager.domain.errors import (
    ForbiddenByNetwork,
    KeyNotFound,
    PermissionDenied,
    SecretsManagerError,
    SourceDeleted,
    SourceDestroyed,
    SourceDisabled,
    SourceNotFound,
)
from secrets_manager.domain.wording import one_line

# In bytes of UTF-8; a longer one ends in "...", so long values with the same beginning share a series.
LONGEST_LABEL = 256

HELP = "As in controller-runtime."
LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def gauge(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Gauge:
    """A gauge of that name, help text and labels on the registry."""
    return Gauge(name, text, labels, registry=registry)


def counter(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Counter:
    """A counter of that name, help text and labels on the registry."""
    return Counter(name, text, labels, registry=registry)


def label_value(text: str) -> str:
    """A foreign text as the value of a label: printable, and cut where it would fill a scrape."""
    return one_line(text, LONGEST_LABEL)


def original_word(error: SecretsManagerError) -> str:
    """The value of the original's ``error`` label."""
    if isinstance(error, (SourceNotFound, SourceDeleted, SourceDestroyed, KeyNotFound)):
        return "BackendSecretNotFoundError"
    if isinstance(error, (PermissionDenied, SourceDisabled, ForbiddenByNetwork)):
        return "BackendSecretForbiddenError"
    return "UnknownError"
