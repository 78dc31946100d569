"""Logins by AWS: which credentials are chosen, how the question is signed, what is refused at the start."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from secrets_manager.backends.vault.logins import METHODS, LoginRequest
from secrets_manager.backends.vault.logins.aws_credentials import Source, source_of
from secrets_manager.backends.vault.logins.aws_signature import Keys, caller_identity, sts_host
from secrets_manager.backends.vault.logins.errand import Errand, Errands
from secrets_manager.backends.vault.plugin import contradictions
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendThrottled,
    BackendUnavailable,
)
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import ProxySettings, VaultSettings
from secrets_manager.settings.cloud_logins import AwsLogin
from tests.builders import attempt
from tests.testbed.azure.wire import Answer, Call, Server
from tests.testbed.clouds.aws import Aws, signing_key

CANARY = "canary-3d90"
KEYS = {"access_key_id": "AKIA1", "secret_access_key": "s"}
WEB_IDENTITY = {"role_arn": "arn", "web_identity_token_file": "/token"}
FILE = {"credentials_file": "/credentials"}
CONTAINER = {"container_url": "http://169.254.170.23/v1/credentials", "container_token_file": "/token"}


@pytest.fixture
def aws() -> Aws:
    return Aws(now=time.time)


def errand() -> Errand:
    return Errands(ProxySettings(), Watchdog(), seconds=5.0).begin()


def login(**given: Any) -> LoginRequest:
    """The login with these settings, role "reader"."""
    settings = VaultSettings(auth_method="aws", aws=AwsLogin(role="reader", **given))
    made = METHODS["aws"].login(settings, errand())
    assert isinstance(made, LoginRequest)
    return made


def missing(**given: Any) -> list[str]:
    settings = VaultSettings(auth_method="aws", aws=AwsLogin(**given))
    return [each.names[0] for each in contradictions(settings)]


# ── the signature ────────────────────────────────────────────────────────────────────────────────────


def test_the_double_derives_keys_as_the_documentation_of_aws_does() -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam")

    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


@pytest.mark.parametrize("token", ["canary-session", ""])
@pytest.mark.parametrize("header_value", ["vault.example.test", ""])
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
def test_a_signed_question_is_one_that_aws_accepts(
    aws: Aws, token: str, header_value: str, region: str
) -> None:
    key = aws.new_key(token=token)
    aws.header_value, aws.region, aws.host = header_value, region, sts_host(region)
    keys = Keys(access_key=key.id, secret_key=key.secret, session_token=token)
    signed = caller_identity(keys, region=region, header_value=header_value)

    assert aws.why_not({"role": "reader", **signed}) == ""


@pytest.mark.parametrize("token", ["canary/session+==", ""])
@pytest.mark.parametrize("header_value", ["vault.example.test", ""])
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
def test_a_signature_is_the_one_that_awss_own_library_makes(
    monkeypatch: pytest.MonkeyPatch, token: str, header_value: str, region: str
) -> None:
    keys = Keys(access_key="AKIA1", secret_key="canary/secret+", session_token=token)
    signed = caller_identity(keys, region=region, header_value=header_value)
    url, body, listed = (
        base64.b64decode(signed[name]).decode()
        for name in ("iam_request_url", "iam_request_body", "iam_request_headers")
    )
    headers = {name: value for name, (value,) in json.loads(listed).items()}
    at = datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: at)
    made = {"Authorization", "X-Amz-Date", "X-Amz-Security-Token"}
    given = {name: value for name, value in headers.items() if name not in made}
    request = AWSRequest("POST", url, data=body, headers=given)
    SigV4Auth(Credentials("AKIA1", "canary/secret+", token or None), "sts", region).add_auth(request)

    assert request.headers["Authorization"] == headers["Authorization"]


DIFFERENT: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "secret": ({"secret_key": "other"}, {}),
    "session token": ({"session_token": "other"}, {}),
    "region": ({}, {"region": "eu-west-1"}),
    "server id": ({}, {"header_value": "other.example.test"}),
}


@pytest.mark.parametrize(("in_keys", "in_question"), DIFFERENT.values(), ids=DIFFERENT)
def test_the_double_refuses_what_aws_and_vault_refuse(
    aws: Aws, in_keys: dict[str, str], in_question: dict[str, str]
) -> None:
    key = aws.new_key()
    aws.header_value = "vault.example.test"
    keys = {"access_key": key.id, "secret_key": key.secret, "session_token": key.token, **in_keys}
    question = {"region": "us-east-1", "header_value": "vault.example.test", **in_question}

    assert aws.why_not({"role": "reader", **caller_identity(Keys(**keys), **question)})


def test_the_header_of_the_server_is_sent_by_the_name_that_vault_looks_for() -> None:
    signed = caller_identity(Keys(access_key="a", secret_key="b"), region="us-east-1", header_value="v")

    headers = json.loads(base64.b64decode(signed["iam_request_headers"]))
    assert headers["X-Vault-AWS-IAM-Server-ID"] == ["v"]
    assert base64.b64decode(signed["iam_request_url"]) == b"https://sts.amazonaws.com/"


HOSTS = {
    "us-east-1": "sts.amazonaws.com",
    "eu-central-1": "sts.eu-central-1.amazonaws.com",
    "us-gov-west-1": "sts.us-gov-west-1.amazonaws.com",
    "cn-northwest-1": "sts.cn-northwest-1.amazonaws.com.cn",
    "eusc-de-east-1": "sts.eusc-de-east-1.amazonaws.eu",
    "us-iso-east-1": "sts.us-iso-east-1.c2s.ic.gov",
    "us-isob-east-1": "sts.us-isob-east-1.sc2s.sgov.gov",
}


@pytest.mark.parametrize(("region", "host"), HOSTS.items())
def test_each_part_of_aws_has_its_own_domain(region: str, host: str) -> None:
    assert sts_host(region) == host


# ── the credentials ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({**KEYS, **WEB_IDENTITY, **FILE, **CONTAINER}, Source.KEYS),
        ({**WEB_IDENTITY, **FILE, **CONTAINER}, Source.WEB_IDENTITY),
        ({**FILE, **CONTAINER}, Source.FILE),
        (CONTAINER, Source.CONTAINER),
        ({}, None),
    ],
)
def test_credentials_are_chosen_in_the_order_of_awss_own_tools(
    given: dict[str, str], source: Source | None
) -> None:
    assert source_of(AwsLogin(**given)) is source


@pytest.mark.parametrize("given", [KEYS, WEB_IDENTITY, FILE, CONTAINER, {**KEYS, "role_arn": "unused"}])
def test_one_complete_set_of_credentials_is_enough(given: dict[str, str]) -> None:
    assert missing(**given) == []


HALVES = {
    "access_key_id": "aws-secret-access-key",
    "secret_access_key": "aws-access-key-id",
    "role_arn": "aws-web-identity-token-file",
    "web_identity_token_file": "aws-role-arn",
    "container_url": "aws-container-token-file",
    "container_token_file": "aws-container-url",
}


@pytest.mark.parametrize(("name", "other"), HALVES.items())
def test_half_a_pair_is_reported_by_the_name_of_the_other_half(name: str, other: str) -> None:
    assert missing(**{name: "x"}) == [other]


def test_half_a_pair_of_keys_is_reported_though_there_are_other_credentials() -> None:
    assert missing(access_key_id="x", **WEB_IDENTITY) == ["aws-secret-access-key"]


PROFILES = """
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = canary-3d90-default%/+=
[other]
aws_access_key_id=AKIAOTHER
aws_secret_access_key=canary-3d90-other
aws_session_token=canary-3d90-session
"""


@pytest.mark.parametrize("profile", ["", "other"])
def test_a_profile_of_the_shared_file_signs(aws: Aws, tmp_path: Path, profile: str) -> None:
    file = tmp_path / "credentials"
    file.write_text(PROFILES)
    aws.new_key(id="AKIADEFAULT", secret=f"{CANARY}-default%/+=", token="")
    aws.new_key(id="AKIAOTHER", secret=f"{CANARY}-other", token=f"{CANARY}-session")
    made = login(credentials_file=str(file), profile=profile)

    assert aws.why_not(made.body) == ""
    assert CANARY not in f"{made!r}{made}"


UNUSABLE_FILES = {
    "no such profile": (PROFILES, "none", "has no profile 'none'"),
    "half a profile": ("[p]\naws_access_key_id = canary-3d90\n", "p", "has no aws_secret_access_key in the"),
    "no profiles at all": ("canary-3d90", "p", "is not of the form"),
    "a name twice": ("[p]\na = canary-3d90\na = canary-3d90", "p", "is not of the form"),
}


@pytest.mark.parametrize(("content", "profile", "why"), UNUSABLE_FILES.values(), ids=UNUSABLE_FILES)
def test_a_shared_file_that_cannot_be_used_is_named_and_not_shown(
    tmp_path: Path, content: str, profile: str, why: str
) -> None:
    file = tmp_path / "credentials"
    file.write_text(content)
    error = attempt(lambda: login(credentials_file=str(file), profile=profile))

    assert isinstance(error, AuthFailed)
    assert error.message.startswith(f"vault.aws-credentials-file: file {str(file)!r} {why}")
    assert CANARY not in error.message


class Reply:
    """A server that answers everything with one reply."""

    def __init__(self, status: int, content: Any) -> None:
        self.calls: list[Call] = []
        self._answer = Answer(status, content)
        self._server = Server(self._take, time.time)
        self.url = self._server.url

    def stop(self) -> None:
        self._server.stop()

    def _take(self, call: Call) -> Answer:
        self.calls.append(call)
        return self._answer


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{CANARY}-token")
    return file


STS = "the token service of AWS"
AGENT = "the agent of EKS pod identity"
REFUSED = "<ErrorResponse><Error><Code>{}</Code><Message>canary-3d90</Message></Error></ErrorResponse>"
FROM_STS: dict[str, tuple[int, Any, type[BackendFault], str]] = {
    "refused": (403, REFUSED.format("AccessDenied"), AuthFailed, "(403 AccessDenied)"),
    "late": (400, REFUSED.format("ExpiredTokenException"), AuthFailed, "(400 ExpiredTokenException)"),
    "refused without a word": (403, {"canary-3d90": 1}, AuthFailed, "(403)"),
    "a word that is none": (403, REFUSED.format("canary-3d90 x"), AuthFailed, "(403)"),
    "the issuer is away": (400, REFUSED.format("IDPCommunicationError"), BackendUnavailable, "(IDPC"),
    "a word that asks to wait": (400, REFUSED.format("Throttling"), BackendUnavailable, "(Throttling)"),
    "too many": (429, "canary-3d90", BackendThrottled, "(429)"),
    "out of order": (503, "canary-3d90", BackendUnavailable, "(503)"),
    "sent elsewhere": (307, "canary-3d90", BackendUnavailable, "status 307"),
    "a page": (200, "<html>canary-3d90</html>", BackendUnavailable, "holds no credentials"),
}


@pytest.mark.parametrize(("status", "content", "kind", "said"), FROM_STS.values(), ids=FROM_STS)
def test_each_answer_of_sts_has_a_meaning_and_none_is_shown(
    token_file: Path, status: int, content: Any, kind: type[BackendFault], said: str
) -> None:
    sts = Reply(status, content)
    given = {"role_arn": "arn", "web_identity_token_file": str(token_file), "sts_url": sts.url}
    error = attempt(lambda: login(**given))
    sts.stop()

    assert type(error) is kind
    assert said in error.message
    assert STS in error.message
    assert CANARY not in f"{error.message}{error!r}"
    assert len(sts.calls) == 1


FROM_AGENT: dict[str, tuple[int, Any, type[BackendFault], str]] = {
    "refused": (404, {"message": "canary-3d90"}, AuthFailed, "(404)"),
    "too many": (429, "canary-3d90", BackendThrottled, "(429)"),
    "out of order": (500, "canary-3d90", BackendUnavailable, "(500)"),
    "a page": (200, "canary-3d90", BackendUnavailable, "holds no credentials"),
    "a list": (200, "[]", BackendUnavailable, "holds no credentials"),
    "half of it": (200, {"AccessKeyId": "canary-3d90", "Token": 5}, BackendUnavailable, "holds no"),
}


@pytest.mark.parametrize(("status", "content", "kind", "said"), FROM_AGENT.values(), ids=FROM_AGENT)
def test_each_answer_of_the_agent_has_a_meaning_and_none_is_shown(
    token_file: Path, status: int, content: Any, kind: type[BackendFault], said: str
) -> None:
    agent = Reply(status, content)
    error = attempt(lambda: login(container_url=agent.url, container_token_file=str(token_file)))
    agent.stop()

    assert type(error) is kind
    assert said in error.message
    assert AGENT in error.message
    assert CANARY not in f"{error.message}{error!r}"
    assert len(agent.calls) == 1


def test_the_token_for_the_agent_is_one_that_a_header_can_hold(token_file: Path) -> None:
    token_file.write_text(f"{CANARY}-\u00e9", encoding="utf-8")
    error = attempt(lambda: login(container_url="http://127.0.0.1:1/", container_token_file=str(token_file)))

    assert isinstance(error, AuthFailed)
    assert CANARY not in error.message


def test_a_file_is_read_before_anybody_is_asked(tmp_path: Path) -> None:
    sts = Reply(200, "")
    given = {"role_arn": "arn", "web_identity_token_file": str(tmp_path / "gone"), "sts_url": sts.url}
    error = attempt(lambda: login(**given))
    sts.stop()

    assert isinstance(error, AuthFailed)
    assert sts.calls == []


@pytest.mark.parametrize("given", [KEYS, WEB_IDENTITY, FILE, CONTAINER])
def test_the_files_of_a_source_are_watched(given: dict[str, str]) -> None:
    named = {value for name, value in given.items() if name.endswith("file")}

    assert set(METHODS["aws"].files(VaultSettings(aws=AwsLogin(**given)))) == named


# ── the settings ─────────────────────────────────────────────────────────────────────────────────────


REFUSED_VALUES = [
    ("aws-region", "eu-west-1.evil.test/"),
    ("aws-region", ""),
    ("aws-sts-region", "EU"),
    ("aws-header-value", "a b"),
    ("aws-access-key-id", "AKIA\n"),
    ("aws-sts-url", "http://sts.example.test"),
    ("aws-sts-url", "https://169.254.169.254/"),
    ("aws-container-url", "http://169.254.169.254/latest/meta-data/"),
    ("aws-container-url", "http://agent.example.test/"),
    ("aws-container-url", "file:///etc/passwd"),
]


@pytest.mark.parametrize(("name", "value"), REFUSED_VALUES)
def test_a_value_that_would_lead_elsewhere_is_refused_at_the_start(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="must"):
        OPTIONS.by_name[f"vault.{name}"].check(value)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.170.23/v1/credentials",
        "http://169.254.170.2/v2/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
        "http://localhost:8080/",
        "https://agent.example.test/",
        "",
    ],
)
def test_the_addresses_of_the_agents_are_accepted(url: str) -> None:
    assert OPTIONS.by_name["vault.aws-container-url"].check(url) == url


def test_no_repr_shows_a_secret() -> None:
    settings = AwsLogin(secret_access_key=CANARY, session_token=CANARY)
    keys = Keys(access_key="a", secret_key=CANARY, session_token=CANARY)

    assert CANARY not in f"{settings!r}{keys!r}{VaultSettings(aws=settings)!r}"
    hidden = {each.name for each in fields(settings) if not each.repr}
    assert hidden == {"table", "secret_access_key", "session_token"}
