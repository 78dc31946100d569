"""One survey of the whole backend a period in place of a poll of each source, where the backend can do that.

While surveys work, only sources that they show to have changed are polled. When they do not, because they are
forbidden, cost more than they spare, or fail for a while, every source is polled when it is due.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from secrets_manager.backends.base import Backend, Source, Surveyor
from secrets_manager.domain.errors import BackendFault
from secrets_manager.sync.queue.keys import Key, KeyKind
from secrets_manager.sync.queue.poll_schedule import PollSchedule
from secrets_manager.sync.reading.fault_domains import FaultDomains

# For so many periods after the last survey no poll is missed: one may be late, or fail, and polls may
# be due in the moment of the next one.
_TRUSTED_PERIODS = 2.1


class Surveys:
    """Puts the survey on the schedule, makes it, and decides which polls it spares."""

    def __init__(
        self,
        name: str,
        backend: Backend,
        domains: FaultDomains,
        schedule: PollSchedule[Key],
        clock: Callable[[], float],
    ) -> None:
        self._surveyor = backend if isinstance(backend, Surveyor) else None
        self._domains = domains
        self._schedule = schedule
        self._clock = clock
        self._trusted_until = -math.inf
        self._key = Key.survey(name)
        # A survey is evidence like a read, about a path that no definition can name.
        self._itself = Source("", backend=name)
        if self._surveyor is not None:
            schedule.add(self._key)
            schedule.served(self._key, clock())
            # At the start every source is read anyway, and the first survey follows within a period.
            self._trust()

    def spare(self, key: Key) -> bool:
        """Whether a poll that is due can be left out.

        Surveys come once a period of the daemon; a source that is polled more often is polled all the same.
        """
        if key.kind is not KeyKind.SOURCE or self._schedule.period_of(key) < self._schedule.period:
            return False
        return self._clock() < self._trusted_until

    def postpone(self) -> None:
        """Make the next probe of a backend that is down a read: a survey may make no call at all."""
        if self._surveyor is not None:
            self._schedule.served(self._key, self._clock())

    def run(self, sources: Collection[Source]) -> frozenset[Source]:
        """Survey; return the sources to poll now. Raises a BackendFault when the backend cannot serve."""
        if self._surveyor is None or self._domains.open_for() is not None:
            return frozenset()
        try:
            surveyed = self._surveyor.survey(sources)
        except BackendFault as fault:
            self._domains.failed(self._itself, fault)
            raise
        if surveyed is None:
            self._trusted_until = -math.inf
            return frozenset()
        if sources:
            # While surveys work few paths are read, so the survey has to show that the backend is well.
            self._domains.answered(self._itself)
        self._trust()
        return surveyed.stale

    def _trust(self) -> None:
        self._trusted_until = self._clock() + _TRUSTED_PERIODS * self._schedule.period
