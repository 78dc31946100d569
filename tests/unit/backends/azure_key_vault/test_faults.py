"""The meaning of an answer of the vault, of Entra ID or of a machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from secrets_manager.backends.azure_key_vault import faults
from secrets_manager.backends.azure_key_vault.client import KeyVaultClient, _began_at
from secrets_manager.backends.azure_key_vault.transport import SdkExchange
from secrets_manager.backends.kit import entra_faults
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendThrottled,
    BackendUnavailable,
    ForbiddenByNetwork,
    PermissionDenied,
    SecretsManagerError,
    SourceDisabled,
    SourceNotFound,
)
from secrets_manager.runtime.http.messages import Reply
from secrets_manager.runtime.terms import Terms
from tests.unit.backends.tables import rows


def reply(status: int, content: object, headers: Mapping[str, str] | None = None) -> Reply:
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    return Reply(status, headers or {}, body)


def error(code: str, inner: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": "canary", "innererror": {"code": inner} if inner else None}}


@pytest.mark.parametrize(
    ("answer", "meaning"),
    rows(
        {
            "no such secret": (reply(404, error("SecretNotFound")), SourceNotFound("app")),
            "no such version": (reply(400, error("BadParameter")), SourceNotFound("app")),
            "switched off": (reply(403, error("Forbidden", "SecretDisabled")), SourceDisabled("app")),
            "no policy": (reply(403, error("Forbidden", "ForbiddenByPolicy")), PermissionDenied("app")),
            "no role": (reply(403, error("Forbidden", "ForbiddenByRbac")), PermissionDenied("app")),
            "no inner code": (reply(403, error("Forbidden")), PermissionDenied("app")),
            "a code of the wrong type": (
                reply(403, {"error": {"code": 7}}),
                BackendUnavailable("the reply is not from the key vault: status 403"),
            ),
            "no error at all": (
                reply(403, {}),
                BackendUnavailable("the reply is not from the key vault: status 403"),
            ),
            "a gateway's JSON": (
                reply(404, {"statusCode": 404, "message": "Resource not found"}),
                BackendUnavailable("the reply is not from the key vault: status 404"),
            ),
            "a gateway's bad request": (
                reply(400, {"error": "bad request"}),
                BackendUnavailable("the reply is not from the key vault: status 400"),
            ),
            "a firewall": (
                reply(403, error("Forbidden", "ForbiddenByFirewall")),
                ForbiddenByNetwork("the network rules of the key vault do not let this machine in"),
            ),
            "throttled": (
                reply(429, error("Throttled")),
                BackendThrottled("the key vault asked to slow down (429)"),
            ),
            "down": (
                reply(503, b"canary"),
                BackendUnavailable("the key vault cannot serve requests now (503)"),
            ),
            "a page": (
                reply(403, b"<html>canary"),
                BackendUnavailable("the reply is not from the key vault: status 403"),
            ),
            "a list": (
                reply(404, ["canary"]),
                BackendUnavailable("the reply is not from the key vault: status 404"),
            ),
        }
    ),
)
def test_a_refusal_of_the_vault_has_one_meaning(answer: Reply, meaning: SecretsManagerError) -> None:
    assert faults.from_vault(faults.parse_refusal(answer), "app") == meaning


@pytest.mark.parametrize(
    ("answer", "meaning"),
    rows(
        {
            "a code": (
                reply(401, {"error": "invalid_client", "error_description": "AADSTS7000215: canary"}),
                AuthFailed("Entra ID refused the login (AADSTS7000215)"),
            ),
            "a word alone": (
                reply(400, {"error": "invalid_scope", "error_description": "canary"}),
                AuthFailed("the login was refused (400 invalid_scope)"),
            ),
            "no word either": (
                reply(400, {"error": "Canary says"}),
                AuthFailed("the login was refused (400)"),
            ),
            "busy, with a code": (
                reply(429, {"error_description": "AADSTS90055: canary"}),
                BackendThrottled("Entra ID asked to slow down (429)"),
            ),
            "failing, with a code": (
                reply(503, {"error_description": "AADSTS90033: canary"}),
                BackendUnavailable("Entra ID cannot serve requests now (503)"),
            ),
            "fine, and no token": (
                reply(200, {"canary": 1}),
                BackendUnavailable("the reply is not from Entra ID: status 200"),
            ),
            "a page": (
                reply(401, b"<html>canary"),
                BackendUnavailable("the reply is not from Entra ID: status 401"),
            ),
        }
    ),
)
def test_an_answer_of_entra_without_token_has_one_meaning(
    answer: Reply, meaning: SecretsManagerError
) -> None:
    assert entra_faults.from_login(answer) == meaning


@pytest.mark.parametrize(
    ("status", "meaning"),
    rows(
        {
            "unknown": (400, AuthFailed("this machine has no such managed identity (400)")),
            "refused": (403, AuthFailed("the managed identity endpoint returned no token (403)")),
            "renewed": (410, BackendUnavailable("the managed identity endpoint is being updated (410)")),
            "busy": (429, BackendThrottled("the managed identity endpoint asked to slow down (429)")),
            "failing": (
                500,
                BackendUnavailable("the managed identity endpoint cannot serve requests now (500)"),
            ),
            "fine, and no token": (
                200,
                BackendUnavailable("the reply is not from the managed identity endpoint: status 200"),
            ),
        }
    ),
)
def test_an_answer_of_the_machine_without_token_has_one_meaning(
    status: int, meaning: SecretsManagerError
) -> None:
    assert entra_faults.from_machine(reply(status, {"error": "canary"})) == meaning


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("99999999999", 3600.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("\u0667", None),
    ],
)
def test_a_pause_is_taken_in_whole_seconds_and_with_a_limit(text: str, seconds: float | None) -> None:
    assert entra_faults.retry_after(reply(429, {}, {"retry-after": text})) == seconds


@pytest.mark.parametrize(
    ("headers", "began"),
    [
        ({"date": "Thu, 01 Jan 1970 00:01:40 GMT"}, 97.5),
        ({"date": "yesterday"}, None),
        ({}, None),
    ],
    ids=["a date", "no date", "none at all"],
)
def test_when_the_vault_began_is_its_date_less_the_time_the_call_took(
    headers: Mapping[str, str], began: float | None
) -> None:
    assert _began_at(reply(200, {}, headers), 2.5) == began


def test_an_error_inside_the_sdk_is_an_outage_and_not_a_crash() -> None:
    exchange = SdkExchange(Terms.within(1.0))
    meaning = KeyVaultClient._meaning(None, exchange, AttributeError("canary"), 0)  # type: ignore[arg-type]

    assert meaning == BackendUnavailable("the call to the key vault could not be made")
