"""The polls that find out early that a backend, or a part of it, is well again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from secrets_manager.backends.base import Source
from secrets_manager.sync.queue.keys import Key, KeyKind
from secrets_manager.sync.queue.poll_schedule import PollSchedule
from secrets_manager.sync.reading.fault_domains import FaultDomains
from secrets_manager.sync.reading.slow_sources import SlowSources
from secrets_manager.sync.source_ledger import SourceLedger

_TIDY_AFTER = 5.0


@dataclass(eq=False, kw_only=True)
class Probing:
    """Chooses the polls that are probes; makes no call itself. ``clock`` gives monotonic seconds."""

    name: str
    domains: FaultDomains
    slow: SlowSources
    schedule: PollSchedule[Key]
    ledger: SourceLedger
    clock: Callable[[], float]
    _tidied_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tidied_at = self.clock()

    def for_backend(self) -> Key | None:
        """The key to poll while the backend as a whole is down; None where there is none.

        A source that is sick by itself comes last: it would show nothing about the others, and may be slow.
        """
        first = self.schedule.first_due
        return first(self._is_well) or first(self._is_quick) or first(self._is_ours)

    def for_parts(self) -> list[Key]:
        """The keys to poll now for the parts that are sick."""
        return [
            Key.source(source) if source.path else Key.survey(self.name) for source in self.domains.probes()
        ]

    def is_refused(self, key: Key) -> bool:
        """Whether ``key`` is a poll that would be refused."""
        return (
            isinstance(key.subject, Source)
            and key.kind is KeyKind.SOURCE
            and self.domains.refuses(key.subject)
        )

    def tidy(self) -> None:
        """Now and then, forget the sources that no definition uses any more."""
        if self.clock() - self._tidied_at < _TIDY_AFTER:
            return
        self._tidied_at = self.clock()
        used = self.ledger.sources_of(self.name) | {Source("", backend=self.name)}
        self.domains.keep_only(used)
        self.slow.keep_only(used)

    def _is_well(self, key: Key) -> bool:
        return (
            isinstance(key.subject, Source)
            and self._is_quick(key)
            and not self.domains.is_suspect(key.subject)
        )

    def _is_quick(self, key: Key) -> bool:
        source = key.subject
        return (
            isinstance(source, Source)
            and key.kind is KeyKind.SOURCE
            and source.backend == self.name
            and source not in self.slow
        )

    def _is_ours(self, key: Key) -> bool:
        return isinstance(key.subject, Source) and key.subject.backend == self.name
