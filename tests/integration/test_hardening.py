"""A running daemon gives away no secrets; replies made to break it cost only their own path."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.backends.azure_key_vault.transport import KeyVaultClients
from secrets_manager.backends.vault.transport import VaultCall, VaultTransport
from secrets_manager.cluster.base import SECRETS
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.daemon.logs.setup import QUIET_LIBRARIES, SILENT_LIBRARIES
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendTLS, ClusterUnavailable
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.messages import Request
from secrets_manager.runtime.http.transport_errors import TlsFailed
from secrets_manager.runtime.terms import Deadline, Terms
from secrets_manager.settings import AzureKvSettings, VaultSettings
from tests.integration.world import PATIENCE, World
from tests.silent import SilentCluster
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.pki import Authority, KeyPair
from tests.testbed.waiting import wait_until
from tests.unit.foreign_input import nested
from tests.unit.runtime.loopback import Loopback, each_request

CANARY = "canary-4711"
INSIDE = (sys.executable, "-m", "tests.integration.inside_daemon")


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon, what it can see of itself, and the credentials that it was started with."""

    daemon: DaemonProcess
    told: Mapping[str, Any]
    credentials: tuple[str, ...] = field(repr=False)


@pytest.fixture(scope="module")
def running(world: World, place: str, bao_proxy: FaultProxy) -> Iterator[Running]:
    environ = {
        **world.environ,
        "VAULT_ADDR": bao_proxy.url,
        "VAULT_TOKEN": f"{CANARY}-token",
        "AZURE_CLIENT_SECRET": f"{CANARY}-azure",
        "VAULT_SKIP_VERIFY": "true",
    }
    flags = (
        "-enable-debug-log",
        f"-watch-namespaces={place}",
        "-reconcile-period=1s",
        f"-vault.secret-id={CANARY}-overridden",
    )
    with DaemonProcess(world.folder, environ, *flags, launcher=INSIDE) as daemon:
        daemon.wait_ready(PATIENCE)
        (world.folder / "ask").touch()
        wait_until((world.folder / "told").exists, PATIENCE, "what the process sees")
        told = json.loads((world.folder / "told").read_text(encoding="utf-8"))
        planted = (f"{CANARY}-token", f"{CANARY}-overridden")
        yield Running(daemon, told, (*planted, world.role.role_id, world.role.secret_id))


# ── the process ──────────────────────────────────────────────────────────────────────────────────────


def test_the_daemon_would_leave_no_core_dump(running: Running) -> None:
    limits = Path(f"/proc/{running.daemon.pid}/limits").read_text(encoding="ascii").splitlines()
    core = next(line for line in limits if line.startswith("Max core file size")).split()

    assert core[4:6] == ["0", "0"]


def test_no_process_of_its_own_user_may_attach_to_the_daemon(running: Running) -> None:
    assert running.told["dumpable"] == 0


def test_neither_the_daemon_nor_its_children_have_credentials_in_the_environment(running: Running) -> None:
    environ = running.told["environ"]

    assert not {"VAULT_ROLE_ID", "VAULT_SECRET_ID", "VAULT_TOKEN"} & set(environ)
    # Names that are not credentials stay, and so do those of a backend that is not used.
    assert {"KUBECONFIG", "AZURE_CLIENT_SECRET"} <= set(environ)
    assert [one for one in running.credentials if one in f"{environ}{running.told['child']}"] == []


@pytest.mark.parametrize("file", ["environ", "cmdline"])
def test_arguments_and_environment_that_the_kernel_shows_hold_no_credential(
    running: Running, file: str
) -> None:
    try:
        shown = Path(f"/proc/{running.daemon.pid}/{file}").read_text(encoding="utf-8")
    except PermissionError:
        return

    assert "watch-namespaces" in shown or "KUBECONFIG" in shown
    assert [one for one in running.credentials if one in shown] == []


def test_libraries_stay_quiet_at_debug_level(running: Running) -> None:
    levels = running.told["levels"]
    libraries = {
        name: levels[name]
        for name in levels
        if name.partition(".")[0] in {*QUIET_LIBRARIES, *SILENT_LIBRARIES}
    }

    assert {"apscheduler", "urllib3"} <= {name.partition(".")[0] for name in libraries}
    assert {name: level for name, level in libraries.items() if level < logging.WARNING} == {}
    assert levels["daemon"] == logging.DEBUG


def test_every_uncaught_exception_ends_in_our_log(running: Running) -> None:
    assert set(running.told["hooks"]) == {"secrets_manager.daemon.logs.setup"}
    assert running.told["faulthandler"] is False


def test_the_daemon_warns_at_every_start_of_settings_that_weaken_it(running: Running) -> None:
    warned = [line["msg"] for line in running.daemon.log_lines() if line["level"] == "warn"]

    assert any(text.startswith("vault.skip-verify is set") for text in warned)
    assert any(text.startswith("vault.secret-id is on the command line") for text in warned)
    assert running.daemon.metric("secrets_manager_vault_tls_unverified") == pytest.approx(1)


def test_a_hardened_process_still_counts_its_files_and_memory(running: Running) -> None:
    assert (running.daemon.metric("process_open_fds") or 0) > 3
    assert (running.daemon.metric("process_resident_memory_bytes") or 0) > 1e6


# ── replies ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_nested_beyond_measure_costs_only_its_own_definition(
    world: World, place: str, running: Running
) -> None:
    deep: Any = "bottom"
    for _ in range(280):
        deep = {"a": deep}
    world.write("deep", tree=deep, text="t")
    world.write("sound", a="1")
    world.define(place, "deep-tree", world.keys("tree", of="deep"))
    world.define(place, "deep-text", world.keys("text", of="deep"))
    world.define(place, "sound", world.keys("a", of="sound"))

    world.wait_data(place, "sound", {"a": "1"})
    world.wait_data(place, "deep-text", {"text": "t"})
    world.wait_reason(place, "deep-tree", "NotAString")
    # The next version is noticed like that of any other secret.
    world.write("deep", tree={"a": deep}, text="u")
    world.wait_data(place, "deep-text", {"text": "u"})
    assert running.daemon.metric("secrets_manager_backend_breaker_open") == pytest.approx(0)


BOMBS: Mapping[str, tuple[Callable[[FaultProxy, str], object], str]] = {
    "JSON nested without end": (
        lambda proxy, path: proxy.on("GET", path).reply(
            200, nested(100_000), {"Content-Type": "application/json"}
        ),
        "EngineMismatch",
    ),
    "a gzip bomb": (lambda proxy, path: proxy.on("GET", path).gzip_bomb(200_000_000), "BackendUnavailable"),
    "a reply without end": (
        lambda proxy, path: proxy.on("GET", path).oversize(64 << 20),
        "BackendUnavailable",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_reply_made_to_break_its_reader_leaves_all_other_definitions_in_step(
    world: World, place: str, bao_proxy: FaultProxy, running: Running, name: str
) -> None:
    plant, reason = BOMBS[name]
    victim, neighbour = f"victim-{len(name)}", f"neighbour-{len(name)}"
    world.write(victim, a="1")
    world.write(neighbour, a="1")
    for one in (victim, neighbour):
        world.define(place, one, world.keys("a", of=one))
        world.wait_data(place, one, {"a": "1"})
    before = running.daemon.metric("process_resident_memory_bytes") or 0.0
    plant(bao_proxy, f"/v1/{world.path(victim)}")

    world.wait_reason(place, victim, reason)
    world.write(neighbour, a="2")
    world.wait_data(place, neighbour, {"a": "2"})

    assert world.data(place, victim) == {"a": "1"}
    # Eight megabytes of a reply are read at most.
    assert (running.daemon.metric("process_resident_memory_bytes") or 0.0) - before < 100e6
    bao_proxy.clear()
    world.wait_reason(place, victim, "Synced")


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────


class Outdated(Loopback):
    """An HTTPS server that speaks TLS 1.1 at most."""

    def __init__(self, tls: KeyPair) -> None:
        super().__init__(each_request(lambda connection, _: connection.reply_json(200, {})), tls=tls)
        assert self._tls is not None
        speak_only_old(self._tls)


def speak_only_old(context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        # Python warns that TLS 1.1 is deprecated, and this server is meant to use it.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


@pytest.fixture(scope="module")
def outdated(authority: Authority) -> Iterator[Outdated]:
    with Outdated(authority.issue("127.0.0.1", "localhost")) as server:
        yield server


def test_the_outdated_server_of_these_tests_serves_an_outdated_client(
    outdated: Outdated, authority: Authority
) -> None:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    speak_only_old(context)
    with (
        socket.create_connection(("127.0.0.1", outdated.port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        assert wrapped.version() == "TLSv1.1"


def test_the_daemon_does_not_speak_outdated_tls_with_vault(outdated: Outdated, authority: Authority) -> None:
    settings = VaultSettings(url=outdated.url, ca_cert=str(authority.ca_file))
    transport = VaultTransport(settings, Watchdog(), connections=1)

    with pytest.raises(BackendTLS):
        transport.send(VaultCall(method="GET", path="/v1/x", terms=Terms.within(PATIENCE)))


def test_the_daemon_does_not_speak_outdated_tls_with_azure(outdated: Outdated, authority: Authority) -> None:
    clients = KeyVaultClients(AzureKvSettings(ca_cert=str(authority.ca_file)), Watchdog(), connections=1)

    with pytest.raises(TlsFailed):
        clients.of(outdated.url).call(
            Request(method="GET", url=outdated.url, deadline=Deadline.within(PATIENCE))
        )


def test_the_daemon_does_not_speak_outdated_tls_with_the_api_server(
    outdated: Outdated, authority: Authority, cluster: TestCluster
) -> None:
    kubeconfig = cluster.kubeconfig_for("token", server=outdated.url, ca_file=authority.ca_file)
    api = HttpKubernetesApi(Credentials(str(kubeconfig)), Watchdog(), SilentCluster(), timeout=PATIENCE)

    with pytest.raises(ClusterUnavailable, match="TLS"):
        api.get(SECRETS, Ref("n", "s"))
