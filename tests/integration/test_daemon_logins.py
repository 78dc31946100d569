"""The daemon with other logins: it waits for its file, stays up when a token dies, and shows none of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.world import PATIENCE, World, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

NO_APPROLE = {"VAULT_ROLE_ID": "", "VAULT_SECRET_ID": ""}


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("logins")) as made:
        yield made


def test_a_token_from_a_file_is_waited_for_followed_and_never_shown(
    world: World, openbao: OpenBao, namespace: str, kv_prefix: str, tmp_path: Path
) -> None:
    world.write(kv_prefix, a="1")
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    file = tmp_path / "token"
    given = openbao.create_token(["root"], ttl="1h")
    first, second = (openbao.create_token([world.prefix], ttl="1h") for _ in range(2))
    environ = {
        **NO_APPROLE,
        "VAULT_TOKEN": given,
        "SECRETS_MANAGER_VAULT__AUTH_METHOD": "token",
        "SECRETS_MANAGER_VAULT__TOKEN_FILE": str(file),
    }
    flags = ("-reconcile-period=1s", f"-watch-namespaces={namespace}", "-enable-debug-log")
    with world.daemon(*flags, **environ) as daemon:
        assert "vault.token-file" in world.wait_reason(namespace, "app", "AuthFailed")["message"]
        assert daemon.fetch("/healthz")[0] == 200

        file.write_text(f"{first}\n", encoding="utf-8")
        world.wait_data(namespace, "app", {"a": "1"})

        openbao.revoke(first)
        world.write(kv_prefix, a="2")
        assert "vault.token-file" in world.wait_reason(namespace, "app", "AuthFailed")["message"]
        wait_until(lambda: daemon.fetch("/readyz")[0] == 503, PATIENCE, "an unready daemon")
        world.wait_data(namespace, "app", {"a": "1"})

        file.write_text(f"{second}\n", encoding="utf-8")
        world.wait_data(namespace, "app", {"a": "2"})
        world.wait_reason(namespace, "app", "Synced")
        said = daemon.output() + daemon.metrics() + str(world.found(namespace, "app"))
        assert daemon.stop() == 0
    for token in (given, first, second):
        assert token not in said + daemon.output()
    # It belongs to whoever wrote the file.
    assert openbao.lookup(second)["ttl"] > 0


def test_a_password_from_the_environment_logs_in_and_is_never_shown(
    world: World, openbao: OpenBao, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="1")
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    openbao.enable_auth(kv_prefix, "userpass")
    password = f"canary-{kv_prefix}"
    user = {"password": password, "token_policies": [world.prefix]}
    openbao.request("POST", f"auth/{kv_prefix}/users/daemon", user)
    environ = {**NO_APPROLE, "SECRETS_MANAGER_VAULT__PASSWORD": password}
    flags = (
        f"-watch-namespaces={namespace}",
        "-enable-debug-log",
        "-vault.auth-method=userpass",
        "-vault.username=daemon",
        f"-vault.userpass-path={kv_prefix}",
    )
    with world.daemon(*flags, **environ) as daemon:
        world.wait_data(namespace, "app", {"a": "1"})
        assert password.encode() not in Path(f"/proc/{daemon.pid}/environ").read_bytes()
        said = daemon.output() + daemon.metrics() + str(world.found(namespace, "app"))
        assert daemon.stop() == 0

    assert password not in said + daemon.output()
