"""The addresses of a vault and its Entra ID in each Azure cloud. Pure.

This module must not know how they are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from secrets_manager.settings import AzureCloud, AzureKvSettings


@dataclass(frozen=True, slots=True)
class Cloud:
    """The domain of the vaults of a cloud, and the host of its Entra ID."""

    vaults: str
    authority: str


# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers
# https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
CLOUDS: Mapping[AzureCloud, Cloud] = {
    "public": Cloud("vault.azure.net", "login.microsoftonline.com"),
    "usgov": Cloud("vault.usgovcloudapi.net", "login.microsoftonline.us"),
    "china": Cloud("vault.azure.cn", "login.chinacloudapi.cn"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVaultEndpoint:
    """The address of one vault.

    Attributes:
        name: the vault's name.
        url: its address, without a slash at the end.
        authority: host of its Entra ID, with a port if it is not 443.
        scope: the scope that a token for this vault needs.
        table: of the settings, for messages.

    """

    name: str
    url: str
    authority: str
    scope: str
    table: str


def endpoint_of(settings: AzureKvSettings) -> KeyVaultEndpoint:
    """The vault that the settings name; a full address wins over the name."""
    cloud = CLOUDS[settings.cloud]
    url = settings.url.rstrip("/") or f"https://{settings.name}.{settings.dns_suffix or cloud.vaults}"
    name, _, domain = urlsplit(url).netloc.partition(".")
    return KeyVaultEndpoint(
        name=settings.name or name,
        url=url,
        authority=settings.authority_host or _authority(domain) or cloud.authority,
        scope=f"https://{domain}/.default",
        table=settings.table,
    )


def _authority(domain: str) -> str:
    """The Entra ID of the cloud with this domain, or "" for an unknown domain."""
    return next((cloud.authority for cloud in CLOUDS.values() if cloud.vaults == domain), "")
