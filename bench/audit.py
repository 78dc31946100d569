"""The audit logs of the API server and of OpenBao, line by line, as values. Pure.

The servers' own records count, so no counter of the program under test is trusted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# A watch is counted when it begins, since it may outlast the measurement; other calls when they are answered.
_COUNTED_STAGE = {"watch": "ResponseStarted"}
_ANSWERED = "ResponseComplete"
LOGIN = "auth/approle/login"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesCall:
    """One call to the API server, at the time it was answered (a watch: at the time it began).

    Attributes:
        verb: the API's verb: get, list, watch, create, update and so on.
        resource: the plural, with its subresource: `secretdefinitions/status`.
        status: the HTTP status of the answer.
        at: seconds since the epoch.

    """

    verb: str
    resource: str
    status: int
    at: float

    @property
    def kind(self) -> str:
        """Verb and resource, as they are counted."""
        return f"{self.verb} {self.resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendCall:
    """One request to OpenBao by a client that is logged in, or a login.

    Attributes:
        operation: the API's own word: read, update and so on.
        path: without /v1/.
        at: seconds since the epoch.

    """

    operation: str
    path: str
    at: float

    @property
    def is_login(self) -> bool:
        """Whether it is a login by AppRole."""
        return self.path == LOGIN


def kubernetes_calls(lines: Iterable[bytes], user: str) -> list[KubernetesCall]:
    """The calls of one user in lines of the API server's audit log."""
    # Most lines are about other users; a search for the name first saves parsing them.
    named = user.encode()
    events = (json.loads(line) for line in lines if named in line)
    return [_kubernetes_call(event) for event in events if _counts(event, user)]


def backend_calls(lines: Iterable[bytes], role: str) -> list[BackendCall]:
    """The requests of one AppRole in lines of OpenBao's audit log, refused ones included.

    All logins by AppRole are among them, since a login has no identity yet.
    """
    named, login = role.encode(), LOGIN.encode()
    events = (json.loads(line) for line in lines if named in line or login in line)
    return [_backend_call(event) for event in events if _counts_for(event, role)]


def by_kind(calls: Iterable[KubernetesCall]) -> Counter[str]:
    """How many calls of each verb and resource."""
    return Counter(call.kind for call in calls)


def by_operation(calls: Iterable[BackendCall], mount: str) -> Counter[str]:
    """How many requests of each operation: `read secret/` for values, the whole path for everything else."""
    return Counter(
        f"{call.operation} {mount if call.path.startswith(mount) else call.path}" for call in calls
    )


def _counts(event: dict[str, Any], user: str) -> bool:
    wanted = _COUNTED_STAGE.get(event["verb"], _ANSWERED)
    return bool(event["stage"] == wanted and event["user"].get("username") == user)


def _kubernetes_call(event: dict[str, Any]) -> KubernetesCall:
    target = event.get("objectRef", {})
    return KubernetesCall(
        verb=event["verb"],
        resource="/".join(filter(None, (target.get("resource", ""), target.get("subresource", "")))),
        status=event.get("responseStatus", {}).get("code", 0),
        at=datetime.fromisoformat(event["stageTimestamp"]).timestamp(),
    )


def _counts_for(event: dict[str, Any], role: str) -> bool:
    return event["type"] == "request" and (_role(event) == role or event["request"]["path"] == LOGIN)


def _backend_call(event: dict[str, Any]) -> BackendCall:
    return BackendCall(
        operation=event["request"]["operation"],
        path=event["request"]["path"],
        at=datetime.fromisoformat(event["time"]).timestamp(),
    )


def _role(event: dict[str, Any]) -> str | None:
    metadata = event.get("auth", {}).get("metadata") or {}
    role: str | None = metadata.get("role_name")
    return role
