"""/metrics, /healthz, /readyz and the command line, as probes, dashboards and people use them."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics_families
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.world import PATIENCE, World
from tests.testbed.daemon import DaemonProcess, base_environment
from tests.testbed.kube_api import definitions
from tests.testbed.openbao import OpenBao
from tests.testbed.processes import free_port
from tests.testbed.waiting import wait_until

STORED = {"a": "1"}

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]

VAULT = {"vault_address", "vault_engine", "vault_version", "vault_cluster_id", "vault_cluster_name"}
OBJECT = {"namespace", "name"}
OF_PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
# Every metric that dashboards and alerts of the original may use, with its labels.
KEPT = {
    "secrets_manager_vault_max_token_ttl": VAULT,
    "secrets_manager_vault_token_ttl": VAULT,
    "secrets_manager_vault_read_secret_errors_total": VAULT | {"path", "key", "error"},
    "secrets_manager_controller_sync_errors_total": OBJECT,
    "secrets_manager_controller_last_sync_status": OBJECT,
    "controller_runtime_reconcile_total": {"controller", "result"},
    "controller_runtime_reconcile_errors_total": {"controller"},
    "controller_runtime_reconcile_time_seconds_bucket": {"controller", "le"},
    "controller_runtime_max_concurrent_reconciles": {"controller"},
    "controller_runtime_active_workers": {"controller"},
    "workqueue_depth": {"name"},
    "workqueue_adds_total": {"name"},
    "workqueue_retries_total": {"name"},
    "workqueue_queue_duration_seconds_bucket": {"name", "le"},
    "workqueue_work_duration_seconds_bucket": {"name", "le"},
    "workqueue_unfinished_work_seconds": {"name"},
    "workqueue_longest_running_processor_seconds": {"name"},
    "rest_client_requests_total": {"code", "method", "host"},
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
    "process_open_fds": set(),
    "process_start_time_seconds": set(),
}
OURS = {
    "secrets_manager_backend_request_duration_seconds_bucket": {
        "backend",
        "kind",
        "operation",
        "result",
        "le",
    },
    "secrets_manager_backend_breaker_open": {"backend"},
    "secrets_manager_backend_ready": {"backend"},
    "secrets_manager_poll_overdue_seconds": set(),
    "secrets_manager_queue_oldest_wait_seconds": set(),
    "secrets_manager_controller_last_success_timestamp_seconds": OBJECT,
    "secrets_manager_build_info": {"version"},
}


@pytest.fixture(scope="module")
def daemon(world: World, place: str) -> Iterator[DaemonProcess]:
    """A daemon that has seen definitions in step, with a missing key and with a path it may not read."""
    flags = ("-reconcile-period=1s", f"-watch-namespaces={place}", "-controller-name=Renamed")
    with world.daemon(*flags, "-vault.max-token-ttl=123") as running:
        running.wait_ready()
        world.define(place, "good", world.keys("a"), secret="good-secret")
        world.define(place, "bad", world.keys("b"), secret="bad-secret")
        theirs = {"x": {"path": "secret/data/not-ours", "key": ""}}
        world.define(place, "denied", theirs, secret="denied-secret")
        world.wait_reason(place, "good", "Synced")
        world.wait_reason(place, "bad", "KeyNotFound")
        world.wait_reason(place, "denied", "PermissionDenied")
        # A reply is counted once it has come, which is after people see what it answers.
        wait_until(
            lambda: (running.metric("rest_client_requests_total", code="200", method="PUT") or 0) >= 3,
            PATIENCE,
            "all statuses counted",
        )
        yield running


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [*KEPT, *OURS])
def test_a_metric_has_exactly_its_labels(daemon: DaemonProcess, name: str) -> None:
    found = [set(dict(labels)) for series, labels in _series(daemon) if series == name]

    assert found
    assert all(labels == {**KEPT, **OURS}[name] for labels in found)


def test_a_scraper_gets_the_form_it_asks_for_and_the_same_names_in_each(daemon: DaemonProcess) -> None:
    accepts = {
        "text/plain; version=0.0.4; charset=utf-8": "",
        "application/openmetrics-text; version=1.0.0; charset=utf-8": OF_PROMETHEUS_2,
    }
    texts = {}
    for content_type, accept in accepts.items():
        address = f"http://127.0.0.1:{daemon.port}/metrics"
        headers = {"Accept": accept, "Accept-Encoding": "gzip"} if accept else {}
        with urllib.request.urlopen(
            urllib.request.Request(address, headers=headers), timeout=PATIENCE
        ) as reply:
            assert reply.headers["Content-Type"] == content_type
            body = reply.read()
            texts[content_type] = (gzip.decompress(body) if accept else body).decode()
    classic, modern = texts.values()

    assert modern.endswith("# EOF\n")
    names = {sample.name for family in open_metrics_families(modern) for sample in family.samples}  # type: ignore[no-untyped-call]
    assert names == {
        sample.name for family in text_string_to_metric_families(classic) for sample in family.samples
    }
    assert set(KEPT) <= names


def test_the_state_of_each_secret_is_shown_by_its_own_name(daemon: DaemonProcess, place: str) -> None:
    status = "secrets_manager_controller_last_sync_status"

    assert _value(daemon, status, namespace=place, name="good-secret") == 1
    assert _value(daemon, status, namespace=place, name="bad-secret") == 0
    assert (_value(daemon, "secrets_manager_controller_sync_errors_total", name="bad-secret") or 0) >= 1
    assert _value(daemon, "secrets_manager_controller_sync_errors_total", name="good-secret") is None


def test_a_key_that_could_not_be_read_is_counted_with_the_words_of_the_original(
    world: World, openbao: OpenBao, daemon: DaemonProcess
) -> None:
    errors = "secrets_manager_vault_read_secret_errors_total"
    health = openbao.request("GET", "sys/health", token="")
    server = {
        "vault_address": openbao.url,
        "vault_engine": "kv2",
        "vault_version": health["version"],
        "vault_cluster_id": health["cluster_id"],
        "vault_cluster_name": health["cluster_name"],
    }

    missing = {"path": world.path("app"), "key": "b", "error": "BackendSecretNotFoundError"}
    denied = {"path": "secret/data/not-ours", "key": "data", "error": "BackendSecretForbiddenError"}
    assert (_value(daemon, errors, **server, **missing) or 0) >= 1
    assert (_value(daemon, errors, **server, **denied) or 0) >= 1


def test_the_metrics_show_the_life_of_the_token(daemon: DaemonProcess) -> None:
    assert _value(daemon, "secrets_manager_vault_max_token_ttl") == 123
    assert (_value(daemon, "secrets_manager_vault_token_ttl") or 0) > 123


def test_the_controllers_metrics_carry_its_name(daemon: DaemonProcess) -> None:
    succeeded = _value(daemon, "controller_runtime_reconcile_total", controller="Renamed", result="success")

    assert (succeeded or 0) >= 1
    assert (_value(daemon, "controller_runtime_reconcile_errors_total", controller="Renamed") or 0) >= 2
    assert _value(daemon, "controller_runtime_max_concurrent_reconciles", controller="Renamed") == 16
    assert (_value(daemon, "workqueue_adds_total", name="Renamed") or 0) >= 3
    # A poll that is due stands in the queue for a moment.
    wait_until(lambda: _value(daemon, "workqueue_depth", name="Renamed") == 0, PATIENCE, "an empty queue")


def test_calls_to_the_api_server_are_counted_by_code_and_method(world: World, daemon: DaemonProcess) -> None:
    host = world.cluster.url.removeprefix("https://")

    requests = "rest_client_requests_total"
    assert (_value(daemon, requests, code="201", method="POST", host=host) or 0) >= 1
    assert (_value(daemon, requests, code="200", method="PUT", host=host) or 0) >= 3


def test_the_series_of_a_definition_disappear_with_it(
    world: World, place: str, daemon: DaemonProcess
) -> None:
    world.define(place, "passing", world.keys("b"), secret="passing-secret")
    world.wait_reason(place, "passing", "KeyNotFound")
    assert _named(daemon, "passing-secret")

    world.cluster.api.delete(definitions(place, "passing"))

    wait_until(lambda: not _named(daemon, "passing-secret"), PATIENCE, "no series of the Secret")


def test_the_metrics_say_which_release_runs(daemon: DaemonProcess) -> None:
    version = _run("-version").stdout.split()[-1]

    assert _value(daemon, "secrets_manager_build_info", version=version) == 1


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_log_line_is_a_json_object_with_the_fields_of_the_original(daemon: DaemonProcess) -> None:
    lines = [json.loads(line) for line in daemon.output().splitlines()]

    assert lines
    for line in lines:
        assert {"level", "ts", "logger", "msg"} <= line.keys()
        assert line["level"] in {"info", "warn", "error"}
        assert isinstance(line["ts"], float)


# ── probes ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_working_daemon_is_alive_and_ready(daemon: DaemonProcess) -> None:
    assert daemon.fetch("/healthz") == (200, "ok\n")
    assert daemon.fetch("/readyz") == (200, "ok\n")
    assert daemon.fetch("/else")[0] == 404


def test_without_the_api_server_the_daemon_is_alive_not_ready_and_says_why(
    world: World, place: str, tmp_path: Path
) -> None:
    nobody = _kubeconfig_of_nobody(world, tmp_path)
    with world.daemon(f"-watch-namespaces={place}", KUBECONFIG=str(nobody)) as alone:
        cause = f"no connection: list secrets in namespace '{place}'"
        wait_until(lambda: cause in alone.fetch("/readyz")[1], PATIENCE, "the cause in /readyz")

        status, body = alone.fetch("/readyz")

        assert status == 503
        assert f"[-]informer of secretdefinitions in {place} failed" in body
        assert alone.fetch("/healthz") == (200, "ok\n")
        assert alone.stop() == 0


def test_without_the_backend_the_daemon_is_alive_not_ready_and_says_why(world: World, place: str) -> None:
    with world.daemon(f"-watch-namespaces={place}", VAULT_ADDR="http://127.0.0.1:1") as alone:
        wait_until(
            lambda: alone.fetch("/readyz") == (503, "[-]backend failed: not logged in yet\n"),
            PATIENCE,
            "not ready for the backend alone",
        )
        assert alone.fetch("/healthz")[0] == 200
        assert alone.stop() == 0


def test_the_endpoint_can_be_turned_off(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))
    with world.daemon(f"-watch-namespaces={namespace}", "-metrics-addr=0") as silent:
        world.wait_data(namespace, "app", {"a": "1"})

        assert silent.fetch("/healthz")[0] == 0
        assert _listening(silent.pid) == set()
        assert silent.stop() == 0


def test_a_busy_port_ends_the_daemon_with_1_and_names_the_port(world: World, daemon: DaemonProcess) -> None:
    with world.daemon(f"-metrics-addr=127.0.0.1:{daemon.port}") as second:
        assert second.wait() == 1
        assert f"127.0.0.1:{daemon.port}" in second.output()


# ── the command line ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("flag", ["-version", "--version"])
def test_the_version_is_printed_without_a_connection(flag: str) -> None:
    done = _run(flag)

    assert done.returncode == 0
    assert re.fullmatch(r"Secrets Manager \d+\.\d+\.\d+\S*\n", done.stdout)
    assert done.stderr == ""


def test_help_goes_to_standard_error_and_is_not_a_failure() -> None:
    done = _run("-h")

    assert done.returncode == 0
    assert done.stdout == ""
    assert "-reconcile-period" in done.stderr


@pytest.mark.parametrize(
    ("flag", "code", "named"),
    [
        ("-nope", 2, "-nope"),
        ("-reconcile-period=soon", 2, "-reconcile-period"),
        ("-enable-debug-log=perhaps", 2, "-enable-debug-log"),
        ("-backend=nope", 1, "-backend"),
        ("-vault.engine=kv3", 1, "-vault.engine"),
        ("-backend=azure-kv", 1, "azure-kv.name"),
        ("-backend=azure-kv -azure-kv.name=my_vault", 1, "azure-kv.name"),
        ("-backend=azure-kv -azure-kv.name=name -kubeconfig=/nowhere", 1, "kubeconfig"),
    ],
)
def test_a_bad_flag_is_named_in_the_first_line(flag: str, code: int, named: str) -> None:
    done = _run(*flag.split())

    assert done.returncode == code
    assert named in done.stderr.splitlines()[0]
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("flag", "code"),
    [
        ("-nope", 2),
        ("-reconcile-period=soon", 2),
    ],
)
def test_a_flag_that_cannot_be_parsed_shows_the_usage(flag: str, code: int) -> None:
    done = _run(flag)

    assert done.returncode == code
    assert "Usage of secrets-manager:" in done.stderr


def test_an_election_outside_a_pod_needs_the_namespace_of_its_lease(world: World) -> None:
    done = _run("-enable-leader-election", **world.environ)

    assert done.returncode == 1
    # A notice about the settings may come before it.
    assert done.stderr.splitlines()[-1].startswith("election.lease-namespace: must be set")


def test_a_kubeconfig_that_cannot_be_read_ends_the_daemon_with_2() -> None:
    done = _run("-kubeconfig=/nowhere/config", "-vault.role-id=r", "-vault.secret-id=s")

    assert done.returncode == 2
    assert done.stderr.startswith("flag -kubeconfig: file cannot be read")


def test_all_faults_of_the_settings_are_reported_at_once_without_the_value_of_a_secret() -> None:
    done = _run("-vault.secret-id=canary-9d1f", "-vault.engine=kv3", "-vault.url=nowhere")

    assert done.returncode == 2
    for name in ("vault.engine", "vault.url", "vault.role-id"):
        assert name in done.stderr
    assert "canary-9d1f" not in done.stderr


def _run(*flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The console script, with nothing helpful in the environment."""
    script = Path(sys.executable).parent / "secrets-manager"
    return subprocess.run(
        [script, *flags],
        env={**base_environment(), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _series(daemon: DaemonProcess) -> Series:
    families = text_string_to_metric_families(daemon.metrics())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def _value(daemon: DaemonProcess, name: str, /, **labels: str) -> float | None:
    wanted = labels.items()
    found = [value for (each, has), value in _series(daemon).items() if each == name and wanted <= has]
    return found[0] if found else None


def _named(daemon: DaemonProcess, name: str) -> bool:
    return any(("name", name) in labels for _, labels in _series(daemon))


def _kubeconfig_of_nobody(world: World, folder: Path) -> Path:
    """A kubeconfig whose server is a port on which nothing listens."""
    port = free_port()
    text = world.account.kubeconfig.read_text(encoding="utf-8")
    path = folder / "kubeconfig"
    path.write_text(text.replace(world.cluster.url, f"https://127.0.0.1:{port}"), encoding="utf-8")
    return path


def _listening(pid: int) -> set[str]:
    """The local addresses that the process listens on."""
    if os.geteuid() != 0:
        pytest.skip("only root may see the open files of a process that nobody may attach to")
    links = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    tables = [Path(f"/proc/{pid}/net/{name}").read_text(encoding="ascii") for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in links}
