"""What becomes of each field of AzureKeyVaultSecret, as data."""

from __future__ import annotations

from secrets_manager.migrate.fields import Field, Table, converted, idle, noted, refused

__all__ = ["OPERATOR", "azure_key_vault_secret"]

OPERATOR = "akv2k8s"
_VAULT = "spec.vault"
_OUTPUT = "spec.output"
_IDENTITY = (
    "names who logs in for this object; the backend of a key vault has one login, so give that its rights"
)
_CONFIG_MAP = "makes a ConfigMap, and secrets-manager makes Secrets only; read a Secret instead"

_COMMON: tuple[Field, ...] = (
    converted(f"{_VAULT}.name"),
    *(converted(f"{_VAULT}.object.{name}") for name in ("name", "type", "version", "contentType")),
    *(converted(f"{_OUTPUT}.secret.{name}") for name in ("name", "type", "dataKey", "chainOrder")),
    converted(f"{_OUTPUT}.transform[]"),
)
# The field of the Go type is called Poll, and its name in JSON is `bool`; no code reads it.
_POLL = idle(f"{_VAULT}.object.bool", "is read by nothing")
_CONFIG_MAPS = refused(f"{_OUTPUT}.configMap.**", _CONFIG_MAP, "")

_TABLES = {
    "v1": Table(OPERATOR, (*_COMMON, _POLL)),
    "v2alpha1": Table(
        OPERATOR, (*_COMMON, _CONFIG_MAPS, noted(f"{_VAULT}.azureIdentity.name", _IDENTITY, ""))
    ),
    "v2beta1": Table(
        OPERATOR, (*_COMMON, _POLL, _CONFIG_MAPS, noted(f"{_VAULT}.azureIdentity", _IDENTITY, ""))
    ),
}


def azure_key_vault_secret(version: str) -> Table:
    """The table of AzureKeyVaultSecret in a version."""
    return _TABLES[version]
