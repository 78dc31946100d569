"""What becomes of each field of VaultSecret, as data."""

from __future__ import annotations

from secrets_manager.migrate.fields import Table, converted, idle, one_of, refused

__all__ = ["OPERATOR", "OWN_MARKS", "vault_secret"]

OPERATOR = "the operator of VaultSecret"
OWN_MARKS = "vaultsecrets.ricoberger.de/"

_FOR_PKI = "is about certificates, which spec.secretEngine asks for"
_TABLE = Table(
    OPERATOR,
    (
        converted("spec.vaultRole"),
        converted("spec.vaultNamespace"),
        one_of("spec.reconcileStrategy", "Replace", "Merge"),
        converted("spec.keys[]"),
        converted("spec.templates.*"),
        converted("spec.path"),
        converted("spec.paths[]"),
        converted("spec.secretEngine"),
        idle("spec.role", _FOR_PKI),
        idle("spec.engineOptions.*", _FOR_PKI),
        converted("spec.type"),
        converted("spec.version", int),
        converted("spec.isBinary", bool),
        refused(
            "spec.jks.**", "makes a key store of Java; store it in Vault as base64, and read it as a key"
        ),
        converted("spec.restartOnChange.kind"),
        converted("spec.restartOnChange.name"),
    ),
)


def vault_secret(_version: str) -> Table:
    """The table of VaultSecret."""
    return _TABLE
