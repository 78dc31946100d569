"""Rules of the path policy: the first that names namespace, backend and path decides. Pure.

A path that no rule names is denied. Rules are numbered from 1, in the order in which they were given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from secrets_manager.domain.policy_globs import Glob, GlobIndex


class Effect(Enum):
    """What becomes of a path that a rule names."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Each list holds patterns, of which one must match; paths may hold ``{namespace}``."""

    namespaces: tuple[str, ...]
    paths: tuple[str, ...]
    effect: Effect
    backends: tuple[str, ...] = ("*",)

    def concerns(self, namespace: str, backend: str) -> bool:
        """Whether it says something about paths of this backend for definitions of this namespace."""
        lists = ((self.namespaces, namespace), (self.backends, backend))
        return all(first_match(patterns, name) is not None for patterns, name in lists)

    @property
    def names_everything(self) -> bool:
        """Whether no later rule ever decides."""
        lists = (self.namespaces, self.backends, self.paths)
        return all(any(set(pattern.lstrip("/")) == {"*"} for pattern in patterns) for patterns in lists)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a path may be read, and why.

    Attributes:
        allowed: whether it may.
        rule: the number of the rule that decided; None if none did.
        pattern: the pattern of its paths that matched, as it was written.
        concerned: how many rules say something about this namespace and this backend.

    """

    allowed: bool
    rule: int | None = None
    pattern: str = ""
    concerned: int = 0


def first_match(patterns: Sequence[str], text: str) -> str | None:
    """The first of the patterns that ``text`` matches."""
    return next((pattern for pattern in patterns if Glob.of(pattern).matches(text)), None)


class RulesOfNamespace:
    """The rules that concern one namespace and one backend, made ready for any number of paths."""

    def __init__(self, rules: Sequence[Rule], namespace: str, backend: str, *, ignores_case: bool) -> None:
        concerned = [(n, rule) for n, rule in enumerate(rules, 1) if rule.concerns(namespace, backend)]
        self._concerned = len(concerned)
        self._patterns = [(n, rule.effect, pattern) for n, rule in concerned for pattern in rule.paths]
        written = (pattern for *_, pattern in self._patterns)
        compared = (pattern.lower() for pattern in written) if ignores_case else written
        self._index = GlobIndex(Glob.of(pattern, namespace) for pattern in compared)

    def decide(self, path: str) -> Decision:
        """The decision about a path, in small letters where the backend ignores case."""
        found = self._index.first(path)
        if found is None:
            return Decision(allowed=False, concerned=self._concerned)
        number, effect, pattern = self._patterns[found]
        return Decision(
            allowed=effect is Effect.ALLOW, rule=number, pattern=pattern, concerned=self._concerned
        )
