"""Logins to Vault as an identity of a cloud: the cloud and Vault's check are doubles, all else is OpenBao.

What holds for each method, whatever the credentials are, is tested here once for all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendThrottled,
    BackendTimeout,
    BackendUnavailable,
)
from tests.builders import attempt, together
from tests.integration.cloud_benches import BENCHES, WITH_FILE, WITH_SERVICE, Bench, Make
from tests.integration.vault_support import LOGIN, read, vault_backend
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

ANY = ".*"


@pytest.fixture
def path(openbao: OpenBao, kv_prefix: str) -> str:
    openbao.write_kv2(f"{kv_prefix}/app", {"a": "1"})
    return f"secret/data/{kv_prefix}/app"


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest, made: Make) -> Bench:
    return BENCHES[request.param](made)


def backend_of(bench: Bench, **settings: Any) -> VaultBackend:
    return vault_backend(bench.url, **{**bench.settings, **settings})


def logins(proxy: FaultProxy) -> int:
    return proxy.count("POST", LOGIN)


def test_the_right_credentials_log_in_and_one_login_serves_all(
    bench: Bench, openbao_proxy: FaultProxy, path: str
) -> None:
    backend = backend_of(bench)

    assert together(16, lambda: read(backend, path)) == ["1"] * 16
    backend.maintain()
    assert read(backend, path) == "1"
    assert logins(openbao_proxy) == 1


def test_a_revoked_token_is_replaced_by_one_login_with_a_new_proof(
    bench: Bench, openbao_proxy: FaultProxy, path: str
) -> None:
    backend = backend_of(bench)
    read(backend, path)
    bench.next_second()
    bench.auth.revoke_all()

    assert together(16, lambda: read(backend, path)) == ["1"] * 16
    assert logins(openbao_proxy) == 2
    first, second = bench.auth.bodies
    assert first != second


@pytest.mark.parametrize(
    "token",
    [{"ttl": "3s", "renewable": False}, {"ttl": "3s", "explicit_max_ttl": "5s"}],
    ids=["fixed", "max"],
)
@pytest.mark.parametrize("name", BENCHES)
def test_a_token_at_the_end_of_its_life_is_replaced_and_no_read_fails(
    made: Make, openbao_proxy: FaultProxy, path: str, name: str, token: dict[str, Any]
) -> None:
    made.token = token
    backend = backend_of(BENCHES[name](made), max_token_ttl=2, renew_ttl_increment=3)

    def replaced() -> bool:
        backend.maintain()
        assert read(backend, path) == "1"
        return logins(openbao_proxy) >= 2

    wait_until(replaced, 40, "a token replaced", poll=0.3)


def test_a_token_that_can_be_renewed_is_not_logged_in_for_again(
    made: Make, openbao_proxy: FaultProxy, path: str
) -> None:
    made.token = {"ttl": "4s", "period": "4s"}
    backend = backend_of(next(iter(BENCHES.values()))(made), max_token_ttl=3, renew_ttl_increment=4)

    def renewed() -> bool:
        backend.maintain()
        return openbao_proxy.count("POST", r"/v1/auth/token/renew-self") >= 3

    wait_until(renewed, 40, "a token renewed", poll=0.5)
    assert read(backend, path) == "1"
    assert logins(openbao_proxy) == 1


def test_a_login_that_vault_refuses_says_what_to_check_and_shows_nothing(
    bench: Bench, openbao_proxy: FaultProxy, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench.refuse()
    backend = backend_of(bench)
    with caplog.at_level(logging.DEBUG):
        errors = together(8, lambda: read(backend, path))

    assert errors == [errors[0]] * 8
    assert isinstance(errors[0], AuthFailed)
    assert f"at auth/{bench.auth.mount} (400); check vault." in errors[0].message
    assert logins(openbao_proxy) == 1
    shown = f"{caplog.text}{errors!r}{backend!r}{vars(backend)!r}"
    texts = bench.secrets()
    assert len(texts) >= 2
    assert [text for text in texts if text in shown] == []


def test_a_mount_that_does_not_exist_is_a_refused_login(bench: Bench, path: str) -> None:
    bench.settings = bench.elsewhere("not/there")
    error = attempt(lambda: read(backend_of(bench), path))

    assert isinstance(error, AuthFailed)
    assert "at auth/not/there (403)" in error.message


@pytest.mark.parametrize("name", WITH_FILE)
def test_a_file_that_is_refused_is_shown_once_and_the_next_one_is_used_at_once(
    made: Make, path: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = BENCHES[name](made)
    assert bench.file is not None
    bench.file.write_text(bench.wrong())
    backend = backend_of(bench)
    with caplog.at_level(logging.DEBUG):
        errors = together(8, lambda: read(backend, path))
        assert errors == [errors[0]] * 8
        assert isinstance(errors[0], AuthFailed)
        assert not backend.retry_login()

        bench.file.write_text(bench.right())
        wait_until(backend.retry_login, what="the login", poll=0.1)
        assert read(backend, path) == "1"

    assert len(bench.auth.bodies) <= 2
    assert [text for text in bench.secrets() if text in f"{caplog.text}{errors!r}{vars(backend)!r}"] == []


@pytest.mark.parametrize("name", WITH_SERVICE)
def test_a_service_that_hangs_costs_one_call_and_its_return_is_noticed(
    made: Make, path: str, name: str
) -> None:
    bench = BENCHES[name](made)
    assert bench.service is not None
    bench.service.on(ANY, ANY).hang()
    backend = backend_of(bench, timeout=0.5)
    errors = together(8, lambda: read(backend, path, seconds=10.0))

    assert {type(error) for error in errors} == {BackendTimeout}
    assert bench.named in str(errors[0])
    assert len(bench.service.requests) == 1
    assert bench.auth.bodies == []
    assert not backend.ready()

    bench.service.clear()
    wait_until(lambda: attempt(lambda: read(backend, path)) is None, what="the login", poll=0.2)


TROUBLE: dict[str, tuple[Callable[[FaultProxy], object], type[BackendFault]]] = {
    "too many": (lambda service: service.on(ANY, ANY).reply(429, retry_after=7), BackendThrottled),
    "out of order": (lambda service: service.on(ANY, ANY).reply(503), BackendUnavailable),
    "a page": (lambda service: service.on(ANY, ANY).html(), BackendUnavailable),
    "sent elsewhere": (
        lambda service: service.on(ANY, ANY).redirect("http://127.0.0.1:1"),
        BackendUnavailable,
    ),
    "no end": (lambda service: service.on(ANY, ANY).drip_headers(), BackendTimeout),
    "too large": (lambda service: service.on(ANY, ANY).oversize(1024 * 1024), BackendUnavailable),
    "broken off": (lambda service: service.on(ANY, ANY).reset(), BackendUnavailable),
    "away": (lambda service: service.refuse(), BackendUnavailable),
}


@pytest.mark.parametrize(("break_it", "kind"), TROUBLE.values(), ids=TROUBLE)
@pytest.mark.parametrize("name", WITH_SERVICE)
def test_trouble_of_the_service_is_asked_about_once_and_passes_by_itself(
    made: Make, path: str, name: str, break_it: Callable[[FaultProxy], object], kind: type[BackendFault]
) -> None:
    bench = BENCHES[name](made)
    assert bench.service is not None
    break_it(bench.service)
    error = attempt(lambda: read(backend_of(bench, timeout=2.0), path))

    assert type(error) is kind
    assert bench.named in error.message
    # A connection that breaks at once may be one that was kept too long: a GET is sent again.
    assert len(bench.service.requests) <= 2
    assert bench.auth.bodies == []
