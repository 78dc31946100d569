"""Retries for steps that must not be left half done: for some seconds, while what they need is at hand.

Pure, except for the pauses: it knows neither what a step does nor which faults are worth another try.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from secrets_manager.domain.errors import SecretsManagerError

_T = TypeVar("_T")

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryWindow:
    """Tries begin for ``seconds``; pauses between them double up to a second.

    The time stays below what a stop of the process grants to work in flight. ``clock`` gives monotonic
    seconds.
    """

    seconds: float = 7.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(self, step: Callable[[], _T], is_worth_it: Callable[[SecretsManagerError], bool]) -> _T:
        """The result of ``step``; raises its last error, or the first that is not worth another try."""
        ends_at = self.clock() + self.seconds
        pause = _FIRST_PAUSE
        while True:
            try:
                return step()
            except SecretsManagerError as error:
                asked = getattr(error, "retry_after", None) or 0.0
                wait = max(pause, asked)
                if not is_worth_it(error) or self.clock() + wait >= ends_at:
                    raise
            self.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)
