"""Trouble stays where it is: which reads are refused while a part of the backend is sick.

A fault of what every call needs (see `Reach`) belongs to the circuit breaker, and so to the backend as a
whole. Any other fault is about the path that was read; the results of the other paths show which part of the
backend has the trouble (see `evidence`). While a part is sick, those of its paths that were found sick share
one probe at a time, once a second in the first minute and every five seconds after, or at the pause that the
backend asks for. A path without a known fault is read as before: so healthy definitions notice nothing, and
show that the part is well.

When a path of the part answers, the part is well, and the paths that wait for it are released; a narrower
part of it, in which no path answered, stays sick.
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Collection

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import BackendFault, BackendTimeout, Reach
from secrets_manager.runtime.token_bucket import TokenBucket
from secrets_manager.sync.reading.circuit_breaker import FAULTS_TO_OPEN, CircuitBreaker, probe_pause
from secrets_manager.sync.reading.evidence import Evidence, Part, Path, PathHealth

# This many reads in a row without an answer are no accident.
_SILENCES = 3
_BETWEEN_LONE_PROBES = 1.0
# This many paths that were never read may be read at once while no path is well, and then this many a second;
# a tenth of that where nothing is answered at all, since each read holds a worker.
_TRIES = 500
_TRIES_A_SECOND = 5.0
_DID_NOT_ANSWER = "the backend did not answer within the time allowed"


class FaultDomains:
    """Admits or refuses reads; safe from many threads. ``clock`` gives seconds, ``random`` 0 to 1.

    ``breaker`` is for faults of what every call needs. ``is_new`` says whether a source was never read.
    ``on_release`` is called with the sources that are no longer refused, ``on_recovery`` when the whole
    backend is back.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        breaker: CircuitBreaker,
        evidence: Evidence,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        is_new: Callable[[Source], bool],
        on_release: Callable[[Collection[Source]], None],
        on_recovery: Callable[[], None],
    ) -> None:
        self.breaker = breaker
        self._evidence = evidence
        self._clock = clock
        self._random = random
        self._is_new = is_new
        self._on_release = on_release
        self._on_recovery = on_recovery
        self._lock = threading.Lock()
        self._lone_probe_at = -math.inf
        self._tries = TokenBucket(rate=_TRIES_A_SECOND, burst=_TRIES, now=clock())
        self._long_tries = TokenBucket(rate=_TRIES_A_SECOND / 10, burst=_TRIES / 10, now=clock())

    # ── around a read ────────────────────────────────────────────────────────────────────────────────

    def admit(self, source: Source) -> int:
        """Return if ``source`` may be read now; otherwise raise the fault that the read would end in.

        Pass the return value to `failed`.
        """
        answers = self.breaker.admit()
        # Asked after that: what the breaker let through while it was open is its probe, and has to be made.
        # It lets no other through until the probe has an end.
        if self.breaker.open_for() is not None:
            return answers
        with self._lock:
            part = self._waits_for(source)
            if part is None:
                return answers
            if part.probe is None and self._clock() >= part.probe_at:
                part.probe = source
                return answers
            fault = self._fault_of(source, part)
        raise fault

    def answered(self, source: Source) -> None:
        """The read of ``source`` got an answer of any kind: every part it lies in is well."""
        self.breaker.succeeded()
        with self._lock:
            path = self._evidence.put(source, PathHealth.WELL, self._clock())
            path.fault = None
            widest = path.sick_part()
            if widest is path.parts[-1]:
                self._lone_probe_at = -math.inf
            for part in path.parts:
                part.recover()
            released = self._no_longer_sick(widest) if widest else []
            for other in released:
                self._evidence.drop(other)
        if released:
            self._on_release(frozenset(released))
        if widest is self._evidence.whole:
            self._on_recovery()

    def failed(self, source: Source, fault: BackendFault, answers: int | None = None) -> None:
        """A read of ``source`` ended in ``fault``; ``answers`` is what `admit` returned when it began."""
        # While the breaker is open, a fault of any kind is no sign that the backend is back.
        if fault.reach is Reach.ALL or self.breaker.open_for() is not None:
            self.breaker.failed(fault, answers)
        with self._lock:
            if fault.reach is Reach.PATH and self.breaker.open_for() is None:
                self._blame(source, copy.copy(fault).bare())
            else:
                self._end_probe(source)

    def left(self, source: Source) -> None:
        """A read of ``source`` was left before the time of a whole call was over."""
        self.breaker.left()
        with self._lock:
            path = self._evidence.put(source, PathHealth.SILENT, self._clock())
            self._add_silence(path)
            self._end_probe(source)

    # ── what is sick ─────────────────────────────────────────────────────────────────────────────────

    def open_for(self) -> float | None:
        """For how many seconds the backend as a whole has been down; None while it is not."""
        gone = self.breaker.open_for()
        since = self._evidence.whole.opened_at
        return gone if gone is not None or since is None else self._clock() - since

    def down_with(self, source: Source) -> BackendFault | None:
        """The fault that reads of ``source`` end in while the whole backend is down; None while it is not."""
        if self.open_for() is None:
            return None
        last = self.breaker.last_fault()
        with self._lock:
            return last or self._fault_of(source, self._evidence.whole)

    def open_parts(self) -> int:
        """The number of sick parts; a path that is sick by itself counts as one, and so does the backend."""
        if self.open_for() is not None:
            return 1
        with self._lock:
            return len({id(part) for part in self._sick_parts()})

    def refuses(self, source: Source) -> bool:
        """Whether a read of ``source`` would be refused now."""
        if self.open_for() is not None:
            return True
        with self._lock:
            part = self._waits_for(source)
            return part is not None and not self._may_probe(part)

    def is_suspect(self, source: Source) -> bool:
        """Whether the last read of ``source`` was not answered."""
        path = self._evidence.get(source)
        return path is not None and path.health is not PathHealth.WELL

    def wants_probe(self) -> bool:
        """Whether the backend as a whole is down, and its next probe is due."""
        if self.breaker.wants_probe():
            return True
        whole = self._evidence.whole
        return self.breaker.open_for() is None and whole.opened_at is not None and self._may_probe(whole)

    def probes(self) -> list[Source]:
        """A path to read now for each part that is sick, while the backend as a whole is not.

        Of the paths that are sick by themselves one a second is probed, however many there are, and the next
        at once when one of them was answered: their polls find out as well.
        """
        if self.open_for() is not None:
            return []
        with self._lock:
            wanted: dict[int, tuple[bool, Source]] = {}
            now = self._clock()
            for source, path in self._evidence.unwell():
                part = path.sick_part()
                if part is None or not self._may_probe(part):
                    continue
                if part is path.parts[-1]:
                    if now < self._lone_probe_at:
                        continue
                    self._lone_probe_at = now + _BETWEEN_LONE_PROBES
                # Prefer a path that fails quickly: one that hangs is slow to show anything.
                hangs = path.health is PathHealth.SILENT or isinstance(path.fault, BackendTimeout)
                best = wanted.get(id(part))
                if best is None or hangs < best[0]:
                    wanted[id(part)] = (hangs, source)
            return [source for _, source in wanted.values()]

    def part_of(self, source: Source) -> str:
        """The name of the part that ``source`` shares its trouble with: the widest without a healthy path.

        The part right above the path where there is none.
        """
        with self._lock:
            path = self._evidence.get(source)
            if path is None:
                return source.path
            *above, own = path.parts[1:]
            return next((part.name for part in above if not part.well), (above or [own])[-1].name)

    def is_silent(self, source: Source) -> bool:
        """Whether a part that ``source`` lies in gave nothing except silence lately."""
        with self._lock:
            return any(part.silences >= _SILENCES for part in self._evidence.around(source))

    def keep_only(self, used: Collection[Source]) -> None:
        """Forget all sources except these."""
        with self._lock:
            self._evidence.keep_only(used)

    # ── inside, with the lock held ───────────────────────────────────────────────────────────────────

    def _waits_for(self, source: Source) -> Part | None:
        """The part whose probes ``source`` has to wait for; None where it may be read."""
        path = self._evidence.get(source)
        if path is not None:
            return None if path.health is PathHealth.WELL else path.sick_part()
        whole = self._evidence.whole
        if whole.opened_at is None or self._has_a_try(source):
            return None
        return whole

    def _no_longer_sick(self, recovered: Part) -> list[Source]:
        """The unwell paths in a part that has recovered, except those of parts in it that are sick still.

        Each of these has probes of its own, and the pause that was asked for.
        """
        inside = [(source, self._evidence.get(source)) for source in self._evidence.inside(recovered)]
        return [source for source, path in inside if path and path.sick_part() in (None, path.parts[-1])]

    def _has_a_try(self, source: Source) -> bool:
        """Whether ``source`` may be read although no known path is well.

        A source that was never read may lie in an unknown part. If all its parts are known it has a try as
        well, but not thousands at once.
        """
        if not self._is_new(source):
            return False
        if not self._evidence.knows_surroundings(source):
            return True
        silent = self._evidence.whole.silences >= _SILENCES
        return (self._long_tries if silent else self._tries).try_take(self._clock())

    def _fault_of(self, source: Source, part: Part) -> BackendFault:
        path = self._evidence.get(source)
        fault = (path.fault if path else None) or part.fault or BackendTimeout(_DID_NOT_ANSWER)
        return copy.copy(fault).bare()

    def _blame(self, source: Source, fault: BackendFault) -> None:
        now = self._clock()
        path = self._evidence.put(source, PathHealth.SICK, now)
        path.fault = fault
        if isinstance(fault, BackendTimeout):
            self._add_silence(path)
        own = path.parts[-1]
        for part in path.parts:
            part.faults += 1
            part.fault = fault
        # A path pauses at once where the backend asks for a pause, or where nothing around the path is
        # answered any more. A single fault may be over in a moment.
        rests = fault.retry_after or any(part.faults >= FAULTS_TO_OPEN for part in path.parts[1:])
        for part in path.parts:
            if part.opened_at is None and (part.explains() or (part is own and rests)):
                part.opened_at = now
        self._end_probe(source, path)

    def _end_probe(self, source: Source, path: Path | None = None) -> None:
        path = path or self._evidence.get(source)
        for part in path.parts if path else (self._evidence.whole,):
            if part.probe == source:
                part.probe = None
            if part.opened_at is not None:
                open_for = self._clock() - part.opened_at
                part.probe_at = self._clock() + probe_pause(open_for, part.fault, self._random())

    @staticmethod
    def _add_silence(path: Path) -> None:
        for part in path.parts:
            part.silences += 1

    def _sick_parts(self) -> list[Part]:
        found = (path.sick_part() for _, path in self._evidence.unwell())
        return [part for part in found if part is not None]

    def _may_probe(self, part: Part) -> bool:
        return part.probe is None and self._clock() >= part.probe_at
