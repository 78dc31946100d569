"""Logins by Google Cloud: whose token is sent, what each service's refusal means, and what is never asked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.backends.vault.logins import METHODS, LoginRequest
from secrets_manager.backends.vault.logins.errand import Errands
from secrets_manager.backends.vault.plugin import contradictions
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendThrottled, BackendUnavailable
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import ProxySettings, VaultSettings
from secrets_manager.settings.cloud_logins import GcpLogin
from tests.builders import attempt
from tests.testbed.azure.wire import Answer, Call, Server
from tests.testbed.clouds.gcp import Gcp

CANARY = "canary-88e1"
METADATA_HOST = "google.auth.compute_engine._metadata._GCE_METADATA_HOST"
Serve = Callable[[Callable[[Call], Answer]], Server]


@pytest.fixture
def gcp() -> Gcp:
    return Gcp(now=time.time)


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Server] = []

    def start(answer: Callable[[Call], Answer]) -> Server:
        made.append(Server(answer, time.time))
        return made[-1]

    yield start
    for server in made:
        server.stop()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "credentials.json"


def login(**given: Any) -> LoginRequest:
    settings = VaultSettings(auth_method="gcp", gcp=GcpLogin(role="reader", **given))
    errand = Errands(ProxySettings(), Watchdog(), seconds=5.0).begin()
    made = METHODS["gcp"].login(settings, errand)
    assert isinstance(made, LoginRequest)
    return made


def test_a_role_is_all_that_has_to_be_set() -> None:
    assert list(contradictions(VaultSettings(auth_method="gcp", gcp=GcpLogin(role="r")))) == []


@pytest.mark.parametrize("name", ["google.auth", "google"])
def test_a_package_that_is_not_installed_is_named_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delitem(sys.modules, "google.auth", raising=False)
    monkeypatch.setitem(sys.modules, name, None)
    (found,) = contradictions(VaultSettings(auth_method="gcp", gcp=GcpLogin(role="r")))

    assert found.names == ("auth-method",)
    assert found.exit_code == 1
    assert "secrets-manager[gcp]" in found.text


def test_a_key_signs_without_asking_anybody(gcp: Gcp, file: Path) -> None:
    file.write_text(gcp.service_account_key())
    made = login(credentials_file=str(file))

    assert gcp.why_not(made.body) == ""
    assert str(made.body["jwt"]) not in f"{made!r}{made}"


def test_a_key_signs_for_its_own_account_alone(gcp: Gcp, file: Path) -> None:
    file.write_text(gcp.service_account_key())
    gcp.bound = "another@project.iam.gserviceaccount.com"

    assert gcp.why_not(login(credentials_file=str(file)).body) == "service account not authorized"


def test_the_machines_token_is_made_out_to_the_role(
    gcp: Gcp, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(METADATA_HOST, serve(gcp.metadata).url.removeprefix("http://"))

    assert gcp.why_not(login().body) == ""


UNUSABLE = {
    "no JSON": (CANARY, "its type is neither"),
    "a list": ("[1]", "its type is neither"),
    "a person's login": (json.dumps({"type": "authorized_user", "a": CANARY}), "its type is neither"),
    "a key without a key": (json.dumps({"type": "service_account", "a": CANARY}), "is not a usable key"),
    "a damaged key": (
        json.dumps({"type": "service_account", "client_email": "a", "token_uri": "b", "private_key": CANARY}),
        "is not a usable key",
    ),
    "a program to run": (
        json.dumps({"type": "external_account", "credential_source": {"executable": {"command": CANARY}}}),
        "is neither a file nor a URL",
    ),
}


@pytest.mark.parametrize(("content", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_cannot_be_used_is_named_and_not_shown(file: Path, content: str, why: str) -> None:
    file.write_text(content)
    error = attempt(lambda: login(credentials_file=str(file)))

    assert isinstance(error, AuthFailed)
    assert error.message.startswith("vault.gcp-credentials-file: ")
    assert why in error.message
    assert CANARY not in f"{error.message}{error!r}"


def test_a_token_is_never_sent_without_tls(gcp: Gcp, file: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(CANARY)
    federation = {**json.loads(gcp.federation(str(token))), "token_url": "http://sts.example.test/v1/token"}
    file.write_text(json.dumps(federation))
    error = attempt(lambda: login(credentials_file=str(file)))

    assert isinstance(error, AuthFailed)
    assert error.message == "vault.gcp-credentials-file: an address in it does not begin with https://"


def test_half_a_federation_is_not_shown(file: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(CANARY)
    source = {"file": str(token), "format": {"type": CANARY}}
    file.write_text(json.dumps({"type": "external_account", "credential_source": source}))
    error = attempt(lambda: login(credentials_file=str(file), service_account="a@b"))

    assert isinstance(error, AuthFailed)
    assert "is not a usable key" in error.message
    assert CANARY not in f"{error.message}{error!r}"


def test_the_file_of_a_federations_token_is_named_when_it_is_missing(
    gcp: Gcp, file: Path, tmp_path: Path
) -> None:
    file.write_text(gcp.federation(str(tmp_path / "gone")))
    error = attempt(lambda: login(credentials_file=str(file)))

    assert isinstance(error, AuthFailed)
    assert f"the credential_source of vault.gcp-credentials-file: file '{tmp_path / 'gone'}'" in error.message


def test_a_federation_without_an_account_needs_its_name(gcp: Gcp, file: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token")
    federation = json.loads(gcp.federation(str(tmp_path / "token")))
    del federation["service_account_impersonation_url"]
    file.write_text(json.dumps(federation))
    error = attempt(lambda: login(credentials_file=str(file)))

    assert isinstance(error, AuthFailed)
    assert "gcp-service-account: missing" in error.message


ANSWERS: dict[str, tuple[int, Any, type[BackendFault], str]] = {
    "no such account": (404, CANARY, AuthFailed, "gives no token (404)"),
    "a word": (
        403,
        {"error": "invalid_grant", "error_description": CANARY},
        AuthFailed,
        "(403 invalid_grant)",
    ),
    "a word that is none": (400, {"error": f"{CANARY} x"}, AuthFailed, "gives no token (400)"),
    "late": (408, CANARY, BackendUnavailable, "(408)"),
    "too many": (429, CANARY, BackendThrottled, "(429)"),
    "out of order": (503, CANARY, BackendUnavailable, "(503)"),
    "sent elsewhere": (302, CANARY, BackendUnavailable, "status 302"),
    "a page": (200, CANARY, BackendUnavailable, "is not from the metadata service"),
    "three parts of nothing": (200, "a.b.c", BackendUnavailable, "is not from the metadata service"),
}


@pytest.mark.parametrize("service_account", ["", "daemon@project.iam.gserviceaccount.com"])
@pytest.mark.parametrize(("status", "content", "kind", "said"), ANSWERS.values(), ids=ANSWERS)
def test_each_answer_of_the_metadata_service_has_a_meaning_and_none_is_shown(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    service_account: str,
    status: int,
    content: Any,
    kind: type[BackendFault],
    said: str,
) -> None:
    calls: list[Call] = []

    def answer(call: Call) -> Answer:
        calls.append(call)
        return Answer(status, content)

    monkeypatch.setattr(METADATA_HOST, serve(answer).url.removeprefix("http://"))
    error = attempt(lambda: login(service_account=service_account))

    assert type(error) is kind
    assert said in error.message
    assert CANARY not in f"{error.message}{error!r}"
    assert len(calls) <= 2
