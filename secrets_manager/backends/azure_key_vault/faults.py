"""The meaning of a failed exchange with the key vault. Pure.

Messages are constant for one kind of fault, since they end in conditions that must not change while the fault
is the same. From the text of the server only codes are repeated, and only if they look like one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secrets_manager.backends.kit.entra_faults import content_of, retry_after, text_in, unavailable
from secrets_manager.domain.errors import (
    AuthFailed,
    ForbiddenByNetwork,
    PermissionDenied,
    SecretsManagerError,
    SourceDisabled,
    SourceNotFound,
)
from secrets_manager.runtime.http.messages import Reply

VAULT = "the key vault"


# https://learn.microsoft.com/azure/key-vault/general/rest-error-codes and observed answers of the service.
_BY_NETWORK = frozenset({"ForbiddenByFirewall", "ForbiddenByConnection", "ForbiddenByNsp"})
_TOKENS = frozenset({"bearer", "pop"})
_DISABLED = "SecretDisabled"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status other than 2xx, with the code and the inner code of the vault's error, "" where missing.

    ``ours`` is false for a reply without a code: a proxy's page, a gateway's JSON, or another server.
    """

    status: int
    code: str
    inner: str
    ours: bool
    retry_after: float | None


def parse_refusal(reply: Reply) -> Refusal:
    """What a reply of the vault says."""
    error = _map(content_of(reply), "error")
    code = text_in(error, "code")
    return Refusal(
        status=reply.status,
        code=code,
        inner=text_in(_map(error, "innererror"), "code"),
        ours=bool(code),
        retry_after=retry_after(reply),
    )


def from_vault(refused: Refusal, path: str) -> SecretsManagerError:
    """The fault behind the vault's refusal to return ``path``."""
    if refused.status == 403 and refused.ours:
        return _forbidden(refused, path)
    if refused.status in {400, 404} and refused.ours:
        return SourceNotFound(path)
    return unavailable(refused.status, VAULT, refused.retry_after)


def is_list(reply: Reply) -> bool:
    """Whether a reply has the form of a vault's list, whatever is in it."""
    content = content_of(reply) if 200 <= reply.status < 300 else None
    return content is not None and isinstance(content.get("value"), list)


def is_missing_right(refused: Refusal) -> bool:
    """Whether the vault's rights, not its network rules, are why."""
    return refused.status == 403 and refused.ours and not is_network_rule(refused)


def is_network_rule(refused: Refusal) -> bool:
    """Whether the network rules of the vault are the reason, and not missing rights."""
    return refused.inner in _BY_NETWORK or refused.code in _BY_NETWORK


def token_refused(host: str, table: str) -> AuthFailed:
    """The vault at ``host`` asked for a token of Entra ID, and did not accept ours."""
    return AuthFailed(
        f"the key vault {host} does not accept our token; set {table}.tenant-id to the tenant of the vault"
    )


def foreign_challenge(host: str, table: str) -> AuthFailed:
    """The vault at ``host`` asked for a token, and not for one of its own domain."""
    return AuthFailed(
        f"the key vault {host} asks for a token that is not for its own domain, and gets none;"
        f" check {table}.name or {table}.url, and what answers there"
    )


def no_challenge(host: str, table: str) -> AuthFailed:
    """Something at ``host`` answered 401, and did not ask for a token of Entra ID as a vault does."""
    return AuthFailed(
        f"{host} answered 401 and asked for no token of Entra ID, so it is no key vault that answers;"
        f" check {table}.name or {table}.url, and the proxies in between"
    )


def is_challenge(reply: Reply) -> bool:
    """Whether a 401 is a key vault's: it says which token is wanted.

    https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
    """
    scheme, _, parameters = reply.headers.get("www-authenticate", "").strip().partition(" ")
    return scheme.lower() in _TOKENS and "authorization" in parameters.lower()


def _forbidden(refused: Refusal, path: str) -> SecretsManagerError:
    if is_network_rule(refused):
        return ForbiddenByNetwork("the network rules of the key vault do not let this machine in")
    return SourceDisabled(path) if refused.inner == _DISABLED else PermissionDenied(path)


def _map(content: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    found = content.get(name) if content is not None else None
    return found if isinstance(found, dict) else None
