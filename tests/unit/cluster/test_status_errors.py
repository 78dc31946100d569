"""Error replies, as API servers really send them, and what becomes of each."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster.base import AlreadyExists, Expired, NotFound
from secrets_manager.cluster.status_errors import Call, from_status
from secrets_manager.domain.errors import (
    AdmissionDenied,
    ClusterFault,
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

CANARY = "canary-7d1f0c"
CALL = Call(verb="create", resource="secrets", namespace="shop", name="db")


def status(code: int, reason: str, message: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
        **more,
    }


def causes(*found: dict[str, str]) -> dict[str, Any]:
    return {"details": {"name": "db", "kind": "secrets", "causes": list(found)}}


TABLE: dict[str, tuple[dict[str, Any], type[SecretsManagerError], str]] = {
    "a namespace that is gone while the object is still there": (
        status(
            404,
            "NotFound",
            'namespaces "shop" not found',
            details={"name": "shop", "kind": "namespaces"},
        ),
        NamespaceTerminating,
        "namespace 'shop' does not exist any more",
    ),
    "RBAC": (
        status(
            403,
            "Forbidden",
            'secrets is forbidden: User "system:serviceaccount:a:b" cannot create resource "secrets" in API '
            'group "" in the namespace "shop"',
        ),
        Forbidden,
        "verb 'create' on 'secrets' in namespace 'shop'",
    ),
    "quota": (
        status(
            403,
            "Forbidden",
            'secrets "db" is forbidden: exceeded quota: small.team-a, requested: secrets=1, used: secrets=2, '
            "limited: secrets=2",
        ),
        QuotaExceeded,
        "ResourceQuota 'small.team-a' of namespace 'shop'",
    ),
    "namespace going": (
        status(
            403,
            "Forbidden",
            'secrets "db" is forbidden: unable to create new content in namespace shop because it is being '
            "terminated",
            **causes({"reason": "NamespaceTerminating", "message": CANARY, "field": "metadata.namespace"}),
        ),
        NamespaceTerminating,
        "namespace 'shop' is being deleted",
    ),
    "a built-in admission plugin": (
        status(403, "Forbidden", f'secrets "db" is forbidden: {CANARY} is not to my liking'),
        AdmissionDenied,
        "an admission controller refused",
    ),
    "webhook, its own status": (
        status(400, "BadRequest", f'admission webhook "scan.corp.io" denied the request: saw {CANARY}'),
        AdmissionDenied,
        "'scan.corp.io'",
    ),
    "webhook, forbidden": (
        status(403, "Forbidden", f'admission webhook "scan.corp.io" denied the request: {CANARY}'),
        AdmissionDenied,
        "'scan.corp.io'",
    ),
    "webhook, conflict": (
        status(409, "Conflict", f'admission webhook "scan.corp.io" denied the request: {CANARY}'),
        AdmissionDenied,
        "'scan.corp.io'",
    ),
    "webhook, server error": (
        status(500, "InternalError", f'admission webhook "scan.corp.io" denied the request: {CANARY}'),
        AdmissionDenied,
        "'scan.corp.io'",
    ),
    "webhook, without a word": (
        status(400, "BadRequest", 'admission webhook "scan.corp.io" denied the request without explanation'),
        AdmissionDenied,
        "'scan.corp.io'",
    ),
    "policy, invalid": (
        status(
            422,
            "Invalid",
            "secrets \"db\" is forbidden: ValidatingAdmissionPolicy 'no-short' with binding 'all' denied "
            f"request: {CANARY} is too short",
            **causes({"message": CANARY}),
        ),
        AdmissionDenied,
        "'no-short'",
    ),
    "policy, unauthorized": (
        status(
            401,
            "Unauthorized",
            "secrets \"db\" is forbidden: ValidatingAdmissionPolicy 'no-short' with binding 'all' denied "
            f"request: {CANARY}",
        ),
        AdmissionDenied,
        "'no-short'",
    ),
    "invalid fields": (
        status(
            422,
            "Invalid",
            f'Secret "db" is invalid: data[{CANARY}]: Invalid value: "{CANARY}"',
            **causes(
                {"reason": "FieldValueInvalid", "message": CANARY, "field": "data[tls.crt]"},
                {"reason": "FieldValueInvalid", "message": CANARY, "field": f'data["{CANARY}"]'},
                {"reason": "FieldValueInvalid", "message": CANARY, "field": "type"},
            ),
        ),
        RejectedByCluster,
        "(fields: data[tls.crt], type)",
    ),
    "invalid, no field named": (
        status(422, "Invalid", f"Secret is invalid: {CANARY}"),
        RejectedByCluster,
        "not named",
    ),
    "a bad request": (status(400, "BadRequest", CANARY), RejectedByCluster, "answered 400"),
    "too large": (status(413, "RequestEntityTooLarge", CANARY), TooLarge, "too large"),
    "exists": (status(409, "AlreadyExists", 'secrets "db" already exists'), AlreadyExists, "exists already"),
    "conflict": (
        status(
            409, "Conflict", 'Operation cannot be fulfilled on secrets "db": the object has been modified'
        ),
        Conflict,
        "changed in the meantime",
    ),
    "not found": (status(404, "NotFound", 'secrets "db" not found'), NotFound, "not found"),
    "unauthorized": (status(401, "Unauthorized", "Unauthorized"), ClusterUnauthorized, "identity"),
    "expired": (
        status(410, "Expired", "The provided continue parameter is too old"),
        Expired,
        "resourceVersion is too old",
    ),
    "throttled": (status(429, "TooManyRequests", "storage is (re)initializing"), ClusterUnavailable, "429"),
    "webhook down": (
        status(
            500, "InternalError", f'failed calling webhook "scan.corp.io": Post "https://{CANARY}": refused'
        ),
        ClusterUnavailable,
        "answered 500",
    ),
    "unavailable": (status(503, "ServiceUnavailable", CANARY), ClusterUnavailable, "answered 503"),
    "timeout": (status(504, "Timeout", CANARY), ClusterUnavailable, "answered 504"),
}


@pytest.mark.parametrize(("body", "kind", "said"), TABLE.values(), ids=TABLE)
def test_an_error_reply_becomes_the_error_that_says_what_to_do(
    body: dict[str, Any], kind: type[SecretsManagerError], said: str
) -> None:
    error = from_status(body["code"], body, CALL, None)

    assert type(error) is kind
    assert said in error.message


@pytest.mark.parametrize("body", [body for body, _, _ in TABLE.values()], ids=TABLE)
def test_nothing_of_the_servers_own_words_is_passed_on(body: dict[str, Any]) -> None:
    error = from_status(body["code"], body, CALL, None)

    assert CANARY not in f"{error!r} {error} {error.__dict__}"


@pytest.mark.parametrize("code", range(400, 600, 7))
@pytest.mark.parametrize(
    "body",
    [{}, {"message": 3}, {"details": "x"}, {"details": {"causes": "x"}}, {"details": {"causes": [1, None]}}],
)
def test_a_body_that_is_no_status_is_no_obstacle(code: int, body: dict[str, Any]) -> None:
    assert str(CALL) in from_status(code, body, CALL, None).message or code == 403


def test_a_value_that_quotes_a_denial_does_not_pass_for_one() -> None:
    message = 'Secret "db" is invalid: data: "admission webhook \\"x\\" denied the request"'

    assert type(from_status(422, status(422, "Invalid", message), CALL, None)) is RejectedByCluster


@pytest.mark.parametrize(
    ("header", "pause"), [("7", 7.0), ("0", 0.0), ("3600", 30.0), (None, None), ("soon", None), ("٣", None)]
)
@pytest.mark.parametrize("code", [429, 503])
def test_the_pause_the_server_asks_for_is_kept_up_to_half_a_minute(
    code: int, header: str | None, pause: float | None
) -> None:
    error = from_status(code, {}, CALL, header)

    assert isinstance(error, ClusterFault)
    assert error.retry_after == pause


def test_a_call_for_all_namespaces_says_so() -> None:
    call = Call(verb="list", resource="secretdefinitions", namespace=None)

    assert str(call) == "list secretdefinitions in all namespaces"
    assert call.rule == "verb 'list' on 'secretdefinitions' in all namespaces"
