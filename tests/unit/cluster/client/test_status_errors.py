"""Error replies, as API servers really send them, and what becomes of each."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster.base import AlreadyExists, Expired, NotFound
from secrets_manager.cluster.client.status_errors import ApiCall, error_from_status
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
CALL = ApiCall(verb="create", resource="secrets", namespace="shop", name="db")


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
    "not found": (
        status(404, "NotFound", 'secrets "db" not found', details={"name": "db", "kind": "secrets"}),
        NotFound,
        "not found",
    ),
    "unauthorized": (
        status(401, "Unauthorized", "Unauthorized"),
        ClusterUnauthorized,
        "the daemon's credentials",
    ),
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
    error = error_from_status(body["code"], body, CALL, None)

    assert type(error) is kind
    assert said in error.message


@pytest.mark.parametrize("body", [body for body, _, _ in TABLE.values()], ids=TABLE)
def test_nothing_of_the_servers_own_words_is_passed_on(body: dict[str, Any]) -> None:
    error = error_from_status(body["code"], body, CALL, None)

    assert CANARY not in f"{error!r} {error} {error.__dict__}"


@pytest.mark.parametrize("code", range(400, 600, 7))
@pytest.mark.parametrize(
    "body",
    [{}, {"message": 3}, {"details": "x"}, {"details": {"causes": "x"}}, {"details": {"causes": [1, None]}}],
)
def test_a_body_that_is_no_status_is_no_obstacle(code: int, body: dict[str, Any]) -> None:
    assert str(CALL) in error_from_status(code, body, CALL, None).message or code == 403


@pytest.mark.parametrize("verb", ["get", "list", "watch"])
def test_a_read_that_is_refused_in_unknown_words_is_no_admission_controllers_doing(verb: str) -> None:
    call = ApiCall(verb=verb, resource="secrets", namespace="shop")
    error = error_from_status(403, status(403, "Forbidden", f"{CANARY} is not to my liking"), call, None)

    assert type(error) is Forbidden
    assert (
        error.message == f"the API server refuses the daemon verb {verb!r} on 'secrets' in namespace 'shop'"
    )


GATEWAYS: dict[str, dict[str, Any]] = {
    "a page": {},
    "a gateway's JSON": {"message": "Forbidden"},
    "a denial in a gateway's JSON": {"code": 422, "reason": "Invalid", "message": "request blocked"},
    "another kind": {"kind": "Error", "message": "bad request", "details": {"causes": [{"field": "data"}]}},
}


@pytest.mark.parametrize("verb", ["get", "list", "create", "update", "delete"])
@pytest.mark.parametrize("code", [400, 402, 403, 405, 406, 409, 415, 418, 421, 422, 423, 431, 451, 499])
@pytest.mark.parametrize("body", GATEWAYS.values(), ids=GATEWAYS)
def test_a_refusal_without_a_status_says_nothing_about_the_object(
    body: dict[str, Any], code: int, verb: str
) -> None:
    error = error_from_status(code, body, ApiCall(verb=verb, resource="secrets", namespace="shop"), None)

    assert type(error) is ClusterUnavailable


@pytest.mark.parametrize("verb", ["get", "list", "create", "update", "delete"])
def test_a_403_without_a_reason_comes_from_what_stands_in_front_of_the_api_server(verb: str) -> None:
    error = error_from_status(403, {}, ApiCall(verb=verb, resource="secrets", namespace="shop"), None)

    assert type(error) is ClusterUnavailable
    assert (
        error.message == f"the API server answered 403 without a reason: {verb} secrets in namespace 'shop'"
    )


NO_EVIDENCE: dict[str, dict[str, Any]] = {
    "a page": {},
    "a gateway's JSON": {"code": 404, "reason": "NotFound", "message": 'secrets "db" not found'},
    "a gateway's, with details": {"reason": "NotFound", "details": {"name": "db", "kind": "secrets"}},
    "a Status that names nothing": status(404, "NotFound", "the server could not find what was asked for"),
    "a Status about a cluster": status(404, "NotFound", "", details={"name": "db", "kind": "clusters"}),
    "a Status for another reason": status(404, "Gone", "", details={"name": "db", "kind": "secrets"}),
    "a Status that is a success": status(404, "", "", details={"name": "db", "kind": "secrets"}),
    "another namespace": status(404, "NotFound", "", details={"name": "x", "kind": "namespaces"}),
    "names that are no texts": status(404, "NotFound", "", details={"name": ["db"], "kind": {"secrets": 1}}),
}


@pytest.mark.parametrize("verb", ["get", "update", "delete", "create"])
@pytest.mark.parametrize("body", NO_EVIDENCE.values(), ids=NO_EVIDENCE)
def test_a_404_that_does_not_name_the_object_is_no_evidence_that_it_is_gone(
    verb: str, body: dict[str, Any]
) -> None:
    error = error_from_status(
        404, body, ApiCall(verb=verb, resource="secrets", namespace="shop", name="db"), None
    )

    assert type(error) is ClusterUnavailable


@pytest.mark.parametrize("resource", ["secretdefinitions", "secretdefinitions/status"])
def test_a_404_about_a_definition_or_its_status_names_the_definition(resource: str) -> None:
    call = ApiCall(verb="update", resource=resource, namespace="shop", name="db")
    gone = status(404, "NotFound", "", details={"name": "db", "kind": "secretdefinitions", "group": "x"})

    assert type(error_from_status(404, gone, call, None)) is NotFound


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_kind_that_is_not_served_is_not_found_whatever_says_so(verb: str) -> None:
    call = ApiCall(verb=verb, resource="secretdefinitions", namespace=None)

    assert type(error_from_status(404, {}, call, None)) is NotFound


def test_a_value_that_quotes_a_denial_is_not_taken_for_a_denial() -> None:
    message = 'Secret "db" is invalid: data: "admission webhook \\"x\\" denied the request"'

    assert type(error_from_status(422, status(422, "Invalid", message), CALL, None)) is RejectedByCluster


@pytest.mark.parametrize(
    ("header", "pause"), [("7", 7.0), ("0", 0.0), ("3600", 30.0), (None, None), ("soon", None), ("٣", None)]
)
@pytest.mark.parametrize("code", [429, 503])
def test_the_pause_the_server_asks_for_is_kept_up_to_half_a_minute(
    code: int, header: str | None, pause: float | None
) -> None:
    error = error_from_status(code, {}, CALL, header)

    assert isinstance(error, ClusterFault)
    assert error.retry_after == pause


def test_the_text_of_a_call_for_all_namespaces_names_them() -> None:
    call = ApiCall(verb="list", resource="secretdefinitions", namespace=None)

    assert str(call) == "list secretdefinitions in all namespaces"
    assert call.rule == "verb 'list' on 'secretdefinitions' in all namespaces"
