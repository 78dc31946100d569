"""``--once``: reconcile every definition in scope once, report each outcome, and end.

For CI: no Lease, no server, no file. One line a definition on standard output, a tally at the end, and an
exit code that is 0 exactly when everything is in step. It ends whatever hangs or changes without end: calls
have their deadlines, lists are made side by side, and a definition has a number of looks.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

from secrets_manager.cluster.base import Expired
from secrets_manager.cluster.view.informer import Informer
from secrets_manager.daemon.assembly import Program
from secrets_manager.daemon.closing import backends_of, call_within
from secrets_manager.daemon.core import silence_limit
from secrets_manager.daemon.once_report import Report
from secrets_manager.daemon.std_streams import write_to_stdout
from secrets_manager.daemon.workforce import workers_of
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Forbidden, InternalError, SecretsManagerError
from secrets_manager.runtime.heartbeat import Heartbeats
from secrets_manager.sync.queue.keys import Key, KeyKind
from secrets_manager.sync.queue.work_log import raised_at
from secrets_manager.sync.queue.work_queue import Lane

log = logging.getLogger("daemon.once")

_POLL_SECONDS = 0.02
_TAKE_SECONDS = 0.05
# A list whose version grows too old while it is read is made again so often in all.
_LISTS = 3
# Paths that were left at their first try are asked again after this, for as many times a call may take.
_AGAIN_SECONDS = 0.5
_CALLS_WITHOUT_ANSWER = 5
_EXIT_FAILED = 1
_EXIT_BY_SIGNAL = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many seconds are waited for what may never come.

    Attributes:
        silence: for a call that should have ended; None for twice as long as any may take.
        grace: for what is in flight when a signal comes; as the daemon.
        reader: for whoever reads standard output.

    """

    silence: float | None = None
    grace: float = 8.0
    reader: float = 60.0


@dataclass(eq=False)
class Interruption:
    """Whether a signal asked to stop. The handler runs between any two steps of the main thread: no locks."""

    number: int = 0

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Stop in good order at the first signal, at once at the second."""
        if self.number:
            os._exit(_EXIT_BY_SIGNAL + number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell gives for a program that ended by the signal."""
        return _EXIT_BY_SIGNAL + self.number


def run_once(
    program: Program,
    report: Report,
    write: Callable[[str], object] = write_to_stdout,
    interruption: Interruption | None = None,
    patience: Patience = Patience(),
) -> int:
    """Reconcile everything once; returns the exit code."""
    run = _Run(program, report, interruption or Interruption(), patience)
    run.list_all()
    run.work()
    return run.end(write)


@dataclass(eq=False)
class _Run:
    program: Program
    report: Report
    interruption: Interruption
    patience: Patience
    _heartbeats: Heartbeats = field(default_factory=Heartbeats)
    _over: threading.Event = field(default_factory=threading.Event)

    # ── lists ────────────────────────────────────────────────────────────────────────────────────────

    def list_all(self) -> None:
        """List every namespace, several at a time: one that hangs or refuses us stops no other."""
        pairs: queue.SimpleQueue[tuple[Informer, Informer]] = queue.SimpleQueue()
        informers = list(zip(self.program.secret_informers, self.program.definition_informers, strict=True))
        for pair in informers:
            pairs.put(pair)

        def take() -> None:
            while not self._over.is_set():
                try:
                    pair = pairs.get_nowait()
                except queue.Empty:
                    return
                self._list_guarded(*pair)

        self._wait_for(self._start(take, "list", min(len(informers), workers_of(self.program.settings))))
        if self.interruption.number:
            self._over.set()

    def _list_guarded(self, secrets: Informer, definitions: Informer) -> None:
        try:
            self._list_pair(secrets, definitions)
        except BaseException as error:  # noqa: BLE001 - otherwise what was not listed would look like nothing
            self._unlisted(definitions, InternalError(f"unexpected {raised_at(error)}"))

    def _unlisted(self, definitions: Informer, error: SecretsManagerError) -> None:
        told = {"scope": str(definitions.scope), "reason": error.reason, "error": error.message}
        log.error("cannot list the definitions", extra=told)
        self.report.unlisted(definitions.scope.namespace, error.bare())

    def _list_pair(self, secrets: Informer, definitions: Informer) -> None:
        fault = _list(secrets)
        try:
            _list_with_patience(definitions)
        except SecretsManagerError as error:
            self._unlisted(definitions, error)
            return
        if fault is not None:
            _read_by_name(secrets, fault)

    # ── work ─────────────────────────────────────────────────────────────────────────────────────────

    def work(self) -> None:
        """Reconcile what was listed, until nothing is left or a signal comes."""
        if self.interruption.number:
            return
        workers = self._start(self._drain, "worker", workers_of(self.program.settings))
        recorder = threading.Thread(target=self.program.recorder.run, name="events", daemon=True)
        recorder.start()
        self._settle(workers)
        self._over.set()
        agenda_queue = self.program.core.agenda.queue
        agenda_queue.close()
        self._join(workers)
        self.program.recorder.close()
        recorder.join(self.program.settings.kubernetes.request_timeout)

    def _settle(self, workers: list[threading.Thread]) -> None:
        """Wait until nothing is left to do, and ask again for what was left at its first try."""
        agenda_queue, since = self.program.core.agenda.queue, time.monotonic()
        patience = _CALLS_WITHOUT_ANSWER * self.program.settings.longest_read
        fewest, restarting = None, False
        while not self.interruption.number and any(worker.is_alive() for worker in workers):
            if not agenda_queue.idle():
                if self._all_work_is_stuck():
                    log.error("a call does not end: what waits for it is given up")
                    return
                time.sleep(_POLL_SECONDS)
                continue
            unanswered = self.report.unanswered()
            if fewest is None or len(unanswered) < fewest:
                fewest, since = len(unanswered), time.monotonic()
            if not unanswered or time.monotonic() - since > patience:
                if not restarting:
                    restarting = True
                    self._restart_now()
                    continue
                return
            self._ask_again(unanswered)

    def _all_work_is_stuck(self) -> bool:
        """Whether every worker that is at something is silent: a backend may not keep to the deadline."""
        return len(self._heartbeats.silent()) >= len(self.program.core.agenda.queue.work_ages()) > 0

    def _restart_now(self) -> None:
        """Have workloads restarted at the end, when all Secrets are written, and not some time later."""
        core = self.program.core
        for namespace in core.workers.restarts.board.end_windows():
            core.agenda.queue.add(Key.restarts(namespace), Lane.SOON)

    def _ask_again(self, refs: list[Ref]) -> None:
        time.sleep(_AGAIN_SECONDS)
        for ref in refs:
            self.program.core.agenda.queue.add(Key.definition(ref), Lane.SOON)

    def _drain(self) -> None:
        """The body of a worker; what failed is not tried again."""
        silence = self.patience.silence
        limit = silence_limit(self.program.settings) if silence is None else silence
        heartbeat = self._heartbeats.register(threading.current_thread().name, limit=limit)
        heartbeat.adopt()
        while not self._over.is_set():
            heartbeat.beat()
            self.program.core.workers.work_once(_TAKE_SECONDS, self._admits)

    def _admits(self, key: Key) -> bool:
        if key.kind is not KeyKind.DEFINITION or not isinstance(key.subject, Ref):
            return True
        return self.report.admits(key.subject)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────

    def end(self, write: Callable[[str], object]) -> int:
        """Say what came of it all; returns the exit code."""
        core = self.program.core
        call_within(self.program.settings.longest_read, backends_of(core.upstreams))
        self.report.close(
            core.agenda.view.definitions.refs(),
            core.workers.reporter.is_written,
            core.workers.restarts.board.complete,
        )
        if self.interruption.number:
            self.report.stopped(signal.Signals(self.interruption.number).name)
        text = "".join(f"{line}\n" for line in self.report.lines())
        if not self._write(text, write):
            log.error("the report could not be written to standard output")
            return self.interruption.exit_code if self.interruption.number else _EXIT_FAILED
        if self.interruption.number:
            return self.interruption.exit_code
        return 0 if self.report.in_step() else _EXIT_FAILED

    def _write(self, text: str, write: Callable[[str], object]) -> bool:
        """Write on a thread of its own, since nobody may read; returns whether all was written."""
        written, before = threading.Event(), self.interruption.number

        def run() -> None:
            try:
                write(text)
            except (OSError, ValueError):
                return
            written.set()

        writer = threading.Thread(target=run, name="report", daemon=True)
        writer.start()
        ends_at = time.monotonic() + self.patience.reader
        while writer.is_alive() and time.monotonic() < ends_at and self.interruption.number == before:
            writer.join(_TAKE_SECONDS)
        return written.is_set()

    # ── threads ──────────────────────────────────────────────────────────────────────────────────────

    def _start(self, body: Callable[[], None], name: str, count: int) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=body, name=f"{name} {number}", daemon=True) for number in range(count)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _wait_for(self, threads: list[threading.Thread]) -> None:
        """Wait for them to end, or for a signal."""
        while not self.interruption.number and any(thread.is_alive() for thread in threads):
            time.sleep(_POLL_SECONDS)

    def _join(self, workers: list[threading.Thread]) -> None:
        """Let what is in flight end, for some seconds."""
        ends_at = time.monotonic() + self.patience.grace
        for worker in workers:
            worker.join(max(0.0, ends_at - time.monotonic()))


def _list(informer: Informer) -> SecretsManagerError | None:
    """List; returns the error if that failed."""
    try:
        _list_with_patience(informer)
    except SecretsManagerError as error:
        return error.bare()
    return None


def _list_with_patience(informer: Informer) -> None:
    """List, again from scratch where the version grew too old meanwhile; raises what the API raises."""
    for _ in range(_LISTS - 1):
        try:
            return informer.list_once()
        except Expired:
            continue
    return informer.list_once()


def _read_by_name(informer: Informer, fault: SecretsManagerError) -> None:
    """Have these Secrets read one by one: definitions could be listed, so only lists of Secrets fail."""
    if not isinstance(fault, Forbidden):
        fields = {"scope": str(informer.scope), "reason": fault.reason, "error": fault.message}
        log.warning("no list works; each Secret is read by name", extra=fields)
    informer.go_by_name()
