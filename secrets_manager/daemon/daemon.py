"""The life of the daemon: start, run until told to stop, stop in good order.

Whatever hangs, a stop ends: nothing new is begun, what is in flight gets some seconds, and then the process
is gone. A core thread that dies, or a second signal, ends it at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

from secrets_manager import __version__
from secrets_manager.cluster.informer import LIST_REASONS, Informer
from secrets_manager.daemon.assembly import Program, silence_limit
from secrets_manager.daemon.health import Check, Health
from secrets_manager.daemon.http import Endpoints, Server
from secrets_manager.daemon.jobs import Job, Jobs
from secrets_manager.daemon.metrics.asked import Readings
from secrets_manager.daemon.threads import CoreThreads
from secrets_manager.daemon.workforce import workers_of
from secrets_manager.domain.errors import Forbidden

log = logging.getLogger("daemon")

_GRACE_SECONDS = 8.0
_RELEASE_SECONDS = 1.5
_EXIT_FAILED = 1
_EXIT_AT_ONCE = 143
_MAIN_WAIT_SECONDS = 1.0
# A fault of list or watch may last so long before the view of the cluster counts as lost.
_STALE_SECONDS = 120.0
# The watchdog ends calls to the tenth of a second; who is much later is dead.
_LATE_SECONDS = 5.0


class Daemon:
    """Runs a Program until a signal, or until it cannot go on."""

    def __init__(self, program: Program, lines_dropped: Callable[[], int] = lambda: 0) -> None:
        self._program = program
        self._threads = CoreThreads()
        self._stop = self._threads.stopping
        self._told_to_stop = False
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        controller = program.settings.controller
        resync = controller.resync_period
        self._jobs = Jobs(
            [
                Job("reconcile", tick_period(controller.reconcile_period), program.engine.tick),
                Job("token", program.settings.vault.token_polling_period, program.engine.maintain_session),
                # Everything was listed just now.
                Job("resync", resync, self._resync, first_after=resync),
            ],
            program.heartbeats,
        )
        self._server = self._build_server()
        program.metrics.watch(self._readings(lines_dropped), controller.name)

    def run(self) -> int:
        """Run until told to stop; returns the exit code."""
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
        if self._told_to_stop:
            os._exit(_EXIT_AT_ONCE)
        self._told_to_stop = True
        # No Event and no log line here: both take locks that the interrupted thread, this one, may hold.
        self._signals.put(number)

    @property
    def port(self) -> int | None:
        """The port of the metrics endpoint, or None when it is off."""
        return self._server.port if self._server else None

    # ── start and stop ───────────────────────────────────────────────────────────────────────────────

    def _start(self) -> None:
        program = self._program
        log.info("starting", extra={"version": __version__, "backend": program.outside.backend.name})
        if self._server:
            self._server.start()
        self._threads.start("events", program.recorder.run)
        if program.elector:
            self._threads.start("lease", program.elector.run)
        # Workers wait for the Secrets to be known: a look-up in an empty store would cost a call each.
        self._threads.start("starter", self._start_work)
        for informer in program.secret_informers:
            self._start_informer(informer)

    def _start_work(self) -> None:
        for informer in self._program.secret_informers:
            while not informer.settled.wait(_MAIN_WAIT_SECONDS):
                if self._stop.is_set():
                    return
                for waiting in self._program.definition_informers:
                    waiting.heartbeat.beat()
        for informer in self._program.definition_informers:
            self._start_informer(informer)
        for number in range(workers_of(self._program.settings)):
            name = f"worker {number}"
            beat = self._program.heartbeats.register(name, limit=silence_limit(self._program.settings))
            self._threads.start(name, partial(self._program.engine.run_worker, beat, self._stop))
        self._jobs.start()
        self._stop.wait()
        self._jobs.stop()

    def _start_informer(self, informer: Informer) -> None:
        self._threads.start(f"informer of {informer.scope}", informer.run)

    def _shut_down(self) -> int:
        if self._threads.died.is_set():
            # Nothing is waited for: a leader that lost its Lease is to be gone before another starts.
            log.critical("a core thread ended", extra={"thread_": self._threads.casualty})
            return _EXIT_FAILED
        self._stop.set()
        self._program.engine.queue.close()
        for informer in self._program.informers:
            informer.stop.set()
        self._program.recorder.close()
        if self._wait_for_workers():
            self._hand_over()
        self._program.outside.backend.close()
        if self._server:
            self._server.stop()
        log.info("stopped")
        return 0

    def _hand_over(self) -> None:
        """Release the Lease, if nothing is in flight: what hangs must not write after another began."""
        elector = self._program.elector
        if elector:
            # On a thread, since an API server that hangs must not hold up the stop.
            releasing = threading.Thread(target=elector.release, name="release", daemon=True)
            releasing.start()
            releasing.join(_RELEASE_SECONDS)

    def _wait_for_workers(self) -> bool:
        """Let what is in flight end; informers sit in their watches and are left behind."""
        ends_at = time.monotonic() + _GRACE_SECONDS
        while self._program.engine.queue.work_ages() and time.monotonic() < ends_at:
            time.sleep(0.05)
        ended = not self._program.engine.queue.work_ages()
        if not ended:
            log.warning("work in flight was abandoned")
        return ended

    def _resync(self) -> None:
        for informer in self._program.informers:
            informer.request_relist()

    # ── what others may ask ──────────────────────────────────────────────────────────────────────────

    def _build_server(self) -> Server | None:
        address = self._program.settings.metrics_addr
        if address is None:
            return None
        return Server(address, Endpoints(self._program.metrics.registry, self._health()))

    def _health(self) -> Health:
        heartbeats, backend = self._program.heartbeats, self._program.outside.backend

        def threads() -> str | None:
            silent = heartbeats.silent()
            return f"no sign of life: {', '.join(silent)}" if silent else None

        def deadlines() -> str | None:
            late = self._program.outside.watchdog.overdue()
            return "calls are not ended in time" if late > _LATE_SECONDS else None

        leadership, elector = self._program.leadership, self._program.elector

        def logged_in() -> str | None:
            # A replica that waits for the Lease leaves the backend alone.
            return None if backend.ready() or not leadership.holds(None) else "not logged in yet"

        def election() -> str | None:
            return elector.fault.message if elector and elector.fault else None

        ready = [Check(f"informer of {i.scope}", _synced(i)) for i in self._program.informers]
        return Health(
            live=[Check("threads", threads), Check("deadlines", deadlines)],
            ready=[*ready, Check("backend", logged_in), Check("election", election)],
        )

    def _readings(self, lines_dropped: Callable[[], int]) -> Readings:
        engine, informers = self._program.engine, self._program.informers
        return Readings(
            queue_depth=engine.queue.depth,
            oldest_wait=engine.queue.oldest_wait,
            overdue=engine.overdue_seconds,
            work_ages=engine.queue.work_ages,
            definitions=lambda: len(engine.known.definitions),
            breaker_open=lambda: engine.work.breaker.open_for() is not None,
            log_lines_dropped=lines_dropped,
            events_dropped=lambda: self._program.recorder.dropped,
            watch_silence=lambda: max((each.silence() for each in informers), default=0.0),
            full_lists=lambda: {why: sum(each.lists[why] for each in informers) for why in LIST_REASONS},
        )


def tick_period(reconcile_period: float) -> float:
    """Seconds between two looks at what is due: short enough to spread polls, long enough to cost nothing."""
    return min(0.5, max(0.05, reconcile_period / 20))


def _synced(informer: Informer) -> Callable[[], str | None]:
    def ask() -> str | None:
        # Secrets that may not be listed are read one by one instead, which is no fault.
        known = informer.synced.is_set() or (informer.scope.selector and informer.settled.is_set())
        forbidden = isinstance(informer.fault, Forbidden)
        if known and (forbidden or informer.failing_for() < _STALE_SECONDS):
            return None
        return informer.fault.message if informer.fault else "not listed yet"

    return ask
