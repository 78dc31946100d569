"""What a single run says: a line about each Secret, a tally, and whether all of it is right.

It claims no more than is known: what was not looked at, not listed, not written or not settled counts as
failed. It knows nothing of threads, and writes nothing itself.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendFault, NoAnswerYet, SecretsManagerError, UnknownBackend
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation

# A definition that is due again so soon after so many looks changes faster than it can be brought into step.
_MOST_LOOKS = 50
_EVERYWHERE = "all namespaces"


@dataclass(eq=False)
class Report:
    """Collects the outcomes of one run. Safe from many threads.

    ``several`` is whether there are backends besides that of the flags, so that the one that fails is named.
    """

    several: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _outcomes: dict[tuple[Ref, str | None], Outcome] = field(default_factory=dict)
    _looks: Counter[Ref] = field(default_factory=Counter)
    _restless: set[Ref] = field(default_factory=set)
    _missed: set[Ref] = field(default_factory=set)
    _unwritten: set[Ref] = field(default_factory=set)
    _unlisted: dict[str, SecretsManagerError] = field(default_factory=dict)
    _stopped_by: str = ""

    def add(self, outcome: Outcome) -> None:
        """Take an outcome; a later one about the same Secret counts, and what an earlier one did is kept."""
        about = outcome.definition, outcome.secret if outcome.cleanup else None
        with self._lock:
            self._outcomes[about] = _after(self._outcomes.get(about), outcome)

    def admits(self, ref: Ref) -> bool:
        """Whether a definition may be looked at once more; one that may not has failed."""
        with self._lock:
            self._looks[ref] += 1
            if self._looks[ref] > _MOST_LOOKS:
                self._restless.add(ref)
            return ref not in self._restless

    def unlisted(self, namespace: str | None, error: SecretsManagerError) -> None:
        """The definitions of a namespace could not be listed; None stands for all namespaces."""
        with self._lock:
            self._unlisted[f"namespace {namespace}" if namespace else _EVERYWHERE] = error

    def stopped(self, by: str) -> None:
        """The run was stopped by a signal of this name."""
        self._stopped_by = by

    def unanswered(self) -> list[Ref]:
        """The definitions of which it is too early to say anything."""
        with self._lock:
            return [o.definition for o in self._outcomes.values() if isinstance(o.error, NoAnswerYet)]

    def close(
        self,
        known: Iterable[Ref],
        is_written: Callable[[Outcome], bool],
        complete: Callable[[Outcome], Outcome],
    ) -> None:
        """Hold what came in against all definitions, and against the statuses that they have now.

        ``complete`` adds to an outcome of a definition what was found out about its workloads since.
        """
        with self._lock:
            for about, outcome in self._outcomes.items():
                self._outcomes[about] = outcome if outcome.cleanup else complete(outcome)
            own = {outcome.definition: outcome for outcome in self._outcomes.values() if not outcome.cleanup}
            self._missed = set(known) - {outcome.definition for outcome in self._outcomes.values()}
            self._unwritten = {ref for ref, outcome in own.items() if not is_written(outcome)}

    def in_step(self) -> bool:
        """Whether nothing failed, and nothing is missing."""
        missing = self._restless or self._missed or self._unwritten or self._unlisted or self._stopped_by
        return not missing and all(outcome.in_step for outcome in self._outcomes.values())

    def lines(self) -> list[str]:
        """One line each, in the order of names, then the tally."""
        ordered = sorted(self._outcomes.values(), key=lambda o: (o.definition, o.cleanup, o.secret or ""))
        unlisted = [
            f"{where}: SecretDefinitions not listed: {error.reason}: {error.message}"
            for where, error in sorted(self._unlisted.items())
        ]
        missed = [f"{ref} was not reconciled" for ref in sorted(self._missed)]
        return [*unlisted, *map(self._line, ordered), *missed, self._tally()]

    def _tally(self) -> str:
        words = Counter(map(self._word, self._outcomes.values()))
        counts = [f"{count} {word}" for word, count in sorted(words.items())]
        counts += failed_backends((each.error for each in self._outcomes.values()), several=self.several)
        if self._missed:
            counts.append(f"{len(self._missed)} not reconciled")
        if self._unwritten:
            counts.append(f"{len(self._unwritten)} without their status")
        if self._unlisted:
            counts.append(_not_listed(self._unlisted))
        if self._stopped_by:
            counts.append(f"stopped by {self._stopped_by}")
        return ", ".join(counts) or "no definitions"

    def _word(self, outcome: Outcome) -> str:
        right = outcome.in_step and not self._is_restless(outcome)
        return outcome.operation.value if right else "failed"

    def _line(self, outcome: Outcome) -> str:
        what = f"{outcome.definition} Secret {outcome.secret or '?'}"
        if outcome.error is not None:
            line = f"{what}: {outcome.error.reason}: {outcome.error.message}"
        elif self._is_restless(outcome):
            line = f"{what}: changes faster than it is reconciled: given up after {_MOST_LOOKS} times"
        else:
            line = f"{what}: {outcome.operation.value} ({outcome.reason})"
            line = f"{line}; {outcome.not_restarted}" if outcome.not_restarted else line
        unwritten = not outcome.cleanup and outcome.definition in self._unwritten
        return f"{line}; its status could not be written" if unwritten else line

    def _is_restless(self, outcome: Outcome) -> bool:
        return not outcome.cleanup and outcome.definition in self._restless


def failed_backends(errors: Iterable[SecretsManagerError | None], *, several: bool) -> list[str]:
    """The backends that could not be read, in the order of their names, each with the reasons; pure.

    Without ``several`` only those that the settings do not know.
    """
    reasons: dict[str, set[str]] = defaultdict(set)
    for error in errors:
        if isinstance(error, UnknownBackend):
            reasons[error.name].add(error.reason)
        elif isinstance(error, BackendFault) and several:
            reasons[error.backend or DEFAULT_BACKEND].add(error.reason)
    return [f"backend {name} failed ({', '.join(sorted(why))})" for name, why in sorted(reasons.items())]


def _after(before: Outcome | None, outcome: Outcome) -> Outcome:
    """The outcome of two reconciles: a definition is looked at again after its workloads were restarted."""
    unchanged = outcome.in_step and outcome.operation is Operation.UNCHANGED
    if not unchanged or before is None or before.secret != outcome.secret or not before.in_step:
        return outcome
    return replace(outcome, operation=before.operation, reason=before.reason)


def _not_listed(scopes: Collection[str]) -> str:
    if _EVERYWHERE in scopes:
        return f"{_EVERYWHERE} not listed"
    return f"{len(scopes)} namespace{'s' if len(scopes) > 1 else ''} not listed"
