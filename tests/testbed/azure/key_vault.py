"""The data plane of one key vault: its secrets, and the public halves of its keys.

After https://learn.microsoft.com/rest/api/keyvault/secrets: get-secret, get-secrets, get-deleted-secret;
https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses for the challenge,
.../general/rest-error-codes and what the service answers with for errors.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from tests.testbed.azure.entra import Entra, Token
from tests.testbed.azure.store import Store, Stored
from tests.testbed.azure.wire import Answer, Call

__all__ = ["KeyVault", "Right"]

Right = Literal["get", "list", "get-deleted", "get-key"]
_PAGE = 25


@dataclass(slots=True)
class KeyVault:
    """One vault.

    Attributes:
        name: of the vault.
        domain: of the vaults of its cloud, which is also what tokens must be for.
        entra: whose tokens are accepted.
        now: Unix time.
        rights: of every client that has a token.
        denied: names that no client may get.
        rbac: whether rights are given by role instead of access policy.
        network_rule: inner code of a 403 to every client, "" for none.
        resource: what the challenge asks a token for, "" for the domain's own.
        keys: public JSON Web Keys by name and version, joined by a slash; the last of a name is its newest.
        wanted_claims: what a token must have been asked for with, in JSON; "" for nothing.

    """

    name: str
    domain: str
    entra: Entra
    now: Callable[[], float]
    rights: set[Right] = field(default_factory=lambda: {"get", "list", "get-deleted", "get-key"})
    denied: set[str] = field(default_factory=set)
    rbac: bool = False
    network_rule: str = ""
    resource: str = ""
    wanted_claims: str = ""
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.now)

    @property
    def host(self) -> str:
        """Its public name."""
        return f"{self.name}.{self.domain}"

    def answer(self, call: Call) -> Answer:
        """Serve a request."""
        token = self._authenticated(call)
        if token is None:
            return self._challenge()
        if not _has_claims(token, self.wanted_claims):
            return self._claims_challenge()
        if self.network_rule:
            return _forbidden("Client address is not authorized.", self.network_rule)
        if "api-version" not in call.query:
            return _error(400, "BadParameter", "api-version must be specified")
        return self._served(call)

    def _served(self, call: Call) -> Answer:
        kind, *rest = call.path.strip("/").split("/")
        if kind == "secrets" and not rest:
            return self._allowed("list", "") or self._page(call)
        if kind == "secrets":
            return self._allowed("get", rest[0]) or self._secret(rest[0], rest[1] if len(rest) > 1 else "")
        if kind == "deletedsecrets" and rest:
            return self._allowed("get-deleted", rest[0]) or self._deleted(rest[0])
        if kind == "keys" and rest:
            return self._allowed("get-key", rest[0]) or self._key("/".join(rest).rstrip("/"))
        return _error(404, "NotFound", "no such resource")

    def _key(self, wanted: str) -> Answer:
        """As https://learn.microsoft.com/rest/api/keyvault/keys/get-key/get-key has it."""
        found = [name for name in self.keys if name == wanted or name.rpartition("/")[0] == wanted]
        if not found:
            return _error(404, "KeyNotFound", f"A key with (name/id) {wanted} was not found.")
        identifier = f"https://{self.host}/keys/{found[-1]}"
        attributes = {"enabled": True, "created": 1, "updated": 1, "recoveryLevel": "Recoverable"}
        return Answer(200, {"key": {"kid": identifier, **self.keys[found[-1]]}, "attributes": attributes})

    def _authenticated(self, call: Call) -> Token | None:
        scheme, _, text = call.headers.get("authorization", "").partition(" ")
        token = self.entra.accepted(text) if scheme == "Bearer" else None
        return token if token is not None and token.resource == f"https://{self.domain}" else None

    def _challenge(self) -> Answer:
        authority = f"https://{self.entra.host}/{self.entra.tenant}"
        resource = self.resource or f"https://{self.domain}"
        header = f'Bearer authorization="{authority}", resource="{resource}"'
        message = "AKV10000: Request is missing a Bearer or PoP token."
        return Answer(401, _body("Unauthorized", message), {"WWW-Authenticate": header})

    def _claims_challenge(self) -> Answer:
        """As https://learn.microsoft.com/entra/identity-platform/claims-challenge has it."""
        claims = base64.urlsafe_b64encode(self.wanted_claims.encode()).decode().rstrip("=")
        header = (
            f'Bearer realm="", authorization="https://{self.entra.host}/common/oauth2/authorize", '
            f'error="insufficient_claims", claims="{claims}"'
        )
        return Answer(401, _body("Unauthorized", "AKV10000: more is wanted"), {"WWW-Authenticate": header})

    def _allowed(self, right: Right, name: str) -> Answer | None:
        if right in self.rights and name.lower() not in self.denied:
            return None
        if self.rbac:
            return _forbidden("Caller is not authorized to perform action on resource.", "ForbiddenByRbac")
        return _forbidden(f"The application does not have secrets {right} permission.", "AccessDenied")

    def _secret(self, name: str, version: str) -> Answer:
        if version and len(version) != 32:
            return _error(400, "BadParameter", f"The request URI contains an invalid version: {version}")
        stored = self.store.find(name, version)
        if stored is None:
            message = f"A secret with (name/id) {name} was not found in this key vault."
            return _error(404, "SecretNotFound", message)
        if not stored.enabled:
            return _forbidden("Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return Answer(200, {"value": stored.value, **self._shown(stored, versioned=True)})

    def _page(self, call: Call) -> Answer:
        size = min(int(call.query.get("maxresults", _PAGE)), _PAGE)
        found, more = self.store.page(call.query.get("$skiptoken", ""), size)
        link = None
        if more:
            token = quote(found[-1].name.lower())
            link = f"https://{self.host}:443/secrets?api-version=7.4&$skiptoken={token}&maxresults={size}"
        return Answer(200, {"value": [self._shown(one, versioned=False) for one in found], "nextLink": link})

    def _deleted(self, name: str) -> Answer:
        stored = self.store.find_deleted(name)
        if stored is None:
            return _error(404, "SecretNotFound", f"Deleted Secret not found: {name}")
        deletion = {
            "recoveryId": f"https://{self.host}/deletedsecrets/{name}",
            "deletedDate": int(self.now()),
            "scheduledPurgeDate": int(self.now()) + 90 * 86_400,
        }
        return Answer(200, {**deletion, **self._shown(stored, versioned=True)})

    def _shown(self, stored: Stored, *, versioned: bool) -> dict[str, object]:
        identifier = f"https://{self.host}/secrets/{stored.name}"
        shown: dict[str, object] = {
            "id": f"{identifier}/{stored.version}" if versioned else identifier,
            "attributes": stored.attributes(),
            "tags": {},
        }
        if stored.content_type:
            shown["contentType"] = stored.content_type
        if stored.managed:
            shown["managed"] = True
        return shown


def _has_claims(token: Token, wanted: str) -> bool:
    if not wanted:
        return True
    asked: dict[str, Any] = json.loads(token.claims or "{}")
    needed: dict[str, Any] = json.loads(wanted)["access_token"]
    return bool(needed.items() <= asked.get("access_token", {}).items())


def _forbidden(message: str, inner: str) -> Answer:
    return Answer(403, _body("Forbidden", f"{message} canary-message", inner))


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, _body(code, f"{message} canary-message"))


def _body(code: str, message: str, inner: str = "") -> dict[str, object]:
    error: dict[str, object] = {"code": code, "message": message}
    if inner:
        error["innererror"] = {"code": inner}
    return {"error": error}
