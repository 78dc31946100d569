"""When a status is written: at once, or after the Secrets that others wait for.

Writing a status takes an API server as long as two Secrets. So when many definitions wait for a look, as
at a start or when many values have changed at once, what came of each is owed until no Secret waits any more:
all Secrets are right after half the time, and all statuses as soon as before.

A status of a definition is written by one thread at a time, in the order of the looks, and always tells of
the newest. What is owed at an end of the process is written by whoever leads next, who looks at everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import PermanentError, SecretsManagerError
from secrets_manager.domain.outcome import Outcome
from secrets_manager.sync.following import Key, look, status
from secrets_manager.sync.teller import Teller
from secrets_manager.sync.work_queue import Lane, WorkQueue


class Settled(NamedTuple):
    """What is known after a look or a status: what is wrong, and whether that is all there is to know."""

    error: SecretsManagerError | None
    final: bool = True


# Nothing follows: the look is tried again for its own error, or a newer one has seen to everything.
_OVER = Settled(None, final=False)


class _Owed(NamedTuple):
    """What a status has to tell, and what else was wrong at that look."""

    outcome: Outcome
    error: SecretsManagerError | None


@dataclass(eq=False, kw_only=True)
class Statuses:
    """Writes the status of each look, or sees to it that it is written after. Safe from many threads."""

    queue: WorkQueue[Key]
    teller: Teller
    _owed: dict[Ref, _Owed] = field(default_factory=dict)

    def after_look(self, ref: Ref, outcomes: list[Outcome]) -> Settled:
        """Write what a look at ``ref``, whose key is being worked on, says of its status, or owe it."""
        error = worst([outcome.error for outcome in outcomes])
        news = next((outcome for outcome in outcomes if not outcome.cleanup), None)
        # One that waits or is being written is not overtaken: it would be written last, and is older. Nor is
        # it known yet what will be news after it.
        if not self.queue.is_known(status(ref)):
            if not self.queue.is_pressed(look(ref)):
                return Settled(worst([error, *map(self.teller.write_status, outcomes)]))
            if news is not None and not self.teller.has_news(news):
                news = None
        if news is None:
            self._owed.pop(ref, None)
            return Settled(error)
        self._owed[ref] = _Owed(news, error)
        self.queue.add(status(ref), Lane.AFTER)
        return Settled(error, final=False)

    def write(self, ref: Ref) -> Settled:
        """Write the status that is owed for ``ref``, if one is."""
        owed = self._owed.pop(ref, None)
        if owed is None:
            return _OVER
        error = self.teller.write_status(owed.outcome)
        if owed.error is not None and (error is None or not isinstance(owed.error, PermanentError)):
            return _OVER
        return Settled(worst([owed.error, error]))

    def forget(self, ref: Ref) -> None:
        """Let go of a definition that is gone."""
        self._owed.pop(ref, None)


def worst(errors: list[SecretsManagerError | None]) -> SecretsManagerError | None:
    """The error that decides on the next try: what may work later comes before what a person must mend."""
    return min(filter(None, errors), key=lambda each: isinstance(each, PermanentError), default=None)
