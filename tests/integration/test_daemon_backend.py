"""A backend in trouble: down at the start, sealed, stopped, frozen; tokens that die. The daemon stays, the
Secrets stay, and everything goes on by itself when the backend does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.world import PATIENCE, World, new_world, source
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import definitions
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

# An outage is told to those who depend on it after ten seconds.
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


def test_started_while_the_backend_is_down_then_sealed_it_waits_and_begins_by_itself(
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


def test_sealed_mid_run_it_keeps_the_secrets_and_repairs_them_after_the_unsealing(
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
            lambda: world.condition(namespace, "app")["reason"] == "BackendSealed", OUTAGE, "outage told"
        )
        assert world.secret(namespace, "app")["metadata"]["resourceVersion"] == version
        assert daemon.fetch("/readyz")[0] == 200
        # Deletion needs no backend.
        world.define(namespace, "other", world.keys("a"))
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


def test_stopped_mid_run_and_started_again_it_goes_on(
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
            "the outage told",
        )
        assert world.data(namespace, "app-0") == {"a": "1"}

        own_openbao.start()
        own_openbao.unseal()
        world.write(kv_prefix, a="2")
        for number in range(5):
            world.wait_data(namespace, f"app-{number}", {"a": "2"})
            world.wait_reason(namespace, f"app-{number}", "Synced")
        assert len(daemon.logged("not in step")) <= 10
        assert daemon.stop() == 0


def test_a_revoked_token_is_replaced_at_once_and_nobody_notices(
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
        assert daemon.logged("not in step") == []
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
            assert daemon.logged("not in step") == []
            assert daemon.stop() == 0


def test_a_look_at_a_dead_token_is_counted_and_ends_in_a_new_login(
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
            assert (daemon.metric(errors, vault_operation="is-renewable", error=error) or 0) >= 1
            assert daemon.logged("not in step") == []
            assert daemon.stop() == 0


def test_a_secret_id_of_a_single_use_is_enough_for_a_life(
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


def test_wrong_credentials_are_told_and_the_right_ones_in_a_file_are_found(
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

        wait_until(lambda: world.data(namespace, "app") == {"a": "1"}, 60, "the Secret")
        daemon.wait_ready()
        assert daemon.stop() == 0


def test_an_account_of_the_cluster_can_be_the_login(
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
        entry["type"] == "response"
        and entry["request"]["path"] == "auth/approle/login"
        and not entry.get("error")
        for entry in openbao.audit()
    )
