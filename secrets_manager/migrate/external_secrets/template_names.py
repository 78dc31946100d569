"""The names that templates of an ExternalSecret use: what is read for each, and how ours write it. Pure.

To External Secrets each is a text: a text of the backend as it is, anything else as JSON. An input has what
the backend has, so the filter `text` makes it one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Protocol

from secrets_manager.domain.definition import ALL_NAMES
from secrets_manager.migrate.external_secrets.sources import KeyRead, Read, WholeRead
from secrets_manager.migrate.go_template import Spelled
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Refused
from secrets_manager.templates.vocabulary import RESERVED

__all__ = ["AsInputs", "AsWritten", "Names", "Unspeakable"]

# What makes the text of a value that a key of the Secret would have with this encoding.
_FILTERS = {"json": "text", "base64": "b64decode"}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Unspeakable(Exception):
    """A template uses what a definition cannot give it: a sentence without its subject, the template."""


class Names(Protocol):
    """Gives expressions for names."""

    def spelled(self, name: str) -> Spelled:
        """The expression for what a Go template calls ``.name``. Raises Refused and Unspeakable."""

    def all_of_them(self) -> None:
        """A template goes over all names. Raises Unspeakable where they are not the same here."""


def _named(name: str) -> str:
    """How a template has a name of the definition."""
    if _IDENTIFIER.fullmatch(name) and name not in RESERVED and name != ALL_NAMES:
        return name
    return f"{ALL_NAMES}[{json.dumps(name, ensure_ascii=False)}]"


@dataclass(slots=True)
class AsWritten:
    """The keys of the Secret, which are texts; ``inputs`` are those of values that are a whole path."""

    read: Read
    inputs: Json

    def spelled(self, name: str) -> Spelled:
        """The name of the key."""
        keys = {each.name: each for each in self.read.keys}
        found = keys.get(name)
        if found is None and not self.read.wholes:
            raise _nothing(name)
        if found is not None and found.key is None:
            whole = next(own for own, made in self.inputs.items() if made == found.origin(self.read.backend))
            return Spelled(f"{whole} | tojson(html=true)", piped=True, sure=True)
        return Spelled(_named(name), sure=found is not None)

    def all_of_them(self) -> None:
        """They are those of the Secret."""


@dataclass(slots=True)
class AsInputs:
    """Inputs that are read for templates alone; they are put into ``inputs`` when they are used."""

    read: Read
    inputs: Json

    def spelled(self, name: str) -> Spelled:
        """The name of the input, as a text."""
        if (found := {each.name: each for each in self.read.keys}.get(name)) is not None:
            return self._of_key(found)
        able = [(number, key) for number, key in self._in_wholes(name) if key]
        if not able:
            raise _nothing(name)
        if len(self.read.wholes) == 1:
            return Spelled(f"{self._input(name, self.read.wholes[0], able[0][1])} | text", piped=True)
        # The last that has it wins.
        made = ""
        for number, key in able:
            one = f"{self._input(f'from_{number}', self.read.wholes[number - 1])}{_member(key)}"
            made = f"({one} if {one} is defined else {made})" if made else one
        return Spelled(f"{made} | text", piped=True)

    def all_of_them(self) -> None:
        """Read all keys, whether a template names them or not."""
        if self.read.wholes:
            says = "goes over all keys of a whole path; write it by hand, with an input that is that path"
            raise Unspeakable(says)
        for each in self.read.keys:
            self._of_key(each)

    def _of_key(self, found: KeyRead) -> Spelled:
        name = self._add(found.name, found.origin(self.read.backend))
        through = "tojson(html=true)" if found.key is None else _FILTERS.get(found.encoding or "")
        text = f"{name} | {through}" if through else name
        return Spelled(text, piped=through is not None, sure=True)

    def _input(self, name: str, whole: WholeRead, key: str | None = None) -> str:
        origin = whole.origin(self.read.backend)
        return self._add(name, {"path": origin.pop("path")} | ({"key": key} if key else {}) | origin)

    def _add(self, name: str, origin: Json) -> str:
        # `data` is the map of all names, and no input can be called so.
        own = f"{name}_value" if name == ALL_NAMES else name
        if self.inputs.setdefault(own, origin) != origin:
            raise Refused("spec.data", f"has a key {own}, which another input would be called; rename it")
        return _named(own)

    def _in_wholes(self, name: str) -> list[tuple[int, str]]:
        """The number of each whole path, and what the name is called in it, "" if it cannot be there."""
        return [(number, _before(each, name)) for number, each in enumerate(self.read.wholes, 1)]


def _before(whole: WholeRead, name: str) -> str:
    """What a key was called before it was renamed."""
    if whole.rename.keys() & {"stripPrefix", "case"}:
        raise Refused(
            f"{whole.at}.rewrite",
            "renames keys that a template uses; write that template by hand, with inputs",
        )
    prefix = whole.rename.get("addPrefix", "")
    return name.removeprefix(prefix) if name.startswith(prefix) else ""


def _member(key: str) -> str:
    return f".{key}" if _IDENTIFIER.fullmatch(key) else f"[{json.dumps(key, ensure_ascii=False)}]"


def _nothing(name: str) -> Unspeakable:
    return Unspeakable(f"uses {name!r}, which nothing that is read provides")
