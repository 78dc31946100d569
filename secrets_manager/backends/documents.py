"""Values that JSON pointers lead into, each parsed once however many of them do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from secrets_manager.runtime.json_exact import MOST_BYTES, MOST_VALUES, TOO_LONG, NotExact, parse_counted
from secrets_manager.runtime.json_spans import JsonText, JsonValue, Malformed


class Documents:
    """The values under some names, parsed: those of all together are no more than those of one may be.

    A text is taken for JSON.
    """

    __slots__ = ("_parsed",)

    def __init__(self, names: Iterable[str], find: Callable[[str], object]) -> None:
        """``find`` gives the value under a name, None where there is none."""
        self._parsed: dict[str, Any] = {}
        left = MOST_VALUES
        for name in sorted(set(names)):
            try:
                self._parsed[name], used = open_value(find(name), left)
                left -= used
            except NotExact as fault:
                # It is raised for each pointer.
                self._parsed[name] = fault

    def __repr__(self) -> str:
        return "Documents(…)"

    def __contains__(self, name: str) -> bool:
        return name in self._parsed

    def __getitem__(self, name: str) -> Any:
        """The document under one of the names; raises NotExact."""
        found = self._parsed[name]
        if isinstance(found, NotExact):
            raise NotExact(found.form)
        return found


def open_value(value: object, most: int = MOST_VALUES) -> tuple[Any, int]:
    """What pointers lead into, and how many values were parsed for it; raises NotExact."""
    if isinstance(value, JsonValue):
        return parse_counted(value.literal(), most)
    if isinstance(value, JsonText):
        if value.floor() > MOST_BYTES:
            raise NotExact(TOO_LONG)
        try:
            value = value.text()
        except Malformed:
            raise NotExact from None
    if isinstance(value, str):
        return parse_counted(value.encode(errors="surrogatepass"), most)
    return value, 0
