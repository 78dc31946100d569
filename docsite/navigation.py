"""The navigation of the site, read from the lists of docs/README.md; pure.

A section is a heading of the second level, an entry is an item of a list that begins with a link. An entry
that leads to a README.md is a section of its own, of the pages that this README lists in the same way.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

HOME = "README.md"
INDEX = "docs/README.md"

_SECTION = re.compile(r"^## (.+)$")
_ITEM = re.compile(r"^- \[([^\]]+)\]\(([^):\s#]+\.md)\)")

Nav = list[dict[str, object]]


class NavigationError(Exception):
    """The lists cannot be made into a navigation. The message names the page and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A page by its path in the repository, or a section; a section may have a page that stands for it."""

    title: str
    page: str
    children: tuple[Entry, ...] = ()

    def pages(self) -> Iterator[str]:
        """Its own page and those below it."""
        below = chain.from_iterable(child.pages() for child in self.children)
        return chain((self.page,) if self.page else (), below)


def read(text_of: Callable[[str], str]) -> tuple[Entry, ...]:
    """The sections of the site; ``text_of`` gives the text of a page by its path. Raises NavigationError."""
    sections: dict[str, list[Entry]] = {}
    section = ""
    for line in text_of(INDEX).splitlines():
        if heading := _SECTION.match(line):
            section = heading[1]
        elif item := _ITEM.match(line):
            if not section:
                raise NavigationError(
                    f"{INDEX}: {item[1]!r} stands above the first heading of the second level"
                )
            sections.setdefault(section, []).append(_entry(INDEX, item, text_of))
    found = tuple(Entry(title, "", tuple(entries)) for title, entries in sections.items())
    _refuse_twice(chain.from_iterable(each.pages() for each in found))
    return found


def nav(sections: Iterable[Entry]) -> Nav:
    """The navigation in the form of mkdocs.yml."""
    return [{"Home": HOME}, {"Where to start": INDEX}, *map(_nav_of, sections)]


def _nav_of(entry: Entry) -> dict[str, object]:
    if not entry.children:
        return {entry.title: entry.page}
    first: list[object] = [entry.page] if entry.page else []
    return {entry.title: [*first, *map(_nav_of, entry.children)]}


def _entry(index: str, item: re.Match[str], text_of: Callable[[str], str]) -> Entry:
    page = posixpath.normpath(posixpath.join(posixpath.dirname(index), item[2]))
    if not page.startswith("docs/") or posixpath.basename(page) != "README.md":
        return Entry(item[1], page)
    items = filter(None, map(_ITEM.match, text_of(page).splitlines()))
    return Entry(item[1], page, tuple(_entry(page, each, text_of) for each in items))


def _refuse_twice(pages: Iterable[str]) -> None:
    seen = {HOME, INDEX}
    for page in pages:
        if page in seen:
            raise NavigationError(f"{page} is listed twice below {INDEX}; keep one of the two")
        seen.add(page)
