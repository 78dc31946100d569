"""What becomes of each field of a foreign object, as a table; nothing that stands in one is passed over.

A converter reads what its table calls converted. All else that an object says is found here, by going
through every leaf of it: a leaf is a text, number or bool, or a list or map that is empty. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from secrets_manager.domain.wording import in_quotes
from secrets_manager.migrate.originals import Original
from secrets_manager.migrate.remarks import Remark, note, refusal

__all__ = [
    "META",
    "Fate",
    "Field",
    "Table",
    "converted",
    "idle",
    "leaves",
    "noted",
    "one_of",
    "refused",
    "shown",
]

Path = tuple[str | int, ...]
_ANY = "*"
_BELOW = "**"


class Fate(StrEnum):
    """What becomes of a field."""

    CONVERTED = "converted"
    # It changes nothing about the Secret.
    IDLE = "without effect"
    NOTED = "noted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Field:
    """A row of a table.

    Attributes:
        path: names with dots between them; ``[]`` stands for each item of a list, ``*`` for each name of a
            map, and ``**`` at the end for all below.
        fate: what becomes of it.
        says: for people, what differs or why it is refused, and what to do; a sentence without its subject's
            path.
        unless: values that say what holds anyway, so there is nothing to tell.
        forms: the types of its value; anything else is refused.
        words: all texts that it may be besides "", where they are known; any other is refused.

    """

    path: str
    fate: Fate
    says: str = ""
    unless: tuple[Any, ...] = ()
    forms: tuple[type, ...] = (str,)
    words: tuple[str, ...] = ()

    def takes(self, value: object) -> bool:
        """Whether the value is of one of the types; to Python, a bool is a number."""
        return isinstance(value, self.forms) and not (isinstance(value, bool) and bool not in self.forms)

    def remark(self, shown: str, value: object) -> Remark | None:
        """What is to be said where the field has this value."""
        if self.words and value not in (*self.words, ""):
            return refusal(shown, f"is none of the words that may stand there: {', '.join(self.words)}")
        if self.fate is Fate.CONVERTED and self._is_to_be_filled_in(value):
            return note(shown, _FILL_IN)
        if value in self.unless or self.fate not in {Fate.NOTED, Fate.REFUSED}:
            return None
        return note(shown, self.says) if self.fate is Fate.NOTED else refusal(shown, self.says)

    def _is_to_be_filled_in(self, value: object) -> bool:
        """Whether another tool has a placeholder there. A template may well make a text that has one."""
        is_plain = self.path.startswith("spec.") and "template" not in self.path.lower()
        return is_plain and isinstance(value, str) and "${" in value


def converted(path: str, *forms: type) -> Field:
    """A field that is converted; its value is a text unless it says otherwise."""
    return Field(path, Fate.CONVERTED, forms=forms or (str,))


def one_of(path: str, *words: str) -> Field:
    """A field that is converted and has one of these words; any other would be taken for the usual."""
    return Field(path, Fate.CONVERTED, words=words)


def idle(path: str, says: str) -> Field:
    """A field that changes nothing about the Secret, and why."""
    return Field(path, Fate.IDLE, says, forms=(str, int, float, bool))


def noted(path: str, says: str, *unless: Any) -> Field:
    """A field whose meaning is lost, which does little harm."""
    return Field(path, Fate.NOTED, says, unless, forms=(str, int, float, bool))


def refused(path: str, says: str, *unless: Any) -> Field:
    """A field whose meaning would be lost, which matters."""
    return Field(path, Fate.REFUSED, says, unless, forms=(str, int, float, bool))


_FILL_IN = (
    "has a placeholder such as Flux fills in, which stays as it is; fill it in first, or let the same tool "
    "fill in what is made"
)
# What an object is made of; the API server drops anything else.
_PARTS = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_SERVERS = "the API server writes it"
META: tuple[Field, ...] = (
    converted("apiVersion"),
    converted("kind"),
    converted("metadata.name"),
    converted("metadata.namespace"),
    converted("metadata.labels.*"),
    converted("metadata.annotations.*"),
    *(
        idle(f"metadata.{name}", _SERVERS)
        for name in (
            "creationTimestamp",
            "generation",
            "managedFields.**",
            "resourceVersion",
            "selfLink",
            "uid",
        )
    ),
    idle("metadata.finalizers[]", "the old operator's own, and it takes them off"),
    refused("metadata.generateName", "is not a name; give the object a name of its own"),
    refused(
        "metadata.ownerReferences.**", "another object makes this one; convert that one, or what it makes"
    ),
    idle("status.**", "the old operator writes it"),
)


class Table:
    """The fields of one kind, with those that every object has."""

    def __init__(self, operator: str, fields: Iterable[Field]) -> None:
        self.operator = operator
        self.fields: tuple[Field, ...] = (*META, *fields)
        self._exact = {_steps(each.path): each for each in self.fields if not each.path.endswith(_BELOW)}
        self._inner = [known for known in self._exact if _ANY in known[:-1]]
        self._below = {_steps(each.path)[:-1]: each for each in self.fields if each.path.endswith(_BELOW)}

    def remarks(self, original: Original) -> tuple[Remark, ...]:
        """What is to be said of the fields of an object, in their order."""
        return tuple(self._remarks(original))

    def field(self, path: Path) -> Field | None:
        """The row of a field of an object."""
        return self._found(path)

    def _remarks(self, original: Original) -> Iterator[Remark]:
        told: set[str] = set()
        for path, value in leaves(original.body, ()):
            remark = self._remark(path, value)
            if remark is None or (remark.path + remark.says) in told:
                continue
            told.add(remark.path + remark.says)
            yield remark.at(original.line(path))

    def _remark(self, path: Path, value: Any) -> Remark | None:
        row = self._found(path)
        if value is None or (_is_empty(value) and self._is_container(path, row)):
            return None
        if row is None and path[0] not in _PARTS and not self._is_container(path[:1], None):
            return note(shown(path), "is no part of an object, and the API server drops it")
        if row is None:
            says = f"is no field that {self.operator} has there, or one that is not known here"
            return refusal(shown(path), says)
        is_below = row.path.endswith(_BELOW)
        above = path[: len(_steps(row.path)) - 1] if is_below else path
        # What has fields below it is no text, number or bool itself.
        is_wrong = row.fate is Fate.CONVERTED and above == path if is_below else not row.takes(value)
        if is_wrong:
            says = f"is {_form_of(value)}, which {self.operator} does not take there"
            return refusal(shown(path), says)
        return row.remark(shown(above), value)

    def _found(self, path: Path) -> Field | None:
        steps = tuple("[]" if isinstance(step, int) else step for step in path)
        if (found := self._exact.get(steps)) is not None:
            return found
        if steps and (found := self._exact.get((*steps[:-1], _ANY))) is not None:
            return found
        if (known := next((each for each in self._inner if _meets(each, steps)), None)) is not None:
            return self._exact[known]
        below = (self._below.get(steps[:length]) for length in range(len(steps), 0, -1))
        return next((row for row in below if row is not None), None)

    def _is_container(self, path: Path, row: Field | None) -> bool:
        """Whether a list or map may stand there, so that an empty one says nothing."""
        if row is not None:
            return row.path.endswith(_BELOW)
        steps = tuple("[]" if isinstance(step, int) else step for step in path)
        return any(_meets(known[: len(steps)], steps) for known in (*self._exact, *self._below))


def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.replace("[]", ".[]").split("."))


def _meets(known: Sequence[str], steps: Sequence[str]) -> bool:
    """Whether the steps are those of a row, whose ``*`` stands for any name."""
    return len(known) == len(steps) and all(
        each in {step, _ANY} for each, step in zip(known, steps, strict=True)
    )


def leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Each text, number, bool, and list or map that is empty, with where it stands."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from leaves(each, (*path, number))
    else:
        yield path, value


def shown(path: Sequence[str | int]) -> str:
    """As people write it; a name that has a dot, or is no plain text, in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.isascii() and step.replace("-", "").replace("_", "").isalnum():
            text += f".{step}" if text else step
        else:
            text += f"[{in_quotes(step)}]"
    return text


def _is_empty(value: object) -> bool:
    return isinstance(value, (dict, list)) and not value


def _form_of(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
    return "a map"
