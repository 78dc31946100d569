"""Logins with a JWT, a user's password or a client certificate on a real server."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import AuthFailed
from tests.builders import Clock, attempt, together
from tests.integration.vault_support import read, vault_backend
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

CANARY = "canary-7f31"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ANY_LOGIN = r"/v1/auth/.*/login.*"


@dataclass(kw_only=True)
class Method:
    """A method whose mount and role are there: its settings, and what may stand in its file.

    Attributes:
        path: the setting of its mount.
        file: the setting of its file.
        right, wrong: contents of the file.

    """

    settings: dict[str, Any]
    path: str
    file: str
    right: Callable[[], str]
    wrong: str = field(repr=False)

    def backend(self, url: str, file: Path, **settings: Any) -> VaultBackend:
        return vault_backend(url, **{**self.settings, self.file: str(file), **settings})


def signed(**claims: Any) -> str:
    """A JWT that the role takes, unless the claims differ."""
    now = dt.datetime.now(dt.UTC)
    usual = {"sub": "daemon", "aud": "vault", "iat": now, "exp": now + dt.timedelta(hours=1)}
    return jwt.encode({**usual, **claims}, KEY, algorithm="RS256")


def with_jwt(openbao: OpenBao, mount: str, policy: str) -> Method:
    openbao.enable_auth(mount, "jwt")
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    config = {"jwt_validation_pubkeys": [public.decode()], "default_role": "reader"}
    openbao.request("POST", f"auth/{mount}/config", config)
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": [policy]}
    openbao.request("POST", f"auth/{mount}/role/reader", role)
    settings = {"auth_method": "jwt", "jwt_role": "reader", "jwt_path": mount}
    return Method(
        settings=settings, path="jwt_path", file="jwt_file", right=signed, wrong=signed(aud="other")
    )


def with_userpass(openbao: OpenBao, mount: str, policy: str) -> Method:
    openbao.enable_auth(mount, "userpass")
    user = {"password": f"{CANARY}-p\u00e4ss w\u00f6rd", "token_policies": [policy]}
    openbao.request("POST", f"auth/{mount}/users/daemon", user)
    return Method(
        settings={"auth_method": "userpass", "username": "daemon", "userpass_path": mount},
        path="userpass_path",
        file="password_file",
        right=lambda: str(user["password"]),
        wrong=f"{CANARY}-wrong",
    )


def with_ldap(openbao: OpenBao, mount: str, policy: str) -> Method:
    """The bed's OpenBao has no LDAP; a login by LDAP is the same call, so userpass stands in its place."""
    made = with_userpass(openbao, mount, policy)
    settings = {"auth_method": "ldap", "username": "daemon", "ldap_path": mount}
    return replace(made, settings=settings, path="ldap_path")


METHODS = {"jwt": with_jwt, "userpass": with_userpass, "ldap": with_ldap}


@pytest.fixture
def path(openbao: OpenBao, kv_prefix: str) -> str:
    openbao.write_kv2(f"{kv_prefix}/app", {"a": "1"})
    return f"secret/data/{kv_prefix}/app"


@pytest.fixture
def policy(openbao: OpenBao, kv_prefix: str) -> str:
    return openbao.read_policy(kv_prefix, f"secret/data/{kv_prefix}/*")


@pytest.fixture(params=sorted(METHODS))
def method(request: pytest.FixtureRequest, openbao: OpenBao, kv_prefix: str, policy: str) -> Method:
    return METHODS[request.param](openbao, f"{kv_prefix}/mount", policy)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "credential"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_right_credential_logs_in_however_its_file_was_written(
    openbao: OpenBao, method: Method, path: str, file: Path, codec: str
) -> None:
    file.write_text(f" {method.right()}\r\n", encoding=codec)
    backend = method.backend(openbao.url, file)
    backend.maintain()

    assert read(backend, path) == "1"


def test_a_refused_credential_is_sent_once_and_the_next_one_is_used_at_once(
    openbao_proxy: FaultProxy, method: Method, path: str, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(method.wrong, encoding="utf-8")
    backend = method.backend(openbao_proxy.url, file)
    with caplog.at_level(logging.DEBUG):
        errors = together(8, lambda: read(backend, path))
        assert errors == [errors[0]] * 8
        assert isinstance(errors[0], AuthFailed)
        assert f"at auth/{method.settings[method.path]} (" in errors[0].message
        assert f"vault.{method.path.replace('_', '-')}" in errors[0].message
        assert openbao_proxy.count("POST", ANY_LOGIN) == 1
        assert not backend.retry_login()

        file.write_text(method.right(), encoding="utf-8")
        wait_until(backend.retry_login, what="the login", poll=0.1)
        assert read(backend, path) == "1"

    assert openbao_proxy.count("POST", ANY_LOGIN) == 2
    for shown in (method.wrong, method.right(), CANARY):
        assert shown not in f"{caplog.text}{errors!r}{backend!r}{VaultBackend}"


def test_a_mount_that_does_not_exist_is_a_refused_login(
    openbao: OpenBao, method: Method, path: str, file: Path
) -> None:
    file.write_text(method.right(), encoding="utf-8")
    backend = method.backend(openbao.url, file, **{method.path: "not/there"})
    error = attempt(lambda: read(backend, path))

    assert isinstance(error, AuthFailed)
    assert "at auth/not/there (403)" in error.message


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_every_refusal_says_what_to_check_and_nothing_of_the_server(
    openbao_proxy: FaultProxy, method: Method, path: str, file: Path, status: int
) -> None:
    file.write_text(method.right(), encoding="utf-8")
    openbao_proxy.on("POST", ANY_LOGIN).vault_error(status, CANARY)
    error = attempt(lambda: read(method.backend(openbao_proxy.url, file), path))

    assert isinstance(error, AuthFailed)
    assert f"({status}); check vault." in error.message
    assert CANARY not in error.message


CONTENTS = {
    "nothing": (b"", "is empty"),
    "bytes": (b"canary\xff\xfe\xfa", "is not UTF-8 text"),
    "two lines": (b"canary\ncanary", "holds more than one line"),
    "no text": (b"canary\x00", "holds NUL bytes"),
}


@pytest.mark.parametrize(("content", "why"), CONTENTS.values(), ids=CONTENTS)
def test_what_can_be_no_credential_is_never_sent_nor_shown(
    openbao_proxy: FaultProxy, method: Method, path: str, file: Path, content: bytes, why: str
) -> None:
    file.write_bytes(content)
    error = attempt(lambda: read(method.backend(openbao_proxy.url, file), path))

    assert isinstance(error, AuthFailed)
    assert error.message.startswith(f"vault.{method.file.replace('_', '-')}: file ")
    assert why in error.message
    assert "canary" not in error.message
    assert openbao_proxy.requests == []


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda _: None], ids=["folder", "pipe", "nothing"])
def test_what_is_no_file_is_refused_at_once(
    openbao_proxy: FaultProxy, method: Method, path: str, file: Path, make: Any
) -> None:
    make(file)

    assert isinstance(attempt(lambda: read(method.backend(openbao_proxy.url, file), path)), AuthFailed)
    assert openbao_proxy.requests == []


def test_a_revoked_token_is_replaced_with_what_the_file_holds_by_then(
    openbao: OpenBao, openbao_proxy: FaultProxy, method: Method, path: str, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "..1").write_text(method.right(), encoding="utf-8")
    (tmp_path / "..2").write_text(method.right(), encoding="utf-8")
    file.symlink_to("..1")
    backend = method.backend(openbao_proxy.url, file)
    read(backend, path)
    (tmp_path / "next").symlink_to("..2")
    (tmp_path / "next").replace(file)
    (tmp_path / "..1").unlink()
    openbao.revoke_logins(method.settings[method.path])

    assert together(16, lambda: read(backend, path)) == ["1"] * 16
    assert openbao_proxy.count("POST", ANY_LOGIN) == 2


def test_a_jwt_without_a_role_takes_the_default_role(
    openbao: OpenBao, kv_prefix: str, policy: str, path: str, file: Path
) -> None:
    file.write_text(signed())
    backend = with_jwt(openbao, kv_prefix, policy).backend(openbao.url, file, jwt_role="")

    assert read(backend, path) == "1"


def test_a_jwt_that_is_over_is_refused(
    openbao: OpenBao, kv_prefix: str, policy: str, path: str, file: Path
) -> None:
    file.write_text(signed(exp=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)))
    backend = with_jwt(openbao, kv_prefix, policy).backend(openbao.url, file)

    assert isinstance(attempt(lambda: read(backend, path)), AuthFailed)


def test_a_password_that_is_given_as_a_value_logs_in(
    openbao: OpenBao, kv_prefix: str, policy: str, path: str
) -> None:
    method = with_userpass(openbao, kv_prefix, policy)

    assert read(vault_backend(openbao.url, **method.settings, password=method.right()), path) == "1"


@pytest.mark.parametrize("name", ["userpass", "ldap"])
def test_a_refused_password_is_not_shown_so_often_that_its_user_is_locked(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, policy: str, path: str, file: Path, name: str
) -> None:
    method, clock = METHODS[name](openbao, kv_prefix, policy), Clock()
    file.write_text(method.wrong, encoding="utf-8")
    backend = method.backend(openbao_proxy.url, file, clock=clock)
    for _ in range(900):
        clock.now += 1.0
        attempt(lambda: read(backend, path))
    assert openbao_proxy.count("POST", ANY_LOGIN) == 3

    file.write_text(method.right(), encoding="utf-8")
    clock.now += 2.0
    assert backend.retry_login()
    assert read(backend, path) == "1"


def test_a_user_name_cannot_lead_to_another_address(openbao_proxy: FaultProxy, path: str) -> None:
    backend = vault_backend(openbao_proxy.url, auth_method="ldap", username="a?b#c%2f..", password="p")
    attempt(lambda: read(backend, path))

    assert [each.path for each in openbao_proxy.requests] == ["/v1/auth/ldap/login/a%3Fb%23c%252f.."]


# ── client certificates ──────────────────────────────────────────────────────────────────────────────


class Certificates:
    """A server that trusts the daemon's certificate, and the files that show one."""

    def __init__(self, server: OpenBao, clients: Authority, folder: Path, ca_file: Path) -> None:
        self._url = server.url
        self._ca_file = str(ca_file)
        self._certificate, self._key = folder / "tls.crt", folder / "tls.key"
        self._clients = clients
        server.enable_auth("cert", "cert")
        role = {
            "certificate": clients.ca_file.read_text(),
            "allowed_common_names": ["daemon"],
            "token_policies": [server.read_policy("reader", "secret/data/*")],
        }
        server.request("POST", "auth/cert/certs/reader", role)
        server.write_kv2("app", {"a": "1"})

    def show(self, name: str) -> None:
        """Put a new certificate for `name` into the files."""
        pair = self._clients.issue(name)
        self._certificate.write_bytes(pair.certificate.read_bytes())
        self._key.write_bytes(pair.key.read_bytes())

    def backend(self, **settings: Any) -> VaultBackend:
        files: dict[str, Any] = {"client_cert": str(self._certificate), "client_key": str(self._key)}
        return vault_backend(self._url, auth_method="cert", ca_cert=self._ca_file, **files, **settings)


@pytest.fixture
def certificates(
    authority: Authority, openbao_server: Callable[..., OpenBao], tmp_path: Path
) -> Certificates:
    server = openbao_server(tls=authority.issue("127.0.0.1"), ca_file=authority.ca_file)
    return Certificates(server, Authority(tmp_path / "clients", "clients"), tmp_path, authority.ca_file)


def test_a_client_certificate_logs_in_with_and_without_a_role(certificates: Certificates) -> None:
    certificates.show("daemon")
    for settings in ({}, {"cert_role": "reader"}):
        assert read(certificates.backend(**settings), "secret/data/app") == "1"
    for settings in ({"cert_role": "other"}, {"cert_path": "other"}):
        error = attempt(lambda: read(certificates.backend(**settings), "secret/data/app"))  # noqa: B023
        assert isinstance(error, AuthFailed)
        assert "check vault.cert-path and vault.cert-role" in error.message


def test_a_client_certificate_that_is_refused_and_replaced_logs_in_at_once(
    certificates: Certificates,
) -> None:
    certificates.show("stranger")
    backend = certificates.backend()
    error = attempt(lambda: read(backend, "secret/data/app"))
    assert isinstance(error, AuthFailed)
    assert "vault.client-cert" in error.message
    assert not backend.retry_login()

    certificates.show("daemon")
    wait_until(backend.retry_login, what="the login with the other certificate", poll=0.1)
    assert read(backend, "secret/data/app") == "1"


def test_a_token_is_replaced_with_the_certificate_that_got_it(certificates: Certificates) -> None:
    certificates.show("daemon")
    backend = certificates.backend()
    read(backend, "secret/data/app")
    certificates.show("daemon")
    backend.maintain()
    backend.maintain()
    assert (backend.login_number(), read(backend, "secret/data/app")) == (2, "1")

    # Its certificate is refused, and the token before it lives.
    certificates.show("stranger")
    assert isinstance(attempt(backend.maintain), AuthFailed)
    assert (backend.login_number(), read(backend, "secret/data/app")) == (2, "1")
