"""What becomes of an ExternalSecret's data and template: keysMap, dataFrom, inputs and template. Pure.

Without a template, and with one that merges, what is read is written, and templates come on top. Otherwise
only what templates make is written, and what they use is read as inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from secrets_manager.migrate.external_secrets.sources import KeyRead, Read, WholeRead
from secrets_manager.migrate.external_secrets.template_names import AsInputs, AsWritten, Names, Unspeakable
from secrets_manager.migrate.go_template import (
    EXTERNAL_SECRETS,
    EXTERNAL_SECRETS_V1,
    NotTranslatable,
    translate,
)
from secrets_manager.migrate.originals import Json, dig
from secrets_manager.migrate.remarks import Refused, Remark, note

__all__ = ["Parts", "parts"]

_WHOLE_AS_JSON = (
    "is missing, so the value is the whole path as JSON, member by member as before; a number that programs "
    "round, such as 1.10, becomes a text in it"
)
_DIALECTS = {"v1": EXTERNAL_SECRETS_V1, "v2": EXTERNAL_SECRETS}


@dataclass(slots=True)
class Parts:
    """The fields of the spec, and what is to be said about them."""

    keys: Json = field(default_factory=dict)
    wholes: list[Json] = field(default_factory=list)
    inputs: Json = field(default_factory=dict)
    templates: Json = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def spec(self) -> Json:
        """Those that are not empty, in the order in which people write them."""
        every = {
            "keysMap": self.keys,
            "dataFrom": self.wholes,
            "inputs": dict(sorted(self.inputs.items())),
            "template": dict(sorted(self.templates.items())),
        }
        return {name: part for name, part in every.items() if part}


def parts(spec: Json, at: str, version: str, read: Read) -> Parts:
    """The parts of a definition; ``version`` is that of the API. Raises Refused."""
    made = Parts()
    template = dig(spec, "target", "template")
    found = dig(template, "data")
    texts = {key: text for key, text in found.items() if text is not None} if isinstance(found, dict) else {}
    if not texts:
        _written(read, made)
        return made
    if (dig(template, "mergePolicy") or "Replace") == "Merge":
        _written(read, made)
        names: Names = AsWritten(read, made.inputs)
    else:
        names = AsInputs(read, made.inputs)
    # v1alpha1 had one engine; the others begin with the second.
    engine = dig(template, "engineVersion") or ("v1" if version == "v1alpha1" else "v2")
    _templates(texts, f"{at}.target.template.data", str(engine), names, made)
    return made


def _templates(texts: Json, at: str, engine: str, names: Names, made: Parts) -> None:
    if engine not in _DIALECTS:
        raise Refused(f"{at.removesuffix('.data')}.engineVersion", "is none that is known here: v1 or v2")
    dialect = replace(_DIALECTS[engine], spelled=names.spelled)
    for key, text in sorted(texts.items()):
        where = f"{at}[{key!r}]"
        try:
            translated = translate(text, dialect)
            if translated.whole:
                names.all_of_them()
        except Unspeakable as why:
            raise Refused(where, str(why)) from None
        except NotTranslatable as error:
            says = f"has a template that cannot be converted: line {error.line}, {error.what} {error.reason}"
            raise Refused(where, says) from None
        made.templates[key] = translated.source
        made.remarks += [note(where, f"may differ: {says}") for says in translated.notes]


def _written(read: Read, made: Parts) -> None:
    for each in read.keys:
        if each.key is None:
            name = f"whole_{len(made.inputs) + 1}"
            made.inputs[name] = each.origin(read.backend)
            made.templates[each.name] = f"{{{{ {name} | tojson(html=true) }}}}"
            made.remarks.append(note(f"{each.at}.remoteRef.property", _WHOLE_AS_JSON))
        else:
            made.keys[each.name] = each.origin(read.backend) | _encoding(each)
    made.wholes += [_whole(each, read) for each in read.wholes]


def _encoding(each: KeyRead) -> Json:
    return {"encoding": each.encoding} if each.encoding else {}


def _whole(each: WholeRead, read: Read) -> Json:
    return each.origin(read.backend) | ({"rename": each.rename} if each.rename else {})
