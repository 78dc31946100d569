"""Tokens of Google Cloud for a login to Vault, made by google-auth over the calls of an errand.

The credentials live for one login, so each has a token of its own. This module must not know what it is for.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import google.auth.jwt
import google.auth.transport
import orjson
from google.auth import compute_engine, identity_pool
from google.oauth2 import service_account

from secrets_manager.backends.kit.credential_files import read_keys
from secrets_manager.backends.vault.logins.errand import Errand, Question, passing_fault
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendUnavailable
from secrets_manager.runtime.http.messages import Reply
from secrets_manager.runtime.http.proxies import is_loopback
from secrets_manager.settings.checks import is_metadata
from secrets_manager.settings.cloud_logins import GcpLogin

_METADATA = "the metadata service of Google Cloud"
_TOKENS = "the token service of Google Cloud"
_IAM = "the IAM credentials service of Google Cloud"
_SIGN = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{}:signJwt"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
# Vault takes no JWT that lives longer than a quarter of an hour.
_LIFE_SECONDS = 600
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_WORD = re.compile(r"[A-Za-z_]{1,40}", re.ASCII)

T = TypeVar("T")


def by_machine(gcp: GcpLogin, audience: str, errand: Errand) -> str:
    """The identity token of the machine, or of the pod's service account, with the machine's facts in it.

    https://cloud.google.com/compute/docs/instances/verifying-instance-identity
    """
    asking = _Asking(errand, _METADATA, gcp)
    credentials = compute_engine.IDTokenCredentials(None, audience, use_metadata_identity_endpoint=True)
    return _jwt(asking.make(lambda: _token(credentials, asking)), _METADATA)


def by_machine_as(gcp: GcpLogin, audience: str, errand: Errand) -> str:
    """A JWT of the service account of the settings, signed for whom the metadata service knows."""
    asking = _Asking(errand, _METADATA, gcp)
    credentials = compute_engine.Credentials(scopes=_SCOPES)
    return _signed(gcp.service_account, audience, asking.make(lambda: _token(credentials, asking)), asking)


def by_file(gcp: GcpLogin, content: bytes, audience: str, errand: Errand) -> str:
    """A JWT of the service account that ``content`` is about: its key, or a federation of identities.

    https://google.aip.dev/auth/4112 and https://google.aip.dev/auth/4117.
    """
    asking = _Asking(errand, _TOKENS, gcp)
    info = _map_in(content)
    if info.get("type") == "service_account":
        return asking.make(lambda: _by_key(gcp, info, audience, asking))
    if info.get("type") == "external_account":
        return _by_federation(gcp, info, audience, asking)
    raise AuthFailed(f"{asking.file}: its type is neither service_account nor external_account")


def _by_key(gcp: GcpLogin, info: Mapping[str, Any], audience: str, asking: _Asking) -> str:
    key = service_account.Credentials.from_service_account_info(info, scopes=_SCOPES)
    email: str = key.service_account_email
    if gcp.service_account in {"", email}:
        signed: bytes = google.auth.jwt.encode(key.signer, _claims(email, audience))
        return signed.decode("ascii")
    return _signed(gcp.service_account, audience, _token(key, asking), asking)


def _by_federation(gcp: GcpLogin, info: Mapping[str, Any], audience: str, asking: _Asking) -> str:
    source = info.get("credential_source")
    if not isinstance(source, dict) or not ({"file", "url"} & set(source)):
        raise AuthFailed(f"{asking.file}: its credential_source is neither a file nor a URL")
    if "file" in source:
        # google-auth would open it whatever it is, and wait for a pipe.
        read_keys(str(source["file"]), f"the credential_source of {asking.file}")
    credentials = asking.make(lambda: identity_pool.Credentials.from_info(info, scopes=_SCOPES))
    email = gcp.service_account or credentials.service_account_email
    if not email:
        raise AuthFailed(f"{gcp.table}.gcp-service-account: missing, since {asking.file} names no account")
    return _signed(email, audience, asking.make(lambda: _token(credentials, asking)), asking)


def _signed(email: str, audience: str, token: str, asking: _Asking) -> str:
    """A JWT that Google signs for a service account.

    https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt
    """
    reply = asking.ask(
        Question(
            server=_IAM,
            method="POST",
            url=_SIGN.format(quote(email, safe="@")),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            body=orjson.dumps({"payload": json.dumps(_claims(email, audience))}),
        )
    )
    if reply.status != 200:
        raise AuthFailed(
            f"{_IAM} does not sign for the service account ({reply.status}); it has to exist, and the caller"
            " needs roles/iam.serviceAccountTokenCreator on it"
        )
    return _jwt(_map_in(reply.body).get("signedJwt"), _IAM)


def _claims(email: str, audience: str) -> dict[str, str | int]:
    return {"sub": email, "aud": audience, "exp": int(time.time()) + _LIFE_SECONDS}


def _token(credentials: Any, asking: _Asking) -> str:
    credentials.refresh(asking)
    token: object = credentials.token
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise BackendUnavailable(f"the reply is not from {asking.server}: it holds no token")
    return token


class _Asking(google.auth.transport.Request):
    """Asks what google-auth wants to know, and remembers the last answer, since google-auth rewords it.

    Attributes:
        server: who is asked, for messages.
        file: the setting of the file, for messages.

    """

    def __init__(self, errand: Errand, server: str, gcp: GcpLogin) -> None:
        self._errand = errand
        self.file = f"{gcp.table}.gcp-credentials-file"
        self._reply: Reply | None = None
        self.server = server

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the errand has a deadline
        **_options: Any,
    ) -> _Answer:
        """The reply; raises a BackendFault where google-auth would wait and ask again."""
        if not _is_protected(url):
            raise AuthFailed(f"{self.file}: an address in it does not begin with https://")
        content = body.encode() if isinstance(body, str) else body
        question = Question(
            server=self.server, method=method, url=url, headers=dict(headers or {}), body=content
        )
        return _Answer(self.ask(question))

    def ask(self, question: Question) -> Reply:
        """The reply, unless it says nothing about the credentials; raises a BackendFault."""
        self._reply = None
        reply = self._errand.ask(question)
        if fault := passing_fault(reply, question.server):
            raise fault
        self._reply = reply
        return reply

    def make(self, work: Callable[[], T]) -> T:
        """The result of ``work``, which uses google-auth; its errors become ours."""
        try:
            return work()
        except BackendFault:
            raise
        except Exception:  # noqa: BLE001 - its text is not ours to show
            raise self._meaning() from None

    def _meaning(self) -> BackendFault:
        reply = self._reply
        if reply is None:
            return AuthFailed(f"{self.file}: its content is not a usable key or configuration")
        if reply.status == 200:
            return BackendUnavailable(f"the reply is not from {self.server}: it holds no token")
        word = _WORD.fullmatch(str(_map_in(reply.body).get("error", "")))
        return AuthFailed(f"{self.server} gives no token ({reply.status}{f' {word[0]}' if word else ''})")


class _Answer(google.auth.transport.Response):
    """A reply in the shape that google-auth expects."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._reply.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, case-insensitive."""
        return self._reply.headers

    @property
    def data(self) -> bytes:
        """The body."""
        return self._reply.body


def _is_protected(url: str) -> bool:
    """Whether nobody on the way can read the token that is sent to an address of the file."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" or is_metadata(host) or is_loopback(host)


def _jwt(text: object, server: str) -> str:
    if not isinstance(text, str) or not _JWT.fullmatch(text):
        raise BackendUnavailable(f"the reply is not from {server}: it holds no JWT")
    return text


def _map_in(content: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
