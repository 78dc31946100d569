"""The credentials of AWS: one explicit choice from the settings, and how each kind is had at a login.

The order is that of AWS's own SDKs. Nothing is tried in turn, and nothing is kept: temporary credentials are
asked for at each login, so none expires in between. AWS's own library would bring 30 MB and its own HTTP for
two plain calls. This module must not know what is signed.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from html import unescape
from typing import Any
from urllib.parse import urlencode

import orjson

from secrets_manager.backends.kit.credential_files import read_credential, read_keys
from secrets_manager.backends.vault.logins.aws_signature import Keys, sts_host
from secrets_manager.backends.vault.logins.errand import Errand, Question, passing_fault
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendUnavailable
from secrets_manager.runtime.http.messages import Reply
from secrets_manager.settings.cloud_logins import AwsLogin

_STS = "the token service of AWS"
_AGENT = "the agent of EKS pod identity"
_SESSION_NAME = "secrets-manager"
_CODE = re.compile(rb"<Code>([A-Za-z0-9._]{1,64})</Code>")
# As characters of a header's value.
_TEXT = re.compile(r"[\x21-\x7e]{1,16384}", re.ASCII)
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html: it may pass.
_PASSING = frozenset({b"IDPCommunicationError", b"Throttling", b"RequestLimitExceeded"})


class Source(Enum):
    """Where credentials come from; the value is for people."""

    KEYS = "access key"
    WEB_IDENTITY = "service account's role"
    FILE = "shared credentials file"
    CONTAINER = "pod identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One source: whether its settings are complete, the files it reads, and its keys now.

    ``keys`` raises AuthFailed when there are none, and a BackendFault when nobody answers.
    """

    complete: Callable[[AwsLogin], bool]
    files: Callable[[AwsLogin], tuple[str, ...]]
    keys: Callable[[AwsLogin, Errand], Keys]


def source_of(aws: AwsLogin) -> Source | None:
    """The first source, in order of precedence, with complete settings; None if there is none."""
    return next((source for source, kind in SOURCES.items() if kind.complete(aws)), None)


def _from_settings(aws: AwsLogin, _errand: Errand) -> Keys:
    return Keys(
        access_key=aws.access_key_id,
        secret_key=aws.secret_access_key,
        session_token=aws.session_token,
    )


def _by_web_identity(aws: AwsLogin, errand: Errand) -> Keys:
    """A token of the service account for temporary credentials of a role.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
    """
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": aws.role_arn,
        "RoleSessionName": _SESSION_NAME,
        "WebIdentityToken": read_credential(
            aws.web_identity_token_file, f"{aws.table}.aws-web-identity-token-file"
        ),
    }
    url = aws.sts_url or f"https://{sts_host(aws.sts_region or aws.region)}"
    question = Question(
        server=_STS,
        method="POST",
        url=f"{url.rstrip('/')}/",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/xml"},
        body=urlencode(form).encode(),
    )
    reply = errand.ask(question)
    if reply.status != 200:
        raise _sts_refusal(reply, aws.table)
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    return _keys_in({name: _element(reply.body, name) for name in names}, names, _STS)


def _sts_refusal(reply: Reply, table: str) -> BackendFault:
    found = _CODE.search(reply.body)
    if found is not None and found[1] in _PASSING:
        return BackendUnavailable(f"{_STS} could not check the service account's token ({found[1].decode()})")
    word = f" {found[1].decode()}" if found else ""
    return passing_fault(reply, _STS) or AuthFailed(
        f"{_STS} refused the service account's token ({reply.status}{word}); check {table}.aws-role-arn, and"
        " that the role trusts the cluster's issuer and this service account"
    )


def _element(body: bytes, name: str) -> str | None:
    found = re.search(rf"<{name}>\s*([^<]*?)\s*</{name}>".encode(), body)
    return unescape(found[1].decode("utf-8", "replace")) if found else None


def _by_pod_identity(aws: AwsLogin, errand: Errand) -> Keys:
    """Credentials from the agent on the node.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
    """
    token = read_credential(aws.container_token_file, f"{aws.table}.aws-container-token-file")
    if not (token.isascii() and token.isprintable()):
        raise AuthFailed(
            f"{aws.table}.aws-container-token-file: file {aws.container_token_file!r} holds something other"
            " than a token"
        )
    question = Question(
        server=_AGENT,
        method="GET",
        url=aws.container_url,
        headers={"Accept": "application/json", "Authorization": token},
    )
    reply = errand.ask(question)
    if reply.status != 200:
        raise passing_fault(reply, _AGENT) or AuthFailed(
            f"{_AGENT} gives no credentials ({reply.status}); check that the service account has an"
            " association with a role"
        )
    return _keys_in(_json_map(reply.body), ("AccessKeyId", "SecretAccessKey", "Token"), _AGENT)


def _from_file(aws: AwsLogin, _errand: Errand) -> Keys:
    """The keys of a profile in the file that AWS's tools share.

    https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
    """
    where = f"{aws.table}.aws-credentials-file: file {aws.credentials_file!r}"
    profile = aws.profile or "default"
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_keys(aws.credentials_file, f"{aws.table}.aws-credentials-file").decode())
        found = parser[profile]
    except KeyError:
        raise AuthFailed(f"{where} has no profile {profile!r}") from None
    except (configparser.Error, UnicodeDecodeError):
        # Its text quotes the line.
        raise AuthFailed(f"{where} is not of the form [profile], name = value") from None
    names = ("aws_access_key_id", "aws_secret_access_key")
    if missing := [name for name in names if not found.get(name)]:
        raise AuthFailed(f"{where} has no {missing[0]} in the profile {profile!r}")
    return Keys(
        access_key=found[names[0]],
        secret_key=found[names[1]],
        session_token=found.get("aws_session_token", ""),
    )


def _keys_in(content: Mapping[str, Any], names: tuple[str, str, str], server: str) -> Keys:
    found = [content.get(name) for name in names]
    if not all(isinstance(text, str) and _TEXT.fullmatch(text) for text in found):
        raise BackendUnavailable(f"the reply is not from {server}: it holds no credentials")
    access_key, secret_key, session_token = map(str, found)
    return Keys(access_key=access_key, secret_key=secret_key, session_token=session_token)


def _json_map(body: bytes) -> Mapping[str, Any]:
    try:
        content = orjson.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


SOURCES: Mapping[Source, Kind] = {
    Source.KEYS: Kind(
        complete=lambda aws: bool(aws.access_key_id and aws.secret_access_key),
        files=lambda _aws: (),
        keys=_from_settings,
    ),
    Source.WEB_IDENTITY: Kind(
        complete=lambda aws: bool(aws.role_arn and aws.web_identity_token_file),
        files=lambda aws: (aws.web_identity_token_file,),
        keys=_by_web_identity,
    ),
    Source.FILE: Kind(
        complete=lambda aws: bool(aws.credentials_file),
        files=lambda aws: (aws.credentials_file,),
        keys=_from_file,
    ),
    Source.CONTAINER: Kind(
        complete=lambda aws: bool(aws.container_url and aws.container_token_file),
        files=lambda aws: (aws.container_token_file,),
        keys=_by_pod_identity,
    ),
}
