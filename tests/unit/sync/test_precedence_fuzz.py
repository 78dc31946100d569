"""Who wins where parts of a spec give one key, against a slow oracle, in any order of the readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.data_from import Case, DataFrom, Rename
from secrets_manager.domain.definition import DataSource, SecretSpec
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.location import Location
from secrets_manager.sync.composing import secret_data
from secrets_manager.sync.gathering import Gathered, Gathering
from secrets_manager.templates import compile_templates
from tests.builders import spec

PATHS = ("p", "q", "r")
NAMES = ("a", "A", "b", "B", "c")
_names = st.sampled_from(NAMES)
_paths = st.sampled_from(PATHS)
_values = st.sampled_from(["", "x", "y"]) | st.integers(0, 2)
_keys = st.dictionaries(
    _names, st.builds(DataSource, path=_paths, key=_names, optional=st.just(True)), max_size=3
)
_renames = st.builds(Rename, case=st.sampled_from([None, *Case]), strip_prefix=st.sampled_from(["", "a"]))
_entries = st.builds(
    DataFrom,
    path=_paths,
    include=st.lists(_names, max_size=3).map(tuple),
    exclude=st.lists(_names, max_size=1).map(tuple),
    rename=_renames,
    optional=st.just(True),
)
_readings = st.fixed_dictionaries(
    {path: st.none() | st.dictionaries(_names, _values, max_size=4) for path in PATHS}
)


def gathered(wanted: SecretSpec, readings: Mapping[str, Any], order: Sequence[str]) -> Gathered:
    gathering = Gathering(wanted)
    for path in order:
        if Location(path) in wanted.locations:
            values = readings[path]
            if values is None:
                assert gathering.miss([Location(path)])
            else:
                gathering.take([Location(path)], Reading(Source(path), "1", values))
    return gathering.result()


def expected(wanted: SecretSpec, readings: Mapping[str, Any]) -> dict[str, bytes] | None:
    """Layer on layer, as a person would; None where two keys of one entry collide or one is illegal."""
    data: dict[str, bytes] = {}
    for entry in wanted.data_from:
        layer: dict[str, bytes] = {}
        for name, value in (readings[entry.path] or {}).items():
            if (not entry.include or name in entry.include) and name not in entry.exclude:
                data_key = entry.rename.renamed(name)
                if data_key in layer or not data_key:
                    return None
                layer[data_key] = str(value).encode()
        data.update(layer)
    for data_key, source in wanted.keys.items():
        value = (readings[source.path] or {}).get(source.key)
        if isinstance(value, int):
            return None
        if value is not None:
            data[data_key] = value.encode()
    for data_key in wanted.templates:
        data[data_key] = b"rendered"
    return data


@given(keys=_keys, entries=st.lists(_entries, max_size=3), templates=st.sets(_names), readings=_readings)
def test_fuzz_the_data_is_that_of_a_slow_oracle_in_any_order_of_the_readings(
    keys: dict[str, DataSource], entries: list[DataFrom], templates: set[str], readings: dict[str, Any]
) -> None:
    texts = dict.fromkeys(templates, "rendered")
    wanted = spec(keys=keys, data_from=tuple(entries), templates=texts)
    right = expected(wanted, readings)
    seen: set[str] = set()
    for order in permutations(PATHS):
        try:
            taken = gathered(wanted, readings, order)
        except SecretsManagerError as error:
            assert right is None
            seen.add(error.message)
        else:
            assert dict(secret_data(wanted, taken, compile_templates(texts))) == right
            seen.add(repr((taken.data, taken.overridden, taken.versions)))
            assert {each.key for each in taken.overridden} <= (right or {}).keys()
    # Errors and bytes alike hang on what was read alone, and not on when.
    assert len(seen) == 1


@given(entries=st.lists(_entries, min_size=2, max_size=4), readings=_readings)
def test_fuzz_each_value_that_was_read_is_in_the_secret_or_named_as_overridden(
    entries: list[DataFrom], readings: dict[str, Any]
) -> None:
    wanted = spec(keys={}, data_from=tuple(entries))
    if expected(wanted, readings) is None:
        return
    taken = gathered(wanted, readings, PATHS)
    given_by = {
        (entry.rename.renamed(name), f"dataFrom[{place}]")
        for place, entry in enumerate(entries)
        for name in readings[entry.path] or {}
        if (not entry.include or name in entry.include) and name not in entry.exclude
    }

    lost = {(each.key, each.source) for each in taken.overridden}
    won = given_by - lost
    assert lost <= given_by
    assert sorted(key for key, _ in won) == sorted(taken.data)
    assert {(each.key, each.by) for each in taken.overridden} <= won
