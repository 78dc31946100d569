"""Where credentials come from: settings, a web identity, a profile, the pod; and what is said without any."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plugins.aws.tests.support import settings_for
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendThrottled,
    BackendTimeout,
    BackendUnavailable,
)
from secrets_manager.settings import ProxySettings
from secrets_manager_aws.credentials import CredentialChain
from secrets_manager_aws.quiet import silence_botocore
from tests.builders import attempt
from tests.testbed.aws.cloud import KEY_ID
from tests.testbed.fault_proxy import FaultProxy

CANARY = "canary-5e5e"
ROLE = "arn:aws:iam::123456789012:role/secrets-manager"
POD = "/v1/credentials"


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials of whoever runs the tests, and no machine of AWS."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    silence_botocore()


def chain(**settings: Any) -> CredentialChain:
    keys = {"access_key_id": "", "secret_access_key": ""}
    return CredentialChain(settings_for("http://127.0.0.1:1", **{**keys, **settings}), timeout=2.0)


def fault_of(made: CredentialChain) -> BackendFault:
    fault = attempt(made.log_in)
    assert isinstance(fault, BackendFault)
    assert CANARY not in f"{fault!r} {fault.message}"
    return fault


def test_the_keys_of_the_settings_win_and_do_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/none")
    login = chain(access_key_id=KEY_ID, secret_access_key="s", session_token="t").log_in()

    assert (login.key.key_id, login.key.token, login.how) == (KEY_ID, "t", "settings")
    assert not login.ends_within(10**9)
    assert KEY_ID not in repr(login)


def test_no_credentials_at_all_are_said_with_what_to_do() -> None:
    assert fault_of(chain()).message == (
        "no AWS credentials were found: give the pod an identity, or set access-key-id"
    )


# ── a web identity ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(CANARY, encoding="utf-8")
    return file


@pytest.fixture
def sts(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> FaultProxy:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", proxy.url)
    return proxy


def test_a_web_identity_gets_credentials_that_end(sts: FaultProxy, token_file: Path) -> None:
    login = chain(role_arn=ROLE, web_identity_token_file=str(token_file)).log_in()

    assert login.key.token
    assert login.ends_within(7200.0)
    assert not login.ends_within(60.0)


def test_a_token_file_that_is_not_there_is_named(sts: FaultProxy, tmp_path: Path) -> None:
    fault = fault_of(chain(role_arn=ROLE, web_identity_token_file=str(tmp_path / "none")))

    assert isinstance(fault, AuthFailed)
    assert "web-identity-token-file: file" in fault.message


def refusal(code: str) -> bytes:
    said = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{CANARY}</Message></Error>"
    return f"<ErrorResponse>{said}</ErrorResponse>".encode()


@pytest.mark.parametrize(
    ("status", "code", "kind", "text"),
    [
        (400, "InvalidIdentityToken", AuthFailed, "AWS refused the login (InvalidIdentityToken)"),
        (403, "AccessDenied", AuthFailed, "AWS refused the login (AccessDenied)"),
        (400, "ExpiredTokenException", AuthFailed, "AWS refused the login (ExpiredTokenException)"),
        (400, "Throttling", BackendThrottled, "AWS asked to slow down logins"),
        (503, "ServiceUnavailable", BackendUnavailable, "AWS cannot log in anybody now (503)"),
    ],
)
def test_a_refused_web_identity_is_reported_by_its_code(
    sts: FaultProxy, token_file: Path, status: int, code: str, kind: type[BackendFault], text: str
) -> None:
    sts.on("POST", "/").reply(status, refusal(code), {"Content-Type": "text/xml"})
    fault = fault_of(chain(role_arn=ROLE, web_identity_token_file=str(token_file)))

    assert (type(fault), fault.message) == (kind, text)
    assert sts.count("POST", "/") == 1


@pytest.mark.parametrize(("how", "kind"), [("hang", BackendTimeout), ("reset", BackendUnavailable)])
def test_a_token_service_that_does_not_answer_is_an_outage(
    sts: FaultProxy, token_file: Path, how: str, kind: type[BackendFault]
) -> None:
    getattr(sts.on("POST", "/"), how)()

    assert type(fault_of(chain(role_arn=ROLE, web_identity_token_file=str(token_file)))) is kind
    sts.clear()


# ── the pod, and files ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def pod(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, token_file: Path) -> FaultProxy:
    """The agent of EKS Pod Identity."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{proxy.url}{POD}")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token_file))
    return proxy


def answer(key_id: str, lasts: timedelta = timedelta(hours=6)) -> dict[str, str]:
    ends = (datetime.now(UTC) + lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"AccessKeyId": key_id, "SecretAccessKey": CANARY, "Token": CANARY, "Expiration": ends}


def test_the_identity_of_a_pod_is_asked_for_with_its_token_at_each_login(pod: FaultProxy) -> None:
    made = chain()
    pod.on("GET", POD).times(1).reply(200, answer("one"))
    pod.on("GET", POD).reply(200, answer("two"))
    login = made.log_in()

    assert (login.key.key_id, made.log_in().key.key_id) == ("one", "two")
    assert login.ends_within(7 * 3600.0)
    assert not login.ends_within(3600.0)
    assert pod.requests[0].headers["authorization"] == CANARY


def test_an_agent_that_gives_out_nothing_is_reported_without_its_words(pod: FaultProxy) -> None:
    pod.on("GET", POD).reply(400, {"message": CANARY})

    assert fault_of(chain()).message == "the AWS credentials cannot be loaded (CredentialRetrievalError)"


def test_a_file_of_credentials_is_read_at_each_login(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    made = chain(credentials_file=str(file), profile="shop")
    ids = []
    for key_id in ("one", "two"):
        file.write_text(
            f"[shop]\naws_access_key_id={key_id}\naws_secret_access_key={CANARY}\n", encoding="utf-8"
        )
        ids.append(made.log_in().key.key_id)

    assert ids == ["one", "two"]
    assert made.files() == ("", str(file))


@pytest.mark.parametrize("content", ["", f"[shop]\naws_access_key_id={CANARY}\n", f"{CANARY} is no file"])
def test_a_file_without_usable_credentials_is_reported_without_its_content(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "credentials"
    file.write_text(content, encoding="utf-8")

    assert isinstance(fault_of(chain(credentials_file=str(file), profile="shop")), AuthFailed)


def test_the_token_service_is_reached_through_the_proxy_of_the_settings_alone() -> None:
    proxied = chain(proxy=ProxySettings(https="http://proxy.example:3128"))
    beside = chain(proxy=ProxySettings(https="http://proxy.example:3128", no_proxy=("amazonaws.com",)))

    assert proxied._config.proxies == {"https": "http://proxy.example:3128"}
    assert beside._config.proxies == {}


def test_no_logger_of_botocore_says_anything(
    sts: FaultProxy, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        chain(role_arn=ROLE, web_identity_token_file=str(token_file)).log_in()

    assert [record.name for record in caplog.records if record.name.startswith("botocore")] == []
    assert CANARY not in caplog.text
