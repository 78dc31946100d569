"""From settings to a backend."""

from __future__ import annotations

import subprocess
import sys

import pytest

from secrets_manager.backends.azure_key_vault.telemetry import SilentAzureTelemetry
from secrets_manager.backends.factory import Telemetry, build_backend
from secrets_manager.backends.vault.telemetry import SilentVaultTelemetry
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import AzureKvSettings, Settings, VaultSettings

SILENT = Telemetry(vault=SilentVaultTelemetry(), azure_kv=SilentAzureTelemetry())


def test_vault_is_built_without_a_call() -> None:
    settings = Settings(vault=VaultSettings(url="http://nowhere.invalid", role_id="r", secret_id="s"))
    backend = build_backend(settings, telemetry=SILENT, watchdog=Watchdog())

    assert (backend.name, backend.ready()) == ("vault", False)
    backend.close()


def test_azure_is_built_without_a_call() -> None:
    azure = AzureKvSettings(name="nowhere", managed_client_id="m")
    backend = build_backend(
        Settings(backend="azure-kv", azure_kv=azure), telemetry=SILENT, watchdog=Watchdog()
    )

    assert (backend.name, backend.ready()) == ("azure-kv", False)
    backend.close()


def test_azure_without_an_identity_is_refused() -> None:
    with pytest.raises(ConfigError, match="no managed identity") as caught:
        build_backend(Settings(backend="azure-kv"), telemetry=SILENT, watchdog=Watchdog())

    assert caught.value.exit_code == 1


def test_files_that_cannot_be_used_are_found_at_the_start() -> None:
    settings = Settings(vault=VaultSettings(ca_cert="/nowhere/ca.pem"))
    with pytest.raises(ConfigError, match=r"ca-cert: '/nowhere/ca\.pem' cannot be read"):
        build_backend(settings, telemetry=SILENT, watchdog=Watchdog())


def test_the_libraries_of_a_backend_are_loaded_when_it_is_chosen() -> None:
    script = (
        "import sys, secrets_manager.backends.factory, secrets_manager.daemon.metrics;"
        "sys.exit(bool({'hvac', 'azure', 'msal', 'cryptography'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
