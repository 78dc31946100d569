"""An AzureKeyVaultBackend on the test double, and doubles of its surroundings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.backends.azure_key_vault.backend import AzureKeyVaultBackend
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import AzureKvSettings, ProxySettings
from tests.silent import SilentAzure
from tests.testbed.azure.cloud import CLIENT_ID, CLIENT_SECRET, TENANT, AzureDouble

SECRET = r"/secrets/[^?]+\?.*"
LIST = r"/secrets\?.*"
TOKEN = r"/.*/oauth2/v2\.0/token"
IMDS = r"/metadata/identity/.*"
PRINCIPAL: dict[str, Any] = {"tenant_id": TENANT, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


@dataclass
class RecordedTelemetry(SilentAzure):
    """Records every report."""

    calls: list[tuple[str, SecretsManagerError | None]] = field(default_factory=list)
    logins_failed: int = 0
    expiries: dict[str, float | None] = field(default_factory=dict)

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        assert backend == "azure-kv"
        self.calls.append((operation, error))

    def login_failed(self) -> None:
        self.logins_failed += 1

    def source_expiry(self, path: str, expires: float | None) -> None:
        self.expiries[path] = expires

    def count(self) -> Counter[str]:
        return Counter(operation for operation, _ in self.calls)


def settings_for(azure: AzureDouble, **settings: Any) -> AzureKvSettings:
    """Settings that lead to the double; by default its service principal with the client secret."""
    return AzureKvSettings(
        **{
            "name": azure.vault.name,
            "ca_cert": str(azure.ca_file),
            "proxy": ProxySettings(https=azure.proxy_url),
            **(settings or PRINCIPAL),
        }
    )


def backend_on(
    azure: AzureDouble,
    *,
    timeout: float = 5.0,
    told: RecordedTelemetry | None = None,
    clock: Callable[[], float] | None = None,
    now: Callable[[], float] | None = None,
    **settings: Any,
) -> AzureKeyVaultBackend:
    """A backend on the double; the rest is as in `settings_for`."""
    clocks: dict[str, Any] = {
        name: given for name, given in (("clock", clock), ("now", now)) if given is not None
    }
    return AzureKeyVaultBackend(
        settings_for(azure, **settings),
        timeout=timeout,
        connections=24,
        telemetry=told or RecordedTelemetry(),
        watchdog=Watchdog(),
        **clocks,
    )


def read(backend: AzureKeyVaultBackend, path: str, key: str = "", *, seconds: float = 5.0) -> str:
    """The text under `key` of `path`."""
    return backend.read(backend.locate(path), Terms.within(seconds)).pick(key)
