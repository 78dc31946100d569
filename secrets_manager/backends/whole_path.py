"""All members of one path, by their own names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.backends import values
from secrets_manager.domain.definition import MAX_KEYS
from secrets_manager.domain.errors import SourceTooLarge
from secrets_manager.runtime.json_exact import MOST_VALUES, NotExact
from secrets_manager.runtime.json_spans import JsonValue
from secrets_manager.runtime.json_view import JsonMap, TooManyParts

# As many keys as a Secret may have: each of them is compared with patterns.
MOST_NAMES = MAX_KEYS


@dataclass(frozen=True, slots=True)
class WholePath:
    """The members of a path: each name is taken as it is, and none is short for another or a pointer.

    ``path`` names it in faults. Nothing is made of a member before it is asked for.
    """

    path: str
    _members: Mapping[str, object] = field(repr=False)

    def names(self) -> Collection[str]:
        """The names of the members that are not null, in no particular order."""
        return self._members.keys()

    def floor(self, name: str) -> int:
        """A lower bound of the bytes of the text of ``name``, line ends left out; the text is not made."""
        return values.floor(self._members.get(name))

    def floor_of_all(self) -> int:
        """The same for the names and the texts of all."""
        return sum(len(name) + values.floor(value) for name, value in self._members.items())

    def text_of(self, name: str) -> str:
        """The text of ``name``, or the JSON text of a value that is none; raises a KeyFault.

        A JSON text has no blanks, names in the order of their letters, and numbers as the backend has them.
        """
        return values.text(self.path, name, self._members.get(name))

    def value_of(self, name: str) -> Any:
        """The value of ``name`` as a str, bool, int, float, list or dict; raises a KeyFault.

        A number with digits that neither int of 64 bits nor float keeps is the str of its digits.
        """
        return values.natural(self.path, name, self._members.get(name))

    def value(self) -> dict[str, Any]:
        """All of them as ``value_of`` has them; raises SourceTooLarge or a KeyFault."""
        self._require_few()
        return {name: self.value_of(name) for name in self._members}

    def _require_few(self) -> None:
        left = MOST_VALUES - len(self._members)
        try:
            for value in self._members.values():
                left -= value.parts(max(left, 0)) if isinstance(value, JsonValue) else 0
        except NotExact:
            raise SourceTooLarge(self.path, MOST_VALUES, "values") from None


def whole_path(path: str, members: Mapping[str, object]) -> WholePath:
    """``members`` as a whole path; raises SourceTooLarge for too many."""
    try:
        found = members.every(MOST_NAMES) if isinstance(members, JsonMap) else members
    except TooManyParts:
        raise SourceTooLarge(path, MOST_NAMES, "keys") from None
    if len(found) > MOST_NAMES:
        raise SourceTooLarge(path, MOST_NAMES, "keys")
    return WholePath(path, {name: value for name, value in found.items() if value is not None})
