"""Logging in to a real server and staying logged in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from secrets_manager.domain.errors import AuthFailed, PermissionDenied
from tests.builders import attempt, together
from tests.integration.vault_support import LOGIN, READ, read, reader_role, vault_backend
from tests.testbed.cluster import TestCluster
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.openbao_setup import AppRole
from tests.testbed.waiting import wait_until
from tests.unit.backends.vault.doubles import RecordedTelemetry


@pytest.fixture
def path(openbao: OpenBao, kv_prefix: str) -> str:
    openbao.write_kv2(f"{kv_prefix}/app", {"a": "1"})
    return f"secret/data/{kv_prefix}/app"


def logins(proxy: FaultProxy) -> int:
    return proxy.count("POST", LOGIN)


def test_a_secret_id_of_a_single_use_serves_a_whole_life(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    role = reader_role(openbao, kv_prefix, token_ttl="8s", token_max_ttl="1h")
    once = AppRole(
        name=role.name,
        role_id=role.role_id,
        secret_id=openbao.secret_id(role.name, num_uses=1),
    )
    backend = vault_backend(openbao_proxy.url, once, max_token_ttl=7, renew_ttl_increment=8)
    assert read(backend, path) == "1"
    renewals, began = r"/v1/auth/token/renew-self", time.monotonic()

    def outlived() -> bool:
        backend.maintain()
        return openbao_proxy.count("POST", renewals) >= 3 and time.monotonic() > began + 8.0

    wait_until(outlived, 60, "a token that was renewed for longer than it would have lived", poll=0.5)
    assert read(backend, path) == "1"
    assert logins(openbao_proxy) == 1


def test_a_token_at_its_maximum_life_is_replaced_and_no_read_fails(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    role = reader_role(openbao, kv_prefix, token_ttl="3s", token_max_ttl="5s")
    backend = vault_backend(openbao_proxy.url, role, max_token_ttl=2, renew_ttl_increment=3)

    def replaced() -> bool:
        backend.maintain()
        assert read(backend, path) == "1"
        return logins(openbao_proxy) >= 3

    wait_until(replaced, 40, "two tokens replaced", poll=0.3)
    assert openbao_proxy.count("GET", r"/v1/auth/token/lookup-self") > 0


def test_a_token_that_is_revoked_in_use_costs_one_login_however_many_reads_notice(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    role = reader_role(openbao, kv_prefix)
    backend = vault_backend(openbao_proxy.url, role)
    read(backend, path)
    token = next(
        each.headers["x-vault-token"]
        for each in openbao_proxy.requests
        if each.path == f"/v1/{path}" and "x-vault-token" in each.headers
    )
    openbao.revoke(token)

    assert together(16, lambda: read(backend, path)) == ["1"] * 16
    assert logins(openbao_proxy) == 2


def test_a_revoked_token_is_noticed_by_the_poll_too(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix))
    backend.maintain()
    token = next(each.headers["x-vault-token"] for each in openbao_proxy.requests[::-1])
    openbao.revoke(token)
    backend.maintain()
    hits = openbao_proxy.count("GET", READ)

    assert read(backend, path) == "1"
    assert (logins(openbao_proxy), openbao_proxy.count("GET", READ) - hits) == (2, 1)


def test_a_path_without_a_right_is_denied_and_costs_no_login(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    backend = vault_backend(openbao_proxy.url, reader_role(openbao, kv_prefix))
    read(backend, path)
    errors = together(8, lambda: read(backend, "secret/data/somebody-elses/app"))

    assert errors == [PermissionDenied("secret/data/somebody-elses/app")] * 8
    assert logins(openbao_proxy) == 1
    assert read(backend, path) == "1"


def test_refused_credentials_are_sent_once_and_the_right_ones_work_later(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str, tmp_path: Path
) -> None:
    role = reader_role(openbao, kv_prefix)
    secret_id = tmp_path / "secret-id"
    secret_id.write_text("wrong")
    settings: dict[str, Any] = {"role_id": role.role_id, "secret_id_file": str(secret_id)}
    told = RecordedTelemetry()
    backend = vault_backend(openbao_proxy.url, told=told, **settings)
    errors = together(8, lambda: read(backend, path))

    assert errors == [AuthFailed("Vault refused the login at auth/approle (400)")] * 8
    assert (logins(openbao_proxy), told.logins_failed) == (1, 1)

    secret_id.write_text(role.secret_id)
    assert read(vault_backend(openbao_proxy.url, **settings), path) == "1"


@pytest.mark.parametrize("bound", ["token_bound_cidrs", "secret_id_bound_cidrs"])
def test_a_role_that_binds_no_secret_id_logs_in_with_its_role_id_alone(
    openbao: OpenBao, kv_prefix: str, path: str, bound: str
) -> None:
    policy = openbao.read_policy(kv_prefix, f"secret/data/{kv_prefix}/*")
    options = {"token_policies": [policy], "bind_secret_id": False, bound: ["127.0.0.0/8"]}
    openbao.request("POST", f"auth/approle/role/{kv_prefix}", options)
    role_id = openbao.request("GET", f"auth/approle/role/{kv_prefix}/role-id")["data"]["role_id"]

    assert read(vault_backend(openbao.url, role_id=role_id), path) == "1"


def test_a_role_that_binds_a_secret_id_refuses_a_login_without_one_and_the_error_says_why(
    openbao: OpenBao, kv_prefix: str, path: str
) -> None:
    backend = vault_backend(openbao.url, role_id=reader_role(openbao, kv_prefix).role_id)

    assert attempt(lambda: read(backend, path)) == AuthFailed(
        "Vault refused the login at auth/approle (400); no secret id was given, which a role allows only with"
        " bind_secret_id=false"
    )


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_credentials_are_taken_from_files_however_an_editor_wrote_them(
    openbao: OpenBao, kv_prefix: str, path: str, tmp_path: Path, codec: str
) -> None:
    role = reader_role(openbao, kv_prefix)
    files = {"role_id_file": role.role_id, "secret_id_file": role.secret_id}
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\r\n", encoding=codec)
    settings: dict[str, Any] = {name: str(tmp_path / name) for name in files}
    backend = vault_backend(openbao.url, **settings)

    assert read(backend, path) == "1"


def test_a_role_id_of_any_script_logs_in(openbao: OpenBao, kv_prefix: str, path: str, tmp_path: Path) -> None:
    role = reader_role(openbao, kv_prefix)
    own = f"r\u00f8le id \u20ac {kv_prefix}"
    openbao.request("POST", f"auth/approle/role/{role.name}/role-id", {"role_id": own})
    secret_id = openbao.secret_id(role.name)
    file = tmp_path / "role-id"
    file.write_text(own, encoding="utf-8")

    assert read(vault_backend(openbao.url, role_id=own, secret_id=secret_id), path) == "1"
    assert read(vault_backend(openbao.url, role_id_file=str(file), secret_id=secret_id), path) == "1"


def test_a_refused_secret_id_that_is_replaced_is_used_at_once_and_only_once(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str, tmp_path: Path
) -> None:
    role = reader_role(openbao, kv_prefix)
    secret_id = tmp_path / "secret-id"
    secret_id.write_text("wrong")
    backend = vault_backend(openbao_proxy.url, role_id=role.role_id, secret_id_file=str(secret_id))
    assert isinstance(attempt(lambda: read(backend, path)), AuthFailed)
    assert not backend.retry_login()

    # The secret id has a single use: if it were sent twice, the second login would be refused.
    secret_id.write_text(openbao.secret_id(role.name, num_uses=1))
    wait_until(backend.retry_login, what="the login", poll=0.1)
    assert together(16, lambda: read(backend, path)) == ["1"] * 16
    assert logins(openbao_proxy) == 2


def test_a_role_that_gives_tokens_of_few_uses_is_refused(openbao: OpenBao, kv_prefix: str, path: str) -> None:
    role = reader_role(openbao, kv_prefix, token_num_uses=5)
    error = attempt(lambda: read(vault_backend(openbao.url, role), path))

    assert isinstance(error, AuthFailed)
    assert "token_num_uses" in error.message


def test_a_batch_token_is_used_without_renewals_and_replaced_in_time(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    role = reader_role(openbao, kv_prefix, token_type="batch", token_ttl="3s")
    told = RecordedTelemetry()
    backend = vault_backend(openbao_proxy.url, role, told=told)

    def replaced() -> bool:
        backend.maintain()
        assert read(backend, path) == "1"
        return logins(openbao_proxy) >= 2

    wait_until(replaced, 60, "the batch token replaced", poll=0.3)
    assert openbao_proxy.count("POST", r"/v1/auth/token/renew-self") == 0
    # Once for each token that was replaced.
    assert set(told.renewals_failed) == {("is-renewable", "VaultTokenNotRenewableError")}
    assert len(told.renewals_failed) < logins(openbao_proxy)


def test_a_renewal_that_fails_until_little_life_is_left_ends_in_a_login_before_a_read_fails(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    role = reader_role(openbao, kv_prefix, token_ttl="6s", token_max_ttl="1h")
    told = RecordedTelemetry()
    backend = vault_backend(openbao_proxy.url, role, told=told, max_token_ttl=5, renew_ttl_increment=6)
    assert read(backend, path) == "1"
    openbao_proxy.on("POST|PUT", r"/v1/auth/token/renew-self").vault_error(500, "x")

    def replaced() -> bool:
        attempt(backend.maintain)
        assert read(backend, path) == "1"
        return logins(openbao_proxy) >= 2

    wait_until(replaced, 60, "the login in time", poll=0.3)
    assert ("renew-self", "UnknownError") in told.renewals_failed


def test_a_token_without_the_default_policy_is_not_taken_for_dead(
    openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str, path: str
) -> None:
    role = reader_role(openbao, kv_prefix, token_no_default_policy=True)
    backend = vault_backend(openbao_proxy.url, role)
    for _ in range(3):
        backend.maintain()

    assert read(backend, path) == "1"
    assert isinstance(attempt(lambda: read(backend, "secret/data/other/app")), PermissionDenied)
    assert logins(openbao_proxy) == 1


def test_a_service_account_logs_in_with_its_token(
    openbao: OpenBao,
    cluster: TestCluster,
    namespace: str,
    kv_prefix: str,
    path: str,
    tmp_path: Path,
) -> None:
    openbao.configure_kubernetes_auth(cluster)
    cluster.service_account(namespace, "secrets-manager")
    openbao.kubernetes_role(
        kv_prefix,
        service_account="secrets-manager",
        namespace=namespace,
        policies=[openbao.read_policy(kv_prefix, f"secret/data/{kv_prefix}/*")],
    )
    token = tmp_path / "token"
    settings: dict[str, Any] = {
        "auth_method": "kubernetes",
        "kubernetes_role": kv_prefix,
        "kubernetes_token_file": str(token),
    }
    token.write_text("not.a.token")
    assert isinstance(attempt(lambda: read(vault_backend(openbao.url, **settings), path)), AuthFailed)

    token.write_text(cluster.token(namespace, "secrets-manager"))
    assert read(vault_backend(openbao.url, **settings), path) == "1"


def test_a_service_account_that_the_role_does_not_name_is_refused(
    openbao: OpenBao,
    cluster: TestCluster,
    namespace: str,
    kv_prefix: str,
    path: str,
    tmp_path: Path,
) -> None:
    openbao.configure_kubernetes_auth(cluster)
    cluster.service_account(namespace, "stranger")
    openbao.kubernetes_role(kv_prefix, service_account="other", namespace=namespace, policies=["default"])
    token = tmp_path / "token"
    token.write_text(cluster.token(namespace, "stranger"))
    backend = vault_backend(
        openbao.url,
        auth_method="kubernetes",
        kubernetes_role=kv_prefix,
        kubernetes_token_file=str(token),
    )

    assert attempt(lambda: read(backend, path)) == AuthFailed(
        "Vault refused the login at auth/kubernetes (403)"
    )


@pytest.mark.usefixtures("vault_namespaces")
@pytest.mark.parametrize("letters", ["", "-gr\u00f6\u00dfe", "-\u20ac\U0001f511"])
def test_a_namespace_holds_login_and_values(openbao: OpenBao, kv_prefix: str, letters: str) -> None:
    namespace = f"{kv_prefix}{letters}"
    openbao.create_namespace(quote(namespace))
    # Every client of Vault sends a header's letters as UTF-8.
    where: dict[str, Any] = {"namespace": namespace.encode().decode("latin-1")}
    openbao.request("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}, **where)
    openbao.request("POST", "sys/auth/approle", {"type": "approle"}, **where)
    rule = 'path "secret/data/*" { capabilities = ["read"] }'
    openbao.request("PUT", "sys/policies/acl/reader", {"policy": rule}, **where)
    openbao.request("POST", "auth/approle/role/sm", {"token_policies": ["reader"]}, **where)
    role_id = openbao.request("GET", "auth/approle/role/sm/role-id", **where)["data"]["role_id"]
    made = openbao.request("POST", "auth/approle/role/sm/secret-id", {}, **where)
    openbao.write_kv2("app", {"a": "inside"}, **where)
    told = RecordedTelemetry()
    backend = vault_backend(
        openbao.url,
        AppRole(name="sm", role_id=role_id, secret_id=made["data"]["secret_id"]),
        told=told,
        namespace=namespace,
    )
    backend.maintain()

    assert read(backend, "secret/data/app") == "inside"
    assert told.servers[0][0]


def test_the_server_says_who_it_is(openbao: OpenBao, kv_prefix: str) -> None:
    told = RecordedTelemetry()
    vault_backend(openbao.url, reader_role(openbao, kv_prefix), told=told).maintain()
    health = openbao.request("GET", "sys/health")

    assert told.servers == [(health["version"], health["cluster_id"], health["cluster_name"])]
