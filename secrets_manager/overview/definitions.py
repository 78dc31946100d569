"""The line of a definition, from its object and the marks on its Secret; pure.

What the daemon alone knows (when a path was read last, when it is due) is added by who knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import Json
from secrets_manager.domain.condition import Status
from secrets_manager.domain.definition import Definition, SecretSpec
from secrets_manager.domain.secret import LAST_UPDATE, LEGACY_LAST_UPDATE
from secrets_manager.domain.update_times import moment_of
from secrets_manager.overview.model import DefinitionLine, Readiness, SourceLine


def line_of_object(raw: Json, last_change: datetime | None = None) -> DefinitionLine:
    """The line of a SecretDefinition as the API server has it."""
    return line_of(manifests.definition(raw), manifests.status(raw), last_change)


def line_of(
    wanting: Definition, written: Status | None, last_change: datetime | None = None
) -> DefinitionLine:
    """The line of a definition whose status is ``written``, and whose Secret was last written then."""
    spec = wanting.spec if isinstance(wanting.spec, SecretSpec) else None
    condition = written.condition if written else None
    return DefinitionLine(
        namespace=wanting.ref.namespace,
        name=wanting.ref.name,
        secret=wanting.secret_name or "",
        ready=readiness_of(wanting, written),
        reason=condition.reason if condition else "",
        message=condition.message if condition else "",
        suspended=spec is not None and spec.suspended,
        sources=_sources(spec, written),
        since=rfc3339(condition.last_transition_time) if condition else None,
        last_change=last_change,
        refresh_period=spec.refresh_period if spec else None,
    )


def readiness_of(wanting: Definition, written: Status | None) -> Readiness:
    """What the status says, if it is about the definition as it is now."""
    if written is None or written.observed_generation != wanting.generation:
        return Readiness.UNKNOWN
    return Readiness.TRUE if written.condition.ready else Readiness.FALSE


def last_change_of(secret: Json) -> datetime | None:
    """When a Secret says that its data was last written; its metadata is enough."""
    metadata = secret.get("metadata")
    parts = metadata if isinstance(metadata, dict) else {}
    annotations, labels = parts.get("annotations"), parts.get("labels")
    return last_change_in(_texts(annotations), _texts(labels))


def last_change_in(annotations: Mapping[str, str], labels: Mapping[str, str]) -> datetime | None:
    """The same from its annotations and labels."""
    text = annotations.get(LAST_UPDATE) or labels.get(LEGACY_LAST_UPDATE) or ""
    try:
        return moment_of(text)
    except ValueError:
        # Whoever may edit the Secret can write anything there.
        return None


def rfc3339(text: str) -> datetime | None:
    """A time of the API server, in UTC; None for a text that is none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _sources(spec: SecretSpec | None, written: Status | None) -> tuple[SourceLine, ...]:
    """What the Secret was made of; before it was made, what the definition names."""
    if written is not None and written.sources:
        return tuple(
            SourceLine(backend=each.backend, path=each.path, version=each.version) for each in written.sources
        )
    named = spec.locations if spec else ()
    return tuple(SourceLine(backend=each.backend, path=each.path, version="") for each in named)


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(name): text for name, text in value.items() if isinstance(text, str)}
