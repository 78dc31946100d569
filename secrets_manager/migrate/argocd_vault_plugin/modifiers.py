"""What changes a value on its way: modifiers, as a JSON pointer and filters of a template. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["BY_HAND", "Change", "Unknown", "change", "decoded", "pointed"]

BY_HAND = "write that template by hand, with inputs: docs/templates.md"
_ENCODE, _DECODE = "b64encode", "b64decode"
_FILTERS = {"base64encode": _ENCODE, "base64decode": _DECODE, "sha256sum": "sha256"}
_WIDEST = 1000
# What leads to one value: `{.a.b[0]['c']}`, with or without `$`.
_STEP = r"\.[A-Za-z0-9_-]+|\['[^'\\]+'\]|\[[0-9]+\]"
_JSON_PATH = re.compile(rf"\{{\s*\$?((?:{_STEP})+)\s*\}}")
_STEPS = re.compile(_STEP)
_NUMBERS = (
    "finds a value in JSON; a number is written with the digits that the backend holds, such as 1000000 "
    "instead of 1e+06"
)
_INDENT = "indents lines; space at their ends stays, which the plug-in takes away"


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to a value: ``pointer`` is the way into its JSON, "" for all of it.

    ``filters`` are those of a template, in their order; ``says`` is what differs afterwards.
    """

    pointer: str = ""
    filters: tuple[str, ...] = ()
    says: tuple[str, ...] = ()


class Unknown(ValueError):
    """A modifier that cannot be converted, and what to do: a sentence without its subject."""


def change(modifiers: Iterable[str]) -> Change:
    """What the modifiers do together. Raises Unknown."""
    made = Change()
    steps = [each.split() for each in modifiers]
    for number, step in enumerate(steps):
        name, arguments = (step[0], step[1:]) if step else ("", [])
        follows = steps[number + 1][:1] if number + 1 < len(steps) else []
        if name == "jsonParse" and follows == ["jsonPath"] and not arguments:
            # The next one does it anyway.
            continue
        made = _and(made, name, arguments)
    return made


def decoded(made: Change) -> Change:
    """The same, of which the base64 is decoded at the end."""
    if made.filters[-1:] == (_ENCODE,):
        return Change(made.pointer, made.filters[:-1], made.says)
    return Change(made.pointer, (*made.filters, _DECODE), made.says)


def _and(made: Change, name: str, arguments: list[str]) -> Change:
    if name == "jsonPath":
        return _found(made, " ".join(arguments))
    if name == "indent":
        return _indented(made, arguments)
    if name not in _FILTERS:
        raise Unknown(_why_not(name))
    if arguments:
        raise Unknown(f"has the modifier {name} with words behind it, which it does not take")
    return Change(made.pointer, (*made.filters, _FILTERS[name]), made.says)


def _why_not(name: str) -> str:
    if name in {"jsonParse", "yamlParse"}:
        return f"has the modifier {name}, which makes something that is no text, or reads YAML; {BY_HAND}"
    return f"has a modifier that the plug-in does not have, or that is not known here; {BY_HAND}"


def _found(made: Change, path: str) -> Change:
    whole = _JSON_PATH.fullmatch(path)
    if whole is None or made.pointer or made.filters:
        raise Unknown(f"has the modifier jsonPath with more than one way to one value; {BY_HAND}")
    names = (
        step.strip(".[]'") if step[0] == "." else step[1:-1].strip("'") for step in _STEPS.findall(whole[1])
    )
    pointer = "".join(f"/{pointed(name)}" for name in names)
    return Change(pointer, (), (*made.says, _NUMBERS))


def _indented(made: Change, arguments: list[str]) -> Change:
    if len(arguments) != 1 or not arguments[0].isdecimal() or int(arguments[0]) > _WIDEST:
        raise Unknown(f"has the modifier indent without one number up to {_WIDEST}; {BY_HAND}")
    return Change(made.pointer, (*made.filters, f"indent({int(arguments[0])})"), (*made.says, _INDENT))


def pointed(name: str) -> str:
    """A name as a part of a JSON pointer in its form as a fragment."""
    return name.replace("~", "~0").replace("/", "~1").replace("%", "%25")
