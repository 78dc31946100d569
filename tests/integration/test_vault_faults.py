"""A real server that is down, sealed, slow, or hidden behind something that misbehaves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import (
    BackendFault,
    BackendSealed,
    BackendThrottled,
    BackendTimeout,
    BackendTLS,
    BackendUnavailable,
    EngineMismatch,
    NotAString,
)
from tests.integration.vault_support import LOGIN, READ, attempt, read, reader_role, vault_backend
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.fault_rules import RuleBuilder
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until
from tests.unit.backends.vault.doubles import Told


@pytest.fixture
def path(openbao: OpenBao, kv_prefix: str) -> str:
    openbao.write_kv2(f"{kv_prefix}/app", {"a": "1"})
    openbao.write_kv1(f"{kv_prefix}/app", {"a": "1"})
    return f"secret/data/{kv_prefix}/app"


def recovered(backend: VaultBackend, path: str) -> Callable[[], bool]:
    return lambda: attempt(lambda: read(backend, path)) is None


FAULTS: dict[str, tuple[Callable[[RuleBuilder], object], type[BackendFault]]] = {
    "throttled": (lambda rule: rule.vault_error(429, "canary"), BackendThrottled),
    "failing": (lambda rule: rule.vault_error(500, "canary"), BackendUnavailable),
    "a bad gateway": (lambda rule: rule.reply(502, b"<html>canary"), BackendUnavailable),
    "a page": (lambda rule: rule.html(), BackendUnavailable),
    "silent": (lambda rule: rule.hang(), BackendTimeout),
    "answering after the fact": (lambda rule: rule.hang_reply(), BackendTimeout),
    "dripping headers": (lambda rule: rule.drip_headers(0.05), BackendTimeout),
    "dripping a body": (lambda rule: rule.drip_body(0.05), BackendTimeout),
    "answering without end": (lambda rule: rule.oversize(20_000_000), BackendUnavailable),
    "answering a bomb": (lambda rule: rule.gzip_bomb(50_000_000), BackendUnavailable),
    "standby without its active node": (lambda rule: rule.reply(472, {"errors": []}), BackendUnavailable),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_read_through_a_fault_says_what_is_wrong_and_the_next_one_works(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str, kind: str
) -> None:
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix), timeout=1.0)
    read(backend, path)
    break_it, meaning = FAULTS[kind]
    break_it(openbao_proxy.on("GET", READ))
    error = attempt(lambda: read(backend, path))
    openbao_proxy.clear()

    assert type(error) is meaning
    assert "canary" not in f"{error!r}"
    assert read(backend, path) == "1"
    assert openbao_proxy.count("POST", LOGIN) == 1


def test_a_connection_that_breaks_is_a_fault_and_not_a_login(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix))
    read(backend, path)
    openbao_proxy.on("GET", READ).reset()

    assert isinstance(attempt(lambda: read(backend, path)), BackendUnavailable)
    openbao_proxy.clear()
    assert read(backend, path) == "1"


def test_a_connection_that_the_server_closed_while_idle_is_no_fault(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix))
    for _ in range(5):
        assert read(backend, path) == "1"
        openbao_proxy.drop_connections()


def test_the_pause_of_a_real_quota_is_passed_on(openbao: OpenBao, kv_prefix: str) -> None:
    openbao.enable_engine(kv_prefix, "kv", {"version": "1"})
    openbao.write_kv1("app", {"a": "1"}, mount=kv_prefix)
    policy = openbao.read_policy(kv_prefix, f"{kv_prefix}/*")
    role = openbao.approle(kv_prefix, [policy])
    backend = vault_backend(openbao.url, role, engine="kv1")
    read(backend, f"{kv_prefix}/app")
    openbao.request("POST", "sys/quotas/config", {"enable_rate_limit_response_headers": True})
    openbao.request(
        "POST", f"sys/quotas/rate-limit/{kv_prefix}", {"path": f"{kv_prefix}/", "rate": 1, "interval": "9s"}
    )
    errors = [attempt(lambda: read(backend, f"{kv_prefix}/app")) for _ in range(6)]
    openbao.request("DELETE", f"sys/quotas/rate-limit/{kv_prefix}")

    throttled = [error for error in errors if isinstance(error, BackendThrottled)]
    assert throttled
    assert all(error.retry_after is not None and 0 < error.retry_after <= 9 for error in throttled)


def test_a_backend_that_starts_before_vault_logs_in_by_itself(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    role = reader_role(openbao, kv_prefix)
    openbao_proxy.refuse()
    backend = vault_backend(openbao_proxy.url, role)
    assert isinstance(attempt(backend.maintain), BackendUnavailable)
    assert isinstance(attempt(lambda: read(backend, path)), BackendUnavailable)
    assert not backend.ready()
    openbao_proxy.accept()

    wait_until(recovered(backend, path), 10, "the login after the outage")
    assert backend.ready()


def test_an_outage_leaves_the_token_alone(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix))
    backend.maintain()
    openbao_proxy.refuse()
    for _ in range(5):
        assert isinstance(attempt(lambda: read(backend, path)), BackendUnavailable)
        assert isinstance(attempt(backend.maintain), BackendUnavailable)
    openbao_proxy.accept()

    assert read(backend, path) == "1"
    assert openbao_proxy.count("POST", LOGIN) == 1


def test_a_login_that_hangs_holds_no_read_longer_than_its_time_and_is_not_repeated(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix), timeout=1.0)
    openbao_proxy.on("POST", LOGIN).hang()
    errors = [attempt(lambda: read(backend, path)) for _ in range(3)]
    assert all(isinstance(error, BackendFault) for error in errors)
    assert openbao_proxy.count("POST", LOGIN) <= 3
    openbao_proxy.clear()

    wait_until(recovered(backend, path), 10, "the login")


def test_a_seal_is_named_and_ends_with_the_unsealing(openbao_server: Callable[..., OpenBao]) -> None:
    server = openbao_server()
    server.enable_auth("approle", "approle")
    server.write_kv2("app/app", {"a": "1"})
    told = Told()
    backend = vault_backend(server.url, reader_role(server, "app"), told=told)
    assert read(backend, "secret/data/app/app") == "1"
    server.seal()

    assert attempt(lambda: read(backend, "secret/data/app/app")) == BackendSealed("Vault is sealed")
    assert attempt(backend.maintain) == BackendSealed("Vault is sealed")
    server.unseal()
    assert read(backend, "secret/data/app/app") == "1"


def test_a_vault_that_comes_up_sealed_is_waited_for(openbao_server: Callable[..., OpenBao]) -> None:
    server = openbao_server()
    server.enable_auth("approle", "approle")
    server.write_kv2("app/app", {"a": "1"})
    role = reader_role(server, "app")
    server.stop()
    server.start()
    told = Told()
    backend = vault_backend(server.url, role, told=told)
    assert attempt(backend.maintain) == BackendSealed("Vault is sealed")
    assert told.servers
    server.unseal()

    wait_until(recovered(backend, "secret/data/app/app"), 10, "the login after unsealing")
    backend.maintain()
    assert told.servers[-1][1]


def test_a_frozen_server_is_left_in_time(openbao_server: Callable[..., OpenBao]) -> None:
    server = openbao_server()
    server.enable_auth("approle", "approle")
    server.write_kv2("app/app", {"a": "1"})
    backend = vault_backend(server.url, reader_role(server, "app"), timeout=1.0)
    read(backend, "secret/data/app/app")
    server.pause()
    error = attempt(lambda: read(backend, "secret/data/app/app"))
    server.resume()

    assert isinstance(error, BackendTimeout)
    assert read(backend, "secret/data/app/app") == "1"


def test_tls_is_checked_against_the_authority_and_a_new_one_is_taken_up(
    openbao_server: Callable[..., OpenBao], authority: Authority, tmp_path: Path
) -> None:
    server = openbao_server(tls=authority.issue("127.0.0.1"), ca_file=authority.ca_file)
    server.enable_auth("approle", "approle")
    server.write_kv2("app/app", {"a": "1"})
    role = reader_role(server, "app")
    ca_file = tmp_path / "ca.pem"
    shutil.copy(Authority(tmp_path / "stranger").ca_file, ca_file)
    backend = vault_backend(server.url, role, ca_cert=str(ca_file))
    assert isinstance(attempt(backend.maintain), BackendTLS)
    assert isinstance(attempt(lambda: read(backend, "secret/data/app/app")), BackendTLS)
    shutil.copy(authority.ca_file, tmp_path / "new")
    (tmp_path / "new").replace(ca_file)

    wait_until(recovered(backend, "secret/data/app/app"), 10, "the login with the new authority")


def test_a_standby_that_redirects_is_followed_with_login_and_reads(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    openbao_proxy.on(".*", ".*").redirect(openbao.url)
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix))
    backend.maintain()

    assert read(backend, path) == "1"


def test_a_redirect_to_a_stranger_is_not_followed(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    port = openbao.url.rpartition(":")[2]
    openbao_proxy.on(".*", ".*").redirect(f"http://localhost:{port}")
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix))
    error = attempt(lambda: read(backend, path))

    assert isinstance(error, BackendUnavailable)
    assert "another host" in error.message


def test_an_engine_of_the_other_version_is_named(openbao: OpenBao, kv_prefix: str, path: str) -> None:
    role = reader_role(openbao, kv_prefix)
    as_kv2 = attempt(lambda: read(vault_backend(openbao.url, role), f"kv1/{kv_prefix}/app"))
    as_kv1 = attempt(lambda: read(vault_backend(openbao.url, role, engine="kv1"), path, "data"))

    assert as_kv2 == EngineMismatch(f"kv1/{kv_prefix}/app", "kv2")
    assert isinstance(as_kv1, NotAString)


def test_a_kv2_path_without_data_is_named(openbao: OpenBao, kv_prefix: str) -> None:
    role = openbao.approle(kv_prefix, [openbao.read_policy(kv_prefix, f"secret/{kv_prefix}/*")])
    error = attempt(lambda: read(vault_backend(openbao.url, role), f"secret/{kv_prefix}/app"))

    assert error == EngineMismatch(f"secret/{kv_prefix}/app", "kv2")
