"""All templates of a definition: read once for each generation of it, rendered for each reading."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from secrets_manager.domain.errors import InvalidTemplate, TemplateFailed
from secrets_manager.domain.wording import in_quotes
from secrets_manager.templates import literals, scanning
from secrets_manager.templates.faults import Fault, Refused
from secrets_manager.templates.plain import PlainTemplate, plain_template

MOST_TEMPLATES = 100
# Bytes of all texts of a definition.
LONGEST = 64 * 1024
# Templates of a definition that may take more than nearly all need: together they hold up a worker for
# seconds, and it must not seem to be stuck.
MOST_LARGE = 8
# Bytes of all results for one Secret, which is what Kubernetes takes.
MOST_RESULT = 2**20


class _Rendered(NamedTuple):
    """The names that are given to MiniJinja, and the text."""

    names: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class CompiledTemplates:
    """Texts that are templates, by the key of the Secret that each is for.

    ``names`` are the names that each takes from outside: what nobody provides can be told before anything is
    read. Safe to be used by several threads at once.
    """

    texts: Mapping[str, str] = field(repr=False)
    names: Mapping[str, frozenset[str]]
    # What is filled in, or else what is given to MiniJinja.
    _ways: Mapping[str, PlainTemplate | _Rendered] = field(repr=False)

    @property
    def wanted(self) -> frozenset[str]:
        """Every name that the templates may take from outside: some are their own in other places."""
        every = self._ways.items()
        ways = (self.names[key] if isinstance(way, PlainTemplate) else way.names for key, way in every)
        return frozenset[str]().union(*ways)

    def render(self, values: Mapping[str, object], room: int = MOST_RESULT) -> dict[str, bytes]:
        """The content of each key. Raises TemplateFailed for the first, in order of names, that cannot be.

        ``values`` are what JSON can hold, or bytes; equal values give equal bytes. ``room`` is how many bytes
        all results may have together.
        """
        results: dict[str, bytes] = {}
        left, large = room, list[str]()
        for key in self.texts:
            try:
                result = self._filled(key, values, left)
                results[key] = self._rendered(key, values, large) if result is None else result
                left -= len(results[key])
            except Refused:
                left = -1
            if left < 0:
                raise TemplateFailed(
                    key, f"is too long: {room} of {MOST_RESULT} bytes are left for all templates"
                )
        return results

    def _filled(self, key: str, values: Mapping[str, object], left: int) -> bytes | None:
        """The content of a key of text and bare fields, None for others; raises Refused if it is too long."""
        way = self._ways[key]
        return way.render(values, left) if isinstance(way, PlainTemplate) else None

    def _rendered(self, key: str, values: Mapping[str, object], large: list[str]) -> bytes:
        """The content of any key; ``large`` are those so far that took more than most."""
        way = self._ways[key]
        if isinstance(way, PlainTemplate):
            way = _Rendered(self.names[key], self.texts[key])
        given = {name: values[name] for name in sorted(way.names) if values.get(name) is not None}
        try:
            return _by_minijinja(key, way.text, given, large).encode()
        except Refused as refused:
            failed = _failed(key, self.texts[key], {name: values.get(name) for name in way.names}, refused)
        raise failed


def compile_templates(texts: Mapping[str, str]) -> CompiledTemplates:
    """The templates of a definition. Raises InvalidTemplate for the first key, by name, that has none."""
    if len(texts) > MOST_TEMPLATES:
        raise InvalidTemplate("", f"spec.template has more than {MOST_TEMPLATES} keys")
    texts = dict(sorted(texts.items()))
    names: dict[str, frozenset[str]] = {}
    ways: dict[str, PlainTemplate | _Rendered] = {}
    length = 0
    for key, text in texts.items():
        length += len(text)
        if length > LONGEST:
            raise InvalidTemplate(key, f"makes the texts longer than {LONGEST} letters together")
        try:
            names[key], ways[key] = _compiled(text)
        except Fault as fault:
            invalid = InvalidTemplate(key, fault.kind, fault.line)
        else:
            continue
        raise invalid
    return CompiledTemplates(texts, names, ways)


def _compiled(text: str) -> tuple[frozenset[str], PlainTemplate | _Rendered]:
    """The names that must come from outside; and how it is rendered. Raises Fault."""
    if (plain := plain_template(text)) is not None:
        return _shared(frozenset(path[0] for path in plain.fields)), plain
    found = scanning.scan(text)
    from secrets_manager.templates import engine  # noqa: PLC0415 - only where a template needs it

    # MiniJinja overlooks names that are sliced, and those in the head of a filter block. Names that the
    # template binds may come from outside all the same, in another place.
    names = engine.check(text) | (found.names - found.bound)
    given = _shared(frozenset(found.names))
    return _shared(names), _Rendered(given, literals.hardened(text, found.in_literals))


def _by_minijinja(key: str, text: str, values: Mapping[str, object], large: list[str]) -> str:
    from secrets_manager.templates import engine  # noqa: PLC0415 - only where a template needs it

    try:
        return engine.render(text, values, engine.SMALL)
    except Refused as refused:
        if not refused.exhausted:
            raise
    large.append(key)
    if len(large) > MOST_LARGE:
        raise Refused(f"is one more than {MOST_LARGE} templates that take over {engine.SMALL.steps} steps")
    return engine.render(text, values, engine.LARGE)


@lru_cache(maxsize=4096)
def _shared(names: frozenset[str]) -> frozenset[str]:
    """The same names, kept once for all templates that have them."""
    return frozenset(map(sys.intern, names))


def _failed(key: str, text: str, values: Mapping[str, object], refused: Refused) -> TemplateFailed:
    """The error with its lines, which are found in the text again: nothing of a text in parts is kept."""
    found = scanning.scan(text)
    if refused.name:
        return TemplateFailed(key, refused.kind, *found.lines.get(refused.name, ()))
    if refused.undefined and refused.line:
        seen = [(line, path) for line, path in found.paths if line == refused.line]
    else:
        seen = found.held if refused.undefined else []
    for line, path in seen:
        if path[0] not in found.bound and (missing := _missing(path, values)):
            return TemplateFailed(key, f"{in_quotes(missing)} is not there, or null", line)
    return TemplateFailed(key, refused.kind, *([refused.line] if refused.line else []))


def _missing(path: tuple[str, ...], values: Mapping[str, object]) -> str:
    """As much of the path as leads to what is not there, or ""."""
    found: object = values
    for at, name in enumerate(path):
        found = found.get(name) if isinstance(found, Mapping) else None
        if found is None:
            return ".".join(path[: at + 1])
    return ""
