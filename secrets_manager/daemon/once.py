"""``--once``: reconcile every definition in scope once, say what came of each, and end.

For CI: no Lease, no server, no file. One line a definition on standard output, a tally at the end, and an
exit code that is 0 exactly when everything is in step.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from secrets_manager.cluster.informer import Informer
from secrets_manager.daemon.assembly import Program
from secrets_manager.daemon.workforce import workers_of
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Forbidden, SecretsManagerError
from secrets_manager.domain.outcome import Outcome

log = logging.getLogger("daemon.once")


@dataclass(eq=False)
class Report:
    """Collects the outcomes of one run."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _outcomes: dict[tuple[Ref, str | None], Outcome] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Take an outcome; a later one about the same Secret counts."""
        with self._lock:
            self._outcomes[outcome.definition, outcome.secret if outcome.cleanup else None] = outcome

    def in_step(self) -> bool:
        """Whether nothing failed."""
        return all(outcome.in_step for outcome in self._outcomes.values())

    def lines(self) -> list[str]:
        """One line each, in the order of names, then the tally."""
        ordered = sorted(self._outcomes.values(), key=lambda o: (o.definition, o.cleanup, o.secret or ""))
        tally = Counter(
            outcome.operation.value if outcome.in_step else "failed" for outcome in self._outcomes.values()
        )
        told = ", ".join(f"{count} {word}" for word, count in sorted(tally.items())) or "no definitions"
        return [*map(_line, ordered), told]


def run_once(program: Program, report: Report, write: Callable[[str], object] = sys.stdout.write) -> int:
    """Reconcile everything once; returns the exit code."""
    try:
        for informer in program.informers:
            _list(informer)
    except SecretsManagerError as error:
        log.error("cannot list", extra={"reason": error.reason, "error": error.message})  # noqa: TRY400
        return 1
    workers = [
        threading.Thread(target=_drain, args=(program,), name=f"worker {number}", daemon=True)
        for number in range(workers_of(program.settings))
    ]
    recorder = threading.Thread(target=program.recorder.run, name="events", daemon=True)
    for thread in (*workers, recorder):
        thread.start()
    for worker in workers:
        worker.join()
    program.recorder.close()
    recorder.join(program.settings.kubernetes.request_timeout)
    program.outside.backend.close()
    write("".join(f"{line}\n" for line in report.lines()))
    return 0 if report.in_step() else 1


def _list(informer: Informer) -> None:
    try:
        informer.list_once()
    except Forbidden:
        if not informer.scope.selector:
            raise
        # Secrets that may not be listed are read one by one.
        informer.sink.denied()


def _drain(program: Program) -> None:
    """Work until nothing is left; what failed is not tried again."""
    queue = program.engine.queue
    while not queue.idle():
        program.engine.work_once(timeout=0.05)


def _line(outcome: Outcome) -> str:
    what = f"{outcome.definition} Secret {outcome.secret or '?'}"
    if outcome.error is not None:
        return f"{what}: {outcome.error.reason}: {outcome.error.message}"
    return f"{what}: {outcome.operation.value} ({outcome.reason})"
