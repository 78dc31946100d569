"""What Vault's replies about tokens and about itself say, as values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.domain.errors import AuthFailed, BackendUnavailable

# The ways to name what is outside of any namespace.
_NO_NAMESPACE = {"", "root"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A token from a login or a renewal; ``ttl`` is in seconds, 0 for a token that never expires."""

    token: str = field(repr=False)
    ttl: float
    renewable: bool
    uses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """The answer of lookup-self.

    Attributes:
        ttl: seconds that are left.
        full: the longest life in seconds that a renewal could give.
        expires: false for a token that never ends.
        renewable: whether a renewal is possible at all.
        limited: whether the token may be used a number of times only.

    """

    ttl: float
    full: float
    expires: bool
    renewable: bool
    limited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """The version and cluster of the server; each text is "" if it does not say.

    A server that is sealed, or a disaster recovery secondary, is not ``serving``. ``ignores_namespace`` says
    that it serves what is outside of any namespace, whatever namespace a call names.
    """

    version: str
    cluster_id: str
    cluster_name: str
    serving: bool
    ignores_namespace: bool = False


def grant_in(reply: Mapping[str, Any]) -> Grant:
    """The token in the reply to a login or a renewal; raises AuthFailed if there is none."""
    auth = reply.get("auth")
    token = auth.get("client_token") if isinstance(auth, dict) else None
    if not isinstance(auth, dict) or not isinstance(token, str) or not _is_token(token):
        raise AuthFailed("Vault accepted the login but returned no token")
    return Grant(
        token=token,
        ttl=_seconds(auth.get("lease_duration")),
        renewable=auth.get("renewable") is True,
        uses=int(_seconds(auth.get("num_uses"))),
    )


def _is_token(text: str) -> bool:
    # It is sent in a header.
    return bool(text) and text.isascii() and text.isprintable()


def token_facts(reply: Mapping[str, Any]) -> TokenFacts:
    """The reply to a look-up; raises BackendUnavailable if it says nothing."""
    data = reply.get("data")
    if not isinstance(data, dict):
        raise BackendUnavailable("Vault's reply about the token holds no data")
    ttl = _seconds(data.get("ttl"))
    return TokenFacts(
        ttl=ttl,
        full=_seconds(data.get("period")) or _seconds(data.get("creation_ttl")),
        expires=ttl > 0 or data.get("expire_time") is not None,
        renewable=data.get("renewable") is True,
        # -1 at its last use.
        limited=bool(data.get("num_uses")),
    )


def server_facts(reply: Mapping[str, Any], namespace: str = "") -> ServerFacts | None:
    """The reply of sys/health to a client that names ``namespace`` in its calls; None if it is not one.

    Vault 1.16 and later say whether they are Enterprise. OpenBao says nothing of the kind.
    """
    version = reply.get("version")
    if not isinstance(version, str):
        return None
    return ServerFacts(
        version=version,
        cluster_id=str(reply.get("cluster_id") or ""),
        cluster_name=str(reply.get("cluster_name") or ""),
        serving=reply.get("sealed") is False and reply.get("replication_dr_mode") != "secondary",
        ignores_namespace=reply.get("enterprise") is False and namespace.strip("/") not in _NO_NAMESPACE,
    )


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and value > 0 else 0.0
