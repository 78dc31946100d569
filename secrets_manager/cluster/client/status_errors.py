"""Error replies of the API server as errors of ours: the only place that distinguishes them.

The texts of the API server are not passed on: an admission webhook may echo the whole object, Secret values
included. Only names found by fixed patterns go into our messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from secrets_manager.cluster.base import AlreadyExists, Expired, Json, NotFound, Resource
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
from secrets_manager.runtime.http.retry_after import asked_pause

_MAX_RETRY_AFTER = 30.0
_QUOTA = re.compile(r"exceeded quota: ([a-z0-9.-]{1,253})")
# A webhook chooses the HTTP status, any from 400 on, so a denial is known by the words before its own text.
_DENIED_BY = re.compile(
    r"admission webhook \"([A-Za-z0-9.-]{1,253})\" denied the request"
    r"|[^:]{1,400}: ValidatingAdmissionPolicy '([A-Za-z0-9.:-]{1,253})' with binding '[^']*' denied request"
)
# RBAC, and other authorizers, say: secrets "x" is forbidden: User "y" cannot create resource ...
_NOT_AUTHORIZED = re.compile(r" is forbidden: User \"[^\"]*\" cannot ")
# The words of etcd, and of the connection to it, for an object that is too large.
_TOO_LARGE = re.compile(r"etcdserver: request is too large|trying to send message larger than max")
_FIELD = re.compile(r"[A-Za-z0-9_.\[\]/-]{1,300}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """A call in the words of RBAC, for messages and to compare the reply with.

    ``namespace`` None is all namespaces, "" a kind that has none. ``uid`` is the uid that the object must
    have, "" for any. With ``metadata_only`` the reply is to have no more than that.
    """

    verb: str
    resource: str
    namespace: str | None
    name: str = ""
    uid: str = ""
    metadata_only: bool = False

    def __str__(self) -> str:
        what = f"{self.resource} {self.name!r}" if self.name else self.resource
        return f"{self.verb} {what}{self._where}"

    @property
    def rule(self) -> str:
        """The RBAC rule that grants the call, for the message of a refusal."""
        return f"verb {self.verb!r} on {self.resource!r}{self._where}"

    @property
    def _where(self) -> str:
        if self.namespace is None:
            return " in all namespaces"
        return f" in namespace {self.namespace!r}" if self.namespace else ""


def call_of(resource: Resource, verb: str, namespace: str | None, name: str = "") -> ApiCall:
    """The call on objects of a resource."""
    return ApiCall(
        verb=verb,
        resource=resource.plural,
        namespace=namespace,
        name=name,
        metadata_only=resource.metadata_only and verb in _READS,
    )


def differing_field(status: Json, call: ApiCall) -> str | None:
    """The field in which the object that a Status names differs from that of ``call``; None if no field does.

    Some Statuses name the kind of object by its plural, some by the kind; one that names another kind (the
    namespace that is missing, say) is about that.
    """
    details = status.get("details")
    kind = details.get("kind") if isinstance(details, dict) else None
    plural = call.resource.partition("/")[0]
    if (
        not isinstance(details, dict)
        or not isinstance(kind, str)
        or kind.lower() not in (plural, plural[:-1])
    ):
        return None
    wanted = {"name": call.name, "uid": call.uid}
    return next((f for f, value in wanted.items() if value and details.get(f) not in (None, "", value)), None)


def error_from_status(code: int, status: Json, call: ApiCall, retry_after: str | None) -> SecretsManagerError:
    """The error for HTTP status ``code`` with the parsed ``status`` object (or {}) as body."""
    if differing_field(status, call):
        return ClusterUnavailable(f"the API server answered {code} about another object: {call}")
    if code // 100 == _REFUSED and code not in _CLEAR_ALONE and status.get("kind") != "Status":
        # The API server gives its reason in a Status: this is from a proxy in front of it, most likely for a
        # while, and says nothing about the object.
        return ClusterUnavailable(f"the API server answered {code} without a reason: {call}")
    if _DENIED_BY.match(_text(status)):
        return _denied(_text(status), call)
    special = _BY_BODY.get(code)
    if special is not None:
        return special(status, call)
    if code in _BY_CODE:
        kind, text = _BY_CODE[code]
        return kind(f"{text}: {call}")
    return _by_class(code, status, call, retry_after)


def _by_class(code: int, status: Json, call: ApiCall, retry_after: str | None) -> SecretsManagerError:
    # An API server never redirects: a redirect is from a proxy in front of it, most likely for a while.
    if code >= HTTPStatus.INTERNAL_SERVER_ERROR and _TOO_LARGE.search(_text(status)):
        return TooLarge(f"the object is larger than etcd accepts: {call}")
    redirected = code < HTTPStatus.BAD_REQUEST
    if code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR or redirected:
        pause = asked_pause(retry_after, None, longest=_MAX_RETRY_AFTER)
        return ClusterUnavailable(f"the API server answered {code}: {call}", retry_after=pause)
    return RejectedByCluster(f"the API server answered {code}: {call}")


def _forbidden(status: Json, call: ApiCall) -> SecretsManagerError:
    text = _text(status)
    if any(cause.get("reason") == "NamespaceTerminating" for cause in _causes(status)):
        return NamespaceTerminating(f"namespace {call.namespace!r} is being deleted")
    quota = _QUOTA.search(text)
    if quota:
        return QuotaExceeded(f"ResourceQuota {quota[1]!r} of namespace {call.namespace!r} is used up")
    if _NOT_AUTHORIZED.search(text):
        return Forbidden(f"RBAC does not grant the daemon {call.rule}")
    if not text:
        # The API server always gives a reason: this is from a proxy in front of it, most likely for a while.
        return ClusterUnavailable(f"the API server answered 403 without a reason: {call}")
    if call.verb in _READS:
        # Admission controllers do not see reads.
        return Forbidden(f"the API server refuses the daemon {call.rule}")
    return _denied(text, call)


def _not_found(status: Json, call: ApiCall) -> SecretsManagerError:
    """What is missing. Secrets are let go of on the strength of this, so only the API server is believed."""
    details = status.get("details")
    about = details if isinstance(details, dict) and status.get("reason") == "NotFound" else {}
    kind, name = str(about.get("kind", "")).lower(), about.get("name")
    # An object may outlive its namespace; a write to it then finds the namespace missing, not the object.
    if call.resource != "namespaces" and (kind, name) == ("namespaces", call.namespace):
        return NamespaceTerminating(f"namespace {call.namespace!r} does not exist any more")
    # A kind that is not served is answered with a line of text, and so it is by many a proxy.
    if call.verb in _OF_A_KIND or (status.get("kind") == "Status" and (kind, name) in _names(call)):
        return NotFound(f"not found: {call}")
    return ClusterUnavailable(f"the API server answered 404 and did not name the object: {call}")


def _names(call: ApiCall) -> list[tuple[str, str]]:
    # No set: what is looked for in it may be anything.
    plural = call.resource.partition("/")[0]
    return [(plural, call.name), (plural[:-1], call.name)] if call.name else []


def _conflict(status: Json, call: ApiCall) -> SecretsManagerError:
    if status.get("reason") == "AlreadyExists":
        return AlreadyExists(f"the object exists already: {call}")
    return Conflict(f"the object changed in the meantime: {call}")


def _invalid(status: Json, call: ApiCall) -> SecretsManagerError:
    fields = [str(cause.get("field", "")) for cause in _causes(status)]
    named = ", ".join(field for field in fields if _FIELD.fullmatch(field)) or "not named"
    return RejectedByCluster(f"the API server rejected the object as invalid (fields: {named}): {call}")


def _denied(text: str, call: ApiCall) -> AdmissionDenied:
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


_REFUSED = 4
# These are believed without a Status, or looked at more closely; none of them blames what an object holds,
# except for one that is too large for a proxy, too.
_CLEAR_ALONE = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_READS = ("get", "list", "watch")
_OF_A_KIND = ("list", "watch")
_BY_CODE: dict[int, tuple[type[SecretsManagerError], str]] = {
    HTTPStatus.UNAUTHORIZED: (ClusterUnauthorized, "the API server does not accept the daemon's credentials"),
    HTTPStatus.GONE: (Expired, "the resourceVersion is too old"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (TooLarge, "the object is too large for the API server"),
}
_BY_BODY: dict[int, Callable[[Json, ApiCall], SecretsManagerError]] = {
    HTTPStatus.FORBIDDEN: _forbidden,
    HTTPStatus.NOT_FOUND: _not_found,
    HTTPStatus.CONFLICT: _conflict,
    HTTPStatus.UNPROCESSABLE_ENTITY: _invalid,
}
