"""The identity in Entra ID: one explicit choice from the settings, with its reason. Pure.

The order is that of the original: a managed identity before a service principal. There are no tries and no
fallbacks. This module must not know how a login is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from secrets_manager.settings import AzureKvSettings


class LoginMethod(Enum):
    """How to log in; the value is for people."""

    MANAGED_CLIENT_ID = "managed identity by client id"
    MANAGED_RESOURCE_ID = "managed identity by resource id"
    SYSTEM_ASSIGNED = "system-assigned managed identity"
    CLIENT_SECRET = "service principal with client secret"  # noqa: S105 - a description
    CERTIFICATE = "service principal with certificate"
    WORKLOAD = "workload identity"


@dataclass(frozen=True, slots=True)
class Choice:
    """The login method that the settings choose.

    Attributes:
        method: the method that is used.
        why: the setting that decided it.
        ignored: methods that are also configured, and not used.

    """

    method: LoginMethod
    why: str
    ignored: tuple[LoginMethod, ...] = ()


def choose_login(settings: AzureKvSettings) -> Choice | None:
    """The first method, in order of precedence, with complete settings; None if there is none."""
    complete = [(method, why) for method, why, has in _ORDER if has(settings)]
    if not complete:
        return None
    (method, why), *rest = complete
    return Choice(method, f"{settings.table}.{why}", tuple(other for other, _ in rest))


def _principal(settings: AzureKvSettings, credential: str) -> bool:
    return bool(settings.tenant_id and settings.client_id and credential)


_ORDER: tuple[tuple[LoginMethod, str, Callable[[AzureKvSettings], bool]], ...] = (
    (LoginMethod.MANAGED_CLIENT_ID, "managed-client-id", lambda s: bool(s.managed_client_id)),
    (LoginMethod.MANAGED_RESOURCE_ID, "managed-resource-id", lambda s: bool(s.managed_resource_id)),
    (LoginMethod.SYSTEM_ASSIGNED, "system-assigned-identity", lambda s: s.system_assigned_identity),
    (
        LoginMethod.CLIENT_SECRET,
        "client-secret",
        lambda s: _principal(s, s.client_secret_file or s.client_secret),
    ),
    (
        LoginMethod.CERTIFICATE,
        "client-certificate-file",
        lambda s: _principal(s, s.client_certificate_file),
    ),
    (LoginMethod.WORKLOAD, "federated-token-file", lambda s: _principal(s, s.federated_token_file)),
)
