"""A survey of all sources: which have changed, for one call per hundred secrets of the account.

Where lists are not allowed, or the account has so many secrets that a list costs more, the current versions
are asked for twenty at a time; where that is not allowed either, each source is read. What is not allowed is
tried again after ten minutes. This module must not know how a call is made.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from secrets_manager.backends.base import Clock, Source, Survey
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.domain.errors import BackendFault
from secrets_manager.runtime.terms import Deadline, Terms
from secrets_manager_aws import faults
from secrets_manager_aws.api import BATCH, Listed, SecretsManagerApi
from secrets_manager_aws.faults import Refusal, Refused
from secrets_manager_aws.freshness import Freshness

_ASK_AGAIN = 600.0
# A survey that takes longer is not worth it, and blocks a worker.
_LONGEST = 30.0
_WAYS = {"list": ("list", "batch"), "batch": ("batch",), "none": ()}
_ACTIONS = {"list": "ListSecrets", "batch": "BatchGetSecretValue"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyLimits:
    """What a survey may do: ``ways`` is list, batch or none; ``timeout`` the seconds of one call."""

    ways: str
    timeout: float


class AwsSurveyor:
    """Makes surveys; one thread at a time."""

    def __init__(
        self,
        api: SecretsManagerApi,
        freshness: Freshness,
        *,
        limits: SurveyLimits,
        clock: Clock,
        log: NamedLog,
    ) -> None:
        self._api = api
        self._freshness = freshness
        self._timeout = limits.timeout
        self._clock = clock
        self._ways = _WAYS[limits.ways]
        self._closed_until = dict.fromkeys(self._ways, float("-inf"))
        self._logged: set[str] = set()
        self._log = log

    def survey(self, sources: Collection[Source]) -> Survey | None:
        """See `secrets_manager.backends.base.Surveyor`."""
        if not sources:
            return Survey(frozenset())
        for way in self._ways:
            if self._is_open(way):
                stale = self._by(way, sources)
                if stale is not None:
                    return Survey(stale)
                self._closed_until[way] = self._clock() + _ASK_AGAIN
        return None

    def _is_open(self, way: str) -> bool:
        return way in self._ways and self._clock() >= self._closed_until[way]

    def _by(self, way: str, sources: Collection[Source]) -> frozenset[Source] | None:
        """The sources to read again; None where the way is not allowed, too slow or too dear."""
        try:
            if way == "list":
                return self._by_list(sources)
            return self._by_batches(sources)
        except Refused as refused:
            fault = _fault(refused.refusal)
            if fault is not None:
                raise fault from None
            self._log_refused(way, refused.refusal)
            return None

    def _by_list(self, sources: Collection[Source]) -> frozenset[Source] | None:
        listed = self._list(self._worth(sources))
        return None if listed is None else self._freshness.by_list(sources, listed)

    def _worth(self, sources: Collection[Source]) -> int:
        """The calls that it would cost without a list."""
        if not self._is_open("batch"):
            return len(sources)
        current = len(_current(sources))
        return math.ceil(current / BATCH) + len(sources) - current

    def _list(self, worth: int) -> dict[str, Listed] | None:
        listed: dict[str, Listed] = {}
        pages = self._api.pages(self._terms)
        ends_at = self._clock() + _LONGEST
        for _ in range(worth):
            page = next(pages, None)
            if page is None:
                return listed
            listed |= page
            if self._clock() > ends_at:
                return None
        # Whether there is another page is known once the last one is here.
        return listed if _is_over(pages) else None

    def _by_batches(self, sources: Collection[Source]) -> frozenset[Source] | None:
        current: dict[str, str | Refusal] = {}
        ends_at = self._clock() + _LONGEST
        for names in _batches(sorted(_current(sources))):
            current |= self._api.current_versions(names, self._terms())
            if self._clock() > ends_at:
                return None
        return self._freshness.by_versions(sources, current)

    def _terms(self) -> Terms:
        return Terms(deadline=Deadline.within(self._timeout), background=True)

    def _log_refused(self, way: str, refused: Refusal) -> None:
        if way in self._logged:
            return
        self._logged.add(way)
        action = _ACTIONS[way]
        self._log.info(
            "a survey is not possible in this way",
            extra={
                "operation": "list",
                "reason": f"secretsmanager:{action} is refused ({refused.code}); allow it for fewer calls",
            },
        )


def _current(sources: Collection[Source]) -> set[str]:
    """The names and ARNs of which the current version is wanted."""
    return {source.path for source in sources if not source.version}


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[at : at + BATCH] for at in range(0, len(names), BATCH))


def _is_over(pages: Iterator[dict[str, Listed]]) -> bool:
    return next(pages, None) is None


def _fault(refused: Refusal) -> BackendFault | None:
    """The fault behind a refused survey, None where it is not allowed or not offered."""
    return None if refused.is_denied else faults.of_backend(refused)
