"""The Azure Key Vault backend on the bench: the double behind its fault proxies, through the real SDK.

A vault keeps one text for a name, so a map is stored as JSON and a key is asked for by a JSON pointer; and
names have few letters to choose from, so those of the suite are spelled out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from secrets_manager.backends.azure_key_vault.backend import AzureKeyVaultBackend
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import AzureKvSettings, ProxySettings
from secrets_manager.testing import READ_SECONDS
from tests.silent import SilentAzure
from tests.testbed.azure.cloud import CLIENT_ID, CLIENT_SECRET, TENANT, AzureDouble


class AzureBench:
    """One vault of its own."""

    def __init__(self, azure: AzureDouble) -> None:
        self._azure = azure
        self.backend = AzureKeyVaultBackend(
            AzureKvSettings(
                name=azure.vault.name,
                tenant_id=TENANT,
                client_id=CLIENT_ID,
                client_secret=CLIENT_SECRET,
                ca_cert=str(azure.ca_file),
                proxy=ProxySettings(https=azure.proxy_url),
            ),
            timeout=READ_SECONDS,
            connections=8,
            telemetry=SilentAzure(),
            watchdog=Watchdog(),
        )

    def path(self, name: str) -> str:
        return "".join(
            letter if letter.isascii() and letter.isalnum() else f"-{ord(letter):x}-" for letter in name
        )

    def key(self, name: str) -> str:
        return "#/" + quote(name.replace("~", "~0").replace("/", "~1"), safe="~")

    def put(self, name: str, values: Mapping[str, Any]) -> str:
        return self._azure.store.put(self.path(name), json.dumps(values))

    def delete(self, name: str) -> None:
        self._azure.store.purge(self.path(name))

    def soft_delete(self, name: str) -> None:
        self._azure.store.delete(self.path(name))

    def destroy(self, name: str) -> None:
        raise NotImplementedError("a vault destroys no single version")

    def hang(self) -> None:
        self._azure.vault_proxy.on("GET", r"/secrets/.*").hang()

    def break_down(self) -> None:
        self._azure.vault_proxy.refuse()
        self._azure.entra_proxy.refuse()

    def recover(self) -> None:
        for proxy in (self._azure.vault_proxy, self._azure.entra_proxy):
            proxy.clear()
            proxy.accept()
