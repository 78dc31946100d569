"""The filters and functions that the program adds, or has in place of MiniJinja's own.

Each takes the meter of the rendering, its own name, and what the template gives. Undefined arrives as None.
What they refuse becomes a Refused that names the filter and never the value.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote as percent_encoded

import orjson

from secrets_manager.domain.nesting import is_too_deep
from secrets_manager.runtime import huge_numbers
from secrets_manager.templates import literals
from secrets_manager.templates.faults import NOT_THERE, Refused
from secrets_manager.templates.views import BinaryView, ListView, Meter, View, plain, view
from secrets_manager.templates.yaml_text import yaml_text

_SPACE = re.compile(rb"\s+")
_WIDEST_INDENT = 8
_COST_OF_YAML = 3
_LONGEST_RANGE = 10_000
# They stand in texts of JSON alone, so the JSON says the same.
_FOR_HTML = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}

Function = Callable[..., object]


class Call:
    """One use of a filter: who asks, what it costs, and in whose name it fails."""

    def __init__(self, meter: Meter, name: str) -> None:
        self.meter = meter
        self.name = name

    def refuse(self, kind: str) -> Refused:
        """The error to raise."""
        return Refused(f"{self.name} {kind}", self.name)

    def text(self, value: object) -> str:
        """``value`` as a text; whole numbers are taken for theirs."""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise self.refuse(f"got {_what(value)}, where a text is needed")
        self.meter.charge(len(value), self.name)
        return str(value)

    def octets(self, value: object) -> bytes:
        """The bytes of a text, or those that are no text."""
        if isinstance(value, BinaryView):
            raw = value._raw  # noqa: SLF001 - the one reader of bytes
            if isinstance(raw, bytes):
                self.meter.charge(len(raw), self.name)
                return raw
        return self.text(value).encode()


def b64encode(call: Call, value: object) -> object:
    """Base64 of the text's UTF-8, or of bytes."""
    return base64.b64encode(call.octets(value)).decode()


def b64decode(call: Call, value: object) -> object:
    """What base64 stands for; spaces and ends of lines are passed over. Bytes if it is no UTF-8."""
    try:
        decoded = base64.b64decode(_SPACE.sub(b"", call.octets(value)), validate=True)
    except ValueError:
        decoded = None
    if decoded is None:
        raise call.refuse("got something that is not base64")
    return view(decoded, call.name, call.meter)


def sha256(call: Call, value: object) -> object:
    """The SHA-256 of the text's UTF-8, or of bytes, in hexadecimal."""
    return hashlib.sha256(call.octets(value)).hexdigest()


def fromjson(call: Call, value: object) -> object:
    """What a JSON text says."""
    text = call.text(value)
    parsed: object = Ellipsis
    if not is_too_deep(text):
        try:
            parsed = huge_numbers.loads(text.encode())
        except orjson.JSONDecodeError:
            parsed = Ellipsis
    if parsed is Ellipsis:
        raise call.refuse("got something that is not JSON")
    return view(parsed, call.name, call.meter)


def tojson(
    call: Call,
    value: object,
    indent: object = None,
    html: object = False,  # noqa: FBT002 - templates name it
) -> object:
    """The value as JSON, without spaces, or with lines indented by up to 8; ``html`` escapes as Go does."""
    if indent is not None and not (type(indent) is int and 0 <= indent <= _WIDEST_INDENT):
        raise call.refuse(f"takes an indent from 0 to {_WIDEST_INDENT}")
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(call_plain(call, value), ensure_ascii=False, indent=indent, separators=separators)
    return text.translate(_FOR_HTML) if html is True else text


def present(call: Call, value: object) -> object:
    """The value, which must be there; the engine puts it behind what stands in lists and maps."""
    if value is None:
        refused = Refused(NOT_THERE)
        refused.undefined = True
        raise refused
    call.meter.charge(0, call.name)
    return value


def as_text(call: Call, value: object) -> object:
    """A text as it is, and anything else as JSON: what a key of a Secret would have of it."""
    return call.text(value) if isinstance(value, str) else tojson(call, value)


def toyaml(call: Call, value: object) -> object:
    """The value as YAML in blocks, every text in quotes, without an end of line at the end."""
    value = call_plain(call, value)
    # It takes several times as long as to look at it.
    for _ in range(_COST_OF_YAML):
        call.meter.weigh(value, call.name)
    return yaml_text(value)


def quote(call: Call, value: object) -> object:
    """The text in double quotes, escaped as JSON and YAML read it."""
    return json.dumps(call.text(value), ensure_ascii=False)


def urlencode(call: Call, value: object) -> object:
    """The text for any part of a URL, with / escaped too; of a map, the pairs of a query."""
    if isinstance(value, (dict, View)) and isinstance(pairs := call_plain(call, value), dict):
        return "&".join(f"{_escaped(call, key)}={_escaped(call, part)}" for key, part in pairs.items())
    return _escaped(call, value)


def escape(call: Call, value: object) -> object:
    """The text for HTML and XML."""
    return html.escape(call.text(value))


def split(call: Call, value: object, by: object = None) -> object:
    """The parts of a text between ``by``; without it, its words."""
    separator = None if by is None else call.text(by)
    if not separator and separator is not None:
        raise call.refuse("got an empty text to split by")
    return _parts(call, call.text(value).split(separator))


def lines(call: Call, value: object) -> object:
    """The lines of a text."""
    return _parts(call, call.text(value).splitlines())


def dockerconfig(call: Call, registry: object, user: object, password: object) -> object:
    """The text of ``.dockerconfigjson`` for one registry."""
    names = (call.text(registry), call.text(user), call.text(password))
    login = base64.b64encode(f"{names[1]}:{names[2]}".encode()).decode()
    entry = {"username": names[1], "password": names[2], "auth": login}
    return json.dumps({"auths": {names[0]: entry}}, ensure_ascii=False, separators=(",", ":"))


def whole_numbers(call: Call, first: object, end: object = None, step: object = 1) -> object:
    """As Python's range, up to 10 000 numbers."""
    start, stop = (0, first) if end is None else (first, end)
    if not isinstance(start, int) or not isinstance(stop, int) or not isinstance(step, int) or step == 0:
        raise call.refuse("takes one to three whole numbers, the third not 0")
    if (stop - start) // step > _LONGEST_RANGE:
        raise call.refuse(f"gives more than {_LONGEST_RANGE} numbers")
    return ListView(range(start, stop, step), call.name, call.meter, "a list")


FILTERS: dict[str, Function] = {
    "b64decode": b64decode,
    "b64encode": b64encode,
    "e": escape,
    "escape": escape,
    "fromjson": fromjson,
    "lines": lines,
    literals.PRESENT: present,
    "quote": quote,
    "sha256": sha256,
    "split": split,
    "text": as_text,
    "tojson": tojson,
    "toyaml": toyaml,
    "urlencode": urlencode,
}
FUNCTIONS: dict[str, Function] = {"dockerconfig": dockerconfig, "range": whole_numbers}


def call_plain(call: Call, value: object) -> Any:
    """``value`` without views. Raises Refused in the name of the filter."""
    try:
        found = plain(view(value, call.name, call.meter), call.meter, call.name)
    except Refused as refused:
        raise call.refuse(refused.kind) from None
    if found is None:
        raise call.refuse("got nothing: undefined or null")
    return found


def _escaped(call: Call, value: object) -> str:
    return percent_encoded(call.text(value), safe="")


def _parts(call: Call, parts: list[str]) -> object:
    call.meter.charge(_PART * len(parts), call.name)
    return view(parts, call.name, call.meter)


# Bytes that a part costs beside its letters.
_PART = 64


def _what(value: object) -> str:
    if value is None:
        return "nothing (undefined or null)"
    if isinstance(value, View):
        return value._kind  # noqa: SLF001 - a phrase of ours
    return {bool: "a bool", float: "a float", dict: "a map", list: "a list", tuple: "a list"}.get(
        type(value), "something else"
    )
