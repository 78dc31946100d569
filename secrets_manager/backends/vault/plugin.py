"""Vault and OpenBao as a plug-in: what must hold between the settings, and how the backend is built.

The modules of the backend itself are loaded when it is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from secrets_manager.backends.base import Backend
from secrets_manager.backends.kit.file_checks import certificates_fault, file_fault, folder_fault
from secrets_manager.backends.plugin import Plugin, Provided
from secrets_manager.backends.vault.logins import METHODS
from secrets_manager.runtime.http.proxies import is_loopback
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.option import Contradiction


def contradictions(vault: VaultSettings) -> Iterator[Contradiction]:
    """The settings that the login and TLS still need."""
    yield from METHODS[vault.auth_method].missing(vault)
    yield from tls(vault)


def tls(vault: VaultSettings) -> Iterator[Contradiction]:
    """The files for TLS exist and have the right content."""
    if vault.ca_cert and (text := certificates_fault(Path(vault.ca_cert))):
        yield Contradiction(names=("ca-cert",), text=text)
    if vault.ca_path and not vault.ca_cert and (text := folder_fault(Path(vault.ca_path))):
        yield Contradiction(names=("ca-path",), text=text)
    yield from client_certificate(vault)


def client_certificate(vault: VaultSettings) -> Iterator[Contradiction]:
    """A client certificate needs its key, and both must be readable."""
    files = {"client-cert": vault.client_cert, "client-key": vault.client_key}
    for name, path in files.items():
        other = next(key for key in files if key != name)
        if not path and files[other]:
            text = f"missing: {{table}}.{other} is set, and one needs the other"
            yield Contradiction(names=(name, other), text=text)
        elif path and (text := file_fault(Path(path))):
            yield Contradiction(names=(name,), text=text)


def notices(vault: VaultSettings) -> Iterator[str]:
    """Warnings about the connection to Vault."""
    address = urlsplit(vault.url)
    if address.scheme == "http" and not is_loopback(address.hostname or ""):
        yield (
            "the connection to Vault has no TLS: anyone on the way can read the login and every secret, "
            f"and replace them; set {vault.table}.url to https"
        )


def build(vault: VaultSettings, provided: Provided) -> Backend:
    """The backend; raises ConfigError for TLS files that cannot be used."""
    from secrets_manager.backends.vault.backend import VaultBackend  # noqa: PLC0415 - loaded when built

    return VaultBackend(
        vault,
        timeout=provided.timeout,
        poll_period=provided.poll_period,
        connections=provided.connections,
        telemetry=provided.metrics,
        watchdog=provided.watchdog,
        name=provided.name,
    )


PLUGIN = Plugin(
    kind="vault",
    contract=1,
    settings=VaultSettings,
    build=build,
    contradictions=contradictions,
    notices=notices,
    maintain_every=lambda vault: vault.token_polling_period,
    calls_per_second=lambda vault: vault.max_requests_per_second,
    foreign_credentials=("VAULT_TOKEN",),
)
