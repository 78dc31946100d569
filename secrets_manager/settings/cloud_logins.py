"""How to log in to Vault as an identity of a cloud; each group is a part of the settings of a Vault.

The names that a cloud sets in its pods are fall-backs, so every Vault can be logged in to with them. Keys
that a person puts in the environment override, and are removed from it at the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from secrets_manager.settings import checks
from secrets_manager.settings import login_checks as login
from secrets_manager.settings.option import option, own_table

_sent = partial(option, "", login.plain)
_path = partial(option, "", checks.plain)
_credential = partial(option, "", login.signing_credential, secret=True, exit_code=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsLogin:
    """The AWS auth method, type iam: how its STS is asked, and the credentials that sign the question."""

    table: str = own_table("vault")
    role: str = _sent(
        name="aws-role", help="Role of the AWS auth method; empty for the one named as the IAM principal."
    )
    path: str = option("aws", login.mount, name="aws-path", help="Mount of the AWS auth method.")
    region: str = option(
        "us-east-1",
        login.region,
        name="aws-region",
        help="Region whose STS checks the login: that of sts_endpoint, if the auth method has one.",
    )
    header_value: str = option(
        "",
        login.word,
        name="aws-header-value",
        help="Value of X-Vault-AWS-IAM-Server-ID: iam_server_id_header_value of the auth method.",
    )
    role_arn: str = _sent(
        name="aws-role-arn",
        fallbacks=("AWS_ROLE_ARN",),
        help="ARN of the IAM role of the service account (IRSA).",
    )
    web_identity_token_file: str = _path(
        name="aws-web-identity-token-file",
        fallbacks=("AWS_WEB_IDENTITY_TOKEN_FILE",),
        help="File with the service account's token for {table}.aws-role-arn, read at each login.",
    )
    sts_region: str = option(
        "",
        login.optional_region,
        name="aws-sts-region",
        fallbacks=("AWS_REGION", "AWS_DEFAULT_REGION"),
        help="Region whose STS gives the credentials of {table}.aws-role-arn; empty for {table}.aws-region.",
    )
    sts_url: str = option(
        "",
        login.sts_address,
        name="aws-sts-url",
        fallbacks=("AWS_ENDPOINT_URL_STS",),
        help="Address of that STS, such as a private endpoint; wins over {table}.aws-sts-region.",
    )
    container_url: str = option(
        "",
        login.container_address,
        name="aws-container-url",
        fallbacks=("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
        help="Address where the agent of EKS pod identity gives credentials.",
    )
    container_token_file: str = _path(
        name="aws-container-token-file",
        fallbacks=("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",),
        help="File with the token for {table}.aws-container-url, read at each login.",
    )
    access_key_id: str = option(
        "",
        login.word,
        name="aws-access-key-id",
        overriding="AWS_ACCESS_KEY_ID",
        help="Access key to log in with; wins over the other credentials.",
    )
    secret_access_key: str = _credential(
        name="aws-secret-access-key",
        overriding="AWS_SECRET_ACCESS_KEY",
        help="Secret of {table}.aws-access-key-id; better given in the environment, or both in a file.",
    )
    session_token: str = _credential(
        name="aws-session-token",
        overriding="AWS_SESSION_TOKEN",
        help="Session token of a temporary {table}.aws-access-key-id.",
    )
    credentials_file: str = _path(
        name="aws-credentials-file",
        fallbacks=("AWS_SHARED_CREDENTIALS_FILE",),
        help="File with access keys by profile, as AWS's tools share it, read at each login.",
    )
    profile: str = _sent(
        name="aws-profile",
        fallbacks=("AWS_PROFILE",),
        help="Profile in {table}.aws-credentials-file; empty for default.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureLogin:
    """The Azure auth method: the role, the identity, and the machine if the role is bound to one."""

    table: str = own_table("vault")
    role: str = _sent(name="azure-role", help="Role of the Azure auth method.")
    path: str = option("azure", login.mount, name="azure-path", help="Mount of the Azure auth method.")
    resource: str = option(
        "https://management.azure.com/",
        login.not_empty,
        name="azure-resource",
        help="Resource that the token is for: that of the auth method.",
    )
    tenant_id: str = _sent(
        name="azure-tenant-id", fallbacks=("AZURE_TENANT_ID",), help="Tenant id of the workload identity."
    )
    client_id: str = _sent(
        name="azure-client-id", fallbacks=("AZURE_CLIENT_ID",), help="Client id of the workload identity."
    )
    federated_token_file: str = _path(
        name="azure-federated-token-file",
        fallbacks=("AZURE_FEDERATED_TOKEN_FILE",),
        help="File with the service account's token for workload identity, read at each login.",
    )
    authority_host: str = option(
        "",
        checks.authority_host,
        name="azure-authority-host",
        fallbacks=("AZURE_AUTHORITY_HOST",),
        help="Host of Entra ID, if not that of the public cloud.",
    )
    managed_client_id: str = _sent(
        name="azure-managed-client-id",
        fallbacks=("AZURE_MANAGED_CLIENT_ID",),
        help="Client id of a managed identity of the machine; wins over workload identity.",
    )
    subscription_id: str = _sent(
        name="azure-subscription-id", help="Subscription of the machine, for a role that is bound to it."
    )
    resource_group: str = _sent(
        name="azure-resource-group", help="Resource group of the machine, for such a role."
    )
    vm_name: str = _sent(name="azure-vm-name", help="Name of the virtual machine, for such a role.")
    vmss_name: str = _sent(name="azure-vmss-name", help="Name of the scale set, for such a role.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GcpLogin:
    """The Google Cloud auth method: the role, and whose token or signature is shown."""

    table: str = own_table("vault")
    role: str = _sent(name="gcp-role", help="Role of the Google Cloud auth method.")
    path: str = option("gcp", login.mount, name="gcp-path", help="Mount of the Google Cloud auth method.")
    service_account: str = option(
        "",
        login.word,
        name="gcp-service-account",
        help="E-mail of the service account that logs in; empty for that of the file or the machine.",
    )
    credentials_file: str = _path(
        name="gcp-credentials-file",
        fallbacks=("GOOGLE_APPLICATION_CREDENTIALS",),
        help="File with a service account's key or a federation of identities, read at each login.",
    )
