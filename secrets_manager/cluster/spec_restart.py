"""``spec.restart`` as the API server has it, to the wish that it is; pure."""

from __future__ import annotations

import sys

from secrets_manager.cluster import spec_fields
from secrets_manager.cluster.base import Json
from secrets_manager.domain.restart_wish import RestartWish, WorkloadKind, WorkloadName

_WHERE = "spec.restart"


def restart(spec: Json) -> RestartWish | None:
    """The wish in ``spec``, None where there is none; raises InvalidSpec."""
    raw = spec_fields.section(spec, "restart", "spec")
    entries = enumerate(spec_fields.items(raw, "workloads", _WHERE))
    names = [_name(entry, f"{_WHERE}.workloads[{number}]") for number, entry in entries]
    wish = RestartWish(
        workloads=tuple(dict.fromkeys(names)), referencing=spec_fields.flag(raw, "referencing", _WHERE)
    )
    return wish if wish.workloads or wish.referencing else None


def _name(raw: object, where: str) -> WorkloadName:
    entry = spec_fields.as_map(raw, where)
    kind = spec_fields.word(entry, "kind", where, WorkloadKind)
    return WorkloadName(kind, sys.intern(spec_fields.string(entry, "name", where)))
