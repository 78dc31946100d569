"""Kinds of the Vault Secrets Operator that nothing can be made of, and why, as data."""

from __future__ import annotations

from collections.abc import Callable

from secrets_manager.migrate.fields import Table, refused
from secrets_manager.migrate.originals import Original
from secrets_manager.migrate.remarks import Remark, refusal
from secrets_manager.migrate.surroundings import Surroundings
from secrets_manager.migrate.vault_secrets_operator.fields import OPERATOR

__all__ = ["REASONS", "part", "table"]

_HCP = "reads HCP Vault Secrets, which secrets-manager does not; it reads Vault, OpenBao and Azure Key Vault"
REASONS: dict[str, str] = {
    "VaultDynamicSecret": (
        "makes values that live for a while, such as users of a database; secrets-manager reads values that "
        "are kept, and makes none"
    ),
    "VaultPKISecret": "has certificates issued; secrets-manager issues none, so use cert-manager for them",
    "VaultAuthGlobal": (
        "is what several VaultAuth have in common; write its fields into each VaultAuth that refers to it"
    ),
    "CSISecrets": "gives values to pods through a driver for volumes; secrets-manager makes Secrets only",
    "HCPAuth": _HCP,
    "HCPVaultSecretsApp": _HCP,
}


def part(kind: str) -> Callable[[Original, Surroundings], tuple[Remark, ...]]:
    """What is said of each object of the kind."""
    why = refusal("kind", f"is {kind}, which {REASONS[kind]}")
    fields = table(kind)

    def remarks(original: Original, _surroundings: Surroundings) -> tuple[Remark, ...]:
        found = fields(original.version).remarks(original)
        if any(remark.refuses for remark in found):
            return found
        return (*found, why.at(original.line(("kind",))))

    return remarks


def table(kind: str) -> Callable[[str], Table]:
    """The table of a kind of which no field is looked at."""
    found = Table(OPERATOR, (refused("spec.**", REASONS[kind]),))
    return lambda _version: found
