"""From settings to a backend."""

from __future__ import annotations

import subprocess
import sys

import pytest

from secrets_manager.backends.factory import BUILT_IN, build_backend, plugin_named
from secrets_manager.backends.plugin import CONTRACT, Provided
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import AzureKvSettings, Settings, VaultSettings
from tests.silent import SilentAzure, SilentVault


def provided(telemetry: SilentVault | SilentAzure) -> Provided:
    return Provided(
        timeout=5.0,
        poll_period=5.0,
        connections=24,
        telemetry=telemetry,
        metrics=telemetry,
        watchdog=Watchdog(),
    )


FOR_VAULT, FOR_AZURE = provided(SilentVault()), provided(SilentAzure())
AZURE = Settings(backend="azure-kv", azure_kv=AzureKvSettings(name="nowhere", managed_client_id="m"))


def test_vault_is_built_without_a_call() -> None:
    settings = Settings(vault=VaultSettings(url="http://nowhere.invalid", role_id="r", secret_id="s"))
    backend = build_backend(settings.backends[0], FOR_VAULT)

    assert (backend.name, backend.ready()) == ("vault", False)
    backend.close()


def test_azure_is_built_without_a_call() -> None:
    backend = build_backend(AZURE.backends[0], FOR_AZURE)

    assert (backend.name, backend.ready()) == ("azure-kv", False)
    backend.close()


@pytest.mark.parametrize(
    ("kind", "words"),
    [("azure-kv", "no managed identity"), ("nobodys", "no plug-in of that kind is installed")],
)
def test_azure_without_an_identity_and_a_kind_that_nobody_brings_are_refused(kind: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        build_backend(Settings(backend=kind).backends[0], FOR_AZURE if kind == "azure-kv" else FOR_VAULT)

    assert caught.value.exit_code == 1


def test_files_that_cannot_be_used_are_found_at_the_start() -> None:
    settings = Settings(vault=VaultSettings(ca_cert="/nowhere/ca.pem"))
    with pytest.raises(ConfigError, match=r"ca-cert: '/nowhere/ca\.pem' cannot be read"):
        build_backend(settings.backends[0], FOR_VAULT)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_the_plug_ins_of_this_package_are_made_for_the_contract_of_this_release(kind: str) -> None:
    plugin = plugin_named(kind)

    assert plugin is not None
    assert (plugin.kind, plugin.contract) == (kind, CONTRACT)


@pytest.mark.parametrize("settings", [Settings(), AZURE, Settings(backend="memory")], ids=lambda s: s.backend)
def test_a_backend_bears_the_name_of_its_kind(settings: Settings) -> None:
    backend = build_backend(settings.backends[0], FOR_VAULT if settings.backend == "vault" else FOR_AZURE)

    assert backend.name == settings.backend
    backend.close()


def test_the_libraries_of_a_backend_are_loaded_when_it_is_built() -> None:
    script = (
        "import sys, secrets_manager.backends.factory as factory, secrets_manager.daemon.metrics;"
        "[factory.plugin_named(kind) for kind in factory.BUILT_IN];"
        "sys.exit(bool({'hvac', 'azure', 'msal', 'cryptography'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
