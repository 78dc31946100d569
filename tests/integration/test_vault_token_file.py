"""A token from a file on a real server: an agent's sink, and everything that may be in its place."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import AuthFailed, PermissionDenied
from tests.builders import attempt, together
from tests.integration.vault_support import read, vault_backend
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

LOOK_UP = r"/v1/auth/token/lookup-self"
REVOKE = r"/v1/auth/token/revoke-self"
NOT_ACCEPTED = (
    "Vault does not accept the token in vault.token-file {!r}: it has expired, was revoked or is of another"
    " namespace, or its policies do not allow lookup-self"
)


@pytest.fixture
def path(openbao: OpenBao, kv_prefix: str) -> str:
    openbao.write_kv2(f"{kv_prefix}/app", {"a": "1"})
    return f"secret/data/{kv_prefix}/app"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "token"


def made_token(openbao: OpenBao, prefix: str, **options: Any) -> str:
    policy = openbao.read_policy(prefix, f"secret/data/{prefix}/*")
    return openbao.create_token([policy], **{"ttl": "1h", **options})


def backend_of(url: str, file: Path, **settings: Any) -> VaultBackend:
    return vault_backend(url, auth_method="token", token_file=str(file), **settings)


@pytest.mark.parametrize(
    "options", [{}, {"type": "batch"}, {"period": "1h"}], ids=["service", "batch", "period"]
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_token_of_every_kind_is_taken_however_its_file_was_written(
    openbao: OpenBao, kv_prefix: str, path: str, file: Path, options: dict[str, str], codec: str
) -> None:
    file.write_text(f" {made_token(openbao, kv_prefix, **options)} \r\n", encoding=codec)
    backend = backend_of(openbao.url, file)
    backend.maintain()

    assert read(backend, path) == "1"


def test_a_token_that_is_replaced_through_a_swapped_link_is_used_at_the_next_poll(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str, tmp_path: Path
) -> None:
    for name in ("..1", "..2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(made_token(openbao, kv_prefix))
    (tmp_path / "..data").symlink_to("..1")
    file = tmp_path / "token"
    file.symlink_to("..data/token")
    backend = backend_of(openbao_proxy.url, file)
    read(backend, path)
    (tmp_path / "..next").symlink_to("..2")
    (tmp_path / "..next").replace(tmp_path / "..data")
    backend.maintain()
    read(backend, path)

    used = [each.headers["x-vault-token"] for each in openbao_proxy.requests if each.path == f"/v1/{path}"]
    assert used == [(tmp_path / name / "token").read_text() for name in ("..1", "..2")]
    # It is the agent's: it may have other users.
    assert openbao_proxy.count("POST|PUT", REVOKE) == 0


def test_a_revoked_token_is_tried_once_however_many_reads_need_it_and_a_new_one_is_used_at_once(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str, file: Path
) -> None:
    file.write_text(made_token(openbao, kv_prefix))
    backend = backend_of(openbao_proxy.url, file)
    read(backend, path)
    openbao.revoke(file.read_text())
    errors = together(16, lambda: read(backend, path))
    asked = openbao_proxy.count("GET", LOOK_UP)

    assert errors == [AuthFailed(NOT_ACCEPTED.format(str(file)))] * 16
    assert together(16, lambda: read(backend, path)) == errors
    assert openbao_proxy.count("GET", LOOK_UP) == asked
    assert not backend.retry_login()

    file.write_text(made_token(openbao, kv_prefix))
    wait_until(backend.retry_login, what="the new token", poll=0.1)
    assert read(backend, path) == "1"


def test_a_token_that_expires_in_its_file_says_so(
    openbao: OpenBao, kv_prefix: str, path: str, file: Path
) -> None:
    file.write_text(made_token(openbao, kv_prefix, ttl="1s", renewable=False))
    backend = backend_of(openbao.url, file)

    def refused() -> bool:
        return attempt(lambda: read(backend, path)) == AuthFailed(NOT_ACCEPTED.format(str(file)))

    wait_until(refused, what="the end of the token")


def test_a_token_that_cannot_look_itself_up_is_refused(
    openbao: OpenBao, kv_prefix: str, path: str, file: Path
) -> None:
    file.write_text(made_token(openbao, kv_prefix, no_default_policy=True))

    error = attempt(lambda: read(backend_of(openbao.url, file), path))
    assert error == AuthFailed(NOT_ACCEPTED.format(str(file)))


@pytest.mark.usefixtures("vault_namespaces")
@pytest.mark.parametrize("elsewhere", ["", "-sibling"])
def test_a_token_of_another_namespace_lives_and_may_read_nothing(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str, file: Path, elsewhere: str
) -> None:
    for name in (kv_prefix, f"{kv_prefix}-sibling"):
        openbao.create_namespace(name)
    made = openbao.request("POST", "auth/token/create", {"policies": ["default"]}, namespace=kv_prefix)
    file.write_text(made["auth"]["client_token"])
    backend = backend_of(openbao_proxy.url, file, namespace=elsewhere and f"{kv_prefix}{elsewhere}")

    assert together(8, lambda: read(backend, path)) == [PermissionDenied(path)] * 8
    assert backend.login_number() == 1


@pytest.mark.parametrize("uses", [1, 5])
def test_a_token_of_few_uses_is_refused_and_not_revoked(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str, file: Path, uses: int
) -> None:
    file.write_text(made_token(openbao, kv_prefix, num_uses=uses))
    backend = backend_of(openbao_proxy.url, file)
    error = attempt(lambda: read(backend, path))

    assert isinstance(error, AuthFailed)
    assert "limited number of uses" in error.message
    assert openbao_proxy.count("POST|PUT", REVOKE) == 0


def test_a_root_token_works_with_a_warning(
    openbao: OpenBao, path: str, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(openbao.create_token(["root"]))
    with caplog.at_level(logging.WARNING):
        assert read(backend_of(openbao.url, file), path) == "1"

    assert "the token never expires; do not use a root token" in caplog.text
    assert file.read_text() not in caplog.text


CONTENTS = {
    "nothing": (b"", "is empty"),
    "blanks": (b" \r\n", "is empty"),
    "bytes": (b"canary\xff\xfe\xfa", "is not UTF-8 text"),
    "two lines": (b"canary\ncanary", "holds more than one line"),
    "two words": (b"canary canary", "holds something other than a token"),
    "other letters": ("canary\u20ac".encode(), "holds something other than a token"),
    "a wrapped sink": (b'{"token":"canary"}', "must be neither wrapped nor encrypted"),
}


@pytest.mark.parametrize(("content", "why"), CONTENTS.values(), ids=CONTENTS)
def test_what_is_no_token_is_never_sent_nor_shown(
    openbao_proxy: FaultProxy, path: str, file: Path, content: bytes, why: str
) -> None:
    file.write_bytes(content)
    error = attempt(lambda: read(backend_of(openbao_proxy.url, file), path))

    assert isinstance(error, AuthFailed)
    assert why in error.message
    assert "vault.token-file" in error.message
    assert "canary" not in f"{error!r}{error}".replace(str(file), "")
    assert openbao_proxy.requests == []


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda _: None], ids=["folder", "pipe", "nothing"])
def test_what_is_no_file_is_refused_and_the_token_that_lives_stays(
    openbao: OpenBao, kv_prefix: str, path: str, file: Path, make: Any
) -> None:
    file.write_text(made_token(openbao, kv_prefix))
    backend = backend_of(openbao.url, file)
    read(backend, path)
    file.unlink()
    make(file)
    backend.maintain()

    assert read(backend, path) == "1"
    assert isinstance(attempt(lambda: read(backend_of(openbao.url, file), path)), AuthFailed)
