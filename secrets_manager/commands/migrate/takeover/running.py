"""Takes a hand-over from step to step until it ends, or only says what the first step would be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.faults import code_of, told
from secrets_manager.commands.migrate.comparing import Comparison
from secrets_manager.commands.migrate.takeover.acting import Hand
from secrets_manager.commands.migrate.takeover.deciding import (
    ENDS,
    Bounds,
    Decide,
    Do,
    Step,
    return_after_failure,
)
from secrets_manager.commands.migrate.takeover.gathering import Gatherer
from secrets_manager.commands.migrate.takeover.state import Snapshot, State
from secrets_manager.commands.migrate.wished import Wish
from secrets_manager.domain.errors import Conflict, SecretsManagerError

__all__ = ["Result", "Runner"]

_PAUSE = 0.25
# A hand-over has eight writes at most; beyond that somebody undoes them.
_MOST_STEPS = 40


@dataclass(slots=True)
class Result:
    """What became of one hand-over.

    Attributes:
        state: the last one that was seen; None where nothing could be read.
        done: the steps that were taken; in a dry run the first that would be.
        end: the last decision: DONE, LEAVE, or in a dry run any other.
        went_back: why the definition was taken away again, "" where it was not.
        code: the exit code for it.

    """

    wish: Wish
    compared: Comparison
    state: State | None = None
    done: list[Step] = field(default_factory=list)
    end: Step = field(default_factory=lambda: Step(Do.LEAVE))
    went_back: str = ""
    code: Exit = Exit.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """One hand-over after the other. ``yes`` says whether anything is done; ``timeout`` is of each wait."""

    gatherer: Gatherer
    hand: Hand
    decide: Decide
    yes: bool
    timeout: float
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], object] = time.sleep

    def run(self, wish: Wish, compared: Comparison, *, anyway: bool = False) -> Result:
        """What became of it; an error is in the result, so that what was done before is told, too."""
        result = Result(wish=wish, compared=compared)
        try:
            self._run(result, anyway=anyway)
        except SecretsManagerError as error:
            result.end, result.code = Step(Do.LEAVE, told(error)), code_of(error)
        else:
            well = result.end.do is not Do.LEAVE and not result.went_back
            result.code = Exit.OK if well else Exit.NO
        return result

    def _run(self, result: Result, *, anyway: bool) -> None:
        wish, decide = result.wish, self.decide
        before: Snapshot | None = None
        ends = self.clock() + self.timeout
        for _ in range(_MOST_STEPS):
            while True:
                state = result.state = self.gatherer.gather(wish, result.compared)
                before = before or Snapshot.of(state.secret)
                step = decide(state, Bounds(before=before, late=self.clock() >= ends, anyway=anyway))
                if step.do is not Do.WAIT or not self.yes:
                    break
                self.pause(_PAUSE)
            result.end = step
            if step.do in ENDS or not self.yes:
                return
            if step.do is Do.GO_BACK:
                result.went_back, decide = step.why, return_after_failure
            else:
                self._do(step, result, state)
            ends = self.clock() + self.timeout
        result.end = Step(Do.LEAVE, "somebody undoes the steps as soon as they are taken")

    def _do(self, step: Step, result: Result, state: State) -> None:
        try:
            self.hand.do(step, result.wish, state)
        except Conflict:
            # Somebody wrote in between: the state is looked at anew.
            return
        result.done.append(step)
