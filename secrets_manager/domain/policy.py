"""Which namespace may read which path of the backend.

The daemon reads everything with one identity, so without a policy every author of a SecretDefinition can read
every path that the daemon can (a confused deputy). The policy is the operator's, in the daemon's own
settings, and is checked on the path as the backend would see it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import PathNotAllowed
from secrets_manager.domain.policy_rules import Decision, Effect, Rule, RulesOfNamespace

# Namespaces whose rules are kept ready. Definitions of one come together, and making ready takes little.
_KEPT = 32


@dataclass(frozen=True, slots=True)
class PathPolicy:
    """What the operator allows: patterns of paths for every namespace, or rules in their place.

    In ``patterns`` ``*`` stands for any text, ``{namespace}`` for the definition's namespace. Without
    patterns and without rules every path is allowed, as the original did. ``ignores_case`` is for a backend
    whose names are the same in capitals and small letters; ``backend`` is its name, which rules may ask for.
    Safe from many threads.
    """

    patterns: tuple[str, ...] = field(default=())
    ignores_case: bool = False
    rules: tuple[Rule, ...] = ()
    backend: str = DEFAULT_BACKEND
    _of_namespace: Callable[[str], RulesOfNamespace] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the rules of the last few namespaces ready."""
        object.__setattr__(self, "_of_namespace", lru_cache(_KEPT)(self._make_ready))

    def check(self, namespace: str, path: str) -> None:
        """Return when ``namespace`` may read ``path``; raise PathNotAllowed otherwise."""
        decision = self.decide(namespace, path)
        if not decision.allowed:
            raise PathNotAllowed(namespace, path, decision.rule)

    def decide(self, namespace: str, path: str) -> Decision:
        """Whether ``namespace`` may read ``path``, and why. Patterns count as one rule that allows."""
        if not self.patterns and not self.rules:
            return Decision(allowed=True)
        return self._of_namespace(namespace).decide(path.lower() if self.ignores_case else path)

    def _make_ready(self, namespace: str) -> RulesOfNamespace:
        rules = self.rules or (Rule(namespaces=("*",), paths=self.patterns, effect=Effect.ALLOW),)
        return RulesOfNamespace(rules, namespace, self.backend, ignores_case=self.ignores_case)
