"""The life of the daemon, on fakes: ready, at work, stopped in good order or at once."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import SECRETS, Page, Scope
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.daemon.daemon import Daemon, tick_period
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendUnavailable,
    ClusterFault,
    ClusterUnauthorized,
    ClusterUnavailable,
    ConfigError,
)
from secrets_manager.settings import ElectionSettings
from secrets_manager.settings.listening import ListenAddress
from tests.testbed.waiting import wait_until
from tests.unit.daemon.daemon_world import World
from tests.unit.daemon.running import Start

ROOT = Path(__file__).parents[3]


@pytest.fixture
def world() -> World:
    world = World()
    world.backend.put("db", {"password": "p"})
    return world


# ── at work ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_daemon_becomes_ready_and_keeps_secrets_in_step(start: Start, world: World) -> None:
    world.define("db")
    running = start(world)
    running.ready()
    wait_until(lambda: world.secret("db"), 30, "the Secret")
    world.backend.put("db", {"password": "new"})
    wait_until(lambda: data(world, "db") == {"password": "bmV3"}, 30, "the change")
    world.cluster.delete(SECRETS, Ref("shop", "db"), {})

    wait_until(lambda: world.secret("db"), 30, "the Secret to be back")


def data(world: World, name: str) -> object:
    secret = world.secret(name)
    return secret["data"] if secret else None


def test_a_signal_ends_the_daemon_with_0_and_everything_that_it_holds(
    start: Start, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    running = start(world)
    running.ready()
    port = running.daemon.port
    code = running.stop()
    said = [record.getMessage() for record in caplog.records if record.name == "daemon"]

    assert code == 0
    assert world.backend.closed
    assert said == ["starting", "stopping", "stopped"]
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20)


def test_the_session_is_maintained_from_the_start(start: Start, world: World) -> None:
    start(world)

    wait_until(lambda: world.backend.maintained >= 1, 30, "the token job")


class WithCredentials(MemoryBackend):
    """A Relogin."""

    def retry_login(self) -> bool:
        return False


@pytest.mark.parametrize("job", ["token", "login"])
def test_a_login_that_takes_all_the_time_of_its_calls_is_no_sign_of_death(start: Start, job: str) -> None:
    world = World(backend_timeout=60.0)
    world.backend = WithCredentials()
    running = start(world)
    running.ready()
    beat = running.program.heartbeats._beats[f"job {job}"]

    # A look-up, a renewal and a login of two calls, each just in time.
    assert beat.limit > 4 * 60.0


def test_everything_is_listed_again_at_the_resync_period(start: Start) -> None:
    running = start(World(resync_period=0.2))

    wait_until(lambda: all(each.relists >= 2 for each in running.program.informers), 30, "a second list")


def test_metrics_show_the_work(start: Start, world: World) -> None:
    world.define("db")
    running = start(world)
    wait_until(lambda: world.secret("db"), 30, "the Secret")
    _, scraped = running.ask("/metrics")

    assert "secrets_manager_definitions 1.0" in scraped
    assert "secrets_manager_log_lines_dropped 4.0" in scraped
    assert 'workqueue_depth{name="SecretDefinition"}' in scraped


def test_without_an_address_nothing_is_served(world: World) -> None:
    world.settings = replace(world.settings, metrics_addr=None)

    assert Daemon(world.program()).port is None


def test_a_port_that_is_taken_is_known_before_anything_starts(start: Start, world: World) -> None:
    running = start(world)
    other = World()
    taken = ListenAddress(host="127.0.0.1", port=running.daemon.port or 0)
    other.settings = replace(other.settings, metrics_addr=taken)

    with pytest.raises(ConfigError) as caught:
        Daemon(other.program())
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(("period", "tick"), [(5, 0.25), (3600, 1.0), (0.3, 0.05), (10, 0.5)])
def test_rounds_come_often_enough_to_spread_polls_and_rarely_enough_to_cost_nothing(
    period: float, tick: float
) -> None:
    assert tick_period(period) == tick


# ── not ready ────────────────────────────────────────────────────────────────────────────────────────


def test_an_api_server_that_is_down_at_the_start_is_named_and_waited_for(start: Start, world: World) -> None:
    world.define("db")
    world.cluster.fail_next("list", "secrets", *[ClusterUnavailable("no connection: list secrets")] * 2)
    running = start(world)
    wait_until(lambda: "no connection" in running.ask("/readyz")[1], 30, "the reason")
    status, text = running.ask("/readyz")
    assert status == 503
    assert "[-]informer of secrets in all namespaces failed: no connection: list secrets\n" in text
    assert "[-]informer of secretdefinitions in all namespaces failed: not listed yet\n" in text
    assert running.ask("/healthz") == (200, "ok\n")

    running.ready()
    wait_until(lambda: world.secret("db"), 30, "the Secret")


def test_waiting_for_the_api_server_is_no_sign_of_death(start: Start, world: World) -> None:
    world.cluster.fail_next("list", "secrets", *[ClusterUnavailable("no connection")] * 99)
    running = start(world)
    for informer in running.program.definition_informers:
        informer.heartbeat._last -= 1000

    wait_until(lambda: running.ask("/healthz")[0] == 200, 30, "the informers that wait to be seen alive")


def test_a_backend_that_was_never_logged_in_to_is_named(start: Start, world: World) -> None:
    world.backend.fail_with(BackendUnavailable("down"))
    running = start(world)
    wait_until(lambda: world.backend.maintained, 30, "the first try")

    assert running.ask("/readyz") == (503, "[-]backend failed: not logged in yet\n")
    assert running.ask("/healthz")[0] == 200
    world.backend.recover()
    world.define("db")
    running.ready()


def test_a_scrape_says_whether_the_daemon_is_ready(start: Start, world: World) -> None:
    world.backend.fail_with(BackendUnavailable("down"))
    running = start(world)
    wait_until(lambda: world.backend.maintained, 30, "the first try")

    assert "\nsecrets_manager_ready 0.0\n" in running.ask("/metrics")[1]
    world.backend.recover()
    running.ready()
    assert "\nsecrets_manager_ready 1.0\n" in running.ask("/metrics")[1]


def test_a_backend_that_goes_down_later_leaves_the_daemon_ready(start: Start, world: World) -> None:
    running = start(world)
    running.ready()
    world.backend.fail_with(BackendUnavailable("down"))
    world.define("db")
    world.backend.wait_for_reads(1, timeout=30)

    assert running.ask("/readyz") == (200, "ok\n")


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [(ClusterUnavailable("no connection"), 121), (ClusterUnauthorized("not known"), 11)],
    ids=["no connection", "not known"],
)
def test_a_lost_view_makes_the_daemon_unready_after_minutes_and_within_seconds_if_unauthorized(
    start: Start, world: World, fault: ClusterFault, seconds: int
) -> None:
    running = start(world)
    running.ready()
    world.cluster.fail_next("watch", "secretdefinitions", *[fault] * 99)
    (informer,) = running.program.definition_informers
    wait_until(lambda: informer.fault is not None, 30, "the fault")
    assert running.ask("/readyz")[0] == 200
    informer._failing_since -= seconds

    assert running.ask("/readyz") == (
        503,
        f"[-]informer of secretdefinitions in all namespaces failed: {fault}\n",
    )


def test_a_refused_identity_makes_the_daemon_unready_though_the_watches_are_still_open(
    start: Start, world: World
) -> None:
    running = start(world)
    running.ready()
    refused_for = [9.0]
    object.__setattr__(running.program.services, "unauthorized_for", lambda: refused_for[0])
    assert running.ask("/readyz")[0] == 200
    refused_for[0] = 11.0

    status, text = running.ask("/readyz")
    assert status == 503
    assert text.startswith("[-]identity failed: the API server has not accepted our identity for 11 s;")


def test_without_the_right_to_list_secrets_the_daemon_is_ready(start: Start, world: World) -> None:
    world.cluster.forbid("list", "secrets")
    world.define("db")
    running = start(world)
    running.ready()

    wait_until(lambda: world.secret("db"), 30, "the Secret")


class SickSecrets(MemoryCluster):
    """Lists of the Secrets of namespace ``sick`` fail, or never end, until ``well`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.well = threading.Event()
        self.hangs = False

    def pages(self, scope: Scope) -> Iterator[Page]:
        if scope.resource == SECRETS and scope.namespace in (None, "sick") and not self.well.is_set():
            if self.hangs:
                self.well.wait(120)
            raise ClusterUnavailable("the API server answered 500")
        return super().pages(scope)


def test_without_lists_of_secrets_the_daemon_is_ready_and_reads_them_by_name(start: Start) -> None:
    world = World()
    world.cluster = cluster = SickSecrets()
    world.backend.put("db", {"password": "p"})
    world.define("db")
    running = start(world)
    running.ready()
    wait_until(lambda: world.secret("db"), 30, "the Secret")
    assert "secrets_manager_secrets_read_by_name 1.0" in running.ask("/metrics")[1]
    cluster.delete(SECRETS, Ref("shop", "db"), {})

    wait_until(lambda: world.secret("db"), 30, "the Secret to be back")


def test_a_namespace_whose_secrets_cannot_be_listed_at_the_start_holds_up_no_other(start: Start) -> None:
    world = World(watch_namespaces=("sick", "shop"))
    world.cluster = cluster = SickSecrets()
    cluster.hangs = True
    world.backend.put("db", {"password": "p"})
    for namespace in ("sick", "shop"):
        world.define("db", namespace=namespace)
    running = start(world)

    wait_until(lambda: world.secret("db"), 30, "the Secret of the other namespace")
    assert not running.program.secret_informers[0].settled.is_set()
    cluster.well.set()
    wait_until(lambda: world.secret("db", namespace="sick"), 60, "the Secret of this one")


def test_without_the_right_to_list_definitions_the_daemon_is_not_ready_and_reports_why(
    start: Start, world: World
) -> None:
    world.cluster.forbid("list", "secretdefinitions")
    running = start(world)

    wait_until(lambda: "verb 'list' on 'secretdefinitions'" in running.ask("/readyz")[1], 30, "the reason")
    assert running.ask("/healthz")[0] == 200


def test_a_thread_that_gives_no_sign_of_life_is_named(start: Start, world: World) -> None:
    running = start(world)
    running.ready()
    running.program.heartbeats.register("somebody stuck", limit=-1)

    assert running.ask("/healthz") == (503, "[-]threads failed: no sign of life: somebody stuck\n")
    assert running.ask("/readyz")[0] == 503


def test_calls_that_outlast_their_deadlines_make_the_daemon_fail_its_probe(
    start: Start, world: World
) -> None:
    running = start(world)
    running.ready()
    running.program.services.watchdog.overdue = lambda: 5.1  # type: ignore[method-assign]

    assert running.ask("/healthz") == (503, "[-]deadlines failed: calls outlast their deadlines\n")


def test_a_thread_of_the_logs_that_has_died_makes_the_daemon_fail_its_probe(
    start: Start, world: World
) -> None:
    running = start(world)
    running.ready()
    running.logs_alive = False

    assert running.ask("/healthz") == (503, "[-]logs failed: the thread that writes them has died\n")


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("verb", "resource", "who"),
    [
        ("watch", "secretdefinitions", "informer of secretdefinitions in all namespaces"),
        ("list", "secrets", "informer of secrets in all namespaces"),
        ("create", "events", "events"),
    ],
)
def test_a_core_thread_that_dies_ends_the_process_with_1(
    verb: str, resource: str, who: str, start: Start, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.define("db")
    world.cluster.fail_next(verb, resource, ValueError("canary-value"))  # type: ignore[arg-type]
    code = start(world).ended()

    assert code == 1
    told = [record for record in caplog.records if record.getMessage() == "a core thread ended"]
    assert [record.__dict__["thread_"] for record in told] == [who]
    assert "canary" not in caplog.text


def test_a_definition_that_breaks_our_own_code_ends_no_worker(start: Start, world: World) -> None:
    world.backend.fail_with(ValueError("canary-value"), path="poison")  # type: ignore[arg-type]
    world.define("poison")
    running = start(world)
    running.ready()
    world.backend.wait_for_reads(1, path="poison", timeout=30)
    world.define("db")

    wait_until(lambda: world.secret("db"), 30, "the other Secret")
    assert running.ask("/healthz")[0] == 200


def test_a_stop_before_the_first_list_ends_the_daemon_too(start: Start, world: World) -> None:
    world.cluster.fail_next("list", "secrets", *[ClusterUnavailable("no connection")] * 99)
    running = start(world)
    wait_until(lambda: running.ask("/readyz")[0] == 503, 30, "it to run")

    assert running.stop() == 0


def test_a_stop_while_a_namespace_is_not_listed_yet_ends_the_jobs_of_the_others(start: Start) -> None:
    world = World(watch_namespaces=("sick", "shop"))
    world.cluster = cluster = SickSecrets()
    cluster.hangs = True
    world.backend.put("db", {"password": "p"})
    world.define("db")
    running = start(world)
    wait_until(lambda: world.secret("db"), 30, "the Secret of the other namespace")
    assert running.stop() == 0

    wait_until(lambda: "APScheduler" not in names_of_threads(), 30, "the jobs to end")
    assert not running.program.secret_informers[0].settled.is_set()
    cluster.well.set()


def test_once_a_core_thread_died_nothing_is_begun_any_more(start: Start, world: World) -> None:
    running = start(world)
    running.ready()
    world.cluster.fail_next("watch", "secretdefinitions", ValueError("broken"))  # type: ignore[arg-type]
    world.define("db")
    assert running.ended() == 1

    wait_until(lambda: not names_of_threads() & {"APScheduler", "worker 0", "events"}, 30, "all to end")


def names_of_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


class Process:
    """The daemon on fakes as a process of its own."""

    def __init__(self, state: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.daemon.daemon_program", state],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "working\n"
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self, seconds: float) -> int:
        return self._process.wait(seconds)

    def still_runs(self) -> bool:
        return self._process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_exits_0_after_a_signal(number: signal.Signals) -> None:
    with Process("healthy") as process:
        process.signal(number)

        assert process.ended(30) == 0


def test_a_backend_that_hangs_holds_up_a_stop_for_ten_seconds_at_most() -> None:
    with Process("hung") as process:
        process.signal(signal.SIGTERM)

        assert process.ended(10) == 0


def test_a_second_signal_ends_the_process_at_once() -> None:
    with Process("hung") as process:
        process.signal(signal.SIGTERM)
        threading.Event().wait(1)
        assert process.still_runs()
        process.signal(signal.SIGTERM)

        assert process.ended(5) == 143


def test_a_release_of_the_lease_that_hangs_does_not_hold_up_a_stop(start: Start, world: World) -> None:
    election = ElectionSettings(enabled=True, lease_namespace="ops")
    world.settings = replace(world.settings, election=election)
    running = start(world)
    running.ready()
    elector = running.program.elector
    assert elector is not None
    wait_until(lambda: elector.remaining() > 0, 30, "the lead")
    hanging = threading.Event()
    elector.release = hanging.wait  # type: ignore[method-assign,assignment]

    assert running.stop() == 0
    hanging.set()


def test_parts_that_hang_or_fail_when_they_are_closed_do_not_hold_up_a_stop(
    start: Start, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("secrets_manager.daemon.daemon._STOP_SECONDS", 0.5)
    hanging = threading.Event()

    def fail() -> None:
        raise ValueError("canary-value")

    for broken in (hanging.wait, fail):
        world.backend.close = broken  # type: ignore[method-assign,assignment]
        running = start(world)
        running.ready()
        assert running.daemon._server is not None
        stop_server = running.daemon._server.stop
        running.daemon._server.stop = hanging.wait  # type: ignore[method-assign,assignment]

        assert running.stop() == 0
        stop_server()
    hanging.set()
    said = [record for record in caplog.records if record.getMessage() == "a part could not be closed"]
    assert [(record.__dict__["part"], record.__dict__["error"]) for record in said] == [
        ("backend default", "ValueError")
    ]
    assert "canary" not in caplog.text


def test_a_stop_when_no_thread_can_be_started_is_a_stop_in_good_order(
    start: Start, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    election = ElectionSettings(enabled=True, lease_namespace="ops")
    world.settings = replace(world.settings, election=election)
    running = start(world)
    running.ready()

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", refuse)
        assert running.stop() == 0
    assert running.daemon._server is not None
    running.daemon._server.stop()
