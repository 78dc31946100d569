"""The meaning of a refusal by AWS Secrets Manager. Pure.

Messages are constant for one kind of fault, since they end in conditions that must not change while the fault
is the same. From the text of the service only its codes are repeated, and only if they look like one.
https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendThrottled,
    BackendUnavailable,
    PermissionDenied,
    SecretsManagerError,
    SourceDeleted,
    SourceError,
    SourceNotFound,
)
from secrets_manager.runtime.http.messages import Reply
from secrets_manager.runtime.http.retry_after import asked_pause

SERVICE = "AWS Secrets Manager"
_CODE = re.compile(r"[A-Za-z][A-Za-z.]{0,63}", re.ASCII)
_LONGEST_PAUSE = 3600.0
_THROTTLED = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
# The identity itself is not accepted, so that no path can be read.
_IDENTITY = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
# "Signature expired: ... is now earlier than ..." and "Signature not yet current: ...".
_BY_CLOCK = re.compile(r"Signature (?:expired|not yet current)")
_DELETED = re.compile(r"delet", re.IGNORECASE)
_NO_VALUE = re.compile(r"staging label", re.IGNORECASE)


class DecryptionFailed(SourceError):
    """The KMS key of a secret is disabled, is being deleted or is none that the service can use."""

    def __init__(self, path: str) -> None:
        super().__init__(f"path {path!r} cannot be decrypted: its KMS key is disabled or may not be used")


class RefusedByService(SourceError):
    """The service gives this secret to nobody in its present state, or does not take its name."""

    def __init__(self, path: str, code: str) -> None:
        super().__init__(f"{SERVICE} does not give out path {path!r} ({code})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A status other than 200, or the error of one secret of a batch.

    Attributes:
        status: of HTTP; 400 for a secret of a batch.
        code: the service's word for the error, "" for a reply that is not the service's.
        deleted: whether the text says that the secret is marked for deletion.
        no_value: whether the text says that the secret has no version of the wanted stage.
        by_clock: whether the text says that the signature is too old or too new.
        retry_after: the pause in seconds that was asked for, or None.

    """

    status: int
    code: str
    deleted: bool = False
    no_value: bool = False
    by_clock: bool = False
    retry_after: float | None = None

    @property
    def is_denied(self) -> bool:
        """Whether the rights of the identity do not allow the call."""
        return self.code in _DENIED

    @property
    def is_about_identity(self) -> bool:
        """Whether the credentials were not accepted."""
        return self.code in _IDENTITY


class Refused(Exception):
    """The service answered with an error."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"status {refusal.status}")
        self.refusal = refusal


def parse_refusal(reply: Reply) -> Refusal:
    """What a reply other than 200 says."""
    try:
        content = orjson.loads(reply.body)
    except ValueError:
        content = None
    named = content if isinstance(content, dict) else {}
    code = named.get("__type") or reply.headers.get("x-amzn-errortype")
    pause = asked_pause(reply.headers.get("retry-after"), reply.headers.get("date"), longest=_LONGEST_PAUSE)
    text = named.get("message") or named.get("Message")
    return refusal(reply.status, code, text, retry_after=pause)


def refusal(status: int, code: Any, text: Any, *, retry_after: float | None = None) -> Refusal:
    """A refusal with the service's ``code`` and ``text``, of which nothing else is kept."""
    said = text if isinstance(text, str) else ""
    return Refusal(
        status=status,
        code=_plain_code(code),
        deleted=bool(_DELETED.search(said)),
        no_value=bool(_NO_VALUE.search(said)),
        by_clock=bool(_BY_CLOCK.match(said)),
        retry_after=retry_after,
    )


def of_source(refused: Refusal, source: Source) -> SecretsManagerError:
    """The fault behind a refusal to return the secret of ``source``."""
    if refused.code == "ResourceNotFoundException":
        return _not_found(refused, source)
    if refused.code == "InvalidRequestException" and refused.deleted:
        return SourceDeleted(source.path)
    if refused.code == "DecryptionFailure":
        return DecryptionFailed(source.path)
    if refused.is_denied:
        return PermissionDenied(source.path)
    fault = of_backend(refused)
    if fault is None:
        return RefusedByService(source.path, refused.code)
    return fault


def of_backend(refused: Refusal) -> BackendFault | None:
    """The fault behind a refusal that is not about one secret, None for one that is."""
    if refused.is_about_identity:
        return identity_refused(refused)
    if refused.code in _THROTTLED or refused.status == 429:
        return BackendThrottled(f"{SERVICE} asked to slow down", retry_after=refused.retry_after)
    if refused.status >= 500:
        text = f"{SERVICE} cannot serve requests now ({refused.status})"
        return BackendUnavailable(text, retry_after=refused.retry_after)
    if not refused.code:
        return BackendUnavailable(f"the reply is not from {SERVICE}: status {refused.status}")
    return None


def identity_refused(refused: Refusal) -> AuthFailed:
    """The service did not accept our credentials."""
    if refused.by_clock or refused.code == "RequestExpired":
        return AuthFailed(
            f"{SERVICE} refused the signature: the clock of this machine is more than five minutes off"
        )
    return AuthFailed(f"{SERVICE} did not accept the credentials ({refused.code})")


def not_ours() -> BackendUnavailable:
    """A reply of 200 that does not say what the service would."""
    return BackendUnavailable(f"the reply is not from {SERVICE}")


def _not_found(refused: Refusal, source: Source) -> SourceNotFound:
    # A secret without a current version is there itself, so it is not gone for certain.
    doubtful = refused.no_value and not source.version
    return SourceNotFound(source.path, version=source.version, doubtful=doubtful)


def _plain_code(code: Any) -> str:
    """``code`` without the namespace before it and the address behind it, "" if it is none."""
    if not isinstance(code, str):
        return ""
    plain = code.rpartition("#")[2].partition(":")[0]
    return plain if _CODE.fullmatch(plain) else ""
