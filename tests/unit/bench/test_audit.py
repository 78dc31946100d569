"""What the benchmark reads out of the servers' audit logs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.audit import BackendCall, KubernetesCall, backend_calls, by_kind, by_operation, kubernetes_calls

AT = 1767323045.123456
DAEMON = "system:serviceaccount:secrets-manager:secrets-manager"


def event(verb: str, resource: str, **changes: Any) -> bytes:
    """A line as kube-apiserver writes it, shortened."""
    plain = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": DAEMON, "groups": ["system:serviceaccounts"]},
        "objectRef": {"resource": resource, "namespace": "team", "name": "app", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "stageTimestamp": "2026-01-02T03:04:05.500000Z",
    }
    return json.dumps({**plain, **changes}).encode()


def request(operation: str, path: str, *, role: str | None = "bench", kind: str = "request") -> bytes:
    """A line as OpenBao writes it, shortened."""
    auth = {"metadata": {"role_name": role}, "policies": ["default"]} if role else {}
    return json.dumps(
        {
            "time": "2026-01-02T03:04:05.123456789Z",
            "type": kind,
            "auth": auth,
            "request": {"operation": operation, "path": path},
        }
    ).encode()


def test_a_call_is_what_was_asked_when_it_was_answered_and_how() -> None:
    status = {"resource": "secretdefinitions", "subresource": "status", "name": "app"}

    (call,) = kubernetes_calls([event("update", "", objectRef=status)], DAEMON)

    assert call == KubernetesCall(
        verb="update", resource="secretdefinitions/status", status=200, at=1767323045.5
    )
    assert call.kind == "update secretdefinitions/status"


def test_calls_of_others_are_left_out_even_when_they_are_about_the_user() -> None:
    about_us = {"resource": "tokens", "name": DAEMON}
    lines = [
        event("get", "secrets", user={"username": "admin"}),
        event("get", "", user={"username": "admin"}, objectRef=about_us),
        event("get", "", user={"username": f"{DAEMON}-other"}),
    ]

    assert kubernetes_calls(lines, DAEMON) == []


def test_a_watch_counts_when_it_begins_and_everything_else_when_it_is_answered() -> None:
    lines = [
        event("watch", "secrets", stage="ResponseStarted"),
        event("watch", "secrets", stage="ResponseComplete"),
        event("list", "secrets", stage="ResponseStarted"),
        event("list", "secrets", stage="ResponseComplete"),
        event("get", "secrets", stage="Panic"),
    ]

    assert by_kind(kubernetes_calls(lines, DAEMON)) == {"watch secrets": 1, "list secrets": 1}


def test_a_call_that_is_about_no_object_counts_too() -> None:
    (call,) = kubernetes_calls([event("get", "", objectRef={}, responseStatus={})], DAEMON)

    assert (call.resource, call.status) == ("", 0)


def test_refused_calls_count_as_calls() -> None:
    (call,) = kubernetes_calls([event("create", "secrets", responseStatus={"code": 409})], DAEMON)

    assert call.status == 409


def test_a_request_to_the_backend_counts_once_and_only_that_of_the_role() -> None:
    lines = [
        request("read", "secret/data/app"),
        request("read", "secret/data/app", kind="response"),
        request("read", "secret/data/bench", role="other"),
        request("update", "auth/kubernetes/login", role=None),
        json.dumps({"type": "request", "request": {"operation": "read", "path": "bench"}}).encode(),
        json.dumps(
            {
                "type": "request",
                "auth": {"metadata": None},
                "request": {"operation": "read", "path": "bench"},
            }
        ).encode(),
    ]

    assert backend_calls(lines, "bench") == [BackendCall(operation="read", path="secret/data/app", at=AT)]


def test_a_login_counts_though_nobody_is_known_before_it() -> None:
    lines = [
        request("update", "auth/approle/login", role=None),
        request("update", "auth/approle/login", kind="response"),
        request("read", "secret/data/named/auth/approle/login", role="other"),
    ]

    assert by_operation(backend_calls(lines, "bench"), "secret/") == {"update auth/approle/login": 1}


def test_reads_of_values_are_counted_together_and_everything_else_by_its_path() -> None:
    calls = [
        BackendCall(operation="read", path="secret/data/a", at=AT),
        BackendCall(operation="read", path="secret/data/b", at=AT),
        BackendCall(operation="read", path="auth/token/lookup-self", at=AT),
    ]

    assert by_operation(calls, "secret/") == {"read secret/": 2, "read auth/token/lookup-self": 1}


def test_a_log_that_is_no_json_is_an_error_and_not_a_smaller_count() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        kubernetes_calls([DAEMON.encode()], DAEMON)
