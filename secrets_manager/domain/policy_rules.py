"""Rules of the path policy: the first that names namespace, backend and path decides. Pure.

A path that no rule names is denied. Rules are numbered from 1, in the order in which they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import repeat

from secrets_manager.domain.policy_globs import Glob, GlobIndex

# Namespaces whose rules are kept ready. Definitions of one come together, and making ready takes little.
_KEPT = 32


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


class ReadyRules:
    """Rules, made ready for the namespaces that asked last. Safe from many threads.

    Every backend shares them: a few thousand patterns that are ready take megabytes.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._of_namespace: Callable[[str, bool], _RulesOfNamespace] = lru_cache(_KEPT)(self._make_ready)

    def of_backend(self, backend: str) -> int:
        """The rules that say something about paths of this backend, as `decide` takes them."""
        matches = (first_match(rule.backends, backend) is not None for rule in self._rules)
        return _bits(number for number, it_does in enumerate(matches, 1) if it_does)

    def decide(self, namespace: str, path: str, of_backend: int, *, ignores_case: bool) -> Decision:
        """The decision about a path, in small letters where the backend ignores case."""
        return self._of_namespace(namespace, ignores_case).decide(path, of_backend)

    def _make_ready(self, namespace: str, ignores_case: bool) -> _RulesOfNamespace:  # noqa: FBT001 - part of a key
        return _RulesOfNamespace(self._rules, namespace, ignores_case=ignores_case)


class _RulesOfNamespace:
    """The rules that concern one namespace, whatever the backend, made ready for any number of paths."""

    def __init__(self, rules: Sequence[Rule], namespace: str, *, ignores_case: bool) -> None:
        concerned = [
            (number, rule)
            for number, rule in enumerate(rules, 1)
            if first_match(rule.namespaces, namespace) is not None
        ]
        self._concerned = _bits(number for number, _ in concerned)
        self._patterns = [(n, rule.effect, pattern) for n, rule in concerned for pattern in rule.paths]
        written = (pattern for *_, pattern in self._patterns)
        compared = (pattern.lower() for pattern in written) if ignores_case else written
        self._index = GlobIndex(
            (Glob.of(pattern, namespace) for pattern in compared),
            [mark for n, rule in concerned for mark in repeat(1 << n, len(rule.paths))],
        )

    def decide(self, path: str, of_backend: int) -> Decision:
        count = (self._concerned & of_backend).bit_count()
        found = self._index.first(path, of_backend)
        if found is None:
            return Decision(allowed=False, concerned=count)
        number, effect, pattern = self._patterns[found]
        return Decision(allowed=effect is Effect.ALLOW, rule=number, pattern=pattern, concerned=count)


def _bits(numbers: Iterable[int]) -> int:
    """A set of numbers as one integer: a thousand of them take some hundred bytes."""
    return sum(1 << number for number in numbers)
