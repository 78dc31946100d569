"""Values as a template sees them: to be looked at and nothing else.

MiniJinja reaches into Python objects, calls their methods and prints what their ``str`` says. So it is never
given a dict or a list, but views that have no public method, count how much is looked at, and note it as a
fault when they are printed. A null is not there, as everywhere in the program.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from secrets_manager.domain.wording import in_quotes
from secrets_manager.templates.faults import Refused

TOO_MUCH = "goes through too many values"
# What one look costs besides the length of the text that it gives, which is copied.
LOOK = 64
_LONGEST_WHOLE = 2**127
DEEPEST = 100


class Meter:
    """How much of the values one rendering may still look at, and the first fault it could not raise."""

    def __init__(self, left: int) -> None:
        self._left = left
        self.fault: Refused | None = None

    def charge(self, size: int, name: str = "") -> None:
        """Count ``size`` bytes of work; raises Refused when it was too much."""
        self._left -= size + LOOK
        if self._left < 0:
            self.blame(TOO_MUCH, name)
            if self.fault is not None and self.fault.kind == TOO_MUCH:
                self.fault.exhausted = True
            raise Refused(TOO_MUCH, name)

    def weigh(self, raw: object, name: str) -> None:
        """Charge for all of a value, as far as that can be paid."""
        left = [raw]
        while left:
            part = left.pop()
            if isinstance(part, (dict, list, tuple)):
                self.charge(LOOK * len(part), name)
                left += part.values() if isinstance(part, dict) else part
            elif isinstance(part, (str, bytes)):
                self.charge(len(part), name)

    def blame(self, kind: str, name: str) -> None:
        """Note a fault where nothing can be raised; the first one counts."""
        self.fault = self.fault or Refused(kind, name)


class View:
    """Something that is no text; ``name`` is the name in the template that it was reached by."""

    __slots__ = ("_kind", "_meter", "_name", "_raw")

    def __init__(self, raw: object, name: str, meter: Meter, kind: str) -> None:
        self._raw = raw
        self._name = name
        self._meter = meter
        self._kind = kind

    def __str__(self) -> str:
        kind = f"{in_quotes(self._name)} is {self._kind}, where a text is needed"
        self._meter.blame(kind, self._name)
        return ""

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and self._equals(other)

    __hash__ = None  # type: ignore[assignment]  # as of everything that is compared by what it holds

    def _equals(self, other: View) -> bool:
        self._meter.weigh(self._raw, self._name)
        return self._raw == other._raw

    def _seen(self, value: object) -> object:
        self._meter.charge(len(value) if isinstance(value, str) else 0, self._name)
        return view(value, self._name, self._meter)


class MapView(View):
    """A map, in the order of its names; a key that is null is not there."""

    __slots__ = ("_length",)
    _raw: Mapping[str, object]

    def __init__(self, raw: Mapping[str, object], name: str, meter: Meter) -> None:
        super().__init__(raw, name, meter, "a map")
        self._length = -1

    @property
    def items(self) -> object:
        """MiniJinja takes only objects that have this for maps; there is nothing in it."""
        return View(None, self._name, self._meter, "a method")

    def __getitem__(self, key: object) -> object:
        self._meter.charge(len(key) if isinstance(key, str) else 0, self._name)
        if not isinstance(key, str) or (value := self._raw.get(key)) is None:
            raise KeyError
        return self._seen(value)

    def __iter__(self) -> Iterator[object]:
        for key in sorted(self._raw):
            if self._raw[key] is not None:
                yield self._seen(key)

    def __len__(self) -> int:
        if self._length < 0:
            self._meter.charge(LOOK * len(self._raw), self._name)
            self._length = sum(value is not None for value in self._raw.values())
        return self._length


class ListView(View):
    """A list."""

    __slots__ = ()
    _raw: Sequence[object]

    def __getitem__(self, at: int) -> object:
        return self._seen(self._raw[at])

    def __len__(self) -> int:
        return len(self._raw)


Sequence.register(ListView)


class BinaryView(View):
    """Bytes that are no text."""

    __slots__ = ()


def view(value: object, name: str, meter: Meter) -> object:
    """``value`` as the template may see it."""
    if value is None or isinstance(value, (bool, View)) or _is_number(value):
        return value
    if isinstance(value, (str, bytes)):
        return _text(value, name, meter)
    if isinstance(value, dict):
        return MapView(value, name, meter)
    if isinstance(value, (list, tuple)):
        return ListView(value, name, meter, "a list")
    kind = "a number that cannot be written" if isinstance(value, (int, float)) else "nothing that is known"
    return View(None, name, meter, kind)


def _is_number(value: object) -> bool:
    """Whether MiniJinja has this number; it would make a float of a larger one."""
    if isinstance(value, int):
        return -_LONGEST_WHOLE < value < _LONGEST_WHOLE
    return isinstance(value, float) and math.isfinite(value)


def plain(value: object, meter: Meter, name: str, level: int = 0) -> object:
    """``value`` without views, as JSON has it and every part of it counted. Raises Refused."""
    if isinstance(value, BinaryView):
        raise Refused("got something binary, where a text is needed", name)
    if level > DEEPEST:
        raise Refused(f"got more than {DEEPEST} levels", name)
    raw = value._raw if isinstance(value, View) else value  # noqa: SLF001 - of this module
    meter.charge(len(raw) if isinstance(raw, str) else 0, name)
    match raw:
        case dict():
            # Equal values are equal bytes, in whatever order a backend gave them.
            return {key: plain(view(raw[key], name, meter), meter, name, level + 1) for key in sorted(raw)}
        case list() | tuple() | range():
            return [plain(view(part, name, meter), meter, name, level + 1) for part in raw]
        case None | View() if isinstance(value, View):
            raise Refused("got something that cannot be written", name)
    return raw


def _text(value: str | bytes, name: str, meter: Meter) -> object:
    try:
        text = value.decode() if isinstance(value, bytes) else value
        text.encode()
    except UnicodeError:
        return BinaryView(value, name, meter, "binary")
    return text
