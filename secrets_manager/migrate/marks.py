"""Labels and annotations of an object that its definition keeps. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from secrets_manager.domain.foreign_marks import is_copied
from secrets_manager.migrate.remarks import Remark, note

__all__ = ["kept", "newly_copied"]

# A record of what was applied, which would not be that of the definition.
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def kept(marks: Mapping[str, str], own: str) -> dict[str, str]:
    """All but those of the old operator, which begin with ``own``."""
    return {name: text for name, text in marks.items() if not name.startswith((own, _LAST_APPLIED))}


def newly_copied(marks: Mapping[str, str], wished: Collection[str]) -> tuple[Remark, ...]:
    """A note of those that the Secret gets from its definition and did not get before."""
    names = sorted(name for name, text in marks.items() if is_copied(name, text) and name not in wished)
    if not names:
        return ()
    says = f"has {', '.join(names)}, which the Secret gets too; the old operator copied none to it"
    return (note("metadata", says),)
