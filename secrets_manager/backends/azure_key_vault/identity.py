"""Who we are in Entra ID: one explicit choice out of the settings, with its reason. Pure.

The order is the original's, a managed identity before a service principal; nothing is tried and fallen back
from. It must not know how a login is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from secrets_manager.settings import AzureKvSettings


class Way(Enum):
    """How to log in; the value is what a person reads."""

    MANAGED_CLIENT_ID = "managed identity by client id"
    MANAGED_RESOURCE_ID = "managed identity by resource id"
    SYSTEM_ASSIGNED = "system-assigned managed identity"
    CLIENT_SECRET = "service principal with client secret"  # noqa: S105 - a description
    CERTIFICATE = "service principal with certificate"
    WORKLOAD = "workload identity"


@dataclass(frozen=True, slots=True)
class Choice:
    """The way to log in.

    Attributes:
        way: the one that is used.
        why: the setting that decided it.
        ignored: the ways that are configured too, and not used.

    """

    way: Way
    why: str
    ignored: tuple[Way, ...] = ()


def choose(settings: AzureKvSettings) -> Choice | None:
    """The first way, in order of precedence, for which the settings hold everything; None for none."""
    complete = [(way, why) for way, why, has in _ORDER if has(settings)]
    if not complete:
        return None
    (way, why), *rest = complete
    return Choice(way, why, tuple(other for other, _ in rest))


def _principal(settings: AzureKvSettings, credential: str) -> bool:
    return bool(settings.tenant_id and settings.client_id and credential)


_ORDER: tuple[tuple[Way, str, Callable[[AzureKvSettings], bool]], ...] = (
    (Way.MANAGED_CLIENT_ID, "azure-kv.managed-client-id", lambda s: bool(s.managed_client_id)),
    (Way.MANAGED_RESOURCE_ID, "azure-kv.managed-resource-id", lambda s: bool(s.managed_resource_id)),
    (Way.SYSTEM_ASSIGNED, "azure-kv.system-assigned-identity", lambda s: s.system_assigned_identity),
    (
        Way.CLIENT_SECRET,
        "azure-kv.client-secret",
        lambda s: _principal(s, s.client_secret_file or s.client_secret),
    ),
    (
        Way.CERTIFICATE,
        "azure-kv.client-certificate-file",
        lambda s: _principal(s, s.client_certificate_file),
    ),
    (Way.WORKLOAD, "azure-kv.federated-token-file", lambda s: _principal(s, s.federated_token_file)),
)
