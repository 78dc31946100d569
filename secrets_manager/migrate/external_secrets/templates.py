"""What becomes of the data of an ExternalSecret and of its template: keysMap, dataFrom, inputs, template. Pure.

Without a template, and with one that merges, what is read is written, and templates come on top. Otherwise
only what templates make is written, and what they use is read as inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from secrets_manager.migrate.external_secrets.sources import KeyRead, Read, WholeRead
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Remark, note

__all__ = ["Parts", "parts"]

_WHOLE_AS_JSON = (
    "is missing, so the value is the whole path as JSON; it has the same members, and the signs <, > and & are "
    "written as they are"
)


@dataclass(slots=True)
class Parts:
    """The fields of the spec, and what is to be said about them."""

    spec: Json = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)


def parts(spec: Json, at: str, read: Read) -> Parts:
    """The parts of a definition. Raises Refused."""
    made = Parts()
    _written(read, made)
    return made


def _written(read: Read, made: Parts) -> None:
    keys: Json = {}
    for each in read.keys:
        if each.key is None:
            _whole_as_json(each, read, made)
        else:
            keys[each.name] = each.origin(read.backend) | _encoding(each)
    if keys:
        made.spec["keysMap"] = keys
    if read.wholes:
        made.spec["dataFrom"] = [_whole(each, read) for each in read.wholes]
    for name in ("inputs", "template"):
        if name in made.spec:
            made.spec[name] = made.spec.pop(name)


def _encoding(each: KeyRead) -> Json:
    return {"encoding": each.encoding} if each.encoding else {}


def _whole(each: WholeRead, read: Read) -> Json:
    return each.origin(read.backend) | ({"rename": each.rename} if each.rename else {})


def _whole_as_json(each: KeyRead, read: Read, made: Parts) -> None:
    inputs: dict[str, Any] = made.spec.setdefault("inputs", {})
    name = f"whole_{len(inputs) + 1}"
    inputs[name] = each.origin(read.backend)
    made.spec.setdefault("template", {})[each.name] = f"{{{{ {name} | tojson }}}}"
    made.remarks.append(note(f"{each.at}.remoteRef.property", _WHOLE_AS_JSON))
