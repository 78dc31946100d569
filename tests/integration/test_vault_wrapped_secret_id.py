"""A secret id in a response-wrapping token: unwrapped a single time, and used for every login after it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import AuthFailed
from tests.builders import attempt, together
from tests.integration.vault_support import LOGIN, read, reader_role, vault_backend
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.openbao_setup import AppRole
from tests.testbed.waiting import wait_until

UNWRAP = r"/v1/sys/wrapping/unwrap"


@pytest.fixture
def path(openbao: OpenBao, kv_prefix: str) -> str:
    openbao.write_kv2(f"{kv_prefix}/app", {"a": "1"})
    return f"secret/data/{kv_prefix}/app"


@pytest.fixture
def role(openbao: OpenBao, kv_prefix: str) -> AppRole:
    return reader_role(openbao, kv_prefix)


def wrap(openbao: OpenBao, **data: str) -> str:
    made = openbao.request("POST", "sys/wrapping/wrap", dict(data), wrap_ttl="5m")
    token: str = made["wrap_info"]["token"]
    return token


def backend_of(url: str, role: AppRole, file: Path) -> VaultBackend:
    return vault_backend(url, role_id=role.role_id, secret_id_file=str(file), secret_id_wrapped=True)


def test_a_wrapped_secret_id_is_unwrapped_once_and_serves_every_login(
    openbao: OpenBao,
    openbao_proxy: FaultProxy,
    role: AppRole,
    path: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "wrapped"
    token = wrap(openbao, secret_id=role.secret_id)
    file.write_text(f"{token}\r\n", encoding="utf-8-sig")
    backend = backend_of(openbao_proxy.url, role, file)
    with caplog.at_level(logging.DEBUG):
        assert together(8, lambda: read(backend, path)) == ["1"] * 8
        openbao.revoke_logins()
        assert together(8, lambda: read(backend, path)) == ["1"] * 8

    assert (openbao_proxy.count("POST", UNWRAP), openbao_proxy.count("POST", LOGIN)) == (1, 2)
    for secret in (token, role.secret_id):
        assert secret not in f"{caplog.text}{backend!r}"


def test_a_wrapping_token_that_was_used_before_is_told_and_the_next_one_is_used_at_once(
    openbao: OpenBao, openbao_proxy: FaultProxy, role: AppRole, path: str, tmp_path: Path
) -> None:
    file = tmp_path / "wrapped"
    file.write_text(wrap(openbao, secret_id=role.secret_id))
    assert read(backend_of(openbao.url, role, file), path) == "1"
    backend = backend_of(openbao_proxy.url, role, file)
    errors = together(8, lambda: read(backend, path))

    assert errors == [errors[0]] * 8
    assert isinstance(errors[0], AuthFailed)
    assert "used before" in errors[0].message
    assert file.read_text() not in errors[0].message
    assert openbao_proxy.count("POST", UNWRAP) == 1
    assert openbao_proxy.count("POST", LOGIN) == 0

    file.write_text(wrap(openbao, secret_id=role.secret_id))
    wait_until(backend.retry_login, what="the login", poll=0.1)
    assert read(backend, path) == "1"


@pytest.mark.parametrize("content", ["canary canary", '{"token":"canary"}', "canary\u20ac"])
def test_what_is_no_wrapping_token_is_never_sent(
    openbao_proxy: FaultProxy, role: AppRole, path: str, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "wrapped"
    file.write_text(content, encoding="utf-8")
    error = attempt(lambda: read(backend_of(openbao_proxy.url, role, file), path))

    assert isinstance(error, AuthFailed)
    assert "canary" not in error.message
    assert openbao_proxy.requests == []


def test_a_wrapping_token_that_holds_something_else_is_refused(
    openbao: OpenBao, role: AppRole, path: str, tmp_path: Path
) -> None:
    file = tmp_path / "wrapped"
    file.write_text(wrap(openbao, other="canary"))

    assert attempt(lambda: read(backend_of(openbao.url, role, file), path)) == AuthFailed(
        "the wrapping token holds something other than a secret_id"
    )
