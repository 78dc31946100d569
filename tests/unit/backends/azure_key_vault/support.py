"""An AzureKeyVaultBackend on the double, and doubles of what surrounds it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.backends.azure_key_vault.backend import AzureKeyVaultBackend
from secrets_manager.backends.azure_key_vault.telemetry import SilentAzureTelemetry
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import AzureKvSettings, ProxySettings
from tests.testbed.azure.cloud import CLIENT_ID, CLIENT_SECRET, TENANT, AzureDouble

SECRET = r"/secrets/[^?]+\?.*"
LIST = r"/secrets\?.*"
TOKEN = r"/.*/oauth2/v2\.0/token"
IMDS = r"/metadata/identity/.*"
PRINCIPAL: dict[str, Any] = {"tenant_id": TENANT, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


class Hand:
    """A clock that the test sets."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Told(SilentAzureTelemetry):
    """Remembers what was told."""

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
    told: Told | None = None,
    clock: Callable[[], float] | None = None,
    now: Callable[[], float] | None = None,
    **settings: Any,
) -> AzureKeyVaultBackend:
    """A backend on the double; the rest is as in `settings_for`."""
    clocks = {name: given for name, given in (("clock", clock), ("now", now)) if given is not None}
    return AzureKeyVaultBackend(
        settings_for(azure, **settings),
        timeout=timeout,
        connections=24,
        telemetry=told or Told(),
        watchdog=Watchdog(),
        **clocks,
    )


def read(backend: AzureKeyVaultBackend, path: str, key: str = "") -> str:
    """The text under `key` of `path`."""
    return backend.read(backend.locate(path)).pick(key)


def attempt(work: Callable[[], object]) -> SecretsManagerError | None:
    """The error of `work`, or None when it worked."""
    try:
        work()
    except SecretsManagerError as error:
        return error
    return None


def together(count: int, work: Callable[[], object]) -> list[object]:
    """What `work` gave in each of so many threads that start at once; an error of ours is a result."""
    results: list[object] = []
    start = threading.Barrier(count)

    def run() -> None:
        start.wait(10)
        try:
            results.append(work())
        except SecretsManagerError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
