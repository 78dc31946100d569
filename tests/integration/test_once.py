"""`secrets-manager --once`, as a pipeline runs it: the environment configures it, the exit code reports."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.world import World, new_world, raw_secret, source
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import base_environment, run_once
from tests.testbed.kube_api import definitions, leases, secrets
from tests.testbed.openbao import OpenBao


@pytest.fixture
def world(definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path) -> Iterator[World]:
    with new_world(definitions_api, openbao, tmp_path) as made:
        made.write("app", a="1", b="2")
        yield made


def once(world: World, namespace: str, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    scope = {"SECRETS_MANAGER_WATCH_NAMESPACES": namespace}
    return run_once({**world.environ, **scope, **environ}, *flags, cwd=world.folder)


def test_a_run_with_everything_in_step_prints_a_line_each_and_a_tally_and_ends_with_0(
    world: World, namespace: str
) -> None:
    for name in ("one", "two"):
        world.define(namespace, name, world.keys("a", "b"), secret=f"{name}-secret")

    done = once(world, namespace)

    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"{namespace}/one Secret one-secret: created (Missing)",
        f"{namespace}/two Secret two-secret: created (Missing)",
        "2 created",
    ]
    assert world.data(namespace, "one-secret") == {"a": "1", "b": "2"}
    assert world.condition(namespace, "two")["reason"] == "Synced"


def test_a_second_run_finds_everything_unchanged_and_writes_nothing(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))
    assert once(world, namespace).returncode == 0
    before = world.calls()

    done = once(world, namespace)

    assert done.stdout.splitlines()[-1] == "1 unchanged"
    assert world.writes(before) == {}


def test_a_definition_that_fails_ends_the_run_with_1_and_the_others_are_done(
    world: World, namespace: str
) -> None:
    world.define(namespace, "bad", world.keys("missing"))
    world.define(namespace, "good", world.keys("a"))
    world.cluster.api.post(secrets(namespace), raw_secret("foreign", {"x": "theirs"}))
    world.define(namespace, "foreign", world.keys("a"))

    done = once(world, namespace)

    assert done.returncode == 1
    bad, foreign, good, tally = done.stdout.splitlines()
    path = world.path("app")
    assert bad == f"{namespace}/bad Secret bad: KeyNotFound: path '{path}' has no key 'missing'"
    assert foreign.startswith(f"{namespace}/foreign Secret foreign: NotOwned: ")
    assert good == f"{namespace}/good Secret good: created (Missing)"
    assert tally == "1 created, 2 failed"
    assert world.condition(namespace, "bad")["reason"] == "KeyNotFound"
    assert world.wait_event(namespace, "bad", "KeyNotFound")


def test_a_run_follows_a_changed_value_and_a_changed_spec_name(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"), secret="before")
    assert once(world, namespace).returncode == 0
    world.write("app", a="changed")
    world.change(namespace, "app", {"spec": {"name": "after"}})

    done = once(world, namespace)

    assert done.returncode == 0
    assert world.data(namespace, "after") == {"a": "changed"}
    assert world.data(namespace, "before") is None
    assert done.stdout.splitlines() == [
        f"{namespace}/app Secret after: created (Missing)",
        f"{namespace}/app Secret before: deleted (DefinitionGone)",
        "1 created, 1 deleted",
    ]


def test_a_run_without_definitions_is_not_a_failure(world: World, namespace: str) -> None:
    done = once(world, namespace)

    assert (done.returncode, done.stdout) == (0, "no definitions\n")


def test_a_run_prints_no_value_and_no_credential(world: World, namespace: str) -> None:
    world.write("secret", a="canary-value-51c0", b="canary-64", number=771177)
    world.define(namespace, "good", world.keys("a", of="secret"))
    undecodable = {"b": source(world.path("secret"), "b", "base64")}
    world.define(namespace, "undecodable", undecodable)
    world.define(namespace, "number", world.keys("number", of="secret"))

    done = once(world, namespace, "-enable-debug-log")

    assert done.returncode == 1
    for hidden in ("canary", "771177", world.role.secret_id, world.account.token):
        assert hidden not in done.stdout + done.stderr


def test_an_api_server_out_of_reach_ends_the_run_with_1(world: World, namespace: str, tmp_path: Path) -> None:
    text = world.account.kubeconfig.read_text(encoding="utf-8")
    nobody = tmp_path / "kubeconfig"
    nobody.write_text(text.replace(world.cluster.url, "https://127.0.0.1:1"), encoding="utf-8")

    done = once(world, namespace, KUBECONFIG=str(nobody))

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 namespace not listed"
    assert "ClusterUnavailable" in done.stderr


def test_a_backend_out_of_reach_ends_the_run_with_1_and_is_reported_for_each_definition(
    world: World, namespace: str
) -> None:
    for number in range(3):
        world.define(namespace, f"app-{number}", world.keys("a"))

    done = once(world, namespace, VAULT_ADDR="http://127.0.0.1:1")

    assert done.returncode == 1
    *lines, tally = done.stdout.splitlines()
    assert [": BackendUnavailable: " in line for line in lines] == [True, True, True]
    assert tally == "3 failed"


def test_wrong_credentials_end_the_run_with_1(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))

    done = once(world, namespace, VAULT_SECRET_ID="wrong-secret-id")

    assert done.returncode == 1
    assert ": AuthFailed: " in done.stdout
    assert "wrong-secret-id" not in done.stdout + done.stderr


def test_missing_settings_end_the_run_before_any_call_and_are_all_named(world: World, namespace: str) -> None:
    before = world.calls()

    done = once(world, namespace, VAULT_ROLE_ID="", VAULT_SECRET_ID="")

    assert done.returncode == 1
    assert "vault.role-id" in done.stderr
    assert "vault.secret-id" in done.stderr
    assert world.calls(before) == {}


def test_a_run_needs_no_lease_no_file_and_no_port(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))
    taken = world.daemon("-watch-namespaces=nowhere-at-all")
    with taken as other:
        other.wait_ready()

        done = once(world, namespace, f"-metrics-addr=127.0.0.1:{other.port}")

    assert done.returncode == 0
    assert world.cluster.api.list(leases(world.account.namespace)) == []
    assert {path.name for path in world.folder.iterdir()} == {f"daemon-{taken.port}.log"}


def test_a_definition_that_is_being_deleted_is_finished(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"), finalizers=["secret.finalizer.secrets-manager.tuenti.io"])
    assert once(world, namespace).returncode == 0
    world.cluster.api.delete(definitions(namespace, "app"))

    done = once(world, namespace)

    assert done.returncode == 0
    assert world.cluster.api.find(definitions(namespace, "app")) is None
    assert world.data(namespace, "app") is None


def test_the_console_script_makes_the_same_run(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))
    script = Path(sys.executable).parent / "secrets-manager"

    done = subprocess.run(
        [script, "--once", f"--watch-namespaces={namespace}"],
        env={**base_environment(), **world.environ},
        cwd=world.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 created")


def run_under(world: World, namespace: str, redirection: str) -> subprocess.Popen[bytes]:
    """A run whose streams a shell has redirected."""
    command = f"exec {sys.executable} -m secrets_manager --once --watch-namespaces={namespace} {redirection}"
    return subprocess.Popen(
        ["/bin/sh", "-c", command],
        env={**base_environment(), **world.environ},
        cwd=world.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_report_that_nobody_gets_fails_the_run_and_logs_that_nobody_gets_do_not(
    world: World, namespace: str
) -> None:
    world.define(namespace, "app", world.keys("a"))
    assert once(world, namespace).returncode == 0
    codes = {">/dev/full": 1, ">&-": 1, "2>/dev/full": 0, "<&- 2>&-": 0}

    runs = {redirection: run_under(world, namespace, redirection) for redirection in codes}
    done = {redirection: run.communicate(timeout=60) for redirection, run in runs.items()}

    assert {redirection: run.returncode for redirection, run in runs.items()} == codes
    assert b"the report could not be written" in done[">/dev/full"][1]
    assert done["2>/dev/full"][0].splitlines()[-1] == b"1 unchanged"


def test_sigterm_in_the_middle_ends_the_run_with_143_and_a_report(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        world.environ["VAULT_ADDR"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        run = run_under(world, namespace, "-config.backend-timeout=1s")
        with silent.accept()[0]:
            run.send_signal(signal.SIGTERM)
            out, _ = run.communicate(timeout=60)

    assert run.returncode == 143
    assert out.splitlines()[-1].endswith(b"stopped by SIGTERM")
    assert world.data(namespace, "app") is None
