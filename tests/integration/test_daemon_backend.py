"""A backend in trouble: down at the start, sealed, stopped, frozen; tokens that die. The daemon stays up, the
Secrets stay, and everything continues by itself when the backend is back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.world import FINALIZER, PATIENCE, World, new_world, source
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import definitions
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

# An outage is reported in every condition after ten seconds.
OUTAGE = 45.0


@pytest.fixture(scope="module")
def own_openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """A durable server of this module: it is sealed, stopped and started."""
    server = OpenBao.durable(tmp_path_factory.mktemp("openbao"))
    server.enable_auth("approle", "approle")
    server.enable_auth("kubernetes", "kubernetes")
    server.enable_engine("kv1", "kv", {"version": "1"})
    yield server
    server.kill()


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, own_openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with new_world(definitions_api, own_openbao, tmp_path_factory.mktemp("backend")) as made:
        made.write("app", a="1")
        yield made


def run(world: World, namespace: str, *flags: str) -> DaemonProcess:
    return world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}", *flags)


def test_a_daemon_started_while_the_backend_is_down_and_then_sealed_waits_and_begins_by_itself(
    world: World, own_openbao: OpenBao, namespace: str
) -> None:
    world.define(namespace, "app", world.keys("a"))
    own_openbao.stop()
    with run(world, namespace) as daemon:
        login_errors = "secrets_manager_vault_login_errors_total"
        wait_until(lambda: (daemon.metric(login_errors) or 0) >= 1, PATIENCE, "a failed login")
        assert daemon.fetch("/healthz")[0] == 200
        assert daemon.fetch("/readyz")[0] == 503

        own_openbao.start()
        condition = world.wait_reason(namespace, "app", "BackendSealed")
        assert condition["status"] == "False"
        assert daemon.fetch("/readyz")[0] == 503

        own_openbao.unseal()
        world.wait_data(namespace, "app", {"a": "1"})
        daemon.wait_ready()
        world.wait_reason(namespace, "app", "Synced")
        assert daemon.stop() == 0


def test_a_backend_sealed_mid_run_keeps_the_secrets_and_they_are_repaired_after_the_unsealing(
    world: World, own_openbao: OpenBao, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="1")
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    with run(world, namespace) as daemon:
        world.wait_reason(namespace, "app", "Synced")
        version = world.secret(namespace, "app")["metadata"]["resourceVersion"]

        own_openbao.seal()
        breaker = "secrets_manager_backend_breaker_open"
        wait_until(lambda: daemon.metric(breaker) == 1, PATIENCE, "the breaker open")
        wait_until(
            lambda: world.condition(namespace, "app")["reason"] == "BackendSealed", OUTAGE, "outage reported"
        )
        assert world.secret(namespace, "app")["metadata"]["resourceVersion"] == version
        assert daemon.fetch("/readyz")[0] == 200
        # A deletion needs no backend.
        world.define(namespace, "other", world.keys("a"), finalizers=[FINALIZER])
        world.cluster.api.delete(definitions(namespace, "other"))
        wait_until(
            lambda: world.cluster.api.find(definitions(namespace, "other")) is None, PATIENCE, "it is gone"
        )

        own_openbao.unseal()
        world.write(kv_prefix, a="2")
        world.wait_data(namespace, "app", {"a": "2"})
        world.wait_reason(namespace, "app", "Synced")
        wait_until(lambda: daemon.metric(breaker) == 0, PATIENCE, "the breaker closed")
        assert daemon.stop() == 0


def test_the_daemon_continues_after_the_backend_was_stopped_and_started_again(
    world: World, own_openbao: OpenBao, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="1")
    for number in range(5):
        world.define(namespace, f"app-{number}", world.keys("a", of=kv_prefix))
    with run(world, namespace) as daemon:
        for number in range(5):
            world.wait_reason(namespace, f"app-{number}", "Synced")

        own_openbao.kill()
        wait_until(
            lambda: world.condition(namespace, "app-0")["reason"] == "BackendUnavailable",
            OUTAGE,
            "the outage reported",
        )
        assert world.data(namespace, "app-0") == {"a": "1"}

        own_openbao.start()
        own_openbao.unseal()
        world.write(kv_prefix, a="2")
        for number in range(5):
            world.wait_data(namespace, f"app-{number}", {"a": "2"})
            world.wait_reason(namespace, f"app-{number}", "Synced")
        assert len(daemon.logged("Secret is out of sync")) <= 10
        assert daemon.stop() == 0


def test_a_revoked_token_is_replaced_at_once_and_no_definition_notices(
    world: World, own_openbao: OpenBao, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="1")
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    with run(world, namespace, "-vault.token-polling-period=1h") as daemon:
        world.wait_reason(namespace, "app", "Synced")
        transition = world.condition(namespace, "app")["lastTransitionTime"]

        own_openbao.revoke_logins()
        world.write(kv_prefix, a="2")

        world.wait_data(namespace, "app", {"a": "2"})
        assert world.condition(namespace, "app")["lastTransitionTime"] == transition
        assert daemon.logged("Secret is out of sync") == []
        assert daemon.stop() == 0


def test_a_token_at_the_end_of_its_longest_life_is_replaced(
    world: World, own_openbao: OpenBao, namespace: str, kv_prefix: str, tmp_path: Path
) -> None:
    with new_world(world.cluster, own_openbao, tmp_path, token_ttl="3s", token_max_ttl="5s") as brief:
        brief.write(kv_prefix, a="1")
        brief.define(namespace, "app", brief.keys("a", of=kv_prefix))
        with run(brief, namespace, "-vault.token-polling-period=500ms") as daemon:
            brief.wait_reason(namespace, "app", "Synced")
            before = _logins(own_openbao)
            wait_until(lambda: _logins(own_openbao) >= before + 2, PATIENCE, "two more logins", 0.2)
            brief.write(kv_prefix, a="2")

            brief.wait_data(namespace, "app", {"a": "2"})
            assert daemon.logged("Secret is out of sync") == []
            assert daemon.stop() == 0


def test_a_look_up_of_a_dead_token_is_counted_and_ends_in_a_new_login(
    world: World, own_openbao: OpenBao, namespace: str
) -> None:
    with world.daemon(f"-watch-namespaces={namespace}", "-vault.token-polling-period=500ms") as daemon:
        daemon.wait_ready()
        before = _logins(own_openbao)

        own_openbao.revoke_logins()

        errors = "secrets_manager_vault_token_renewal_errors_total"
        wait_until(
            lambda: (daemon.metric(errors, vault_operation="lookup-self") or 0) >= 1, PATIENCE, "the error"
        )
        wait_until(lambda: _logins(own_openbao) > before, PATIENCE, "a new login")
        assert daemon.stop() == 0


def test_a_token_that_cannot_be_renewed_is_counted_and_replaced_in_time(
    world: World, own_openbao: OpenBao, namespace: str, tmp_path: Path
) -> None:
    with new_world(world.cluster, own_openbao, tmp_path, token_type="batch", token_ttl="4s") as brief:
        brief.write("app", a="1")
        brief.define(namespace, "app", brief.keys("a"))
        with run(brief, namespace, "-vault.token-polling-period=500ms") as daemon:
            brief.wait_reason(namespace, "app", "Synced")
            before = _logins(own_openbao)
            wait_until(lambda: _logins(own_openbao) > before, PATIENCE, "a new login")

            errors, error = "secrets_manager_vault_token_renewal_errors_total", "VaultTokenNotRenewableError"
            wait_until(
                lambda: (daemon.metric(errors, vault_operation="is-renewable", error=error) or 0) >= 1,
                PATIENCE,
                "the token counted",
            )
            assert daemon.logged("Secret is out of sync") == []
            assert daemon.stop() == 0


def test_a_secret_id_of_a_single_use_is_enough_for_the_life_of_a_daemon(
    world: World, own_openbao: OpenBao, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="1")
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    once = own_openbao.secret_id(world.role.name, num_uses=1)
    with world.daemon(
        "-reconcile-period=1s", f"-watch-namespaces={namespace}", VAULT_SECRET_ID=once
    ) as daemon:
        world.wait_reason(namespace, "app", "Synced")
        for number in range(3):
            world.define(namespace, f"more-{number}", world.keys("a", of=kv_prefix))
            world.wait_data(namespace, f"more-{number}", {"a": "1"})
        assert daemon.metric("secrets_manager_vault_login_errors_total") in {None, 0.0}
        assert daemon.stop() == 0


def test_wrong_credentials_are_reported_and_the_right_ones_in_a_file_are_found(
    world: World, namespace: str, tmp_path: Path
) -> None:
    world.define(namespace, "app", world.keys("a"))
    secret_id = tmp_path / "secret-id"
    secret_id.write_text("wrong", encoding="utf-8")
    environ = {"VAULT_SECRET_ID": "", "SECRETS_MANAGER_VAULT__SECRET_ID_FILE": str(secret_id)}
    flags = ("-reconcile-period=1s", f"-watch-namespaces={namespace}", "-vault.token-polling-period=1s")
    with world.daemon(*flags, **environ) as daemon:
        condition = world.wait_reason(namespace, "app", "AuthFailed")
        assert "wrong" not in condition["message"]
        assert daemon.fetch("/readyz")[0] == 503

        secret_id.write_text(f"{world.role.secret_id}\n", encoding="utf-8")

        world.wait_data(namespace, "app", {"a": "1"})
        daemon.wait_ready()
        assert daemon.stop() == 0


def test_replaced_credentials_are_used_at_once_though_nothing_is_due_for_an_hour(
    world: World, namespace: str, tmp_path: Path
) -> None:
    world.define(namespace, "app", world.keys("a"))
    secret_id = tmp_path / "secret-id"
    environ = {"VAULT_SECRET_ID": "", "SECRETS_MANAGER_VAULT__SECRET_ID_FILE": str(secret_id)}
    flags = ("-reconcile-period=1h", f"-watch-namespaces={namespace}", "-vault.token-polling-period=1h")
    with world.daemon(*flags, **environ) as daemon:
        condition = world.wait_reason(namespace, "app", "AuthFailed")
        assert condition["message"].endswith("cannot be read: No such file or directory")

        # The file is written as Windows writes it, and replaced as a mounted Secret is.
        (tmp_path / "new").write_text(f"{world.role.secret_id}\r\n", encoding="utf-8-sig")
        (tmp_path / "new").rename(secret_id)

        world.wait_data(namespace, "app", {"a": "1"})
        assert daemon.stop() == 0


def test_a_role_that_binds_no_secret_id_is_enough_to_start(
    world: World, own_openbao: OpenBao, namespace: str, kv_prefix: str
) -> None:
    policy = own_openbao.read_policy(kv_prefix, f"secret/data/{kv_prefix}")
    own_openbao.write_kv2(kv_prefix, {"a": "1"})
    role = f"auth/approle/role/{kv_prefix}"
    options = {"token_policies": [policy], "bind_secret_id": False, "token_bound_cidrs": ["127.0.0.0/8"]}
    own_openbao.request("POST", role, options)
    role_id = own_openbao.request("GET", f"{role}/role-id")["data"]["role_id"]
    world.define(namespace, "app", {"a": source(f"secret/data/{kv_prefix}", "a")})
    with world.daemon(
        "-reconcile-period=1s", f"-watch-namespaces={namespace}", VAULT_ROLE_ID=role_id, VAULT_SECRET_ID=""
    ) as daemon:
        world.wait_data(namespace, "app", {"a": "1"})
        assert daemon.stop() == 0


def test_at_debug_level_each_reconcile_and_each_poll_is_logged_with_its_duration(
    world: World, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="canary-1")
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    with run(world, namespace, "-enable-debug-log") as daemon:
        world.wait_reason(namespace, "app", "Synced")
        world.wait_polls(kv_prefix, 3)
        world.write(kv_prefix, a="canary-2")
        world.wait_data(namespace, "app", {"a": "canary-2"})

        path = world.path(kv_prefix)
        where = {"level": "debug", "backend": "default", "path": path}
        about = {"namespace": namespace, "name": "app", "secret": "app", **where}
        # The line comes after the Secret.
        wait_until(
            lambda: daemon.logged("reconciled", operation="replaced", **about), PATIENCE, "the look logged"
        )
        looks = daemon.logged("reconciled", **about)
        assert {look["operation"] for look in looks} >= {"created", "replaced"}
        polls = daemon.logged("polled", operation="poll", **where)
        assert {poll["reason"] for poll in polls} >= {"Unchanged", "Changed"}
        assert all(line["seconds"] >= 0 for line in (*looks, *polls))
        (login,) = daemon.logged("called Vault", operation="login")
        assert (login["reason"], login["seconds"] > 0) == ("Answered", True)
        assert "canary" not in daemon.output()
        assert daemon.stop() == 0


def test_a_quiet_time_without_debug_level_logs_no_line(world: World, namespace: str, kv_prefix: str) -> None:
    world.write(kv_prefix, a="1")
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    with run(world, namespace) as daemon:
        world.wait_reason(namespace, "app", "Synced")
        before = len(daemon.log_lines())
        world.wait_polls(kv_prefix, 3)

        assert daemon.log_lines()[before:] == []
        assert daemon.stop() == 0


def test_the_daemon_can_log_in_with_a_service_account(
    world: World, own_openbao: OpenBao, namespace: str, tmp_path: Path
) -> None:
    own_openbao.configure_kubernetes_auth(world.cluster)
    own_openbao.kubernetes_role(
        "daemon",
        service_account=world.account.name,
        namespace=world.account.namespace,
        policies=[world.prefix],
    )
    token = tmp_path / "token"
    token.write_text(world.account.token, encoding="utf-8")
    world.define(namespace, "app", world.keys("a"))
    flags = ("-vault.auth-method=kubernetes", "-vault.kubernetes-role=daemon")
    environ = {
        "VAULT_ROLE_ID": "",
        "VAULT_SECRET_ID": "",
        "SECRETS_MANAGER_VAULT__KUBERNETES_TOKEN_FILE": str(token),
    }
    with world.daemon(f"-watch-namespaces={namespace}", *flags, **environ) as daemon:
        world.wait_data(namespace, "app", {"a": "1"})
        assert daemon.stop() == 0


def test_version_1_of_the_engine_is_followed_too(
    world: World, own_openbao: OpenBao, namespace: str, kv_prefix: str
) -> None:
    path = f"{world.prefix}/{kv_prefix}"
    own_openbao.write_kv1(path, {"a": "1", "data": "short"})
    keys = {"a": source(f"/kv1/{path}", "a"), "d": source(f"kv1/{path}", "")}
    world.define(namespace, "app", keys)
    with run(world, namespace, "-vault.engine=kv1") as daemon:
        world.wait_data(namespace, "app", {"a": "1", "d": "short"})

        own_openbao.write_kv1(path, {"a": "2", "data": "short"})

        world.wait_data(namespace, "app", {"a": "2", "d": "short"})
        assert world.found(namespace, "app")["status"]["sources"][0]["version"] == ""
        assert daemon.stop() == 0


def _logins(openbao: OpenBao) -> int:
    """Successful logins by AppRole so far."""
    return sum(
        entry.kind == "response" and entry.path == "auth/approle/login" and not entry.failed
        for entry in openbao.audit()
    )
