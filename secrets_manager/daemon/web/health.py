"""Decides whether the process is alive and whether it is ready, from the checks that it is given.

Alive (``/healthz``): every thread with a heartbeat has beaten lately, and calls end at their deadlines and
log lines are written. Ready (``/readyz``): besides that the cluster has been listed, the API server accepts
our identity, nothing keeps us from the Lease, and the leader has logged in to the backend, or to one of
several. A backend that fails later does not make the process unready, since a restart would mend nothing and
the process recovers by itself; credentials that are refused once the token has ended do, since a person has
to act, unless another backend can be read meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Check:
    """One named condition: ``ask`` returns None when it holds, or why it does not."""

    name: str
    ask: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check; ``reason`` is None when it holds, ``matters`` says whether it has to."""

    name: str
    reason: str | None = None
    matters: bool = True

    @property
    def fails(self) -> bool:
        """Whether the probe fails because of it."""
        return self.reason is not None and self.matters

    def line(self) -> str:
        """Its line in the reply."""
        if self.reason is None:
            return f"[+]{self.name} ok\n"
        return f"[-]{self.name} failed: {self.reason}\n"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The answer to a probe of that name."""

    name: str
    findings: tuple[Finding, ...] = ()

    @property
    def good(self) -> bool:
        """Whether every check holds that has to."""
        return not any(finding.fails for finding in self.findings)

    def text(self, *, verbose: bool = False) -> str:
        """The body of the reply, in the form of k8s.io/apiserver's healthz: what fails, or all if verbose."""
        if verbose:
            lines = "".join(finding.line() for finding in self.findings)
            return f"{lines}{self.name} check {'passed' if self.good else 'failed'}\n"
        return "".join(finding.line() for finding in self.findings if finding.fails) or "ok\n"


@dataclass(eq=False)
class Health:
    """The checks behind the two probes. Of ``alternatives`` one that holds is enough."""

    live: Sequence[Check] = field(default_factory=list)
    ready: Sequence[Check] = field(default_factory=list)
    alternatives: Sequence[Check] = field(default_factory=list)

    def liveness(self) -> ProbeResult:
        """For /healthz."""
        return ProbeResult("healthz", tuple(_judge(self.live)))

    def readiness(self) -> ProbeResult:
        """For /readyz; a process that is not alive is not ready either."""
        asked = _judge(self.alternatives)
        one_holds = any(each.reason is None for each in asked)
        others = [Finding(each.name, each.reason, matters=not one_holds) for each in asked]
        return ProbeResult("readyz", (*_judge([*self.live, *self.ready]), *others))


def _judge(checks: Sequence[Check]) -> list[Finding]:
    return [Finding(check.name, check.ask()) for check in checks]
