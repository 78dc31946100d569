"""Whether the process lives and whether it is of use; pure over what it is given.

Alive (``/healthz``): every core thread has moved lately. Ready (``/readyz``): there is a view of the cluster,
and the backend has been logged in to. A backend that goes down later does not make the process unready:
it still repairs nothing worse by being restarted, and it recovers by itself.
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
class Verdict:
    """The answer to a probe: the failed checks with their reasons."""

    failures: tuple[tuple[str, str], ...] = ()

    @property
    def good(self) -> bool:
        """Whether every check holds."""
        return not self.failures

    def text(self) -> str:
        """What a probe's reply says, in the form of k8s.io/apiserver's healthz."""
        if self.good:
            return "ok\n"
        return "".join(f"[-]{name} failed: {reason}\n" for name, reason in self.failures)


@dataclass(eq=False)
class Health:
    """The checks behind the two probes."""

    live: Sequence[Check] = field(default_factory=list)
    ready: Sequence[Check] = field(default_factory=list)

    def liveness(self) -> Verdict:
        """For /healthz."""
        return _judge(self.live)

    def readiness(self) -> Verdict:
        """For /readyz; what is not alive is not ready either."""
        return _judge([*self.live, *self.ready])


def _judge(checks: Sequence[Check]) -> Verdict:
    asked = [(check.name, check.ask()) for check in checks]
    return Verdict(tuple((name, reason) for name, reason in asked if reason is not None))
