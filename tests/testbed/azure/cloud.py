"""One Azure cloud for a test: a vault, its Entra ID and a machine's IMDS, behind TLS and fault proxies."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from tests.testbed.azure.entra import Entra, Principal
from tests.testbed.azure.gateway import Gateway
from tests.testbed.azure.imds import Imds
from tests.testbed.azure.key_vault import KeyVault
from tests.testbed.azure.store import Store
from tests.testbed.azure.wire import Server
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.pki import Authority

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "PUBLIC", "TENANT", "AzureDouble", "Hosts"]

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT_ID = "66666666-7777-8888-9999-000000000000"
CLIENT_SECRET = "canary~client~secret"


@dataclass(frozen=True, slots=True)
class Hosts:
    """The domain of a cloud's vaults, and the host of its Entra ID."""

    vaults: str
    entra: str


PUBLIC = Hosts("vault.azure.net", "login.microsoftonline.com")


class AzureDouble:
    """Everything running; `vault_proxy`, `entra_proxy` and `imds_proxy` record and break calls.

    Clients reach it through `proxy_url` by the real host names, trust `ca_file`, and find the IMDS at
    `imds_url`. One service principal is registered: TENANT, CLIENT_ID, CLIENT_SECRET.
    """

    def __init__(
        self,
        authority: Authority,
        *,
        name: str = "",
        hosts: Hosts = PUBLIC,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.ca_file = authority.ca_file
        self.entra = Entra(hosts.entra, TENANT, now)
        self.entra.register(Principal(client_id=CLIENT_ID, secrets=[CLIENT_SECRET]))
        # The SDK remembers each vault's challenge as long as the process lives: a name of its own each time.
        self.vault = KeyVault(name or f"vault-{secrets.token_hex(4)}", hosts.vaults, self.entra, now)
        self.imds = Imds(self.entra)
        self._servers = [Server(one.answer, now) for one in (self.vault, self.entra, self.imds)]
        tls = authority.issue(self.vault.host, hosts.entra)
        vault, entra, imds = self._servers
        self.vault_server = vault
        self.vault_proxy = FaultProxy(vault.url, tls=tls)
        self.entra_proxy = FaultProxy(entra.url, tls=tls)
        self.imds_proxy = FaultProxy(imds.url)
        self._gateway = Gateway(
            {self.vault.host: _port(self.vault_proxy), hosts.entra: _port(self.entra_proxy)}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def store(self) -> Store:
        """The secrets of the vault."""
        return self.vault.store

    @property
    def proxy_url(self) -> str:
        """The proxy that leads to the cloud."""
        return self._gateway.url

    @property
    def imds_url(self) -> str:
        """Where the machine's metadata is, for AZURE_POD_IDENTITY_AUTHORITY_HOST."""
        return self.imds_proxy.url

    def hosts_asked(self) -> list[str]:
        """The host names that clients asked for, in order."""
        return list(self._gateway.asked)

    def stop(self) -> None:
        """Serve no more."""
        self._gateway.stop()
        for proxy in (self.vault_proxy, self.entra_proxy, self.imds_proxy):
            proxy.stop()
        for server in self._servers:
            server.stop()


def _port(proxy: FaultProxy) -> int:
    return int(proxy.url.rpartition(":")[2])
