"""A daemon with several backends: what one of them does is its own business."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.errors import AuthFailed, BackendUnavailable
from tests.testbed.waiting import wait_until
from tests.unit.daemon.daemon_world import World
from tests.unit.daemon.running import Running, Start

PATIENCE = 30
# Workers (3), two informers, events, starter, HTTP and those that answer probes, watchdogs, the clock guard,
# the scheduler, its jobs reconcile and resync, and some to spare.
THREADS_BESIDE_BACKENDS = 24


class Stuck(MemoryBackend):
    """Whatever is done to its session never ends, until the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Semaphore(0)
        self.calls = 0
        self._over = threading.Event()

    def maintain(self) -> None:
        self._hang()

    def retry_login(self) -> bool:
        self._hang()
        return False

    def close(self) -> None:
        self._hang()

    def recover(self) -> None:
        super().recover()
        self._over.set()

    def _hang(self) -> None:
        self.calls += 1
        self.entered.release()
        self._over.wait()


class Counted(MemoryBackend):
    """Counts the times that it was asked to log in again."""

    def __init__(self) -> None:
        super().__init__()
        self.retries = 0

    def retry_login(self) -> bool:
        self.retries += 1
        return False


def _twenty() -> tuple[World, Counted, list[Stuck]]:
    """Nineteen backends that hang, and the last one, which does not."""
    world, well = World(), Counted()
    stuck = [Stuck() for _ in range(19)]
    world.backend = stuck[0]
    world.others = {f"stuck-{number}": each for number, each in enumerate(stuck[1:], 1)}
    world.others["well"] = well
    return world, well, stuck


@pytest.fixture
def twenty(start: Start) -> Iterator[tuple[Running, Counted, list[Stuck]]]:
    world, well, stuck = _twenty()
    running = start(world)
    yield running, well, stuck
    for each in stuck:
        each.recover()


def test_backends_that_hang_delay_no_login_to_another(twenty: tuple[Running, Counted, list[Stuck]]) -> None:
    _, well, stuck = twenty
    for each in stuck:
        # Its two jobs.
        assert each.entered.acquire(timeout=PATIENCE)
        assert each.entered.acquire(timeout=PATIENCE)

    tried = well.retries
    wait_until(lambda: well.retries >= tried + 2, PATIENCE, "more logins")
    assert well.maintained


@pytest.fixture
def threads_before() -> int:
    """The threads that other tests left in the process."""
    return threading.active_count()


def test_backends_that_hang_pile_up_no_threads(
    threads_before: int, twenty: tuple[Running, Counted, list[Stuck]]
) -> None:
    _, well, stuck = twenty
    for each in stuck:
        assert each.entered.acquire(timeout=PATIENCE)
        assert each.entered.acquire(timeout=PATIENCE)
    tried = well.retries
    # Rounds in which each of the jobs that hang was due again.
    wait_until(lambda: well.retries >= tried + 3, PATIENCE, "more rounds")

    assert threading.active_count() - threads_before <= THREADS_BESIDE_BACKENDS + 2 * 20
    assert [each.calls for each in stuck] == [2] * 19


def test_the_daemon_is_ready_while_one_backend_of_twenty_can_be_read(
    twenty: tuple[Running, Counted, list[Stuck]],
) -> None:
    running, _, _ = twenty
    running.ready()
    status, text = running.ask("/readyz?verbose")

    assert status == 200
    assert "[-]backend stuck-7 failed: not logged in yet\n" in text
    assert "[-]backend default failed: not logged in yet\n" in text
    assert "[+]backend well ok\n" in text
    assert text.endswith("readyz check passed\n")


def test_backends_that_hang_do_not_hold_up_a_stop(twenty: tuple[Running, Counted, list[Stuck]]) -> None:
    running, well, _ = twenty
    running.ready()

    assert running.stop() == 0
    assert well.closed


def test_where_no_backend_can_be_read_each_is_named_with_its_reason(start: Start) -> None:
    world = World()
    world.backend.fail_with(BackendUnavailable("down"))
    refused = MemoryBackend()
    refused.fail_with(AuthFailed("no such role"))
    world.others = {"refused": refused}
    running = start(world)
    wait_until(lambda: "AuthFailed" in running.ask("/readyz")[1], PATIENCE, "the reason")
    wait_until(lambda: "BackendUnavailable" in running.ask("/readyz")[1], PATIENCE, "the other reason")

    status, text = running.ask("/readyz")
    assert status == 503
    assert text.splitlines() == [
        "[-]backend default failed: not logged in yet (BackendUnavailable)",
        "[-]backend refused failed: not logged in yet (AuthFailed)",
    ]
    assert running.ask("/healthz") == (200, "ok\n")
    refused.recover()
    world.backend.recover()
    running.program.core.rounds.maintain("refused")
    running.ready()


def test_metrics_say_which_backend_is_down_and_which_is_logged_in(start: Start) -> None:
    world, other = World(), MemoryBackend()
    other.fail_with(AuthFailed("no such role"))
    world.others = {"other": other}
    running = start(world)
    running.ready()
    _, text = running.ask("/metrics")

    assert 'secrets_manager_backend_ready{backend="default"} 1.0' in text
    assert 'secrets_manager_backend_ready{backend="other"} 0.0' in text
    assert 'secrets_manager_backend_breaker_open{backend="default"} 0.0' in text
    assert 'secrets_manager_backend_parts_open{backend="other"} 0.0' in text


def test_a_job_may_wait_as_long_as_the_calls_of_its_own_backend(start: Start) -> None:
    world = World(backend_timeout=2.0)
    world.backend = Counted()
    world.others = {"slow": Counted()}
    world.timeouts = {"slow": 60.0}
    running = start(world)
    running.ready()
    limits = {name: beat.limit for name, beat in running.program.heartbeats._beats.items()}

    assert limits["job token of slow"] > 4 * 60.0
    assert limits["job login of slow"] > 4 * 60.0
    assert limits["job login"] == 30.0
