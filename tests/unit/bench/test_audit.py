"""What the benchmark reads out of the servers' audit logs, as they grow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.audit import BackendCall, KubernetesCall, backend_calls, by_kind, by_operation, kubernetes_calls
from bench.traffic import Identity, Traffic

AT = 1767323045.123456
DAEMON = "system:serviceaccount:secrets-manager:secrets-manager"


def event(verb: str, resource: str, **changes: Any) -> bytes:
    """A line as kube-apiserver writes it, shortened."""
    plain = {
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": DAEMON},
        "objectRef": {"resource": resource, "namespace": "team", "name": "app"},
        "responseStatus": {"code": 200},
        "stageTimestamp": "2026-01-02T03:04:05.500000Z",
    }
    return json.dumps({**plain, **changes}).encode()


def request(operation: str, path: str, role: str | None = "bench", **changes: Any) -> bytes:
    """A line as OpenBao writes it, shortened; with None nobody is logged in."""
    plain = {
        "time": "2026-01-02T03:04:05.123456789Z",
        "type": "request",
        "auth": {"metadata": {"role_name": role}} if role else {},
        "request": {"operation": operation, "path": path},
    }
    return json.dumps({**plain, **changes}).encode()


STATUS = {"resource": "secretdefinitions", "subresource": "status"}


@pytest.mark.parametrize(
    ("about", "resource", "status"),
    [(STATUS, "secretdefinitions/status", 200), ({}, "", 0), ({"resource": "secrets"}, "secrets", 409)],
)
def test_a_call_has_its_request_the_time_and_the_status_of_its_answer(
    about: dict[str, str], resource: str, status: int
) -> None:
    answer = {"code": status} if status else {}
    (call,) = kubernetes_calls([event("update", "", objectRef=about, responseStatus=answer)], DAEMON)

    assert call == KubernetesCall(verb="update", resource=resource, status=status, at=1767323045.5)


def test_a_watch_counts_when_it_begins_all_else_when_answered_and_the_calls_of_others_not_at_all() -> None:
    stages, admin = ("ResponseStarted", "ResponseComplete"), {"username": "admin"}
    lines = [event(verb, "secrets", stage=stage) for verb in ("watch", "list") for stage in stages]
    lines += [
        event("get", "secrets", stage="Panic"),
        event("get", "", user=admin, objectRef={"resource": "tokens", "name": DAEMON}),
        event("get", "", user={"username": f"{DAEMON}-other"}),
    ]

    assert by_kind(kubernetes_calls(lines, DAEMON)) == {"watch secrets": 1, "list secrets": 1}


def test_each_request_of_the_role_counts_once_and_so_does_a_login_before_which_nobody_is_known() -> None:
    lines = [
        request("read", "secret/data/app"),
        request("read", "secret/data/app", type="response"),
        request("read", "auth/token/lookup-self"),
        request("read", "secret/data/bench", "other"),
        request("read", "secret/data/named/auth/approle/login", "other"),
        request("update", "auth/kubernetes/login", None),
        request("read", "bench", auth={"metadata": None}),
        request("update", "auth/approle/login", None),
        request("update", "auth/approle/login", None, type="response"),
    ]
    calls = backend_calls(lines, "bench")

    assert calls[0] == BackendCall(operation="read", path="secret/data/app", at=AT)
    counted = {"read secret/": 1, "read auth/token/lookup-self": 1, "update auth/approle/login": 1}
    assert by_operation(calls, "secret/") == counted


def test_lines_from_before_a_skip_are_not_counted_and_one_without_json_is_an_error(tmp_path: Path) -> None:
    log, identity = tmp_path / "backend", Identity(user=DAEMON, role="bench")
    traffic = Traffic(kubernetes_log=tmp_path / "kubernetes", backend_log=log, identity=identity)

    log.write_bytes(request("read", "before") + b"\n")
    traffic.skip()
    log.write_bytes(log.read_bytes() + request("read", "after") + b"\n")

    assert [call.path for call in traffic.take_backend()] == ["after"]
    assert traffic.take_kubernetes() == []
    with pytest.raises(ValueError, match="Expecting"):
        kubernetes_calls([DAEMON.encode()], DAEMON)
