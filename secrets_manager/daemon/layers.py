"""What one source of configuration says, and what is wrong with it: the values that the readers hand to the
merge.

Each source (settings file, environment, command line) becomes a `Layer`. This module must not read a
source, nor know which source wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from secrets_manager.daemon.option_kinds import KindError
from secrets_manager.daemon.options import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value that somebody gave.

    Attributes:
        value: what the option's kind made of it. Hidden: it may be a secret.
        origin: where it was given, for a person: `flag -x`, `environment X`, `file F, key x`.

    """

    value: object = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that a person must mend.

    Attributes:
        origin: where, as in `Given`.
        text: what is wrong and what would be right; never the value.
        names: the options it is about.
        exit_code: the status of a process that ends because of it.

    """

    origin: str
    text: str
    names: frozenset[str] = frozenset()
    exit_code: int = 2

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.origin}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one source says.

    Attributes:
        given: values by option name.
        faults: what in it cannot be used.

    """

    given: dict[str, Given] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def read_value(option: Option, value: object, origin: str) -> Given | Fault:
    """Let the option's kind read a text, or what a TOML parser made of one."""
    try:
        return Given(value=option.kind.parse_native(value), origin=origin)
    except KindError as exc:
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
            text = f"says the same as {given[name].origin}; keep one of them"
            faults.append(Fault(origin=reading.origin, text=text, names=frozenset({name})))
        else:
            given[name] = reading
    return Layer(given=given, faults=tuple(faults))


def suggestion(unknown: str, known: Iterable[str], *, prefix: str = "") -> str:
    """`; did you mean X?` with the known name most like the unknown one behind the prefix, or nothing."""
    near = get_close_matches(unknown, list(known), n=1, cutoff=0.75)
    return f"; did you mean {prefix}{near[0]}?" if near else ""
