"""Shared reads of the backend, and never one that is too old.

Rule 2 of the design: a caller that asks for a source while a read of it is running gets the *next* read,
which all callers that wait meanwhile share. So a reading has always started after its asker observed its
Secret, and sharing cannot write an older value over a newer Secret, however many definitions use one path.

A waiting caller occupies a worker, so sources that hang share a few places (see `slow_sources`).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from secrets_manager.backends.base import Backend, Reading, Source
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendFault,
    BackendTimeout,
    BackendUnavailable,
    DynamicSecretUnsupported,
    NoAnswerYet,
    Reach,
    SecretsManagerError,
)
from secrets_manager.runtime.terms import Deadline, Terms
from secrets_manager.sync.reading.fault_domains import FaultDomains
from secrets_manager.sync.reading.recent_readings import RecentReadings
from secrets_manager.sync.reading.slow_sources import SlowSources

_UNEXPECTED = "the read ended unexpectedly"
_NOT_ASKED = "the backend was not asked"


@dataclass(eq=False, slots=True)
class _SharedRead:
    """One read and the definitions that share it."""

    askers: set[Ref] = field(default_factory=set)
    began_at: float = math.inf
    # It has its result, and is not shared any more.
    is_closed: bool = False
    is_over: bool = False
    reading: Reading | None = None
    error: SecretsManagerError | None = None
    # Made for the first thread that waits for the end; most reads are not shared.
    end: threading.Event | None = None

    def takes(self, since: float) -> bool:
        """Whether it is under way, began after ``since``, and is not a poll, which gives way to others."""
        return since < self.began_at < math.inf and bool(self.askers) and not self.is_closed

    def end_to_wait_for(self) -> threading.Event | None:
        """The event that is set at its end; None when it is over. Call with the lock held."""
        if self.is_over:
            return None
        if self.end is None:
            self.end = threading.Event()
        return self.end

    def finish(self) -> None:
        """It is over. Call with the lock held."""
        self.is_closed = self.is_over = True
        if self.end is not None:
            self.end.set()

    def result(self) -> Reading:
        if self.error is not None:
            raise self.error
        assert self.reading is not None  # noqa: S101 - one of the two is set before the end
        return self.reading


@dataclass(eq=False, slots=True)
class _Reads:
    running: _SharedRead
    next: _SharedRead | None = None


# Called at the end of each read with the source, the result, and the definitions that shared it.
Listener = Callable[[Source, "Reading | SecretsManagerError", frozenset[Ref]], None]


class SourceReader:
    """Reads sources that are not refused, with at most one read of each in shared."""

    def __init__(  # noqa: PLR0913 - what surrounds a read
        self,
        backend: Backend,
        domains: FaultDomains,
        listener: Listener,
        slow: SlowSources,
        *,
        timeout: float,
        recent: RecentReadings,
    ) -> None:
        """``timeout`` is how long a whole read may take, in seconds."""
        self._timeout = timeout
        self._recent = recent
        self._backend = backend
        self.domains = domains
        self._listener = listener
        self.slow = slow
        self._lock = threading.Lock()
        self._reads: dict[Source, _Reads] = {}

    def read(self, source: Source, asker: Ref | None = None, since: float = math.inf) -> Reading:
        """A reading that starts now or later; raises BackendFault, SourceError or NoAnswerYet.

        ``asker`` is the definition that will act on it, so that the change does not queue it again. It gets a
        reading that began after ``since``, in monotonic seconds, if there is one.
        """
        known = self._recent.get(source, since)
        return known or self._read(source, asker, since)

    def drop_old(self) -> None:
        """Drop the values that were kept for other definitions and not asked for in time."""
        self._recent.drop_old()

    def _read(self, source: Source, asker: Ref | None, since: float) -> Reading:
        try:
            with self.slow.waiting_for(source):
                shared, begins, before = self._join(source, asker, since)
                if before is not None:
                    before.wait()
                if begins or self._begin(source, shared):
                    self._read_now(source, shared)
                else:
                    self._wait_for(shared)
        except BackendFault as fault:
            # Turned away: the backend was not asked, and the fault of the last read is still the result.
            self._listener(source, fault.bare(), frozenset((asker,) if asker else ()))
            raise
        return shared.result()

    def _join(
        self, source: Source, asker: Ref | None, since: float
    ) -> tuple[_SharedRead, bool, threading.Event | None]:
        """The read to share, whether it begins at once, and the end to wait for first, if any."""
        with self._lock:
            reads, before = self._reads.get(source), None
            if reads is None:
                shared = _SharedRead(began_at=self._recent.clock())
                self._reads[source] = _Reads(running=shared)
            elif reads.running.takes(since):
                shared = reads.running
                before = shared.end_to_wait_for()
            else:
                shared = reads.next = reads.next or _SharedRead()
                before = reads.running.end_to_wait_for()
            if asker:
                shared.askers.add(asker)
            return shared, reads is None, before

    def _wait_for(self, shared: _SharedRead) -> None:
        with self._lock:
            end = shared.end_to_wait_for()
        if end is not None:
            end.wait()

    def _begin(self, source: Source, shared: _SharedRead) -> bool:
        """Make ``shared`` the running one; true only for the first of its callers."""
        with self._lock:
            reads = self._reads.get(source)
            if reads is None or reads.next is not shared:
                return False
            reads.running, reads.next = shared, None
            shared.began_at = self._recent.clock()
            return True

    def _read_now(self, source: Source, shared: _SharedRead) -> None:
        try:
            self._ask(source, shared)
            outcome = shared.error or shared.reading
            assert outcome is not None  # noqa: S101 - one of the two is set by now
            askers = self._close(shared)
            if not isinstance(outcome, NoAnswerYet):
                # Before the next read begins, so that readings are heard of in the order they were made in:
                # otherwise the last one could be forgotten for the one before.
                self._listener(source, outcome, askers)
        finally:
            self._finish(source, shared)

    def _ask(self, source: Source, shared: _SharedRead) -> None:
        try:
            answers = self.domains.admit(source)
            # A read that no definition waits for is a poll, and gives way to other reads.
            shared.reading = self._call(source, answers, background=not shared.askers)
        except SecretsManagerError as error:
            shared.error = error.bare()
        finally:
            if shared.reading is None and shared.error is None:
                shared.error = BackendUnavailable(_UNEXPECTED)
            self._recent.put(source, shared.reading, shared.began_at)

    def _call(self, source: Source, answers: int, *, background: bool) -> Reading:
        took: list[float] = []
        terms = Terms(
            deadline=Deadline.within(self._timeout),
            # The answer times of a backend that is down say nothing about the usual time.
            first_try=self.slow.time_for(source) if self.domains.open_for() is None else math.inf,
            background=background,
            answered=took.append,
        )
        try:
            reading = self._backend.read(source, terms)
        except NoAnswerYet:
            self.domains.left(source)
            self.slow.left(source, terms.first_try)
            raise
        except BackendFault as fault:
            self.domains.failed(source, fault, answers)
            if isinstance(fault, BackendTimeout):
                self.slow.timed_out(source, fault)
            raise
        except DynamicSecretUnsupported:
            # The backend gave a remembered answer, without a call: no evidence that anything is well.
            self.domains.failed(source, BackendUnavailable(_NOT_ASKED, reach=Reach.NOTHING), answers)
            raise
        except SecretsManagerError:
            self._answered(source, took)
            raise
        except BaseException:
            # An error of this program says nothing about the backend.
            self.domains.failed(source, BackendUnavailable(_UNEXPECTED, reach=Reach.NOTHING), answers)
            raise
        self._answered(source, took)
        return reading

    def _answered(self, source: Source, took: list[float]) -> None:
        # Slow sources come first: those that the fault domains release must already be trusted.
        self.slow.answered(source, took[-1] if took else None)
        self.domains.answered(source)

    def _close(self, shared: _SharedRead) -> frozenset[Ref]:
        """Let no more callers share a read; return those that do."""
        with self._lock:
            shared.is_closed = True
            return frozenset(shared.askers)

    def _finish(self, source: Source, shared: _SharedRead) -> None:
        with self._lock:
            reads = self._reads.get(source)
            if reads is not None and reads.running is shared and reads.next is None:
                del self._reads[source]
            shared.finish()
