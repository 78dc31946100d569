"""The check of a login by Vault's Azure auth method; Entra ID and the machine's endpoint are doubles as well.

After https://developer.hashicorp.com/vault/docs/auth/azure and .../api-docs/auth/azure#login.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.testbed.azure.entra import Entra

__all__ = ["AzureCheck"]

_FIELDS = {"role", "jwt", "subscription_id", "resource_group_name", "vm_name", "vmss_name"}


@dataclass
class AzureCheck:
    """A role that is bound to an identity and a machine; tokens have to be for ``resource``."""

    entra: Entra
    client_id: str
    resource: str

    def why_not(self, login: Mapping[str, Any]) -> str:
        """Why Vault refuses a login; "" if it does not."""
        if login.get("role") != "reader" or not set(login) <= _FIELDS:
            return "no such role"
        token = self.entra.accepted(str(login.get("jwt")))
        if token is None:
            return "failed to verify signature"
        if token.resource != self.resource:
            return "oidc: expected audience"
        if token.client_id != self.client_id:
            return "service principal not authorized"
        machine = {"subscription_id": "sub", "resource_group_name": "group", "vm_name": "vm"}
        if any(login.get(name) != value for name, value in machine.items()):
            return "subscription not authorized"
        return ""
