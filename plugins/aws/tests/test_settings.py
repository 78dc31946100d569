"""The settings: which are refused, and what must hold between them, wherever their table is."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.settings.option import options_of
from secrets_manager_aws import settings
from secrets_manager_aws.endpoints import endpoint_of
from secrets_manager_aws.settings import AwsSettings, contradictions


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "secretsmanager.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "secretsmanager.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "secretsmanager.cn-north-1.amazonaws.com.cn"),
        ("us-iso-east-1", "secretsmanager.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "secretsmanager.us-isob-east-1.sc2s.sgov.gov"),
        ("eusc-de-east-1", "secretsmanager.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_the_address_follows_from_the_region(region: str, host: str) -> None:
    assert settings.region(region) == region
    assert endpoint_of(AwsSettings(region=region)) == f"https://{host}/"


def test_the_endpoint_of_the_settings_wins() -> None:
    url = settings.endpoint("https://vpce-1.example.com/")

    assert endpoint_of(AwsSettings(region="eu-west-1", endpoint=url)) == "https://vpce-1.example.com/"


@pytest.mark.parametrize("text", ["eu-west-1.evil.example", "EU-WEST-1", "eu west", "a", "eu-west-1/"])
def test_what_is_no_region_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be the name of a region"):
        settings.region(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://10.0.0.1", "must start with https://"),
        ("https://169.254.169.254", "link-local address or a metadata service"),
        ("https://[fd00:ec2::254]", "link-local address or a metadata service"),
        ("https://a.example/path", "and nothing else"),
        ("https://user:pass@a.example", "and nothing else"),
        ("ftp://a.example", "must start with http"),
    ],
)
def test_an_endpoint_that_must_not_get_a_login_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        settings.endpoint(text)


@pytest.mark.parametrize(
    "text", ["", "http://127.0.0.1:5000", "http://localhost:5000", "https://a.example:8443"]
)
def test_other_endpoints_are_taken(text: str) -> None:
    assert settings.endpoint(text) == text


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"region": ""}, ["region"]),
        ({"access_key_id": "a"}, ["access-key-id"]),
        ({"secret_access_key": "a"}, ["access-key-id"]),
        ({"session_token": "a"}, ["session-token"]),
        ({"role_arn": "a"}, ["role-arn"]),
        ({"web_identity_token_file": "a"}, ["role-arn"]),
        ({"ca_cert": "/nowhere"}, ["ca-cert"]),
        ({}, []),
        ({"access_key_id": "a", "secret_access_key": "b", "session_token": "c"}, []),
    ],
)
def test_settings_that_do_not_go_together_are_named(given: dict[str, Any], named: list[str]) -> None:
    found = list(contradictions(AwsSettings(**{"region": "eu-west-1", **given})))

    assert [each.names[0] for each in found] == named


def test_texts_name_the_table_that_the_settings_are_in() -> None:
    helps = " ".join(each.help for each in options_of(AwsSettings, "backends.billing"))
    (found,) = contradictions(AwsSettings())

    assert "aws-sm." not in helps
    assert "backends.billing.region" in helps
    assert "backends.billing.region" in found.within("backends.billing").text


@pytest.mark.parametrize(
    "text", ["", "arn:aws:iam::123456789012:role/a", "arn:aws-cn:iam::123456789012:role/x/y"]
)
def test_a_role_is_an_arn(text: str) -> None:
    assert settings.role(text) == text


@pytest.mark.parametrize("text", ["admin", "arn:aws:iam::1:role/a", "arn:aws:iam::123456789012:user/a"])
def test_what_is_no_role_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be the ARN of a role"):
        settings.role(text)


def test_no_repr_shows_a_credential() -> None:
    made = AwsSettings(access_key_id="canary-1", secret_access_key="canary-2", session_token="canary-3")

    assert "canary" not in repr(made)
    with pytest.raises(ValueError, match="ASCII letters") as caught:
        settings.ascii_line("canary é")
    assert "canary" not in str(caught.value)
