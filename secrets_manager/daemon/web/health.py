"""Decides whether the process is alive and whether it is ready, from the checks that it is given.

Alive (``/healthz``): every thread with a heartbeat has beaten lately, and calls end at their deadlines and
log lines are written. Ready (``/readyz``): besides that the cluster has been listed, the API server accepts
our identity, nothing keeps us from the Lease, and the leader has logged in to the backend. A backend that
fails later does not make the process unready, since a restart would mend nothing and the process recovers by
itself; credentials that are refused once the token has ended do, since a person has to act.
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
class ProbeResult:
    """The answer to a probe: the failed checks with their reasons."""

    failures: tuple[tuple[str, str], ...] = ()

    @property
    def good(self) -> bool:
        """Whether every check holds."""
        return not self.failures

    def text(self) -> str:
        """The body of a probe's reply, in the form of k8s.io/apiserver's healthz."""
        if self.good:
            return "ok\n"
        return "".join(f"[-]{name} failed: {reason}\n" for name, reason in self.failures)


@dataclass(eq=False)
class Health:
    """The checks behind the two probes."""

    live: Sequence[Check] = field(default_factory=list)
    ready: Sequence[Check] = field(default_factory=list)

    def liveness(self) -> ProbeResult:
        """For /healthz."""
        return _judge(self.live)

    def readiness(self) -> ProbeResult:
        """For /readyz; a process that is not alive is not ready either."""
        return _judge([*self.live, *self.ready])


def _judge(checks: Sequence[Check]) -> ProbeResult:
    asked = [(check.name, check.ask()) for check in checks]
    return ProbeResult(tuple((name, reason) for name, reason in asked if reason is not None))
