"""Where the data of a Secret comes from, as a spec says it: keysMap, dataFrom, inputs and template; pure."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import NamedTuple

from secrets_manager.cluster import spec_fields
from secrets_manager.cluster.base import Json
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.data_from import MAX_AFFIX, MAX_ENTRIES, MAX_GLOBS, Case, DataFrom, Rename
from secrets_manager.domain.decoding import Encoding
from secrets_manager.domain.definition import DataSource, Input
from secrets_manager.domain.errors import InvalidSpec
from secrets_manager.domain.location import check_backend

_SPEC = "spec"


class Sources(NamedTuple):
    """``keysMap``, ``dataFrom`` in its order, and ``inputs`` by name."""

    keys: dict[str, DataSource]
    data_from: tuple[DataFrom, ...]
    inputs: dict[str, Input]


def of(raw: Json) -> Sources:
    """The sources of the spec ``raw``; one that names no backend is of that of the spec."""
    backend = _backend(raw, _SPEC, DEFAULT_BACKEND)
    # An entry may name another, and then the domain never sees this name.
    check_backend(_SPEC, backend)
    reader = _Entries(backend)
    if raw.get("keysMap") is None and not any(raw.get(other) for other in ("dataFrom", "template")):
        spec_fields.as_map(raw.get("keysMap"), "spec.keysMap")
    return Sources(
        keys=spec_fields.each(raw, "keysMap", _SPEC, reader.data_source),
        data_from=_data_from(raw, reader),
        inputs=spec_fields.each(raw, "inputs", _SPEC, reader.input),
    )


def templates(raw: Json) -> dict[str, str]:
    """``template``: texts by data key."""
    return spec_fields.texts(raw, "template", _SPEC)


def _data_from(raw: Json, reader: _Entries) -> tuple[DataFrom, ...]:
    entries = spec_fields.items(raw, "dataFrom", _SPEC)
    if len(entries) > MAX_ENTRIES:
        raise InvalidSpec(f"spec.dataFrom has {len(entries)} entries, more than {MAX_ENTRIES}")
    places = ((f"spec.dataFrom[{number}]", entry) for number, entry in enumerate(entries))
    return tuple(reader.whole_path(spec_fields.as_map(entry, where), where) for where, entry in places)


@dataclass(frozen=True, slots=True)
class _Entries:
    """Makes values of entries, each a map and where it stands; ``backend`` is for those that name none."""

    backend: str

    def data_source(self, raw: Json, where: str) -> DataSource:
        return DataSource(
            path=_path(raw, where),
            backend=_backend(raw, where, self.backend),
            key=sys.intern(spec_fields.string(raw, "key", where, default="")),
            encoding=spec_fields.word(raw, "encoding", where, Encoding, Encoding.DEFAULT),
            version=_version(raw, where),
            optional=spec_fields.flag(raw, "optional", where),
            default=spec_fields.optional_string(raw, "default", where),
        )

    def input(self, raw: Json, where: str) -> Input:
        key, default = (spec_fields.optional_string(raw, name, where) for name in ("key", "default"))
        if key is None and default is not None:
            raise InvalidSpec(
                f"{where} has a default and no key: a whole path is a map, and a default is a text"
            )
        return Input(
            path=_path(raw, where),
            backend=_backend(raw, where, self.backend),
            key=key,
            version=_version(raw, where),
            optional=spec_fields.flag(raw, "optional", where),
            default=default,
        )

    def whole_path(self, raw: Json, where: str) -> DataFrom:
        return DataFrom(
            path=_path(raw, where),
            backend=_backend(raw, where, self.backend),
            include=_globs(raw, "include", where),
            exclude=_globs(raw, "exclude", where),
            rename=_rename(spec_fields.section(raw, "rename", where), f"{where}.rename"),
            version=_version(raw, where),
            optional=spec_fields.flag(raw, "optional", where),
        )


def _backend(raw: Json, where: str, inherited: str) -> str:
    return sys.intern(spec_fields.string(raw, "backend", where, default="") or inherited)


def _globs(raw: Json, name: str, where: str) -> tuple[str, ...]:
    globs = spec_fields.items(raw, name, where)
    if len(globs) > MAX_GLOBS:
        raise InvalidSpec(f"{where}.{name} has {len(globs)} entries, more than {MAX_GLOBS}")
    places = ((f"{where}.{name}[{number}]", glob) for number, glob in enumerate(globs))
    return tuple(_short(spec_fields.as_string(glob, at), at) for at, glob in places)


def _rename(raw: Json, where: str) -> Rename:
    return Rename(
        strip_prefix=_affix(raw, "stripPrefix", where) or "",
        add_prefix=_affix(raw, "addPrefix", where) or "",
        case=None if raw.get("case") is None else spec_fields.word(raw, "case", where, Case),
        invalid=_affix(raw, "invalid", where),
    )


def _affix(raw: Json, name: str, where: str) -> str | None:
    text = spec_fields.optional_string(raw, name, where)
    return None if text is None else _short(text, f"{where}.{name}")


def _short(text: str, where: str) -> str:
    if len(text) > MAX_AFFIX:
        raise InvalidSpec(f"{where} has {len(text)} characters, more than {MAX_AFFIX}")
    return sys.intern(text)


def _version(raw: Json, where: str) -> str:
    return sys.intern(spec_fields.string(raw, "version", where, default=""))


def _path(raw: Json, where: str) -> str:
    return sys.intern(spec_fields.string(raw, "path", where))
