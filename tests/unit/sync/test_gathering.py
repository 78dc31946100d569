"""What a definition asks for is taken path by path, and the first byte too many ends it."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest

from secrets_manager.backends.base import Reading, Source, WholePath
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.checks import MAX_SECRET_BYTES
from secrets_manager.domain.data_from import DataFrom
from secrets_manager.domain.decoding import Encoding
from secrets_manager.domain.definition import DataSource, Input
from secrets_manager.domain.errors import DecodeError, KeyNotFound, NotAString, SourceTooLarge, TooLarge
from secrets_manager.domain.location import Location
from secrets_manager.domain.outcome import SourceVersion
from secrets_manager.runtime.json_view import view
from secrets_manager.sync.gathering import Gathering
from tests.builders import spec
from tests.unit.sync.world import World, wanting

HALF = "x" * (MAX_SECRET_BYTES // 2)


def source(path: str, key: str, encoding: Encoding = Encoding.DEFAULT) -> DataSource:
    return DataSource(path=path, key=key, encoding=encoding)


def parsed(values: Mapping[str, Any], path: str = "app") -> Reading:
    return Reading(Source(path), "1", dict(values))


def viewed(values: Mapping[str, Any], path: str = "app") -> Reading:
    """As a large answer comes: as a view of its bytes."""
    return Reading(Source(path), "1", view(json.dumps(values).encode()))


class Watched(Reading):
    """Remembers which keys were picked."""

    __slots__ = ("picked",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(Source("app"), "1", values)
        object.__setattr__(self, "picked", [])

    def pick(self, key: str) -> str:
        self.picked.append(key)  # type: ignore[attr-defined]
        return Reading.pick(self, key)


@pytest.mark.parametrize("reading", [parsed, viewed])
def test_only_the_keys_that_the_definition_asks_for_are_taken(reading: Any) -> None:
    keys = {
        "b": source("app", "user"),
        "a": source("app", "cert", Encoding.BASE64),
        "c": source("app", "wide"),
    }
    gathering = Gathering(spec(keys=keys))
    gathering.take(
        [Location("app")], reading({"user": "alice", "cert": "QUJD\r\nRA==", "wide": "\U0001f511", "x": [[]]})
    )
    gathered = gathering.result()

    assert list(gathered.data.items()) == [("a", b"ABCD"), ("b", b"alice"), ("c", "\U0001f511".encode())]
    assert (gathered.versions, gathered.size(), gathered.overridden) == ((SourceVersion("app", "1"),), 13, ())
    assert "alice" not in repr(gathered)


@pytest.mark.parametrize("reading", [parsed, viewed])
def test_a_value_that_fits_to_the_byte_is_taken(reading: Any) -> None:
    gathering = Gathering(spec(keys={"a": source("app", "half"), "b": source("app", "half")}))
    gathering.take([Location("app")], reading({"half": HALF}))

    assert gathering.result().size() == MAX_SECRET_BYTES


@pytest.mark.parametrize("reading", [parsed, viewed])
@pytest.mark.parametrize("width", [1, 4, 76])
def test_base64_in_lines_that_fits_to_the_byte_is_taken(reading: Any, width: int) -> None:
    coded = base64.b64encode(bytes(MAX_SECRET_BYTES // 4)).decode()
    lines = "\r\n".join(coded[at : at + width] for at in range(0, len(coded), width))
    keys = {name: source("app", "coded", Encoding.BASE64) for name in "abcd"}
    gathering = Gathering(spec(keys=keys))
    gathering.take([Location("app")], reading({"coded": lines}))

    assert gathering.result().size() == MAX_SECRET_BYTES


@pytest.mark.parametrize("reading", [parsed, viewed])
@pytest.mark.parametrize(
    ("value", "encoding"),
    [(HALF, Encoding.DEFAULT), (base64.b64encode(HALF.encode()).decode(), Encoding.BASE64)],
    ids=["text", "base64"],
)
def test_gathering_ends_before_the_first_value_too_many_is_made(
    reading: Any, value: str, encoding: Encoding
) -> None:
    values = dict(reading({"half": value}).narrow(["half"]).values)
    watched = Watched(values)
    gathering = Gathering(
        spec(keys={f"key-{number:04}": source("app", "half", encoding) for number in range(1000)})
    )

    with pytest.raises(TooLarge, match=r"data key 'key-0002' the values have at least \d+ bytes in total"):
        gathering.take([Location("app")], watched)
    assert watched.picked == ["half", "half"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("reading", [parsed, viewed])
def test_gathering_ends_at_the_first_path_too_many(reading: Any) -> None:
    gathering = Gathering(spec(keys={name: source(name, "half") for name in "abcd"}))
    for path in "ab":
        gathering.take([Location(path)], reading({"half": HALF}, path))

    with pytest.raises(TooLarge):
        gathering.take([Location("c")], reading({"half": HALF}, "c"))


def test_no_path_is_read_after_the_one_that_is_too_many() -> None:
    world = World(backend=MemoryBackend())
    for number in range(20):
        world.backend.put(f"p{number:02}", {"user": HALF})
    keys = {f"key-{number:02}": {"path": f"p{number:02}", "key": "user"} for number in range(20)}
    world.define("app", spec={**wanting("app"), "keysMap": keys})
    world.start()

    assert world.condition("app")[1] == "TooLarge"
    assert [number for number in range(20) if world.backend.reads(f"p{number:02}")] == [0, 1, 2]


def test_a_missing_key_is_reported_by_name_once_all_paths_were_read() -> None:
    keys = {"z": source("a", "missing"), "y": source("b", "number"), "x": source("a", "user")}
    gathering = Gathering(spec(keys=keys))
    gathering.take([Location("a")], parsed({"user": "alice"}, "a"))
    gathering.take([Location("b")], parsed({"number": 3}, "b"))

    with pytest.raises(NotAString):
        gathering.result()


def test_a_missing_key_is_reported_rather_than_too_many_bytes() -> None:
    keys = {"a": source("app", "missing"), "b": source("app", "half"), "c": source("app", "half")}
    gathering = Gathering(spec(keys=keys))

    with pytest.raises(KeyNotFound):
        gathering.take([Location("app")], parsed({"half": HALF + "x"}))


@pytest.mark.parametrize(
    ("value", "found"), [([[]], "list"), ({"a": 1}, "map"), (3, "number"), (True, "bool"), (1e300, "number")]
)
def test_a_value_that_is_no_text_is_named_by_its_type_in_a_view(value: object, found: str) -> None:
    gathering = Gathering(spec(keys={"x": source("app", "value")}))
    gathering.take([Location("app")], viewed({"value": value}))

    with pytest.raises(NotAString, match=f"is a {found}, not a string"):
        gathering.result()


def test_a_text_with_invalid_escapes_is_named_without_its_content() -> None:
    gathering = Gathering(spec(keys={"x": source("app", "value")}))
    gathering.take([Location("app")], Reading(Source("app"), "1", view(rb'{"\x":"","value":"canary\x"}')))

    with pytest.raises(DecodeError) as caught:
        gathering.result()
    assert "canary" not in f"{caught.value!r} {caught.value.__context__!r}"


# ── what may be absent ───────────────────────────────────────────────────────────────────────────────


def left_out(key: str = "banner", path: str = "app", encoding: Encoding = Encoding.DEFAULT) -> DataSource:
    return DataSource(path=path, key=key, encoding=encoding, optional=True)


def otherwise(text: str, key: str = "region", encoding: Encoding = Encoding.DEFAULT) -> DataSource:
    return DataSource(path="app", key=key, encoding=encoding, default=text)


@pytest.mark.parametrize("reading", [parsed, viewed])
@pytest.mark.parametrize("values", [{"user": "alice"}, {"user": "alice", "banner": None, "region": None}])
def test_a_key_that_is_not_there_is_left_out_or_replaced_by_its_default(
    reading: Any, values: dict[str, Any]
) -> None:
    keys = {"u": source("app", "user"), "b": left_out(), "r": otherwise("eu ✓", encoding=Encoding.BASE64)}
    gathering = Gathering(spec(keys=keys))
    gathering.take([Location("app")], reading(values))

    assert dict(gathering.result().data) == {"r": "eu ✓".encode(), "u": b"alice"}


@pytest.mark.parametrize("reading", [parsed, viewed])
def test_a_value_that_is_there_is_taken_and_an_empty_one_too(reading: Any) -> None:
    gathering = Gathering(spec(keys={"b": left_out(), "r": otherwise("eu")}))
    gathering.take([Location("app")], reading({"banner": "", "region": "us"}))

    assert dict(gathering.result().data) == {"b": b"", "r": b"us"}


@pytest.mark.parametrize("reading", [parsed, viewed])
@pytest.mark.parametrize(
    ("value", "encoding", "fault"),
    [(3, Encoding.TEXT, NotAString), ([], Encoding.TEXT, NotAString), ("?", Encoding.BASE64, DecodeError)],
)
@pytest.mark.parametrize("wanted", [left_out, lambda key, encoding: otherwise("eu", key, encoding)])
def test_a_value_that_cannot_be_used_is_no_absent_one(
    reading: Any, value: Any, encoding: Encoding, fault: type[Exception], wanted: Any
) -> None:
    gathering = Gathering(spec(keys={"x": wanted("value", encoding=encoding)}))
    gathering.take([Location("app")], reading({"value": value}))

    with pytest.raises(fault):
        gathering.result()


def test_a_path_that_holds_nothing_can_be_missed_only_if_each_of_its_keys_can() -> None:
    able = Gathering(spec(keys={"b": left_out(), "r": otherwise("eu")}))
    unable = Gathering(spec(keys={"b": left_out(), "u": source("app", "user")}))

    assert able.miss([Location("app")])
    assert dict(able.result().data) == {"r": b"eu"}
    assert not unable.miss([Location("app")])


def test_defaults_count_as_what_the_secret_holds() -> None:
    gathering = Gathering(spec(keys={name: otherwise(HALF, name) for name in "abc"}))

    with pytest.raises(TooLarge, match="data key 'c'"):
        gathering.miss([Location("app")])


def test_no_default_shows_in_a_repr() -> None:
    assert "canary" not in repr(otherwise("canary"))


# ── checks of the values ─────────────────────────────────────────────────────────────────────────────


def test_a_value_that_fails_its_check_leaves_the_secret_as_it_was() -> None:
    world = World(backend=MemoryBackend())
    world.backend.put("app", {"user": '{"name": "alice"}'})
    world.define("app", spec={**wanting("app"), "checks": {"user": "json"}})
    world.start()
    world.backend.put("app", {"user": "canary"})
    world.pass_time()

    condition = world.status("app")["conditions"][0]
    assert (condition["status"], condition["reason"]) == ("False", "CheckFailed")
    assert (
        condition["message"]
        == "data key 'user' is not JSON, though spec.checks demands it; the Secret stays as it is"
    )
    assert world.data("app") == {"user": '{"name": "alice"}'}

    world.backend.put("app", {"user": "[]"})
    world.pass_time()
    assert world.data("app") == {"user": "[]"}
    assert world.condition("app") == ("True", "Synced")


@pytest.mark.parametrize("reading", [parsed, viewed])
def test_what_is_no_text_is_written_as_json_where_the_definition_says_so(reading: Any) -> None:
    keys = {name: source("app", name, Encoding.JSON) for name in ("port", "text", "list", "#/map/b")}
    gathering = Gathering(spec(keys={name.strip("#/").replace("/", "-"): one for name, one in keys.items()}))
    gathering.take(
        [Location("app")], reading({"port": 5432, "text": 'as "it" is', "list": [1, "é"], "map": {"b": True}})
    )

    assert dict(gathering.result().data) == {
        "port": b"5432",
        "text": b'as "it" is',
        "list": '[1,"é"]'.encode(),
        "map-b": b"true",
    }


@pytest.mark.parametrize("reading", [parsed, viewed])
def test_a_pointer_to_nothing_is_an_absence_and_any_other_fault_is_none(reading: Any) -> None:
    values = {"map": {"number": 4711, "null": None}, "plain": "canary"}

    def gathered(key: str, encoding: Encoding = Encoding.DEFAULT) -> Mapping[str, bytes]:
        wanted = DataSource(path="app", key=key, encoding=encoding, default="instead")
        gathering = Gathering(spec(keys={"a": wanted}))
        gathering.take([Location("app")], reading(values))
        return gathering.result().data

    for key in ("#/map/nowhere", "#/map/null", "#/nowhere/a", "#/map/number/a"):
        assert gathered(key) == gathered(key, Encoding.JSON) == {"a": b"instead"}
    for key, error in (("#/map/number", NotAString), ("#/map", NotAString), ("#/plain/a", DecodeError)):
        with pytest.raises(error) as caught:
            gathered(key)
        assert "canary" not in str(caught.value)


def test_a_json_text_that_no_secret_holds_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    gathering = Gathering(spec(keys={name: source("app", "list", Encoding.JSON) for name in "ab"}))
    reading = viewed({"list": ["x" * 1000] * (MAX_SECRET_BYTES // 1500)})
    gathering_text = Reading.text_of
    made: list[str] = []

    def text_of(self: Reading, key: str) -> str:
        made.append(key)
        return gathering_text(self, key)

    monkeypatch.setattr(Reading, "text_of", text_of)
    with pytest.raises(TooLarge, match="data key 'b'"):
        gathering.take([Location("app")], reading)
    assert made == ["list"]


BIG = "[" + ",".join(map(str, range(300, 49_000))) + "]"


@pytest.mark.parametrize("key", [None, "#/big", "#/inside/big", "big"])
def test_many_inputs_of_one_large_value_are_too_large_before_they_take_memory(key: str | None) -> None:
    body = f'{{"big": {BIG}, "inside": {{"big": {BIG}}}}}' if key == "#/inside/big" else f'{{"big": {BIG}}}'
    inputs = {f"input-{number:03}": Input(path="app", key=key) for number in range(256)}
    gathering = Gathering(spec(keys={}, inputs=inputs))
    reading = Reading(Source("app"), "1", view(body.encode()))

    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match=r"with 'input-00\d' spec.inputs have at least"):
            gathering.take([Location("app")], reading)
        assert tracemalloc.get_traced_memory()[1] < 32 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_large_path_is_taken_apart_once_for_all_that_want_it_whole() -> None:
    taken: list[str] = []

    class Counted(Reading):
        __slots__ = ()

        def whole(self) -> WholePath:
            taken.append("once")
            return Reading.whole(self)

    entries = tuple(DataFrom(path="app", include=(f"{number}*",), optional=True) for number in range(64))
    inputs = {f"input-{number}": Input(path="app") for number in range(16)}
    gathering = Gathering(spec(keys={}, data_from=entries, inputs=inputs))
    gathering.take([Location("app")], Counted(Source("app"), "1", view(b'{"1a":"x","2b":"y"}')))

    assert taken == ["once"]
    assert gathering.result().data == {"1a": b"x", "2b": b"y"}

    many = b"{" + b",".join(b'"%d":0' % number for number in range(20_000)) + b"}"
    gathering = Gathering(spec(keys={}, data_from=entries, inputs=inputs))
    gathering.take([Location("app")], Counted(Source("app"), "1", view(many)))

    assert taken == ["once", "once"]
    with pytest.raises(SourceTooLarge):
        gathering.result()
