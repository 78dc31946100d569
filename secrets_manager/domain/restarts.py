"""Which workloads have to be restarted for which changes of Secrets. Pure; values in, values out.

The level is a time: a Secret whose data changed carries that of the change until all its workloads have been
restarted, and the pod template of a workload that was restarted carries the newest of those it was restarted
for. So whoever comes next, after a crash or a hand-over, sees what is still to do, and does nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from secrets_manager.domain.restart_wish import RestartWish, WorkloadName
from secrets_manager.domain.secret import PREFIX
from secrets_manager.domain.update_times import believable, of_rfc3339, shifted

# On pod templates: the time of the newest change for which the workload was restarted.
RESTARTED_FOR = PREFIX + "restarted-for"

# The beginning of the sentence about what stands in the way.
NOT_RESTARTED = "not all workloads of spec.restart can be restarted: "
# Our clock and that of the API server may differ by less, in seconds.
_CLOCKS_APART = 600.0
# Names in a sentence that is kept with an object.
_MOST_NAMES = 5
_MOST_FAULTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A workload as it is in the cluster. ``created`` is in RFC 3339, ``secrets`` are those its pods use.

    One without a template takes its pods from another workload, and cannot be restarted by itself.
    """

    name: WorkloadName
    uid: str
    version: str
    created: str
    restarted_for: str = ""
    secrets: frozenset[str] = frozenset()
    has_template: bool = True
    deleting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of a Secret's data that workloads are still to be restarted for.

    ``level`` is the time that its writer gave it. ``written`` is when it was written by the clock of the API
    server, "" if that is not known. ``fresh`` says that this process wrote it and has restarted nothing
    since: then no mark of a workload can stand for it, whatever its time.
    """

    secret: str
    level: str
    wish: RestartWish
    fresh: bool = False
    written: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """A decision: restart the workload for these Secrets, and mark it with the level."""

    workload: Workload
    level: str
    secrets: tuple[str, ...]


def is_wanted(wish: RestartWish, secret: str, workload: Workload) -> bool:
    """Whether a change of the Secret has to restart that workload, as the definition wishes."""
    return workload.name in wish.workloads or (wish.referencing and secret in workload.secrets)


def due_restarts(changes: Iterable[Change], workloads: Iterable[Workload], now: datetime) -> list[Restart]:
    """One restart for each workload that still runs with what any of the Secrets held before."""
    index = _Index.of(changes)
    found = (_due(workload, index.wanting(workload), now) for workload in workloads)
    return [restart for restart in found if restart is not None]


def to_be_dated(changes: Iterable[Change], workloads: Iterable[Workload]) -> frozenset[str]:
    """The Secrets for which the clocks matter: a workload was made about when they changed, or later."""
    index = _Index.of(changes)
    return frozenset(
        change.secret
        for workload in workloads
        for change in index.wanting(workload)
        if of_rfc3339(workload.created) > shifted(change.level, -_CLOCKS_APART)
    )


@dataclass(frozen=True, slots=True)
class _Index:
    """The changes by what they name, so that each workload costs the same for many changes as for few."""

    named: dict[WorkloadName, list[Change]] = field(default_factory=dict)
    referenced: dict[str, list[Change]] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Iterable[Change]) -> _Index:
        index = cls()
        for change in changes:
            for name in change.wish.workloads:
                index.named.setdefault(name, []).append(change)
            if change.wish.referencing:
                index.referenced.setdefault(change.secret, []).append(change)
        return index

    def wanting(self, workload: Workload) -> list[Change]:
        """The changes for which a workload is to be restarted, each once."""
        by_name = self.named.get(workload.name, [])
        by_use = [change for secret in workload.secrets for change in self.referenced.get(secret, [])]
        return list({id(change): change for change in (*by_name, *by_use)}.values())


def _due(workload: Workload, wanting: Collection[Change], now: datetime) -> Restart | None:
    if workload.deleting or not workload.has_template:
        return None
    mark = believable(workload.restarted_for, now)
    due = [change for change in wanting if _is_due(workload, mark, change)]
    if not due:
        return None
    newest = max(change.level for change in due)
    level = newest if mark < newest else shifted(mark, 1)
    return Restart(workload=workload, level=level, secrets=tuple(sorted({change.secret for change in due})))


def _is_due(workload: Workload, mark: str, change: Change) -> bool:
    # In the same second the pods may have been the first.
    if of_rfc3339(workload.created) > (of_rfc3339(change.written) or change.level):
        return False
    return change.fresh or mark < change.level


# ── what cannot be done ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """Why workloads are not restarted: names, and sentences of which each is told once."""

    missing: tuple[WorkloadName, ...] = ()
    without_template: tuple[WorkloadName, ...] = ()
    failed: Mapping[WorkloadName, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    def sentence(self) -> str:
        """The sentence for a person; "" when nothing is wrong."""
        failures = [f"{name}: {why}" for name, why in sorted(self.failed.items())]
        parts = [
            *([f"{_listed(self.missing)} not there"] if self.missing else ()),
            *([f"{_listed(self.without_template)} without a pod template"] if self.without_template else ()),
            *_first(dict.fromkeys((*self.faults, *failures))),
        ]
        return f"{NOT_RESTARTED}{'; '.join(parts)}" if parts else ""


def listed(names: Iterable[WorkloadName]) -> str:
    """The names for a message, and how many more there are."""
    ordered = sorted(set(names))
    shown, more = ordered[:_MOST_NAMES], len(ordered) - _MOST_NAMES
    return ", ".join(map(str, shown)) + (f" and {more} more" if more > 0 else "")


def _listed(names: Collection[WorkloadName]) -> str:
    return f"{listed(names)} {'is' if len(set(names)) == 1 else 'are'}"


def _first(sentences: Iterable[str]) -> list[str]:
    every = list(sentences)
    more = len(every) - _MOST_FAULTS
    return [*every[:_MOST_FAULTS], *([f"{more} more faults"] if more > 0 else ())]


def dated(change: Change, written: str) -> Change:
    """The change with the time that the API server gave it."""
    return replace(change, written=written)
