"""An error reply of the API server as one of our errors: the one place where they are told apart.

The texts of the API server are not passed on: an admission webhook may echo the whole object, Secret values
included. Only names found by fixed patterns go into our messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from secrets_manager.cluster.base import AlreadyExists, Expired, Json, NotFound
from secrets_manager.domain.errors import (
    AdmissionDenied,
    ClusterUnauthorized,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    NamespaceTerminating,
    QuotaExceeded,
    RejectedByCluster,
    SecretsManagerError,
    TooLarge,
)
from secrets_manager.runtime.retry_after import asked_pause

_MAX_RETRY_AFTER = 30.0
_QUOTA = re.compile(r"exceeded quota: ([a-z0-9.-]{1,253})")
# Whoever denies chooses the HTTP status, any from 400 on, so it is known by the words before its own.
_DENIED_BY = re.compile(
    r"admission webhook \"([A-Za-z0-9.-]{1,253})\" denied the request"
    r"|[^:]{1,400}: ValidatingAdmissionPolicy '([A-Za-z0-9.:-]{1,253})' with binding '[^']*' denied request"
)
# RBAC, and other authorizers, say: secrets "x" is forbidden: User "y" cannot create resource ...
_NOT_AUTHORIZED = re.compile(r" is forbidden: User \"[^\"]*\" cannot ")
_FIELD = re.compile(r"[A-Za-z0-9_.\[\]/-]{1,300}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What was asked, in the words of RBAC, for messages."""

    verb: str
    resource: str
    namespace: str | None
    name: str = ""

    def __str__(self) -> str:
        where = f"in namespace {self.namespace!r}" if self.namespace else "in all namespaces"
        what = f"{self.resource} {self.name!r}" if self.name else self.resource
        return f"{self.verb} {what} {where}"

    @property
    def rule(self) -> str:
        """The RBAC rule that grants the call, for the message of a refusal."""
        where = f"in namespace {self.namespace!r}" if self.namespace else "in all namespaces"
        return f"verb {self.verb!r} on {self.resource!r} {where}"


def from_status(code: int, status: Json, call: Call, retry_after: str | None) -> SecretsManagerError:
    """The error for HTTP status ``code`` with the parsed ``status`` object (or {}) as body."""
    if _DENIED_BY.match(_text(status)):
        return _denied(_text(status), call)
    special = _BY_BODY.get(code)
    if special is not None:
        return special(status, call)
    if code in _BY_CODE:
        kind, text = _BY_CODE[code]
        return kind(f"{text}: {call}")
    # An API server redirects nobody: what does so stands in front of it, for a while most likely.
    redirected = code < HTTPStatus.BAD_REQUEST
    if code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR or redirected:
        pause = asked_pause(retry_after, None, longest=_MAX_RETRY_AFTER)
        return ClusterUnavailable(f"the API server answered {code}: {call}", retry_after=pause)
    return RejectedByCluster(f"the API server answered {code}: {call}")


def _forbidden(status: Json, call: Call) -> SecretsManagerError:
    text = _text(status)
    if any(cause.get("reason") == "NamespaceTerminating" for cause in _causes(status)):
        return NamespaceTerminating(f"namespace {call.namespace!r} is being deleted")
    quota = _QUOTA.search(text)
    if quota:
        return QuotaExceeded(f"ResourceQuota {quota[1]!r} of namespace {call.namespace!r} leaves no room")
    if _NOT_AUTHORIZED.search(text):
        return Forbidden(f"RBAC does not grant the daemon {call.rule}")
    return _denied(text, call)


def _not_found(status: Json, call: Call) -> SecretsManagerError:
    details = status.get("details")
    # An object may outlive its namespace; a write to it then finds the namespace missing, not the object.
    if call.resource != "namespaces" and isinstance(details, dict) and details.get("kind") == "namespaces":
        return NamespaceTerminating(f"namespace {call.namespace!r} does not exist any more")
    return NotFound(f"not found: {call}")


def _conflict(status: Json, call: Call) -> SecretsManagerError:
    if status.get("reason") == "AlreadyExists":
        return AlreadyExists(f"it exists already: {call}")
    return Conflict(f"the object changed in the meantime: {call}")


def _invalid(status: Json, call: Call) -> SecretsManagerError:
    fields = [str(cause.get("field", "")) for cause in _causes(status)]
    named = ", ".join(field for field in fields if _FIELD.fullmatch(field)) or "not named"
    return RejectedByCluster(f"the API server finds the object invalid (fields: {named}): {call}")


def _denied(text: str, call: Call) -> AdmissionDenied:
    by = _DENIED_BY.match(text)
    name = next(filter(None, by.groups()), None) if by else None
    who = f"admission policy or webhook {name!r}" if name else "an admission controller"
    return AdmissionDenied(f"{who} refused: {call}")


def _text(status: Json) -> str:
    text = status.get("message")
    return text if isinstance(text, str) else ""


def _causes(status: Json) -> list[Json]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []


_BY_CODE: dict[int, tuple[type[SecretsManagerError], str]] = {
    HTTPStatus.UNAUTHORIZED: (ClusterUnauthorized, "the API server does not accept our identity"),
    HTTPStatus.GONE: (Expired, "the resourceVersion is too old"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (TooLarge, "the API server finds the object too large"),
}
_BY_BODY: dict[int, Callable[[Json, Call], SecretsManagerError]] = {
    HTTPStatus.FORBIDDEN: _forbidden,
    HTTPStatus.NOT_FOUND: _not_found,
    HTTPStatus.CONFLICT: _conflict,
    HTTPStatus.UNPROCESSABLE_ENTITY: _invalid,
}
