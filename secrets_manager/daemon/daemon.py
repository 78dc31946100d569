"""The life of the daemon: start, run until a stop is requested, stop in good order.

A stop ends even if something hangs: nothing new is begun, work in flight gets some seconds, and then the
process ends. A core thread that dies, or a second signal, ends it at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType

from secrets_manager import __version__
from secrets_manager.cluster.view.informer import Informer
from secrets_manager.daemon.assembly import Program
from secrets_manager.daemon.closing import backends_of, call_within
from secrets_manager.daemon.core import silence_limit
from secrets_manager.daemon.jobs import Job, Jobs
from secrets_manager.daemon.probes import health_of, live_values_of
from secrets_manager.daemon.threads import CoreThreads
from secrets_manager.daemon.web.endpoints import Endpoints
from secrets_manager.daemon.web.health import Health
from secrets_manager.daemon.web.server import Server
from secrets_manager.daemon.workforce import workers_of
from secrets_manager.domain.backend_name import DEFAULT_BACKEND

log = logging.getLogger("daemon")

_GRACE_SECONDS = 8.0
_RELEASE_SECONDS = 1.5
# A stop takes no longer in all: ten seconds are promised.
_STOP_SECONDS = 9.8
_EXIT_FAILED = 1
_EXIT_AT_ONCE = 143
_MAIN_WAIT_SECONDS = 1.0
_START_WAIT_SECONDS = 0.2
_LOGIN_RETRY_SECONDS = 1.0
# A look-up of the token, its renewal, a login of two calls, and the health of the server.
_MOST_CALLS = 5


class Daemon:
    """Runs a Program until a signal, or until it cannot go on."""

    def __init__(
        self,
        program: Program,
        lines_dropped: Callable[[], int] = lambda: 0,
        logs_alive: Callable[[], bool] = lambda: True,
    ) -> None:
        self._program = program
        self._threads = CoreThreads()
        self._stop = self._threads.stopping
        self._stop_requested = False
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        controller = program.settings.controller
        resync = controller.resync_period
        self._jobs = Jobs(
            [
                Job("reconcile", tick_period(controller.reconcile_period), program.core.rounds.tick),
                *_session_jobs(program),
                # Everything is listed at the start.
                Job("resync", resync, self._resync, first_after=resync),
            ],
            program.heartbeats,
        )
        health = health_of(program, logs_alive)
        self._server = self._build_server(health)
        self._status_server = _status_server(program)
        program.metrics.watch(live_values_of(program, health, lines_dropped), controller.name)

    def run(self) -> int:
        """Run until a stop is requested; returns the exit code."""
        self._start()
        while not self._threads.died.is_set():
            # Python runs signal handlers on this thread only, and not while it waits without a limit.
            with contextlib.suppress(queue.Empty):
                number = self._signals.get(timeout=_MAIN_WAIT_SECONDS)
                log.info("stopping", extra={"signal": signal.Signals(number).name})
                break
        return self._shut_down()

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Stop in good order at the first signal, at once at the second."""
        if self._stop_requested:
            os._exit(_EXIT_AT_ONCE)
        self._stop_requested = True
        # No Event and no log line here: both take locks that the interrupted thread, this one, may hold.
        self._signals.put(number)

    @property
    def port(self) -> int | None:
        """The port of the metrics endpoint, or None when it is off."""
        return self._server.port if self._server else None

    @property
    def status_port(self) -> int | None:
        """The port of the status page, or None when it is off."""
        return self._status_server.port if self._status_server else None

    # ── start and stop ───────────────────────────────────────────────────────────────────────────────

    def _start(self) -> None:
        program = self._program
        log.info(
            "starting",
            extra={
                "version": __version__,
                "backend": ",".join(each.backend.name for each in program.core.upstreams.values()),
            },
        )
        for server in filter(None, (self._server, self._status_server)):
            server.start()
        self._threads.start("events", program.recorder.run)
        if program.elector:
            self._threads.start("lease", partial(program.elector.run, program.core.agenda.lead_acquired))
        # Definitions wait for their Secrets to be known: a look-up in an empty store would cost a call each.
        self._threads.start("starter", self._start_work)
        for informer in program.secret_informers:
            self._start_informer(informer)

    def _start_work(self) -> None:
        try:
            self._start_what_can_be()
            self._stop.wait()
        finally:
            self._jobs.stop()

    def _start_what_can_be(self) -> None:
        """Start the work on each namespace once its Secrets are known; returns when all is started, or at a
        stop.
        """
        waiting = list(zip(self._program.secret_informers, self._program.definition_informers, strict=True))
        working = False
        while waiting:
            # A namespace whose Secrets cannot be listed yet holds up no other.
            waiting[0][0].settled.wait(_START_WAIT_SECONDS)
            if self._stop.is_set():
                return
            settled = [pair for pair in waiting if pair[0].settled.is_set()]
            waiting = [pair for pair in waiting if pair not in settled]
            for _, definitions in settled:
                self._start_informer(definitions)
            if settled and not working:
                working = True
                self._start_workers()
            for _, definitions in waiting:
                definitions.heartbeat.beat()

    def _start_workers(self) -> None:
        for number in range(workers_of(self._program.settings)):
            name = f"worker {number}"
            beat = self._program.heartbeats.register(name, limit=silence_limit(self._program.settings))
            self._threads.start(name, partial(self._program.core.workers.run, beat, self._stop))
        self._jobs.start()

    def _start_informer(self, informer: Informer) -> None:
        self._threads.start(f"informer of {informer.scope}", informer.run)

    def _shut_down(self) -> int:
        died, ends_at = self._threads.died.is_set(), time.monotonic() + _STOP_SECONDS
        self._begin_nothing_more()
        if died:
            # Wait for nothing: a leader that lost its Lease must be gone before another starts.
            log.critical("a core thread ended", extra={"thread_": self._threads.dead_thread})
            self._stop_electing()
            return _EXIT_FAILED
        if self._wait_for_workers():
            self._hand_over()
        self._stop_electing()
        self._close(ends_at - time.monotonic())
        log.info("stopped")
        return 0

    def _begin_nothing_more(self) -> None:
        """Ask every thread to end after its current work."""
        self._stop.set()
        self._program.core.agenda.queue.close()
        for informer in self._program.informers:
            informer.stop.set()
        self._program.recorder.close()

    def _stop_electing(self) -> None:
        """Stop taking and renewing the Lease; unless it was released, it lapses."""
        if self._program.elector:
            self._program.elector.stop.set()

    def _hand_over(self) -> None:
        """Release the Lease, if nothing is in flight: a call that hangs must not write once another leads."""
        elector = self._program.elector
        if elector:
            # An API server that hangs must not hold up the stop.
            call_within(_RELEASE_SECONDS, {"lease": elector.release})

    def _close(self, seconds: float) -> None:
        """Close the connections to the backends, and the port."""
        closing = backends_of(self._program.core.upstreams)
        if self._server:
            closing["metrics endpoint"] = self._server.stop
        if self._status_server:
            closing["status page"] = self._status_server.stop
        call_within(seconds, closing)

    def _wait_for_workers(self) -> bool:
        """Wait for work in flight; informers sit in their watches and are not waited for."""
        ends_at = time.monotonic() + _GRACE_SECONDS
        while self._program.core.agenda.queue.work_ages() and time.monotonic() < ends_at:
            time.sleep(0.05)
        ended = not self._program.core.agenda.queue.work_ages()
        if not ended:
            log.warning("work in flight was abandoned")
        return ended

    def _resync(self) -> None:
        for informer in self._program.informers:
            informer.request_relist()

    def _build_server(self, health: Health) -> Server | None:
        address = self._program.settings.metrics_addr
        if address is None:
            return None
        return Server(address, Endpoints(self._program.metrics.registry, health))


def _status_server(program: Program) -> Server | None:
    address = program.settings.status_page.address
    if address is None or program.journal is None:
        return None
    # Most daemons do without it, and without the memory that it takes.
    from secrets_manager.daemon.web.status_server import status_server  # noqa: PLC0415

    return status_server(program, program.journal, address)


def _session_jobs(program: Program) -> Iterator[Job]:
    """Two jobs for each backend, so that none waits for another that hangs."""
    rounds = program.core.rounds
    for name, upstream in program.core.upstreams.items():
        of = "" if name == DEFAULT_BACKEND else f" of {name}"
        # A job may wait for a backend that is slow: that is no sign of death.
        longest = _MOST_CALLS * upstream.options.timeout
        run = partial(rounds.maintain, name)
        yield Job(f"token{of}", upstream.options.maintain_every, run, longest=longest)
        if upstream.may_retry_login:
            yield Job(f"login{of}", _LOGIN_RETRY_SECONDS, partial(rounds.retry_login, name), longest=longest)


def tick_period(reconcile_period: float) -> float:
    """Seconds between two rounds: short enough to spread polls, long enough to cost nothing."""
    return min(1.0, max(0.05, reconcile_period / 20))
