"""From settings to a backend: the one table of what can be chosen.

Backends are imported when chosen, so a process pays for the one it uses. This module must not know how any
of them works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from secrets_manager.backends.azure_key_vault.telemetry import AzureTelemetry
from secrets_manager.backends.base import Backend
from secrets_manager.backends.vault.telemetry import VaultTelemetry
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import BackendName, Settings

# Beside the workers, the token job and the polls speak to the backend.
_CONNECTIONS_BESIDE_WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """Who is told by each backend."""

    vault: VaultTelemetry
    azure_kv: AzureTelemetry


_Builder = Callable[[Settings, Telemetry, Watchdog], Backend]


def build_backend(settings: Settings, *, telemetry: Telemetry, watchdog: Watchdog) -> Backend:
    """The backend that ``settings.backend`` names. Does no network I/O and does not log in.

    Raises ConfigError for settings that cannot work, and for TLS files that cannot be used.
    """
    return _BUILDERS[settings.backend](settings, telemetry, watchdog)


def _vault(settings: Settings, telemetry: Telemetry, watchdog: Watchdog) -> Backend:
    from secrets_manager.backends.vault.backend import VaultBackend  # noqa: PLC0415 - loaded when chosen

    return VaultBackend(
        settings.vault,
        timeout=settings.backend_timeout,
        poll_period=settings.controller.reconcile_period,
        connections=settings.controller.workers + _CONNECTIONS_BESIDE_WORKERS,
        telemetry=telemetry.vault,
        watchdog=watchdog,
    )


def _azure_key_vault(settings: Settings, telemetry: Telemetry, watchdog: Watchdog) -> Backend:
    from secrets_manager.backends.azure_key_vault.backend import (  # noqa: PLC0415 - loaded when chosen
        AzureKeyVaultBackend,
    )

    return AzureKeyVaultBackend(
        settings.azure_kv,
        timeout=settings.backend_timeout,
        connections=settings.controller.workers + _CONNECTIONS_BESIDE_WORKERS,
        telemetry=telemetry.azure_kv,
        watchdog=watchdog,
    )


_BUILDERS: Mapping[BackendName, _Builder] = {"vault": _vault, "azure-kv": _azure_key_vault}
