"""The settings of an Azure Key Vault: of the table `[azure-kv]`, and of each with a name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from secrets_manager.settings import checks
from secrets_manager.settings import login_checks as login
from secrets_manager.settings.option import group, option, own_table
from secrets_manager.settings.proxies import AzureProxySettings, ProxySettings

AzureCloud = Literal["public", "usgov", "china"]

_path = partial(option, "", check=checks.plain)
_sent = partial(option, "", check=login.plain)
_credential = partial(option, "", check=login.credential, secret=True, exit_code=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureKvSettings:
    """Which Azure Key Vault to read, and how to log in."""

    name: str = option("", checks.key_vault_name, overriding="AZURE_KV_NAME", help="Name of the key vault.")
    url: str = option(
        "",
        checks.key_vault_url,
        help="Address of the key vault; wins over {table}.name, {table}.cloud and {table}.dns-suffix.",
    )
    cloud: AzureCloud = option(
        "public",
        checks.one_of("public", "usgov", "china"),
        help="Cloud of the key vault: public, usgov or china.",
    )
    dns_suffix: str = option(
        "",
        checks.domain,
        help="Domain of the key vaults of another cloud, such as vault.azure.net; wins over {table}.cloud.",
    )
    authority_host: str = option(
        "",
        checks.authority_host,
        overriding="AZURE_AUTHORITY_HOST",
        help="Host of Entra ID, if not that of {table}.cloud.",
    )
    tenant_id: str = _sent(
        overriding="AZURE_TENANT_ID", help="Tenant id of the service principal or workload identity."
    )
    client_id: str = _sent(
        overriding="AZURE_CLIENT_ID", help="Client id of the service principal or workload identity."
    )
    client_secret: str = _credential(
        overriding="AZURE_CLIENT_SECRET",
        help="Secret of the service principal; better given as a file or in the environment.",
    )
    client_secret_file: str = _path(
        help="File with the client secret, read at each login; wins over {table}.client-secret."
    )
    client_certificate_file: str = _path(
        overriding="AZURE_CLIENT_CERTIFICATE_PATH",
        help="File with the service principal's certificate and key in PEM or PFX, read at each login.",
    )
    client_certificate_password_file: str = _path(
        help="File with the password of {table}.client-certificate-file."
    )
    federated_token_file: str = _path(
        overriding="AZURE_FEDERATED_TOKEN_FILE",
        help="File with the service account's token for workload identity.",
    )
    managed_client_id: str = _sent(
        overriding="AZURE_MANAGED_CLIENT_ID",
        help="Client id of a managed identity; wins over the service principal.",
    )
    managed_resource_id: str = _sent(
        overriding="AZURE_MANAGED_RESOURCE_ID",
        help="Resource id of a managed identity; wins over the service principal.",
    )
    system_assigned_identity: bool = option(
        False, help="Use the machine's own managed identity; wins over the service principal."
    )
    strict_expiry: bool = option(
        False, help="Refuse values that are expired or not yet valid, instead of only reporting them."
    )
    max_requests_per_second: int = option(
        200, checks.request_rate, help="Limit of calls to Azure per second, logins included; polls come last."
    )
    ca_cert: str = _path(help="File of the certificates to trust for the key vault and Entra ID, in PEM.")
    proxy: ProxySettings = group(AzureProxySettings)
    table: str = own_table("azure-kv")
