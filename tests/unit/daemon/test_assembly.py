"""How the parts are put together for given settings."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from secrets_manager.cluster.base import DEFINITIONS, SECRETS
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.wire import Limits
from secrets_manager.daemon.assembly import external_services
from secrets_manager.daemon.core import namespaces_of, silence_limit
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import ConfigError, NotLeading
from secrets_manager.runtime.terms import Deadline
from secrets_manager.settings import (
    ControllerSettings,
    ElectionSettings,
    KubernetesSettings,
    Settings,
    VaultSettings,
)
from tests.unit.daemon.daemon_world import World

SCOPES: dict[str, tuple[tuple[str, ...], tuple[str, ...], list[str | None]]] = {
    "nothing said": ((), (), [None]),
    "only exclusions": ((), ("a",), [None]),
    "watched": (("a", "b"), (), ["a", "b"]),
    "named twice": (("a", "b", "a"), (), ["a", "b"]),
    "excluded wins": (("a", "b"), ("a",), ["b"]),
    "all excluded": (("a",), ("a",), []),
}


@pytest.mark.parametrize(("watched", "excluded", "expected"), SCOPES.values(), ids=SCOPES)
def test_namespaces_are_listed_one_by_one_where_they_are_named(
    watched: tuple[str, ...], excluded: tuple[str, ...], expected: list[str | None]
) -> None:
    controller = ControllerSettings(watch_namespaces=watched, exclude_namespaces=excluded)

    assert namespaces_of(Settings(controller=controller)) == expected


def test_each_namespace_has_an_informer_of_either_kind_with_a_heartbeat() -> None:
    program = World(watch_namespaces=("a", "b")).program()
    scopes = [informer.scope for informer in program.informers]

    assert [(scope.resource, scope.namespace) for scope in scopes] == [
        (SECRETS, "a"),
        (SECRETS, "b"),
        (DEFINITIONS, "a"),
        (DEFINITIONS, "b"),
    ]
    assert {f"informer of {scope}" for scope in scopes} <= set(program.heartbeats._beats)


def test_only_our_secrets_are_listed_and_all_definitions() -> None:
    program = World().program()

    assert [informer.scope.selector for informer in program.informers] == [
        "app.kubernetes.io/managed-by=secrets-manager",
        "",
    ]


def test_with_named_namespaces_no_call_covers_the_whole_cluster() -> None:
    program = World(watch_namespaces=("a",)).program()

    assert None not in [informer.scope.namespace for informer in program.informers]


def test_assembling_starts_no_thread_and_makes_no_call() -> None:
    before = threading.active_count()
    world = World()
    world.program()

    assert threading.active_count() == before
    assert world.cluster.calls == {}
    assert world.backend.reads() == 0


def test_a_definition_that_is_made_while_the_daemon_runs_gets_its_secret() -> None:
    world = World()
    world.backend.put("db", {"password": "p"})
    world.define("db")
    program = world.program()
    for informer in program.informers:
        informer.list_once()
    while program.core.workers.work_once(timeout=0):
        pass

    assert world.secret("db") is not None


def settings_with(kubeconfig: Path) -> Settings:
    return replace(Settings(), kubernetes=KubernetesSettings(kubeconfig=str(kubeconfig)))


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: test, user: {token: made-up}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
"""


def test_the_real_world_is_that_of_the_settings_and_is_not_called(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    settings = settings_with(path)
    before = threading.active_count()
    services = external_services(settings, Metrics(settings))

    assert isinstance(services.api, HttpKubernetesApi)
    assert services.backends[DEFAULT_BACKEND].name == "vault"
    assert threading.active_count() == before
    services.backends[DEFAULT_BACKEND].close()
    services.api.close()


def test_a_kubeconfig_that_cannot_be_read_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    settings = settings_with(tmp_path / "absent")

    with pytest.raises(ConfigError, match="absent"):
        external_services(settings, Metrics(settings))


def test_a_core_thread_that_stands_still_is_noticed_in_half_a_minute_unless_calls_may_take_longer() -> None:
    assert silence_limit(Settings()) <= 30
    assert silence_limit(Settings(backend_timeout=60)) == 120


def test_a_silent_watch_is_given_up_after_75_seconds_and_never_before_the_server_ends_it() -> None:
    limits = Limits()

    assert limits.watch_seconds < limits.idle_seconds <= 75


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no such clock")
def test_a_lead_does_not_outlast_a_machine_that_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.settings = replace(
        world.settings, election=ElectionSettings(enabled=True, lease_namespace="ops", lease_name="lock")
    )
    program = world.program()
    elector = program.elector
    assert elector is not None
    assert elector.attempt()
    assert elector.holds("team")

    awake = time.clock_gettime
    monkeypatch.setattr(
        time, "clock_gettime", lambda clock: awake(clock) + 3600 * (clock == time.CLOCK_BOOTTIME)
    )

    assert not elector.holds("team")
    assert elector.remaining() < 0
    with pytest.raises(NotLeading):
        program.recorder.api.create(SECRETS, "team", {})


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no such clock")
def test_a_call_that_was_under_way_when_the_machine_fell_asleep_is_late_when_it_wakes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG, encoding="utf-8")
    settings = settings_with(path)
    watchdog = external_services(settings, Metrics(settings)).watchdog
    with watchdog.guard(Deadline.within(60.0)) as guard:
        awake = time.clock_gettime
        monkeypatch.setattr(
            time, "clock_gettime", lambda clock: awake(clock) + 3600 * (clock == time.CLOCK_BOOTTIME)
        )

        assert guard.deadline.left() < 0


@pytest.mark.parametrize(("backend", "seconds"), [("vault", 3.0), ("azure-kv", 15.0), ("memory", 15.0)])
def test_the_session_is_maintained_as_often_as_its_own_backend_wants(backend: str, seconds: float) -> None:
    world = World()
    world.settings = replace(world.settings, backend=backend, vault=VaultSettings(token_polling_period=3.0))

    assert world.program().core.upstreams[DEFAULT_BACKEND].options.maintain_every == seconds
