"""What the path policy of some settings says about a path, and why.

The daemon's own policy is asked about the path as the daemon's own backend would see it. No call is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from secrets_manager.backends.base import Backend
from secrets_manager.backends.factory import build_backend
from secrets_manager.daemon.assembly import provide
from secrets_manager.daemon.core import path_policy, policy_of
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.domain.errors import ConfigError, InvalidPath, UnknownBackend
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.domain.policy_rules import Decision, first_match
from secrets_manager.domain.wording import in_quotes, printable
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the policy says. ``path`` is that of the backend, None where no backend is asked for such one.

    ``why`` ends a sentence: "by rule 2 ...", "since no rule ...", "before any rule is asked: ...".
    """

    allowed: bool
    why: str
    path: str | None


@dataclass(slots=True)
class Judge:
    """Asks the policy of some settings."""

    settings: Settings
    _backends: dict[str, tuple[Backend, PathPolicy]] = field(default_factory=dict)

    def verdict(self, namespace: str, backend: str, path: str) -> Verdict:
        """Whether definitions of a namespace may read a path; raises ConfigError for an unknown backend."""
        asked, policy = self._of(backend)
        try:
            found = asked.locate(path).path
        except InvalidPath as error:
            reason = f"before any rule is asked: {error.reason}: {printable(error.message)}"
            return Verdict(allowed=False, why=reason, path=None)
        decision = policy.decide(namespace, found)
        why = "".join(_why(policy, namespace, backend, decision))
        return Verdict(allowed=decision.allowed, why=printable(why), path=found)

    def period(self, backend: str) -> float | None:
        """Seconds between two polls of a backend; None for an unknown one."""
        found = (each.reconcile_period for each in self.settings.backends if each.name == backend)
        return next(found, None)

    def _of(self, name: str) -> tuple[Backend, PathPolicy]:
        if name not in self._backends:
            chosen = next((each for each in self.settings.backends if each.name == name), None)
            if chosen is None:
                there_are = ", ".join(each.name for each in self.settings.backends)
                raise ConfigError(f"{UnknownBackend(name).message}; --backend can name {there_are}")
            provided = provide(self.settings, chosen, Metrics(self.settings), Watchdog())
            policy = policy_of(chosen, path_policy(self.settings))
            self._backends[name] = build_backend(chosen, provided), policy
        return self._backends[name]


def _why(policy: PathPolicy, namespace: str, backend: str, decision: Decision) -> Iterator[str]:
    if not policy.rules and not policy.patterns:
        yield "since no path policy is set"
    elif not policy.rules:
        matched = f"policy.paths: {in_quotes(decision.pattern)} names the path"
        yield f"by {matched}" if decision.allowed else "since no pattern of policy.paths names the path"
    elif decision.rule is None:
        yield f"since no rule of policy.rules names all three; of {len(policy.rules)}"
        yield f", {decision.concerned} would decide about other paths for this namespace and backend"
    else:
        rule = policy.rules[decision.rule - 1]
        yield f"by rule {decision.rule} of policy.rules: "
        yield f"{in_quotes(first_match(rule.namespaces, namespace) or '')} names the namespace, "
        yield f"{in_quotes(first_match(rule.backends, backend) or '')} the backend, "
        yield f"{in_quotes(decision.pattern)} the path"
