"""Which namespace may read which path of which backend.

The daemon reads everything with one identity, so without a policy every author of a SecretDefinition can read
every path that the daemon can (a confused deputy). The policy is the operator's, in the daemon's own
settings, and is checked on the path as the backend would see it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import PathNotAllowed
from secrets_manager.domain.policy_rules import Decision, Effect, ReadyRules, Rule


@dataclass(frozen=True, slots=True)
class PathPolicy:
    """What the operator allows: patterns of paths for every namespace, or rules in their place.

    In ``patterns`` ``*`` stands for any text, ``{namespace}`` for the definition's namespace. Without
    patterns and without rules every path is allowed, as the original did. ``ignores_case`` is for a backend
    whose names are the same in capitals and small letters; ``backend`` is its name, which rules may ask for.
    ``ready`` is for `for_backend`. Safe from many threads.
    """

    patterns: tuple[str, ...] = field(default=())
    ignores_case: bool = False
    rules: tuple[Rule, ...] = ()
    backend: str = DEFAULT_BACKEND
    ready: ReadyRules | None = field(default=None, repr=False, compare=False)
    _of_backend: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the rules ready, if no policy of another backend has done it."""
        as_rules = self.rules or (Rule(namespaces=("*",), paths=self.patterns, effect=Effect.ALLOW),)
        ready = self.ready or ReadyRules(as_rules)
        object.__setattr__(self, "ready", ready)
        object.__setattr__(self, "_of_backend", ready.of_backend(self.backend))

    def for_backend(self, backend: str, *, ignores_case: bool = False) -> PathPolicy:
        """The same policy for another backend; what is made ready of the rules is shared."""
        return replace(self, backend=backend, ignores_case=ignores_case)

    def check(self, namespace: str, path: str) -> None:
        """Return when ``namespace`` may read ``path``; raise PathNotAllowed otherwise."""
        decision = self.decide(namespace, path)
        if not decision.allowed:
            raise PathNotAllowed(namespace, path, decision.rule)

    def decide(self, namespace: str, path: str) -> Decision:
        """Whether ``namespace`` may read ``path``, and why. Patterns count as one rule that allows."""
        if self.ready is None or not (self.patterns or self.rules):
            return Decision(allowed=True)
        compared = path.lower() if self.ignores_case else path
        return self.ready.decide(namespace, compared, self._of_backend, ignores_case=self.ignores_case)
