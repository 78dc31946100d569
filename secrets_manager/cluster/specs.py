"""The spec of a SecretDefinition as the API server has it, to the wish that it is; pure.

An old CRD lets almost any spec through, so nothing is trusted, and a fault becomes an InvalidSpec that names
the field and the type found.
"""

from __future__ import annotations

import sys

from secrets_manager.cluster import spec_fields, spec_restart, spec_sources
from secrets_manager.cluster.base import Json
from secrets_manager.domain.definition import OPAQUE, SecretSpec
from secrets_manager.domain.errors import InvalidSpec
from secrets_manager.domain.lifecycle import (
    LONGEST_REFRESH,
    SHORTEST_REFRESH,
    OnDelete,
    OnShrink,
    OnSourceGone,
)
from secrets_manager.domain.value_checks import Check
from secrets_manager.domain.wished_marks import WishedMarks
from secrets_manager.settings.go_literals import NANOSECONDS, GoSyntaxError, parse_duration

_LONGEST_DURATION = 40


def secret_spec(raw: object) -> SecretSpec:
    """The wish in ``raw``; raises a DefinitionError that names the field."""
    spec = spec_fields.as_map(raw, "spec")
    # It holds for the definition even where this spec has a fault, so `manifests` reads it once more.
    spec_fields.word(spec, "onDelete", "spec", OnDelete, OnDelete.DELETE)
    sources = spec_sources.of(spec)
    return SecretSpec(
        secret_name=spec_fields.string(spec, "name", "spec"),
        secret_type=sys.intern(spec_fields.string(spec, "type", "spec", default="") or OPAQUE),
        keys=sources.keys,
        data_from=sources.data_from,
        inputs=sources.inputs,
        templates=spec_sources.templates(spec),
        checks=_checks(spec),
        suspended=spec_fields.flag(spec, "suspend", "spec"),
        refresh_period=_refresh_period(spec),
        on_source_gone=spec_fields.word(spec, "onSourceGone", "spec", OnSourceGone, OnSourceGone.KEEP),
        on_shrink=spec_fields.word(spec, "onShrink", "spec", OnShrink, OnShrink.WARN),
        restart=spec_restart.restart(spec),
        wished=_wished(spec),
    )


def _wished(spec: Json) -> WishedMarks:
    metadata, where = spec_fields.section(spec, "metadata", "spec"), "spec.metadata"
    return WishedMarks(
        labels=spec_fields.texts(metadata, "labels", where),
        annotations=spec_fields.texts(metadata, "annotations", where),
    )


def _refresh_period(spec: Json) -> float | None:
    text = spec_fields.optional_string(spec, "refreshPeriod", "spec")
    if text is None:
        return None
    try:
        # Reading takes the longer the longer a text is, far beyond any sense.
        seconds = parse_duration(text) / NANOSECONDS if len(text) <= _LONGEST_DURATION else 0.0
    except GoSyntaxError:
        seconds = 0.0
    if not SHORTEST_REFRESH <= seconds <= LONGEST_REFRESH:
        raise InvalidSpec(
            f"spec.refreshPeriod is {text[:_LONGEST_DURATION]!r}; it may be a duration from 1s to "
            "168h, such as 90s, 15m or 1h30m"
        )
    return seconds


def _checks(spec: Json) -> dict[str, Check]:
    checks = spec_fields.section(spec, "checks", "spec")
    return {sys.intern(str(key)): _check(word, str(key)) for key, word in checks.items()}


def _check(word: object, key: str) -> Check:
    where = spec_fields.place("spec.checks", key)
    text = spec_fields.as_string(word, where)
    try:
        return Check(text)
    except ValueError:
        raise InvalidSpec(f"{where} is {text[:40]!r}; it may be {', '.join(Check)}") from None
