"""One survey of the whole backend a period in place of a poll of each source, where the backend can do that.

While surveys work, only sources that they show to have changed are polled. When they do not, because they are
forbidden, cost more than they spare, or fail for a while, every source is polled when it is due.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from secrets_manager.backends.base import Backend, Source, Surveyor
from secrets_manager.domain.errors import BackendFault
from secrets_manager.runtime.patience import patient
from secrets_manager.sync.circuit_breaker import CircuitBreaker
from secrets_manager.sync.following import SURVEY, Key, Kind
from secrets_manager.sync.poll_schedule import PollSchedule

# For so many periods after the last survey no poll is missed: one may be late, or fail.
_TRUSTED_PERIODS = 2.0


class Surveys:
    """Puts the survey on the schedule, makes it, and tells which polls it spares."""

    def __init__(
        self,
        backend: Backend,
        breaker: CircuitBreaker,
        schedule: PollSchedule[Key],
        clock: Callable[[], float],
    ) -> None:
        self._surveyor = backend if isinstance(backend, Surveyor) else None
        self._breaker = breaker
        self._schedule = schedule
        self._clock = clock
        self._trusted_until = -math.inf
        if self._surveyor is not None:
            schedule.add(SURVEY)
            schedule.served(SURVEY, clock())
            # At the start every source is read anyway, and the first survey follows within a period.
            self._trust()

    def spare(self, key: Key) -> bool:
        """Whether a poll that is due can be left out."""
        return key.kind is Kind.SOURCE and self._clock() < self._trusted_until

    def postpone(self) -> None:
        """Let the next probe of a backend that is down be a read: a survey may do without any call."""
        if self._surveyor is not None:
            self._schedule.served(SURVEY, self._clock())

    def run(self, sources: Collection[Source]) -> frozenset[Source]:
        """Survey; returns the sources to poll now. Raises a BackendFault when the backend cannot serve."""
        if self._surveyor is None or self._breaker.open_for() is not None:
            return frozenset()
        try:
            with patient():
                survey = self._surveyor.survey(sources)
        except BackendFault as fault:
            self._breaker.failed(fault)
            raise
        if survey is None:
            self._trusted_until = -math.inf
            return frozenset()
        if sources:
            self._breaker.succeeded()
        self._trust()
        return survey.stale

    def _trust(self) -> None:
        self._trusted_until = self._clock() + _TRUSTED_PERIODS * self._schedule.period
