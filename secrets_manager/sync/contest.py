"""Another writer that undoes each repair of a Secret, and how often it is repaired then.

Two writers that both put their own value back at once would write for ever, as fast as the API server lets
them. So after ten repairs within a minute the next ones wait: ten seconds, twenty, at last a minute. The
Secret is still repaired, only later, and the fields in dispute are reported. Once no repair was undone for a
while, repairs are immediate again.

Decisions take no clock and make no call; times are monotonic seconds.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from secrets_manager.domain.clash import Field, describe_field, is_content
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Contested
from secrets_manager.domain.outcome import Outcome

_T = TypeVar("_T")

QUICK_REPAIRS = 10
WITHIN_SECONDS = 60.0
FIRST_PAUSE = 10.0
LONGEST_PAUSE = 60.0
# The data counts as right when no repair was undone for this long; after the longer time the contest is over.
HOLD_SECONDS = 10.0
QUIET_SECONDS = 150.0
_MOST_FIELDS = 5
_MOST_WRITERS = 3


@dataclass(frozen=True, slots=True)
class Contest:
    """The repairs of one Secret. ``digest`` is a digest of its definition: a new one starts a new contest.

    ``slow`` counts the repairs since they became slow, 0 while they are not; ``drifted_at`` is when the
    Secret was last seen to be wrong.
    """

    digest: bytes
    repairs: tuple[float, ...] = ()
    slow: int = 0
    drifted_at: float = -math.inf
    fields: tuple[Field, ...] = ()
    writers: tuple[str, ...] = ()

    def due_at(self) -> float:
        """When the Secret may be repaired again."""
        if not self.slow:
            return -math.inf
        return self.repairs[-1] + min(FIRST_PAUSE * 2.0 ** min(self.slow - 1, 10), LONGEST_PAUSE)

    def is_close(self) -> bool:
        """Whether repairs are slow, or will be after the next: it is time to find out the writer."""
        return self.slow > 0 or len(self.repairs) >= QUICK_REPAIRS - 1

    def is_over(self, now: float) -> bool:
        """Whether no repair was undone for so long that the contest is over."""
        return now - self.drifted_at >= QUIET_SECONDS

    def is_doubtful(self, now: float) -> bool:
        """Whether the data is in dispute, and was wrong a moment ago."""
        return any(map(is_content, self.fields)) and now - self.drifted_at < HOLD_SECONDS

    def again_in(self, now: float) -> float:
        """Seconds until there may be something to do or to report."""
        moments = (self.due_at(), self.drifted_at + HOLD_SECONDS, self.drifted_at + QUIET_SECONDS)
        return min((moment - now for moment in moments if moment > now), default=0.0)

    def with_drift(self, now: float) -> Contest:
        """The contest after the Secret was found wrong, and left so for now."""
        return replace(self, drifted_at=now)

    def with_repair(self, now: float, fields: Iterable[Field], writers: Iterable[str]) -> Contest:
        """The contest after a repair of ``fields``, which ``writers`` seem to have changed."""
        repairs = (*self.repairs, now)[-QUICK_REPAIRS:]
        many = len(repairs) == QUICK_REPAIRS and now - repairs[0] <= WITHIN_SECONDS
        return replace(
            self,
            repairs=repairs,
            slow=self.slow + 1 if self.slow or many else 0,
            drifted_at=now,
            fields=_extend(self.fields, fields, _MOST_FIELDS) if self.slow or many else (),
            writers=_extend(self.writers, writers, _MOST_WRITERS),
        )

    def sentence(self, secret: str) -> str:
        """The sentence for a person; it stays the same until a new field or writer is found."""
        fields = ", ".join(map(describe_field, self.fields))
        who = ", ".join(map(repr, self.writers)) or "another writer that left no name"
        return (
            f"{who} undoes each repair of Secret {secret!r} ({fields}), so repairs are slowed down; "
            "let only one of the two write it"
        )


@dataclass(eq=False)
class Contests:
    """The contest of each definition over its Secret; safe from many threads."""

    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[Ref, Contest] = field(default_factory=dict)

    def of(self, ref: Ref, digest: bytes) -> Contest:
        """The contest of a definition with this digest; a new one where there is none."""
        known = self._known.get(ref)
        if known is None or known.digest != digest or known.is_over(self.clock()):
            self.forget(ref)
            return Contest(digest)
        return known

    def knows(self, ref: Ref) -> bool:
        """Whether a definition's Secret was repaired lately."""
        return ref in self._known

    def note(self, ref: Ref, contest: Contest) -> None:
        """Remember the state of a contest."""
        with self._lock:
            self._known[ref] = contest

    def holds_off(self, ref: Ref) -> bool:
        """Whether a change of the Secret needs no reconcile now: there will be one when the pause is over."""
        known = self._known.get(ref)
        return known is not None and self.clock() < known.due_at()

    def is_active(self, ref: Ref) -> bool:
        """Whether repairs of a definition's Secret are slow."""
        known = self._known.get(ref)
        return known is not None and known.slow > 0

    def forget(self, ref: Ref) -> None:
        """Drop the contest of a definition."""
        with self._lock:
            self._known.pop(ref, None)


def with_contest(outcome: Outcome, contest: Contest, now: float, *, right: bool) -> Outcome:
    """The outcome with what a contest adds; ``right`` says whether the data is as it should be."""
    if not contest.slow:
        return outcome
    sentence = contest.sentence(outcome.secret or "")
    error = None if right else Contested(sentence)
    return replace(outcome, contested=sentence, error=error, again_in=contest.again_in(now))


def _extend(known: tuple[_T, ...], found: Iterable[_T], most: int) -> tuple[_T, ...]:
    """``known`` and then what is new in ``found``, ``most`` at most, so that the sentence settles."""
    new = sorted(set(found) - set(known), key=repr)
    return (*known, *new)[:most]
