"""Objects of other kinds than Secret that have placeholders: refused, each field with what to do. Pure."""

from __future__ import annotations

from secrets_manager.migrate.argocd_vault_plugin import placeholders
from secrets_manager.migrate.argocd_vault_plugin.fields import ADVICE
from secrets_manager.migrate.originals import Original
from secrets_manager.migrate.results import Converted
from secrets_manager.migrate.stores import Stores
from secrets_manager.migrate.telling import refused_at

__all__ = ["convert"]


def convert(original: Original, _stores: Stores) -> Converted:
    """Nothing, and what to do about each field with a placeholder."""
    says = f"has a placeholder; {ADVICE.get(original.key.kind, ADVICE[''])}"
    remarks = (refused_at(original, path, says).remark for path in placeholders.leaves_with(original.body))
    return Converted(original=original, remarks=tuple(remarks))
