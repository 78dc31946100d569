"""A file of values in the place of a backend: paths, and what each holds, as in samples/values.json.

A map is read as Vault would give it, a text as Azure Key Vault would: the content of a secret for any key, or
of a certificate in PEM. What is made of it is made by the code that makes it of a backend's reply.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from secrets_manager.backends.azure_key_vault.objects import item_of
from secrets_manager.backends.azure_key_vault.readings import secret_reading
from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.vault import kv
from secrets_manager.commands.engine.locating import Locate
from secrets_manager.commands.files.documents import documents
from secrets_manager.commands.files.reading import Text, Unread, read_text
from secrets_manager.commands.files.tree import Unusable
from secrets_manager.domain.backend_name import DEFAULT_BACKEND, is_backend_name
from secrets_manager.domain.errors import ConfigError, DefinitionError, SourceNotFound
from secrets_manager.domain.wording import in_quotes
from secrets_manager.runtime import huge_numbers
from secrets_manager.runtime.json_spans import JsonText, JsonValue, Malformed
from secrets_manager.runtime.json_view import Parsed, TooManyParts, view
from secrets_manager.runtime.terms import Terms

_NAMED = re.compile(r"([a-z0-9-]+)=(.+)", re.DOTALL)
_VERSION = "1"
_REPLY = b'{"data":{"data":%b,"metadata":{"version":1}}}'


class Held(NamedTuple):
    """What a path holds: JSON, a map, or a text."""

    body: bytes | None
    text: str = ""

    def __repr__(self) -> str:
        return "Held(…)"


def read_values(given: str, cwd: Path) -> tuple[str, dict[str, Held]]:
    """The name of a backend and its paths, of ``NAME=FILE`` or ``FILE``; raises ConfigError."""
    named = _NAMED.fullmatch(given)
    backend, file = (named[1], named[2]) if named and is_backend_name(named[1]) else (DEFAULT_BACKEND, given)
    found = read_text(str(cwd / file))
    if isinstance(found, Unread):
        raise ConfigError(f"--values {in_quotes(file)} {found.why}")
    try:
        return backend, _of_json(found) or _of_yaml(found)
    except _UnfitError as error:
        raise ConfigError(f"--values {in_quotes(file)}: {error}") from None


class _UnfitError(ValueError):
    """The content is not what it should be; the message quotes no value."""


def _of_json(found: Text) -> dict[str, Held] | None:
    """What the file holds, each number with its digits; None where it is no JSON."""
    body = found.text.encode()
    try:
        huge_numbers.loads(body)
        members = view(body).every(len(body))
        return {path: _held(path, value) for path, value in members.items()}
    except (orjson.JSONDecodeError, Malformed, TooManyParts):
        return None


def _held(path: str, value: JsonText | JsonValue | None) -> Held:
    if isinstance(value, JsonText):
        return Held(None, value.text())
    if isinstance(value, JsonValue) and value.kind() == "map":
        return Held(value.literal())
    raise _UnfitError(f"path {in_quotes(path)} holds neither a map nor a text")


def _of_yaml(found: Text) -> dict[str, Held]:
    there = list(documents(found.text))
    if fault := next((each for each in there if isinstance(each, Unusable)), None):
        at = f"line {fault.mark.line}: " if fault.mark else ""
        raise _UnfitError(f"{at}it {fault.why}")
    contents = [each.plain() for each in there if not isinstance(each, Unusable)]
    content: Any = contents[0] if len(contents) == 1 else None
    if not isinstance(content, dict):
        raise _UnfitError("it must hold one map, of paths and what they hold")
    return {path: _held_in_yaml(path, value) for path, value in content.items()}


def _held_in_yaml(path: str, value: object) -> Held:
    if isinstance(value, str):
        return Held(None, value)
    if isinstance(value, dict):
        return Held(orjson.dumps(value))
    raise _UnfitError(f"path {in_quotes(path)} holds neither a map nor a text")


@dataclass(eq=False)
class ValuesBackend:
    """A Backend that holds what files say. ``kind`` is that of the backend that it stands for, "" if unknown.

    A version of a path holds what the path holds.
    """

    held: Mapping[str, Held] = field(repr=False)
    kind: str = ""
    find: Locate = lambda path, version: Source(kv.locate(path).path, version)
    _by_path: dict[str, Held] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for a path that no definition can name."""
        self._by_path = {}
        for path, held in self.held.items():
            try:
                located = self.find(path, "").path
            except DefinitionError as error:
                raise ConfigError(f"--values: {error.message}") from None
            if self._by_path.setdefault(located, held) is not held:
                raise ConfigError(f"--values: path {in_quotes(located)} is there twice")

    @property
    def name(self) -> str:
        """The kind that it stands for."""
        return self.kind or "values"

    def locate(self, path: str, version: str = "") -> Source:
        """The source that ``path`` names."""
        return self.find(path, version)

    def domains(self, _source: Source) -> tuple[str, ...]:
        """A file has no parts."""
        return ()

    def read(self, source: Source, _terms: Terms) -> Reading:
        """What the files say of the source; raises SourceNotFound."""
        held = self._by_path.get(source.path)
        if held is None:
            raise SourceNotFound(source.path)
        if held.body is None:
            return secret_reading(item_of(source), source, _VERSION, held.text, "")
        return self._map(source, held.body)

    def neighbours(self, _source: Source, _terms: Terms) -> Collection[str]:
        """All paths that the files have."""
        return self._by_path

    def maintain(self) -> None:
        """There is no session."""

    def ready(self) -> bool:
        """It always is."""
        return True

    def close(self) -> None:
        """There is nothing to close."""

    def _map(self, source: Source, content: bytes) -> Reading:
        body = _REPLY % content
        reply: Mapping[str, Any] = Parsed(huge_numbers.loads(body), body)
        found = kv.kv_reading("kv2", Source(source.path), reply)
        of_vault = self.kind in {"", "vault"}
        return (kv.KvReading if of_vault else Reading)(source, _VERSION, found.values, "", found.exact)


def joined(files: Iterable[tuple[str, dict[str, Held]]]) -> dict[str, dict[str, Held]]:
    """What the files hold, by the name of the backend; raises ConfigError where two hold one path."""
    held: dict[str, dict[str, Held]] = {}
    for name, paths in files:
        known = held.setdefault(name, {})
        if twice := min(known.keys() & paths.keys(), default=None):
            raise ConfigError(f"--values: path {in_quotes(twice)} is there twice")
        known.update(paths)
    return held
