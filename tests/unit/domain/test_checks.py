"""Reasons for which the API server would refuse a Secret, found before the call."""

from __future__ import annotations

import pytest

from secrets_manager.domain.checks import MAX_SECRET_BYTES, check_data
from secrets_manager.domain.errors import InvalidForType, TooLarge
from tests.unit.backends.tables import rows

TLS = "kubernetes.io/tls"
DOCKER = "kubernetes.io/dockerconfigjson"
OLD_DOCKER = "kubernetes.io/dockercfg"
BASIC = "kubernetes.io/basic-auth"
UTF_16 = '{"a": 1}'.encode("utf-16")
DOCKER_KEY = ".dockerconfigjson"
SSH = "kubernetes.io/ssh-auth"


@pytest.mark.parametrize(
    ("secret_type", "data"),
    rows(
        {
            "no data at all": ("Opaque", {}),
            "any data": ("Opaque", {"a": b"\x00\xff"}),
            "as many bytes as a Secret holds": ("Opaque", {"a": b"x" * MAX_SECRET_BYTES}),
            "a type of somebody else": ("example.org/x", {"a": b"1"}),
            "a certificate and its key": (TLS, {"tls.crt": b"", "tls.key": b"", "ca.crt": b""}),
            "a registry's credentials": (DOCKER, {DOCKER_KEY: b'{"auths": {}}'}),
            "null, which Go takes for an empty map": (DOCKER, {DOCKER_KEY: b"null"}),
            "bytes that are not UTF-8, which Go replaces": (DOCKER, {DOCKER_KEY: b'{"a": "\xff"}'}),
            "a registry's old credentials": (OLD_DOCKER, {".dockercfg": b"{}"}),
            "a user name alone": (BASIC, {"username": b""}),
            "a password alone": (BASIC, {"password": b""}),
            "a private key": (SSH, {"ssh-privatekey": b"x"}),
        }
    ),
)
def test_data_that_the_api_server_takes_passes(secret_type: str, data: dict[str, bytes]) -> None:
    check_data(secret_type, data)


@pytest.mark.parametrize(
    ("secret_type", "data", "named"),
    rows(
        {
            "a certificate without key": (TLS, {"tls.crt": b""}, "'tls.key'"),
            "a key without certificate": (TLS, {"tls.key": b""}, "'tls.crt'"),
            "no registry credentials": (DOCKER, {"config": b"{}"}, "'.dockerconfigjson'"),
            "no old registry credentials": (OLD_DOCKER, {}, "'.dockercfg'"),
            "credentials that are not JSON": (DOCKER, {DOCKER_KEY: b"canary"}, DOCKER_KEY),
            "credentials that are a list": (DOCKER, {DOCKER_KEY: b"[]"}, DOCKER_KEY),
            "JSON in UTF-16": (
                DOCKER,
                {DOCKER_KEY: UTF_16},
                DOCKER_KEY,
            ),
            "a number that is none in JSON": (
                DOCKER,
                {DOCKER_KEY: b'{"a": NaN}'},
                DOCKER_KEY,
            ),
            "a number that no float holds": (DOCKER, {DOCKER_KEY: b'{"a": -1e999}'}, DOCKER_KEY),
            "a whole number that no float holds": (
                DOCKER,
                {DOCKER_KEY: b'{"a": %b}' % (b"9" * 400)},
                DOCKER_KEY,
            ),
            "JSON too deep to be read": (
                DOCKER,
                {DOCKER_KEY: b'{"a":' + b"[" * 200_000},
                DOCKER_KEY,
            ),
            "neither user name nor password": (BASIC, {"user": b""}, "username"),
            "no private key": (SSH, {"id_rsa": b"x"}, "'ssh-privatekey'"),
            "an empty private key": (SSH, {"ssh-privatekey": b""}, "'ssh-privatekey'"),
        }
    ),
)
def test_data_that_lacks_what_its_type_demands_is_refused(
    secret_type: str, data: dict[str, bytes], named: str
) -> None:
    with pytest.raises(InvalidForType) as caught:
        check_data(secret_type, data)

    assert named in caught.value.message
    assert repr(secret_type) in caught.value.message
    assert "canary" not in caught.value.message


def test_one_byte_too_many_in_total_is_too_large_and_the_size_is_reported() -> None:
    half = b"x" * (MAX_SECRET_BYTES // 2)

    with pytest.raises(TooLarge, match="1048577 bytes"):
        check_data("Opaque", {"a": half, "b": half, "c": b"x"})
