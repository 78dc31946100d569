"""Templates of the two operators of Vault: what they use is read as inputs, and what they make is ours. Pure.

In them ``.Secrets`` has the values that were read. A template that needs each value that it names gets an
input for each. One that can do without some, or that goes over all of them, gets the whole path as one input:
a key that is not there is nothing then, and no fault of the definition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from secrets_manager.domain.definition import ALL_NAMES
from secrets_manager.migrate.go_template import Dialect, NotTranslatable, Spelled, Translated, translate
from secrets_manager.migrate.go_template.fields import is_name
from secrets_manager.migrate.go_template.kinds import Kind
from secrets_manager.migrate.go_template.literals import written
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Refused, Remark, note

__all__ = ["Source", "Templates"]

_ALL = "Secrets"
# What a template of ours has that does without a value, or without a part of itself.
_CHOICE = re.compile(r"\{%|\bdefault\(")
Spell = Callable[[str], Spelled]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the values of templates come from.

    Attributes:
        origins: path, version and backend of each path, as a definition names them; of a key that several
            have, that of the first is meant.
        through: the filter that makes a value what it was there, "" for a value as the backend has it.
        only: the keys that were read there; None for all.
        whole: whether all values, as they are, were what ``.Secrets`` had.

    """

    origins: tuple[Json, ...]
    through: str = ""
    only: Collection[str] | None = None
    whole: bool = True


@dataclass(slots=True)
class Templates:
    """The templates of one object, with the inputs that they use and what is to be said of them."""

    source: Source
    dialect: Dialect
    inputs: Json = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def add(self, key: str, text: str, at: str) -> None:
        """Take the template of a key of the Secret. Raises Refused, about the field ``at``."""
        template = _Template(self.source, self.dialect, text, at)
        made = template.translated()
        for name, origin in template.inputs.items():
            if self.inputs.setdefault(name, origin) != origin:
                raise Refused(at, f"uses {name!r} for two values; rename one of them in the template")
        self.made[key] = made.source
        self.remarks += [note(at, f"has a template that may differ: {says}") for says in made.notes]

    @property
    def spec(self) -> Json:
        """The fields of the definition, without what is empty."""
        every = {"inputs": dict(sorted(self.inputs.items())), "template": dict(sorted(self.made.items()))}
        return {name: part for name, part in every.items() if part}


@dataclass(slots=True)
class _Template:
    """One template, and the inputs of the way in which it was translated last."""

    source: Source
    dialect: Dialect
    text: str
    at: str
    inputs: Json = field(default_factory=dict)

    def translated(self) -> Translated:
        """The template of ours. Raises Refused."""
        several = len(self.source.origins) > 1
        made = self._by(self._of_a_path if several else self._of_a_key)
        if made.whole:
            return self._over_all()
        # Where there are several paths, each value is a choice among them.
        is_choice = _CHOICE.search(made.source) or (not several and " if " in made.source)
        return self._by(self._if_there) if is_choice else made

    def _by(self, spell: Spell, dialect: Dialect | None = None) -> Translated:
        self.inputs.clear()
        try:
            return translate(self.text, replace(dialect or self.dialect, spelled=spell))
        except NotTranslatable as error:
            says = f"has a template that cannot be converted: line {error.line}, {error.what} {error.reason}"
            raise Refused(self.at, says) from None

    def _check(self, name: str) -> None:
        if not name or (self.source.only is not None and name not in self.source.only):
            raise Refused(self.at, f"uses {name!r}, which is none of the keys that are read")

    def _through(self, expression: str) -> Spelled:
        through = self.source.through
        return Spelled(f"{expression} | {through}", piped=True) if through else Spelled(expression)

    def _of_a_key(self, name: str) -> Spelled:
        """An input that is one key of the only path."""
        self._check(name)
        # `data` is the map of all names, and no input can be called so.
        own = self._free("data_value") if name == ALL_NAMES else name
        (origin,) = self.source.origins
        self.inputs[own] = {"path": origin["path"], "key": name} | origin
        return self._through(own if is_name(own) else f"{ALL_NAMES}[{written(own)}]")

    def _of_a_path(self, name: str) -> Spelled:
        """A part of the input that is a whole path, that of the first that has it."""
        return self._through(self._part(name))

    def _if_there(self, name: str) -> Spelled:
        """The same; what is not there stays so, whatever it would go through."""
        part = self._part(name)
        through = self.source.through
        return Spelled(f"({part} | {through} if {part} is defined else {part})" if through else part)

    def _part(self, name: str) -> str:
        self._check(name)
        start = self._free("path_")
        numbers = range(1, len(self.source.origins) + 1)
        names = [f"{start}{number}" for number in numbers] if len(numbers) > 1 else [_ALL]
        self.inputs |= zip(names, self.source.origins, strict=True)
        member = f".{name}" if is_name(name) else f"[{written(name)}]"
        made = f"{names[-1]}{member}"
        for each in reversed(names[:-1]):
            made = f"({each}{member} if {each}{member} is defined else {made})"
        return made

    def _free(self, wish: str) -> str:
        """A name that is nowhere in the template, where it might be one of a variable."""
        while wish in self.text:
            wish += "_"
        return wish

    def _over_all(self) -> Translated:
        """The template with the whole path as one input, which is all that it has."""
        if not self.source.whole or len(self.source.origins) > 1:
            says = "goes over all values, of which not all are read as they are; name them there"
            raise Refused(self.at, says)
        plain = replace(self.dialect, values="", kind=Kind.ANY, texts={})
        made = self._by(self._all, plain)
        if made.whole:
            says = "uses the dot itself, which has more than values; write it by hand, with inputs"
            raise Refused(self.at, says)
        return made

    def _all(self, name: str) -> Spelled:
        if name != _ALL:
            says = f"uses .{name} beside all values; write that template by hand, with inputs"
            raise Refused(self.at, says)
        self.inputs[_ALL] = self.source.origins[0]
        return Spelled(_ALL)
