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
    SourceDeleted,
    SourceNotFound,
    SourceOutdated,
    is_absence,
    is_sure_absence,
)
from tests.builders import attempt
from tests.integration.vault_support import LOGIN, READ, read, reader_role, vault_backend
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.fault_rules import RuleBuilder
from tests.testbed.openbao import OpenBao
from tests.testbed.openbao_setup import AppRole
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until
from tests.unit.backends.vault.doubles import RecordedTelemetry


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
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix))
    read(backend, path)
    break_it, meaning = FAULTS[kind]
    break_it(openbao_proxy.on("GET", READ))
    # Only what never ends has to run out of time.
    seconds = 1.0 if meaning is BackendTimeout else 30.0
    error = attempt(lambda: read(backend, path, seconds=seconds))
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


def test_a_connection_that_the_server_closed_while_idle_is_not_a_fault(
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

    wait_until(recovered(backend, path), what="the login after the outage")
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
    errors = [attempt(lambda: read(backend, path, seconds=1.0)) for _ in range(3)]
    assert all(isinstance(error, BackendFault) for error in errors)
    assert openbao_proxy.count("POST", LOGIN) <= 3
    openbao_proxy.clear()

    wait_until(recovered(backend, path), what="the login")


def test_a_seal_is_named_and_ends_with_the_unsealing(openbao_server: Callable[..., OpenBao]) -> None:
    server = openbao_server()
    server.enable_auth("approle", "approle")
    server.write_kv2("app/app", {"a": "1"})
    told = RecordedTelemetry()
    backend = vault_backend(server.url, reader_role(server, "app"), told=told)
    assert read(backend, "secret/data/app/app") == "1"
    server.seal()

    assert attempt(lambda: read(backend, "secret/data/app/app")) == BackendSealed("Vault is sealed")
    assert attempt(backend.maintain) == BackendSealed("Vault is sealed")
    server.unseal()
    assert read(backend, "secret/data/app/app") == "1"


def test_the_backend_waits_for_a_vault_that_comes_up_sealed(openbao_server: Callable[..., OpenBao]) -> None:
    server = openbao_server()
    server.enable_auth("approle", "approle")
    server.write_kv2("app/app", {"a": "1"})
    role = reader_role(server, "app")
    server.stop()
    server.start()
    told = RecordedTelemetry()
    backend = vault_backend(server.url, role, told=told)
    assert attempt(backend.maintain) == BackendSealed("Vault is sealed")
    assert told.servers
    server.unseal()

    wait_until(recovered(backend, "secret/data/app/app"), what="the login after unsealing")
    backend.maintain()
    assert told.servers[-1][1]


def test_a_call_to_a_frozen_server_ends_in_time(openbao_server: Callable[..., OpenBao]) -> None:
    server = openbao_server()
    server.enable_auth("approle", "approle")
    server.write_kv2("app/app", {"a": "1"})
    backend = vault_backend(server.url, reader_role(server, "app"), timeout=1.0)
    read(backend, "secret/data/app/app")
    server.pause()
    error = attempt(lambda: read(backend, "secret/data/app/app", seconds=1.0))
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

    wait_until(recovered(backend, "secret/data/app/app"), what="the login with the new authority")


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


def test_an_engine_of_the_other_version_is_named_in_the_error(
    openbao: OpenBao, kv_prefix: str, path: str
) -> None:
    role = reader_role(openbao, kv_prefix)
    as_kv2 = attempt(lambda: read(vault_backend(openbao.url, role), f"kv1/{kv_prefix}/app"))
    as_kv1 = attempt(lambda: read(vault_backend(openbao.url, role, engine="kv1"), path, "data"))

    assert as_kv2 == EngineMismatch(f"kv1/{kv_prefix}/app", "kv2")
    assert isinstance(as_kv1, NotAString)


def test_the_error_for_a_kv2_path_without_data_says_what_it_lacks(openbao: OpenBao, kv_prefix: str) -> None:
    openbao.write_kv2(f"{kv_prefix}/app", {"a": "1"})
    role = openbao.approle(kv_prefix, [openbao.read_policy(kv_prefix, f"secret/{kv_prefix}/*")])
    path = f"secret/{kv_prefix}/app"
    as_kv2 = attempt(lambda: read(vault_backend(openbao.url, role), path))
    as_kv1 = attempt(lambda: read(vault_backend(openbao.url, role, engine="kv1"), path))

    assert as_kv2 == SourceNotFound(path, "for KV version 2 the path needs data/ after the mount")
    assert as_kv1 == EngineMismatch(path, "kv1")


@pytest.fixture(scope="module")
def other_mounts(openbao: OpenBao) -> AppRole:
    """A role that may read anything, and engines that are not for keys and values."""
    for kind in ("transit", "pki"):
        openbao.enable_engine(f"of-{kind}", kind)
    openbao.request("POST", "of-transit/keys/k")
    openbao.request("POST", "of-pki/root/generate/internal", {"common_name": "a"})
    openbao.write_kv2("elsewhere", {"a": "1"})
    openbao.write_kv1("elsewhere", {"a": "1"})
    return openbao.approle("other-mounts", [openbao.read_policy("other-mounts", "*")])


WRONG_PLACES = {
    "kv1/elsewhere": EngineMismatch,
    "of-transit/keys/k": EngineMismatch,
    "of-transit/keys/nothing": SourceNotFound,
    "of-transit/encrypt/k": EngineMismatch,
    "of-pki/cert/ca": EngineMismatch,
    "of-pki/cert/00": SourceNotFound,
    "nowhere/data/app": SourceNotFound,
    "secret/elsewhere": SourceNotFound,
    "secret/data/data/elsewhere": SourceNotFound,
    "secret/metadata/elsewhere": EngineMismatch,
    "secret/config": EngineMismatch,
}


@pytest.mark.parametrize("path", WRONG_PLACES)
def test_a_path_of_another_engine_is_recognised_by_the_servers_words(
    openbao: OpenBao, other_mounts: AppRole, path: str
) -> None:
    error = attempt(lambda: read(vault_backend(openbao.url, other_mounts), path))

    assert type(error) is WRONG_PLACES[path], error


def test_only_an_engine_that_is_there_says_for_certain_that_a_path_is_not(
    openbao: OpenBao, other_mounts: AppRole, kv_prefix: str
) -> None:
    backend = vault_backend(openbao.url, reader_role(openbao, kv_prefix))
    for path in (f"secret/data/{kv_prefix}/nothing", f"kv1/{kv_prefix}/nothing"):
        with pytest.raises(SourceNotFound) as caught:
            read(backend, path)
        assert is_sure_absence(caught.value)

    with pytest.raises(SourceNotFound) as caught:
        read(vault_backend(openbao.url, other_mounts), "nowhere/data/app")
    error = caught.value
    assert is_absence(error)
    assert not is_sure_absence(error)


@pytest.mark.parametrize("status", [400, 405])
def test_a_passing_refusal_is_a_temporary_error_that_names_its_status(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str, status: int
) -> None:
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix))
    read(backend, path)
    for body in ({"errors": ["canary"]}, b"<html>canary", {"message": "canary"}):
        openbao_proxy.on("GET", READ).reply(status, body)
        error = attempt(lambda: read(backend, path))
        openbao_proxy.clear()

        assert isinstance(error, BackendUnavailable)
        assert str(status) in error.message
        assert "canary" not in error.message
        assert read(backend, path) == "1"


@pytest.mark.parametrize("purged", [False, True], ids=["deleted", "purged"])
def test_an_older_version_is_not_used_after_a_newer_one_is_gone(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str, *, purged: bool
) -> None:
    """A server that repeats its earlier answer stands for a standby that lags."""
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix))
    openbao.write_kv2(f"{kv_prefix}/app", {"a": "older"})
    late = openbao.request("GET", path)
    openbao.write_kv2(f"{kv_prefix}/app", {"a": "newer"})
    assert read(backend, path) == "newer"
    (openbao.purge_kv2 if purged else openbao.delete_kv2)(f"{kv_prefix}/app")
    assert isinstance(attempt(lambda: read(backend, path)), SourceNotFound if purged else SourceDeleted)
    openbao_proxy.on("GET", READ).reply(200, late)
    assert isinstance(attempt(lambda: read(backend, path)), SourceOutdated)
    openbao_proxy.clear()

    openbao.write_kv2(f"{kv_prefix}/app", {"a": "newest"})
    assert read(backend, path) == "newest"
