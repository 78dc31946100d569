"""What a refusal of the service means for a path, and for all of them."""

from __future__ import annotations

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendThrottled,
    BackendUnavailable,
    PermissionDenied,
    Reach,
    SecretsManagerError,
    SourceDeleted,
    SourceNotFound,
    is_absence,
    is_sure_absence,
)
from secrets_manager.runtime.http.messages import Reply
from secrets_manager_aws import faults
from secrets_manager_aws.faults import DecryptionFailed, RefusedByService

SHOP = Source("shop")
CANARY = "canary-77aa"


def refused(code: str, text: str = CANARY, status: int = 400, **headers: str) -> faults.Refusal:
    body = f'{{"__type": "{code}", "Message": "{text}"}}'.encode()
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return faults.parse_refusal(Reply(status, found, body))


def fault(code: str, text: str = CANARY, status: int = 400, source: Source = SHOP) -> SecretsManagerError:
    error = faults.of_source(refused(code, text, status), source)
    assert CANARY not in error.message
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ResourceNotFoundException", SourceNotFound),
        ("com.amazonaws.secretsmanager#ResourceNotFoundException", SourceNotFound),
        ("ResourceNotFoundException:http://internal.amazon.com/coral/", SourceNotFound),
        ("AccessDeniedException", PermissionDenied),
        ("DecryptionFailure", DecryptionFailed),
        ("InvalidRequestException", RefusedByService),
        ("InvalidParameterException", RefusedByService),
        ("ValidationException", RefusedByService),
        ("ThrottlingException", BackendThrottled),
        ("TooManyRequestsException", BackendThrottled),
        ("UnrecognizedClientException", AuthFailed),
        ("ExpiredTokenException", AuthFailed),
    ],
)
def test_each_code_has_its_meaning(code: str, kind: type[SecretsManagerError]) -> None:
    assert type(fault(code)) is kind


@pytest.mark.parametrize(
    "text",
    [
        "You can't perform this operation on the secret because it was marked for deletion.",
        "You tried to perform the operation on a secret that's currently marked deleted.",
    ],
)
def test_a_secret_that_is_marked_for_deletion_is_absent(text: str) -> None:
    error = fault("InvalidRequestException", text)

    assert error == SourceDeleted("shop")
    assert is_absence(error)


def test_a_version_that_is_not_there_is_named() -> None:
    text = "Secrets Manager can't find the specified secret value for staging label: blue"
    error = fault("ResourceNotFoundException", text, source=Source("shop", "blue"))

    assert error == SourceNotFound("shop", version="blue")
    assert is_sure_absence(error)


def test_a_secret_without_a_value_is_absent_but_not_gone_for_certain() -> None:
    text = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
    error = fault("ResourceNotFoundException", text)

    assert is_absence(error)
    assert not is_sure_absence(error)


def test_throttling_is_evidence_about_the_path_alone_and_asks_for_its_pause() -> None:
    error = faults.of_source(refused("ThrottlingException", retry_after="7"), SHOP)

    assert isinstance(error, BackendThrottled)
    assert (error.reach, error.retry_after) == (Reach.PATH, 7.0)


def test_credentials_that_are_not_accepted_concern_every_path() -> None:
    error = fault("InvalidSignatureException")

    assert isinstance(error, AuthFailed)
    assert error.reach is Reach.ALL
    assert "InvalidSignatureException" in error.message


@pytest.mark.parametrize(
    "text", ["Signature expired: 20200101T000000Z is now", "Signature not yet current: 2"]
)
def test_a_wrong_clock_is_named(text: str) -> None:
    assert "the clock of this machine" in fault("InvalidSignatureException", text).message


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (500, b'{"__type": "InternalServiceError"}', "cannot serve requests now (500)"),
        (503, b"<html>", "cannot serve requests now (503)"),
        (404, b"<html>", "the reply is not from AWS Secrets Manager: status 404"),
        (307, b"", "the reply is not from AWS Secrets Manager: status 307"),
        (400, b'{"__type": "<script>"}', "the reply is not from AWS Secrets Manager: status 400"),
        (400, b'{"__type": 5}', "the reply is not from AWS Secrets Manager: status 400"),
        (400, b"[]", "the reply is not from AWS Secrets Manager: status 400"),
    ],
)
def test_what_is_not_the_services_word_is_an_outage(status: int, body: bytes, text: str) -> None:
    error = faults.of_source(faults.parse_refusal(Reply(status, {}, body)), SHOP)

    assert isinstance(error, BackendUnavailable)
    assert text in error.message
