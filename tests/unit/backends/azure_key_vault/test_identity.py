"""The identity that the settings choose_login, and the address of its cloud."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.backends.azure_key_vault.clouds import endpoint_of
from secrets_manager.backends.azure_key_vault.identity import Choice, LoginMethod, choose_login
from secrets_manager.settings import AzureKvSettings
from tests.unit.backends.tables import rows

PRINCIPAL = {"tenant_id": "t", "client_id": "c"}
EVERYTHING = {
    **PRINCIPAL,
    "managed_client_id": "m",
    "managed_resource_id": "r",
    "system_assigned_identity": True,
    "client_secret": "s",
    "client_certificate_file": "/c",
    "federated_token_file": "/f",
}


@pytest.mark.parametrize(
    ("settings", "method", "why"),
    rows(
        {
            "client id": (
                {"managed_client_id": "m"},
                LoginMethod.MANAGED_CLIENT_ID,
                "azure-kv.managed-client-id",
            ),
            "resource id": (
                {"managed_resource_id": "r"},
                LoginMethod.MANAGED_RESOURCE_ID,
                "azure-kv.managed-resource-id",
            ),
            "the machine's": (
                {"system_assigned_identity": True},
                LoginMethod.SYSTEM_ASSIGNED,
                "azure-kv.system-assigned-identity",
            ),
            "secret": (
                {**PRINCIPAL, "client_secret": "s"},
                LoginMethod.CLIENT_SECRET,
                "azure-kv.client-secret",
            ),
            "its file": (
                {**PRINCIPAL, "client_secret_file": "/s"},
                LoginMethod.CLIENT_SECRET,
                "azure-kv.client-secret",
            ),
            "certificate": (
                {**PRINCIPAL, "client_certificate_file": "/c"},
                LoginMethod.CERTIFICATE,
                "azure-kv.client-certificate-file",
            ),
            "workload": (
                {**PRINCIPAL, "federated_token_file": "/f"},
                LoginMethod.WORKLOAD,
                "azure-kv.federated-token-file",
            ),
        }
    ),
)
def test_the_only_configured_login_method_is_chosen(
    settings: dict[str, Any], method: LoginMethod, why: str
) -> None:
    assert choose_login(AzureKvSettings(**settings)) == Choice(method, why)


def test_the_order_is_managed_first_and_the_rest_is_named() -> None:
    settings, order = dict(EVERYTHING), list(LoginMethod)
    for method, name in zip(
        order,
        (
            "managed_client_id",
            "managed_resource_id",
            "system_assigned_identity",
            "client_secret",
            "client_certificate_file",
            "federated_token_file",
        ),
        strict=True,
    ):
        chosen = choose_login(AzureKvSettings(**settings))  # type: ignore[arg-type]
        assert chosen is not None
        assert (chosen.method, chosen.ignored) == (method, tuple(order[order.index(method) + 1 :]))
        del settings[name]


@pytest.mark.parametrize("missing", ["tenant_id", "client_id", "client_secret"])
def test_half_a_service_principal_is_none(missing: str) -> None:
    settings = {**PRINCIPAL, "client_secret": "s"}
    del settings[missing]

    assert choose_login(AzureKvSettings(**settings)) is None  # type: ignore[arg-type]


# ── clouds ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "url", "authority", "scope"),
    rows(
        {
            "public": (
                {"name": "v"},
                "https://v.vault.azure.net",
                "login.microsoftonline.com",
                "https://vault.azure.net/.default",
            ),
            "US government": (
                {"name": "v", "cloud": "usgov"},
                "https://v.vault.usgovcloudapi.net",
                "login.microsoftonline.us",
                "https://vault.usgovcloudapi.net/.default",
            ),
            "China": (
                {"name": "v", "cloud": "china"},
                "https://v.vault.azure.cn",
                "login.chinacloudapi.cn",
                "https://vault.azure.cn/.default",
            ),
            "another one": (
                {"name": "v", "dns_suffix": "vault.example.test", "authority_host": "login.example.test"},
                "https://v.vault.example.test",
                "login.example.test",
                "https://vault.example.test/.default",
            ),
            "an address in a known cloud brings its Entra ID": (
                {"url": "https://v.vault.usgovcloudapi.net"},
                "https://v.vault.usgovcloudapi.net",
                "login.microsoftonline.us",
                "https://vault.usgovcloudapi.net/.default",
            ),
            "an address wins over everything": (
                {"url": "https://v.vault.example.test:8443/", "name": "w", "cloud": "china"},
                "https://v.vault.example.test:8443",
                "login.chinacloudapi.cn",
                "https://vault.example.test:8443/.default",
            ),
            "an authority that was given wins": (
                {"name": "v", "authority_host": "login.example.test:8443"},
                "https://v.vault.azure.net",
                "login.example.test:8443",
                "https://vault.azure.net/.default",
            ),
        }
    ),
)
def test_a_vault_is_found_in_its_cloud(
    settings: dict[str, Any], url: str, authority: str, scope: str
) -> None:
    place = endpoint_of(AzureKvSettings(**settings))

    assert (place.url, place.authority, place.scope) == (url, authority, scope)


def test_an_address_names_the_vault() -> None:
    assert endpoint_of(AzureKvSettings(url="https://v.vault.azure.net")).name == "v"
