"""Azure Key Vault as a plug-in: what must hold between the settings, and how the backend is built.

The modules of the backend itself are loaded when it is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from secrets_manager.backends.azure_key_vault.identity import choose_login
from secrets_manager.backends.base import Backend
from secrets_manager.backends.kit.file_checks import certificates_fault
from secrets_manager.backends.plugin import Plugin, Provided
from secrets_manager.settings import AzureKvSettings
from secrets_manager.settings.option import Contradiction

# The settings of the identity; an invalid one is reported itself, and not as missing.
IDENTITY = ("client-id", "tenant-id", "client-secret", "managed-client-id", "managed-resource-id")


def contradictions(azure: AzureKvSettings) -> Iterator[Contradiction]:
    """Azure Key Vault needs the name of a vault and a complete identity."""
    if not (azure.name or azure.url):
        text = "missing: backend azure-kv needs the vault's name, or {table}.url"
        yield Contradiction(names=("name",), text=text, exit_code=1)
    if choose_login(azure) is None:
        text = (
            "missing: backend azure-kv needs {table}.managed-client-id, {table}.managed-resource-id or "
            "{table}.system-assigned-identity; or all of {table}.tenant-id, {table}.client-id and one of "
            "{table}.client-secret (or its -file), {table}.client-certificate-file and "
            "{table}.federated-token-file"
        )
        # The original checks the Azure credentials before its own settings.
        yield Contradiction(names=IDENTITY, text=text, exit_code=1, decides=True)
    if azure.ca_cert and (text := certificates_fault(Path(azure.ca_cert))):
        yield Contradiction(names=("ca-cert",), text=text)


def build(azure: AzureKvSettings, provided: Provided) -> Backend:
    """The backend; raises ConfigError for TLS files that cannot be used, and without an identity."""
    from secrets_manager.backends.azure_key_vault.backend import (  # noqa: PLC0415 - loaded when built
        AzureKeyVaultBackend,
    )

    return AzureKeyVaultBackend(
        azure,
        timeout=provided.timeout,
        connections=provided.connections,
        telemetry=provided.metrics,
        watchdog=provided.watchdog,
        name=provided.name,
    )


PLUGIN = Plugin(
    kind="azure-kv",
    contract=1,
    settings=AzureKvSettings,
    build=build,
    contradictions=contradictions,
    calls_per_second=lambda azure: azure.max_requests_per_second,
    ignores_case=True,
    foreign_credentials=("AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD"),
)
