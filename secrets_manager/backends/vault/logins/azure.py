"""Azure: a token of Entra ID for a resource, which Vault checks; it may also check which machine asks.

https://developer.hashicorp.com/vault/docs/auth/azure
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from secrets_manager.backends.kit.credential_files import read_credential
from secrets_manager.backends.vault.logins.errand import Errand
from secrets_manager.backends.vault.logins.method import LoginMethod, LoginRequest
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.cloud_logins import AzureLogin
from secrets_manager.settings.option import Contradiction


class Identity(Enum):
    """Whose token it is; the value is for people."""

    WORKLOAD = "workload identity"
    MANAGED = "managed identity"


def identity_of(azure: AzureLogin) -> Identity:
    """A managed identity that is named; then workload identity, if complete; then the machine's own."""
    federated = azure.tenant_id and azure.client_id and azure.federated_token_file
    return Identity.WORKLOAD if federated and not azure.managed_client_id else Identity.MANAGED


def _missing(vault: VaultSettings) -> Iterator[Contradiction]:
    if not vault.azure.role:
        text = "missing: {table}.auth-method azure needs a role"
        yield Contradiction(names=("azure-role", "auth-method"), text=text, exit_code=1)


def _files(vault: VaultSettings) -> tuple[str, ...]:
    return (vault.azure.federated_token_file,) if identity_of(vault.azure) is Identity.WORKLOAD else ()


def _login(vault: VaultSettings, errand: Errand) -> LoginRequest:
    from secrets_manager.backends.vault.logins import azure_token  # noqa: PLC0415 - loads the SDK

    azure, identity = vault.azure, identity_of(vault.azure)
    if identity is Identity.WORKLOAD:
        federated = read_credential(azure.federated_token_file, f"{vault.table}.azure-federated-token-file")
        jwt = azure_token.by_workload(azure, federated, errand)
    else:
        jwt = azure_token.by_machine(azure, errand)
    return LoginRequest(
        mount=azure.path,
        body={
            "role": azure.role,
            "jwt": jwt,
            "subscription_id": azure.subscription_id or None,
            "resource_group_name": azure.resource_group or None,
            "vm_name": azure.vm_name or None,
            "vmss_name": azure.vmss_name or None,
        },
        check=(
            f"check {azure.table}.azure-path, {azure.table}.azure-role and the bounds of the role (of a"
            " machine: azure-subscription-id, azure-resource-group, azure-vm-name, azure-vmss-name); that"
            f" {azure.table}.azure-resource is that of the auth method; and that the {identity.value} is the"
            " right one"
        ),
    )


METHOD = LoginMethod(missing=_missing, files=_files, login=_login)
