"""Patterns of the path policy, made ready once: ``*`` stands for any text, slashes too. Pure.

No regular expressions: one with many stars takes time without bound on a path made for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat

NAMESPACE = "{namespace}"


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern in parts: the text before the first star, those between stars, and that behind the last.

    ``last`` is None for a pattern without a star, which is one text.
    """

    first: str
    middle: tuple[str, ...] = ()
    last: str | None = None

    @classmethod
    def of(cls, pattern: str, namespace: str = "") -> Glob:
        """The pattern with ``namespace`` in the place of ``{namespace}``, where a star would be a letter."""
        parts = [part.replace(NAMESPACE, namespace) for part in pattern.lstrip("/").split("*")]
        if len(parts) == 1:
            return cls(parts[0])
        first, *middle, last = parts
        return cls(first, tuple(part for part in middle if part), last)

    def matches(self, text: str) -> bool:
        """Whether the whole of ``text`` is as the pattern says."""
        if self.last is None:
            return text == self.first
        start, end = len(self.first), len(text) - len(self.last)
        if start > end or not text.startswith(self.first) or not text.endswith(self.last):
            return False
        for part in self.middle:
            found = text.find(part, start, end)
            if found < 0:
                return False
            start = found + len(part)
        return True


class GlobIndex:
    """Many patterns in their order; finds the first that a text matches without a look at all of them.

    Patterns are found by what they begin with, so that a thousand rules of a thousand teams cost a path
    hardly more than one.
    """

    def __init__(self, globs: Iterable[Glob], marks: Iterable[int] = repeat(1)) -> None:
        """``marks`` has one bit for each pattern, which several may share."""
        self._by_first: dict[str, list[tuple[int, int, Glob]]] = {}
        for number, (glob, mark) in enumerate(zip(globs, marks, strict=False)):
            self._by_first.setdefault(glob.first, []).append((number, mark, glob))
        self._lengths = sorted({len(first) for first in self._by_first})

    def first(self, text: str, marked: int = 1) -> int | None:
        """The number, from 0, of the first pattern that ``text`` matches, of those whose mark is given."""
        best: int | None = None
        for length in self._lengths:
            if length > len(text):
                break
            for number, mark, glob in self._by_first.get(text[:length], ()):
                if best is not None and number > best:
                    break
                if mark & marked and glob.matches(text):
                    best = number
                    break
        return best
