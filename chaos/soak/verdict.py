"""Whether a soak went well: samples and findings in, a list of judgements out. Pure.

Each judgement says what was looked at, what was seen and what was allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from chaos.soak.logbook import Logbook
from chaos.soak.samples import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is allowed.

    Attributes:
        growth: of resident memory from the second third to the last, by their medians.
        peak: of resident memory, in MiB.
        threads: more than there were at the most in the first third.
        descriptors: as `threads`.
        other_series: series that are about no Secret and no path, at the end.

    """

    growth: float = 0.05
    peak: float = 300.0
    threads: int = 0
    descriptors: int = 0
    other_series: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a run has shown.

    Attributes:
        samples: in their order; the last ones were taken after all faults, with everything in step.
        faults: Secrets that went back, were written in part, or deleted.
        amiss: Secrets that were not what their definition says when there was time enough.
        left_over: definitions that were deleted and did not go.
        strays: what metrics still spoke of although it was gone.
        logbook: of the whole log.
        exit_code: of the daemon after SIGTERM; what it ended with if it ended by itself.

    """

    samples: Sequence[Sample]
    faults: Sequence[str]
    amiss: Sequence[str]
    left_over: Sequence[str]
    strays: Sequence[str]
    logbook: Logbook
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One thing that was looked at."""

    what: str
    good: bool
    seen: str


def judge(evidence: Evidence, limits: Limits) -> list[Judgement]:
    """All judgements; the run was good when each is."""
    samples = evidence.samples
    other = samples[-1].other_series
    return [
        _growth(samples, limits.growth),
        _peak(samples, limits.peak),
        _level("threads", [sample.threads for sample in samples], limits.threads),
        _level("descriptors", [sample.descriptors for sample in samples], limits.descriptors),
        _none("series of what is gone", evidence.strays),
        Judgement(
            what="series about nothing in particular",
            good=other is not None and other <= limits.other_series,
            seen=f"{other}, allowed {limits.other_series}",
        ),
        Judgement(what="queue empty", good=samples[-1].depth == 0, seen=f"{samples[-1].depth} keys wait"),
        _none("Secrets that went back, in part or deleted", evidence.faults),
        _none("Secrets not in step at the end", evidence.amiss),
        _none("definitions that did not go", evidence.left_over),
        _none("unexpected errors in the log", evidence.logbook.errors),
        Judgement(
            what="canaries in the log",
            good=evidence.logbook.leaks == 0,
            seen=f"{evidence.logbook.leaks} lines",
        ),
        Judgement(what="exit", good=evidence.exit_code == 0, seen=f"code {evidence.exit_code}"),
    ]


def growth(samples: Sequence[Sample]) -> float:
    """By which part the median of resident memory grew from the second third to the last."""
    third = len(samples) // 3
    if third == 0:
        return 0.0
    # Medians: a reply of many MB may stand for a moment, and is no growth.
    middle, last = (
        median(each.resident for each in part) for part in (samples[third:-third], samples[-third:])
    )
    return last / middle - 1


def _growth(samples: Sequence[Sample], allowed: float) -> Judgement:
    grown = growth(samples)
    return Judgement(
        what="memory after the first third",
        good=grown < allowed,
        seen=f"{grown:+.1%}, allowed {allowed:.0%}",
    )


def _peak(samples: Sequence[Sample], allowed: float) -> Judgement:
    peak = max(sample.resident for sample in samples)
    return Judgement(
        what="memory at the most", good=peak <= allowed, seen=f"{peak:.0f} MiB, allowed {allowed:.0f} MiB"
    )


def _level(what: str, numbers: Sequence[int], slack: int) -> Judgement:
    """The last number against the highest of the first third."""
    level = max(numbers[: max(1, len(numbers) // 3)])
    seen = f"{numbers[-1]} at the end, {level} at most in the first third, {max(numbers)} at most"
    return Judgement(what=what, good=numbers[-1] <= level + slack, seen=seen)


def _none(what: str, found: Sequence[str]) -> Judgement:
    examples = f": {'; '.join(found[:3])}" if found else ""
    return Judgement(what=what, good=not found, seen=f"{len(found)}{examples}")
