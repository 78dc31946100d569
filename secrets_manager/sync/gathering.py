"""What a definition asks for, taken path by path. No I/O.

A definition may ask for a thousand times what a Secret can hold: many keys of one large value, many large
paths. So only the values that it asks for are taken from each reading, at once, and the first byte too many
ends the work, before the next value is decoded and before the next path is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from secrets_manager.backends.base import Reading, WholePath
from secrets_manager.domain.checks import MAX_SECRET_BYTES
from secrets_manager.domain.data_from import MAX_EFFORT, MAX_SELECTED, DataFrom
from secrets_manager.domain.decoding import Encoding, decode, decoded_floor
from secrets_manager.domain.definition import MAX_KEYS, DataSource, Input, SecretSpec
from secrets_manager.domain.errors import (
    DecodeError,
    KeyFault,
    KeyNotFound,
    SecretsManagerError,
    SourceError,
    SourceTooLarge,
    TooLarge,
)
from secrets_manager.domain.location import Location, Origin
from secrets_manager.domain.outcome import Overridden, SourceVersion
from secrets_manager.sync.asking import ALL_KEYS, asked_of
from secrets_manager.sync.template_inputs import TemplateInputs


class Fault(NamedTuple):
    """A fault of one key of a location, or of all (ALL_KEYS)."""

    location: Location
    key: str
    error: SecretsManagerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the sources of a definition gave: values by data key, the winners only, and inputs by name.

    ``versions`` are those of the paths in the order in which the spec first names them; several of one path
    stand in one text.
    """

    data: Mapping[str, bytes] = field(repr=False)
    inputs: Mapping[str, object] = field(repr=False)
    versions: tuple[SourceVersion, ...]
    cautions: tuple[str, ...]
    overridden: tuple[Overridden, ...]
    inputs_size: int

    def size(self) -> int:
        """Bytes of the values and the inputs."""
        return sum(map(len, self.data.values())) + self.inputs_size


class _Kept(NamedTuple):
    """A value, and the place in the spec that gave it: a later place wins."""

    place: int
    value: bytes


class _Whole:
    """All members of a reading, or why it has none, found once for all that want them."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._found: WholePath | SecretsManagerError | None = None

    def found(self) -> WholePath:
        if self._found is None:
            try:
                self._found = self._reading.whole()
            except SecretsManagerError as error:
                self._found = error
        if isinstance(self._found, SecretsManagerError):
            raise self._found.bare()
        return self._found


class Gathering:
    """Takes readings, each of one source of ``spec``; ``result`` is what they gave."""

    def __init__(self, spec: SecretSpec) -> None:
        self._spec = spec
        # keysMap comes after all of dataFrom, and wins.
        self._keys_place = len(spec.data_from)
        self._asked = asked_of(spec)
        self._size = 0
        # What patterns took, of all whole paths.
        self._effort = 0
        # Keys of all whole paths, those included that another part of the spec replaces.
        self._selected = 0
        self._kept: dict[str, _Kept] = {}
        self._inputs = TemplateInputs()
        self._losers: list[tuple[str, int]] = []
        self._versions: dict[Location, str] = {}
        self._cautions: dict[str, None] = {}
        # By the place in the spec, which orders them for people.
        self._faults: dict[str, Fault] = {}

    def take(self, locations: Iterable[Location], reading: Reading) -> None:
        """Take what the spec asks for from the reading of ``locations``, which all lead to one source.

        A fault of a key waits until all sources were read, since a fault of the backend is reported before
        it. Raises TooLarge, or the first of the faults so far, as soon as a Secret cannot hold the values.
        """
        asked = {location: self._asked[location] for location in locations}
        # Once for all spellings of the source: a definition may name thousands.
        keys = frozenset(key for each in asked.values() for key in each.named_keys())
        narrowed, whole = reading.narrow(keys), _Whole(reading)
        if reading.caution:
            self._cautions[reading.caution] = None
        for location, each in asked.items():
            self._versions[location] = reading.version
            for data_key, source in each.keys:
                self._take_key(data_key, source, narrowed)
            for place, entry in each.wholes:
                self._take_whole(place, entry, whole)
            for name, wanted in each.inputs:
                self._take_input(name, wanted, narrowed, whole)

    def miss(self, locations: Iterable[Location]) -> bool:
        """The backend says that nothing is there; return whether the Secret can be made without it.

        Raises as ``take`` does, for defaults.
        """
        asked = {location: self._asked[location] for location in locations}
        if not all(each.may_be_absent for each in asked.values()):
            return False
        for location, each in asked.items():
            self._versions[location] = ""
            for data_key, source in each.keys:
                self._take_default(data_key, source)
            for name, wanted in each.inputs:
                self._miss_input(name, wanted)
        return True

    def first_fault(self) -> Fault | None:
        """Of the faults so far, the one that is reported."""
        return self._faults[min(self._faults)] if self._faults else None

    def result(self) -> Gathered:
        """What all sources gave; raises the error of the first fault."""
        if fault := self.first_fault():
            raise fault.error
        return Gathered(
            data={key: kept.value for key, kept in sorted(self._kept.items())},
            inputs=self._inputs.values,
            inputs_size=self._inputs.size,
            versions=tuple(self._source_versions()),
            cautions=tuple(self._cautions),
            overridden=tuple(self._overridden()),
        )

    def _take_key(self, data_key: str, source: DataSource, reading: Reading) -> None:
        self._require_room(data_key, decoded_floor(_floor(source, reading), source.encoding))
        try:
            value = _decode_value(source, reading)
        except KeyFault as error:
            if isinstance(error, KeyNotFound) and source.may_be_absent:
                self._take_default(data_key, source)
                return
            # Named as the definition does, which may be another spelling.
            error.path = source.path
            self._note(data_key, source, source.key, error)
        else:
            self._put(data_key, self._keys_place, value)

    def _take_default(self, data_key: str, source: DataSource) -> None:
        if source.default is not None:
            # It is text, whatever the encoding of the value that is not there.
            self._put(data_key, self._keys_place, decode(source.default, Encoding.TEXT))

    def _take_whole(self, place: int, entry: DataFrom, path: _Whole) -> None:
        try:
            whole = path.found()
            selected = self._select(entry, whole.names())
        except SecretsManagerError as error:
            self._note(_place_name(place), entry, ALL_KEYS, error)
            return
        for data_key, name in selected.items():
            kept = self._kept.get(data_key)
            if kept is not None and kept.place > place:
                self._losers.append((data_key, place))
                continue
            self._require_room(data_key, whole.floor(name))
            try:
                text = whole.text_of(name)
            except KeyFault as error:
                error.path = entry.path
                self._note(data_key, entry, name, error)
            else:
                self._put(data_key, place, decode(text, Encoding.TEXT))

    def _select(self, entry: DataFrom, names: Collection[str]) -> dict[str, str]:
        self._effort += entry.effort(names)
        if self._effort > MAX_EFFORT:
            raise SourceTooLarge(entry.path, MAX_EFFORT, "comparisons with include and exclude", "takes")
        if self._selected <= MAX_SELECTED:
            selected = entry.select(names)
            self._selected += len(selected)
            if self._selected <= MAX_SELECTED:
                return selected
        raise SourceTooLarge(entry.path, MAX_SELECTED, "keys, with those of the other whole paths")

    def _take_input(self, name: str, source: Input, reading: Reading, whole: _Whole) -> None:
        try:
            if source.key is None:
                self._inputs.take_whole(name, whole.found())
            else:
                self._inputs.take_key(name, source.key, source, reading)
        except TooLarge as error:
            self._end(error.message)
        except SourceError as error:
            if isinstance(error, KeyFault):
                error.path = source.path
            key = ALL_KEYS if source.key is None else source.key
            self._note(f"inputs[{name}]", source, key, error)

    def _miss_input(self, name: str, source: Input) -> None:
        try:
            self._inputs.miss(name, source)
        except TooLarge as error:
            self._end(error.message)

    def _note(self, place: str, origin: Origin, key: str, error: SecretsManagerError) -> None:
        self._faults[place] = Fault(origin.location, key, error.bare().of_backend(origin.backend))

    def _put(self, data_key: str, place: int, value: bytes) -> None:
        self._require_room(data_key, len(value))
        before = self._kept.get(data_key)
        if before is not None:
            self._losers.append((data_key, before.place))
            self._size -= len(before.value)
        self._size += len(value)
        self._kept[data_key] = _Kept(place, value)

    def _require_room(self, data_key: str, more: int) -> None:
        before = self._kept.get(data_key)
        size = self._size + more - (len(before.value) if before else 0)
        if size > MAX_SECRET_BYTES:
            self._end(
                f"with data key {data_key!r} the values have at least {size} bytes in total,"
                f" a Secret holds at most {MAX_SECRET_BYTES}"
            )
        if before is None and len(self._kept) >= MAX_KEYS:
            self._end(f"with data key {data_key!r} the Secret has more than {MAX_KEYS} keys")

    def _end(self, why: str) -> None:
        """End the work at a bound; a fault that was found before is reported instead."""
        if fault := self.first_fault():
            raise fault.error
        raise TooLarge(why)

    def _source_versions(self) -> Iterator[SourceVersion]:
        """One for each path of each backend: the status holds none twice."""
        found: dict[tuple[str, str], list[str]] = {}
        for location in self._spec.locations:
            versions = found.setdefault((location.path, location.backend), [])
            if (version := self._versions[location]) and version not in versions:
                versions.append(version)
        for (path, backend), versions in found.items():
            yield SourceVersion(path, ", ".join(versions), backend)

    def _overridden(self) -> Iterator[Overridden]:
        replaced = self._kept.keys() & self._spec.templates.keys()
        losers = (*self._losers, *((data_key, self._kept[data_key].place) for data_key in replaced))
        for data_key, place in sorted(losers):
            by = "template" if data_key in replaced else self._name(self._kept[data_key].place)
            yield Overridden(data_key, self._name(place), by)

    def _name(self, place: int) -> str:
        return "keysMap" if place == self._keys_place else _place_name(place)


def _place_name(place: int) -> str:
    return f"dataFrom[{place}]"


def _floor(source: DataSource, reading: Reading) -> int:
    """A lower bound of the bytes of the text of one key, line ends left out."""
    as_json = source.encoding is Encoding.JSON
    return reading.floor_of_text(source.key) if as_json else reading.floor(source.key)


def _decode_value(source: DataSource, reading: Reading) -> bytes:
    as_json = source.encoding is Encoding.JSON
    text = reading.text_of(source.key) if as_json else reading.pick(source.key)
    try:
        return decode(text, source.encoding)
    except ValueError:
        raise DecodeError(source.path, source.key, source.encoding.value) from None
