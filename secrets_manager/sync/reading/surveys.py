"""One survey of the whole backend a period in place of a poll of each source, where the backend can do that.

While surveys work, only sources that they show to have changed are polled. When they do not, because they are
forbidden, cost more than they spare, or fail for a while, every source is polled when it is due.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from secrets_manager.backends.base import Backend, Source, Survey, Surveyor
from secrets_manager.domain.errors import BackendFault, BackendTimeout
from secrets_manager.sync.queue.keys import Key, KeyKind
from secrets_manager.sync.queue.poll_schedule import PollSchedule
from secrets_manager.sync.reading.fault_domains import FaultDomains
from secrets_manager.sync.reading.slow_sources import SlowSources

# For so many periods after the last survey no poll is missed: one may be late, or fail, and polls may
# be due in the moment of the next one.
_TRUSTED_PERIODS = 2.1


@dataclass(eq=False, kw_only=True)
class Surveys:
    """Puts the survey on the schedule, makes it, and decides which polls it spares.

    ``name`` is that of the backend, ``period`` the seconds between two polls of a source of it, and ``clock``
    gives monotonic seconds.
    """

    name: str
    backend: Backend
    domains: FaultDomains
    slow: SlowSources
    schedule: PollSchedule[Key]
    period: float
    clock: Callable[[], float]
    _surveyor: Surveyor | None = field(init=False)
    _key: Key = field(init=False)
    # A survey is evidence like a read, about a path that no definition can name.
    _itself: Source = field(init=False)
    _trusted_until: float = -math.inf

    def __post_init__(self) -> None:
        self._surveyor = self.backend if isinstance(self.backend, Surveyor) else None
        self._key = Key.survey(self.name)
        self._itself = Source("", backend=self.name)
        if self._surveyor is not None:
            self.schedule.add(self._key, self.period)
            self.schedule.served(self._key, self.clock())
            # At the start every source is read anyway, and the first survey follows within a period.
            self._trust()

    def spare(self, key: Key) -> bool:
        """Whether a poll that is due can be left out.

        Surveys come once a period of the backend; a source that is polled more often is polled all the same.
        """
        if key.kind is not KeyKind.SOURCE or self.schedule.period_of(key) < self.period:
            return False
        return self.clock() < self._trusted_until

    def postpone(self) -> None:
        """Make the next probe of a backend that is down a read: a survey may make no call at all."""
        if self._surveyor is not None:
            self.schedule.served(self._key, self.clock())

    def run(self, sources: Collection[Source]) -> Survey | None:
        """Survey; None where there is no survey, and so no news.

        Raises a BackendFault when the backend cannot serve, and NoAnswerYet while too much waits for it.
        """
        if self._surveyor is None or self.domains.open_for() is not None:
            return None
        with self.slow.waiting_for(self._itself):
            surveyed = self._survey(self._surveyor, sources)
        if surveyed is None:
            self._trusted_until = -math.inf
            return None
        if sources:
            # While surveys work few paths are read, so the survey has to show that the backend is well.
            self.slow.answered(self._itself)
            self.domains.answered(self._itself)
        self._trust()
        return surveyed

    def _survey(self, surveyor: Surveyor, sources: Collection[Source]) -> Survey | None:
        try:
            return surveyor.survey(sources)
        except BackendFault as fault:
            self.domains.failed(self._itself, fault)
            if isinstance(fault, BackendTimeout):
                self.slow.timed_out(self._itself, fault)
            raise

    def _trust(self) -> None:
        self._trusted_until = self.clock() + _TRUSTED_PERIODS * self.period
