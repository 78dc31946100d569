"""The results of a run among sick definitions, and their figures. Pure.

Other scenarios are compared with the floor; a part with sick definitions is compared with the part that has
as many healthy ones alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Figure, latency_figures, percentile
from bench.meter import Stretch
from bench.plans import MOUNT

_LISTENING = frozenset({"watch", "list"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One estate, from the start of the daemon until every condition was written.

    Attributes:
        healthy: how many definitions can become a Secret.
        sick: how many cannot.
        cold: the activity of the daemon.
        logged: how many lines it logged until its end.
        complaints: how many of them report a definition that is out of sync.
        faults: how many report a fault of the daemon's own.

    """

    healthy: int
    sick: int
    cold: Stretch
    logged: int
    complaints: int
    faults: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """The time after the cold start: a quiet stretch, and then healthy definitions that were made."""

    quiet: Stretch
    latencies: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All parts."""

    alone: Part
    one_in_ten: Part
    all_sick: Part
    aftermath: Aftermath
    calm: Part
    crowded: Part


def figures(found: Found) -> Sequence[Figure]:
    """The figures of all parts; those with sick ones beside the same of the healthy ones alone. Pure."""
    parts = (found.alone, found.one_in_ten, found.all_sick, found.calm, found.crowded)
    return (
        *_of_healthy("healthy", found.alone),
        *_of_healthy("one in ten", found.one_in_ten, beside=found.alone),
        *_of_sick("one in ten", found.one_in_ten),
        *_of_costs("all", found.all_sick, beside=found.alone),
        *_of_sick("all", found.all_sick),
        *_of_aftermath(found.aftermath, found.all_sick),
        *_of_healthy("spread", found.calm),
        *_of_healthy("one namespace", found.crowded, beside=found.calm),
        *_of_sick("one namespace", found.crowded),
        Figure(name="faults of its own in the logs", value=sum(each.faults for each in parts)),
        Figure(name="Kubernetes calls refused", value=sum(_refused(each.cold) for each in parts)),
    )


def _of_healthy(title: str, part: Part, beside: Part | None = None) -> Sequence[Figure]:
    def made(each: Part) -> tuple[float, float, float]:
        ages = _ages(each.cold, "create secrets")
        return percentile(ages, 50), percentile(ages, 95), max(ages)

    floors = made(beside) if beside else (None, None, None)
    names = ("Secrets made, p50", "Secrets made, p95", "last Secret")
    rows = [
        Figure(name=f"{title}: {name}", value=value, unit="s", floor=floor)
        for name, value, floor in zip(names, made(part), floors, strict=True)
    ]
    return (*rows, *_of_costs(title, part, beside=beside))


def _of_costs(title: str, part: Part, beside: Part | None = None) -> Sequence[Figure]:
    def figure(name: str, of: Callable[[Part], float], unit: str = "") -> Figure:
        return Figure(
            name=f"{title}: {name}", value=of(part), unit=unit, floor=of(beside) if beside else None
        )

    return (
        figure("all reported", _all_reported, "s"),
        figure("reported a second", lambda each: _count(each) / _all_reported(each)),
        figure("Kubernetes calls per definition", lambda each: len(each.cold.kubernetes) / _count(each)),
        figure("backend calls per definition", lambda each: len(each.cold.backend) / _count(each)),
        figure("CPU per definition", lambda each: 1000 * each.cold.cpu / _count(each), "ms"),
        figure("memory peak", lambda each: each.cold.memory.peak, "MiB"),
        figure("log lines per definition", lambda each: each.logged / _count(each)),
    )


def _of_sick(title: str, part: Part) -> Sequence[Figure]:
    statuses = len(_ages(part.cold, "update secretdefinitions/status"))
    return (
        Figure(name=f"{title}: sick", value=part.sick),
        Figure(name=f"{title}: statuses per definition", value=statuses / _count(part)),
        Figure(name=f"{title}: complaints logged per sick", value=part.complaints / part.sick),
        Figure(name=f"{title}: Events", value=len(_ages(part.cold, "create events"))),
    )


def _of_aftermath(aftermath: Aftermath, part: Part) -> Sequence[Figure]:
    quiet = aftermath.quiet
    minutes = quiet.seconds / 60
    asked = sum(call.verb not in _LISTENING for call in quiet.kubernetes)
    reads = sum(call.path.startswith(MOUNT) for call in quiet.backend)
    return (
        Figure(name="all, quiet: Kubernetes calls but watch and list per minute", value=asked / minutes),
        Figure(name="all, quiet: backend reads per minute", value=reads / minutes),
        Figure(
            name="all, quiet: other backend calls per minute", value=(len(quiet.backend) - reads) / minutes
        ),
        Figure(name="all, quiet: CPU per minute", value=quiet.cpu / minutes, unit="s"),
        Figure(
            name="all, quiet: memory after",
            value=quiet.memory.resident,
            unit="MiB",
            floor=part.cold.memory.resident,
        ),
        Figure(
            name="all, quiet: memory peak", value=quiet.memory.peak, unit="MiB", floor=part.cold.memory.peak
        ),
        *latency_figures("all: new definition to Secret", aftermath.latencies),
    )


def _ages(stretch: Stretch, kind: str) -> list[float]:
    """Seconds from the start to the answer of each call of a kind that was granted."""
    return [call.at - stretch.began for call in stretch.kubernetes if call.kind == kind and call.status < 300]


def _all_reported(part: Part) -> float:
    return max(_ages(part.cold, "update secretdefinitions/status"))


def _count(part: Part) -> int:
    return part.healthy + part.sick


def _refused(stretch: Stretch) -> int:
    return sum(call.status >= 400 for call in stretch.kubernetes)
