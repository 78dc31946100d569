"""Whole paths: which keys of a path become which data keys of the Secret (``spec.dataFrom``). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import translate

from secrets_manager.domain.data_keys import NOT_IN_KEYS, is_data_key
from secrets_manager.domain.errors import InvalidKey, NothingSelected
from secrets_manager.domain.location import Origin
from secrets_manager.domain.wording import in_quotes

# As many as anybody ever needs, and few enough to compare each key of a path with each.
MAX_ENTRIES = 64
MAX_GLOBS = 64
# Patterns of one definition, in characters: those of 0.2 s of compiling.
MAX_GLOB_LETTERS = 65_536
# What the patterns of one definition may take, as of `effort`: a second or two.
MAX_EFFORT = 1 << 28
# Keys that all entries of one definition select, those included that are overridden: twice what a Secret may
# have. Each that is overridden takes about 300 bytes while it is reported.
MAX_SELECTED = 32_768
MAX_AFFIX = 253
# No longer name can become a data key, and to compare megabytes with patterns takes seconds.
_LONGEST_NAME = 1024


class Case(StrEnum):
    """What becomes of the letters of a key."""

    UPPER = "upper"
    LOWER = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """How the name of a key in the backend becomes the name of a data key.

    In this order: ``strip_prefix`` is taken off where the name has it, letters become of one ``case``,
    ``add_prefix`` is put before it, and ``invalid`` takes the place of each letter that no data key may have;
    None leaves them, and the key is refused.
    """

    strip_prefix: str = ""
    add_prefix: str = ""
    case: Case | None = None
    invalid: str | None = None

    def renamed(self, name: str) -> str:
        """The name of the data key; it may be one that Kubernetes does not take."""
        name = name.removeprefix(self.strip_prefix)
        if self.case is not None:
            name = name.upper() if self.case is Case.UPPER else name.lower()
        name = self.add_prefix + name
        return name if self.invalid is None else NOT_IN_KEYS.sub(lambda _: self.invalid or "", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFrom(Origin):
    """One entry of ``spec.dataFrom``: all keys of a path that pass, known only when it was read.

    A key passes when one of ``include`` matches it (no ``include`` matches all) and none of ``exclude``.
    ``optional`` lets the path be absent, and have no key that passes.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    rename: Rename = field(default_factory=Rename)

    def select(self, names: Collection[str]) -> dict[str, str]:
        """The data keys that come of the keys ``names`` of the path, in their order, each with its key.

        Raises InvalidKey for a key that gives no data key, and for two that give one; NothingSelected
        where none passes and that is not ``optional``.
        """
        if long := min((name for name in names if len(name) > _LONGEST_NAME), default=None):
            raise InvalidKey(
                f"path {self.path!r} has a key of more than {_LONGEST_NAME} letters: {long[:64]!r}..."
            )
        selected: dict[str, str] = {}
        for name in sorted(filter(self._filter(), names)):
            data_key = self.rename.renamed(name)
            if not is_data_key(data_key):
                raise InvalidKey(f"path {self.path!r} {_not_a_key(name, data_key)}")
            if data_key in selected:
                both = f"keys {in_quotes(selected[data_key])} and {in_quotes(name)}"
                raise InvalidKey(f"path {self.path!r} has {both}, which both become data key {data_key!r}")
            selected[data_key] = name
        if not selected and not self.optional:
            raise NothingSelected(self.path, filtered=bool(names))
        return selected

    def effort(self, names: Collection[str]) -> int:
        """How many times, at most, a letter of ``names`` is compared with one of the patterns.

        What stands before the first star of a pattern is compared once with each name, and what stands after
        it once at each letter.
        """
        after_stars = sum(len(glob) - glob.index("*") for glob in self.globs if "*" in glob)
        return sum(map(len, self.globs)) * len(names) + after_stars * sum(map(len, names))

    def could_give(self, data_keys: Collection[str]) -> frozenset[str]:
        """Those data keys that some key of the path may become.

        Where ``case`` or ``invalid`` let many names become one, and where the patterns would take long, this
        is said of more data keys than are true.
        """
        rule = self.rename
        if rule.invalid is not None:
            return frozenset(data_keys)
        begun = [key for key in data_keys if key.startswith(rule.add_prefix)]
        rests = [key.removeprefix(rule.add_prefix) for key in begun]
        whole = [rule.strip_prefix + rest for rest in rests]
        if rule.case is not None or self.effort(rests) + self.effort(whole) > MAX_EFFORT // MAX_ENTRIES:
            return frozenset(begun)
        passes = self._filter()
        names = filter(passes, (*rests, *whole))
        return frozenset(map(rule.renamed, names)).intersection(begun)

    @property
    def globs(self) -> tuple[str, ...]:
        """All patterns."""
        return (*self.include, *self.exclude)

    def _filter(self) -> Callable[[str], bool]:
        """Whether a name passes. One pattern for all globs, of which there may be as many as names."""
        wanted, unwanted = _any_of(self.include or ("*",)), _any_of(self.exclude)
        return lambda name: wanted(name) is not None and unwanted(name) is None


def _any_of(globs: tuple[str, ...]) -> Callable[[str], re.Match[str] | None]:
    # Without globs it matches nothing.
    return re.compile("|".join(map(translate, globs)) or r"(?!)").match


def _not_a_key(name: str, data_key: str) -> str:
    what = "is not" if data_key == name else f"becomes {in_quotes(data_key)}, not"
    return (
        f"has key {in_quotes(name)}, which {what} a valid data key of a Secret; exclude it, or let "
        "rename.invalid say what takes the place of its bad letters"
    )
