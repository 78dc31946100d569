"""The values of one source of configuration, and its faults: what the readers hand to the merge.

Each source (settings file, environment, command line) becomes a `Layer`. This module must not read a
source, nor know which source wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from secrets_manager.settings.kinds import ValueKindError
from secrets_manager.settings.option import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value that the user gave.

    Attributes:
        value: what the option's kind made of it. Hidden: it may be a secret.
        origin: where it was given, as text: `flag -x`, `environment X`, `file F, key x`.

    """

    value: object = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault that the user must mend.

    Attributes:
        origin: where, as in `Given`.
        text: the fault and the remedy; never the value.
        names: the options it is about.
        exit_code: the exit status because of it.
        decides: whether its exit status wins over those of other faults.

    """

    origin: str
    text: str
    names: frozenset[str] = frozenset()
    exit_code: int = 2
    decides: bool = False

    def __str__(self) -> str:
        """One line of text."""
        return f"{self.origin}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The content of one source.

    Attributes:
        given: values by option name.
        faults: the parts that cannot be used.

    """

    given: dict[str, Given] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def read_value(option: Option, value: object, origin: str) -> Given | Fault:
    """Let the option's kind read a text, or what a TOML parser made of one."""
    try:
        return Given(value=option.kind.parse_native(value), origin=origin)
    except ValueKindError as exc:
        found = f", {exc.reason}" if exc.reason.startswith("found") else ""
        text = f"expected {option.kind.expected}{found}"
        return Fault(origin=origin, text=text, names=frozenset({option.name}))


def layer_of(readings: Iterable[tuple[str, Given | Fault]]) -> Layer:
    """Gather readings by option name; of two values for one option the second is a fault."""
    given: dict[str, Given] = {}
    faults: list[Fault] = []
    for name, reading in readings:
        if isinstance(reading, Fault):
            faults.append(reading)
        elif name in given:
            text = f"sets the same option as {given[name].origin}; keep one of them"
            faults.append(Fault(origin=reading.origin, text=text, names=frozenset({name})))
        else:
            given[name] = reading
    return Layer(given=given, faults=tuple(faults))


def suggestion(unknown: str, known: Iterable[str], *, prefix: str = "") -> str:
    """`; did you mean X?` with the known name most like the unknown one behind the prefix, or nothing."""
    near = get_close_matches(unknown, list(known), n=1, cutoff=0.75)
    return f"; did you mean {prefix}{near[0]}?" if near else ""
