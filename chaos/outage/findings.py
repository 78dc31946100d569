"""The findings of an outage against the promises. Pure: moments in, findings out.

Knows nothing of servers and processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import percentile

# For so long a backend that is away is tried once a second, and after that once in five seconds.
EAGER_SECONDS = 60.0
# Until the circuit breaker opens, calls under way fail, too.
OPENING_SECONDS = 10.0
# Changes that do not depend on the server that is away may take so many times as long as without the fault.
DELAYED = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One number, and the most it may be; None without a promise."""

    what: str
    value: float
    most: float | None = None
    unit: str = ""

    @property
    def good(self) -> bool:
        """Whether the promise was kept."""
        return self.most is None or self.value <= self.most

    def text(self) -> str:
        """The finding as a line."""
        promise = "" if self.most is None else f"  (at most {self.most:g}{self.unit})"
        return f"{'good' if self.good else 'BAD ':4}  {self.what}: {self.value:.4g}{self.unit}{promise}"


def attempt_findings(moments: Sequence[float], outage: float) -> list[Finding]:
    """Findings on the attempts to reach a server that is away, in seconds since it went."""
    eager = [moment for moment in moments if OPENING_SECONDS <= moment < min(EAGER_SECONDS, outage)]
    patient = [moment for moment in moments if EAGER_SECONDS + OPENING_SECONDS <= moment < outage]
    findings = [
        Finding(what="attempts in all", value=len(moments)),
        Finding(what="attempts while the breaker opened", value=sum(m < OPENING_SECONDS for m in moments)),
    ]
    if outage > OPENING_SECONDS:
        seconds = min(EAGER_SECONDS, outage) - OPENING_SECONDS
        # A probe comes after 0.9 to 1.1 s.
        findings.append(
            Finding(what="then, a second, in the first minute", value=len(eager) / seconds, most=1.2)
        )
    if outage > EAGER_SECONDS + OPENING_SECONDS:
        seconds = outage - EAGER_SECONDS - OPENING_SECONDS
        findings.append(
            Finding(what="after that, in five seconds", value=5 * len(patient) / seconds, most=1.2)
        )
        findings.append(Finding(what="after that, most in any five seconds", value=busiest(patient, 5.0)))
    return findings


def delay(before: Sequence[float], during: Sequence[float]) -> list[Finding]:
    """Findings on how long changes took, without a fault and with it, that do not depend on what is away."""
    usual, now = percentile(before, 95), percentile(during, 95)
    return [
        Finding(what="changes of the others", value=len(before) + len(during)),
        Finding(what="p95 without the fault", value=usual, unit=" s"),
        Finding(what="p95 with it", value=now, unit=" s"),
        Finding(what="times as long", value=now / usual, most=DELAYED),
    ]


def busiest(moments: Sequence[float], span: float) -> int:
    """The most moments in any stretch of `span` seconds, its end not included."""
    ordered = sorted(moments)
    return max((sum(first <= each < first + span for each in ordered) for first in ordered), default=0)


def freshness(latencies: Sequence[float], most: float) -> list[Finding]:
    """Findings on the seconds from the return of a server to each fresh Secret."""
    ordered = sorted(latencies)
    return [
        Finding(what="first fresh Secret after", value=ordered[0], unit=" s"),
        Finding(what="half fresh after", value=ordered[len(ordered) // 2], unit=" s"),
        Finding(what="all fresh after", value=ordered[-1], most=most, unit=" s"),
    ]
