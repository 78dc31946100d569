"""Whether a soak went well: samples and findings in, a list of judgements out. Pure.

Each judgement names its subject, the finding and the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from chaos.soak.samples import Sample
from tests.testbed.logbook import Logbook

# So many samples are taken of the calm at the end. A level is judged by the lowest of them: a poll that is
# due at the moment of a sample is a key that waits, and a connection that it opens is a descriptor.
CALM_LOOKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a good run.

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
    """The findings of a run.

    Attributes:
        samples: in their order; the last ``CALM_LOOKS`` were taken after all faults, with everything in step.
        faults: Secrets that went back, were written in part, or deleted.
        restarts: of a workload, without a change, twice for one, or missing.
        amiss: Secrets that were not what their definition says when there was time enough.
        left_over: definitions that were deleted and did not go.
        strays: subjects of metrics that were gone.
        logbook: of the whole log.
        exit_code: of the daemon after SIGTERM, or of its own.

    """

    samples: Sequence[Sample]
    faults: Sequence[str]
    restarts: Sequence[str]
    amiss: Sequence[str]
    left_over: Sequence[str]
    strays: Sequence[str]
    logbook: Logbook
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one subject."""

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
        _queue([sample.depth for sample in samples[-CALM_LOOKS:]]),
        _none("Secrets that went back, in part or deleted", evidence.faults),
        _none("restarts too many or missing", evidence.restarts),
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
    """The fraction by which the median of resident memory grew from the second third to the last."""
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
    """The level of the calm at the end against the highest number of the first third."""
    level, end = max(numbers[: max(1, len(numbers) // 3)]), min(numbers[-CALM_LOOKS:])
    seen = f"{end} at the end, {level} at most in the first third, {max(numbers)} at most"
    return Judgement(what=what, good=end <= level + slack, seen=seen)


def _queue(depths: Sequence[float | None]) -> Judgement:
    """Whether the queue was empty at one of the last looks, and /metrics answered at the very last."""
    known = [depth for depth in depths if depth is not None]
    good = depths[-1] is not None and min(known) == 0
    return Judgement(what="queue empty", good=good, seen=f"at the last looks {depths} keys wait")


def _none(what: str, found: Sequence[str]) -> Judgement:
    examples = f": {'; '.join(found[:3])}" if found else ""
    return Judgement(what=what, good=not found, seen=f"{len(found)}{examples}")
