"""A file of values stands in for a backend, and gives what the backend would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from secrets_manager.backends.azure_key_vault import objects
from secrets_manager.backends.base import Source
from secrets_manager.commands.engine.values import Held, ValuesBackend, joined, read_values
from secrets_manager.domain.errors import ConfigError, NotAMap, SourceNotFound
from secrets_manager.runtime.terms import Terms
from tests.unit.backends.tables import rows

TERMS = Terms.within(1)


def read(folder: Path, text: str, name: str = "values.json") -> ValuesBackend:
    (folder / name).write_text(text, encoding="utf-8")
    _, held = read_values(name, folder)
    return ValuesBackend(held)


def test_a_map_gives_its_keys_as_vault_does(tmp_path: Path) -> None:
    backend = read(tmp_path, '{"secret/data/app": {"a": "x", "data": "y", "n": {"b": ["z"]}, "null": null}}')
    reading = backend.read(backend.locate("/secret/data/app"), TERMS)

    assert reading.pick("a") == "x"
    # The short name that Vault's readings have.
    assert reading.pick("") == "y"
    assert reading.pick("#/n/b/0") == "z"
    assert set(reading.whole().names()) == {"a", "data", "n"}


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    text = '{"p": {"a": 1.10, "b": 12345678901234567890123, "c": 1e999, "d": 5432}}'
    backend = read(tmp_path, text)
    reading = backend.read(backend.locate("p"), TERMS)

    assert [reading.text_of(key) for key in "abcd"] == ["1.10", "12345678901234567890123", "1e999", "5432"]


def test_yaml_says_the_same(tmp_path: Path) -> None:
    backend = read(tmp_path, "secret/data/app:\n  a: x\n  port: 5\nkeys: just a text\n", "values.yaml")

    assert backend.read(backend.locate("secret/data/app"), TERMS).text_of("port") == "5"
    assert backend.read(backend.locate("keys"), TERMS).pick("any") == "just a text"


def test_a_text_is_the_content_for_any_key_as_in_azure(tmp_path: Path) -> None:
    backend = read(tmp_path, '{"one": "text"}')

    one = backend.read(backend.locate("one"), TERMS)
    assert (one.pick(""), one.pick("whatever")) == ("text", "text")
    with pytest.raises(NotAMap):
        one.whole()


def test_paths_are_those_of_the_backend_that_it_stands_for() -> None:
    backend = ValuesBackend({"secrets/App": Held(None, "x")}, "azure-kv", objects.locate)

    assert backend.read(backend.locate("app"), TERMS).pick("") == "x"
    assert backend.name == "azure-kv"


def test_a_map_of_another_kind_has_no_short_name() -> None:
    backend = ValuesBackend({"app": Held(b'{"data": "x", "": "y"}')}, "aws-sm", lambda path, _: Source(path))

    assert backend.read(Source("app"), TERMS).pick("") == "y"


def test_each_version_of_a_path_is_what_the_file_says(tmp_path: Path) -> None:
    backend = read(tmp_path, '{"p": {"a": "x"}}')

    assert backend.read(backend.locate("p", "7"), TERMS).source == Source("p", "7")


def test_a_path_that_the_file_lacks_is_not_there(tmp_path: Path) -> None:
    backend = read(tmp_path, "{}")

    with pytest.raises(SourceNotFound):
        backend.read(backend.locate("p"), TERMS)
    assert list(backend.neighbours(Source("p"), TERMS)) == []


@pytest.mark.parametrize(
    ("text", "why"),
    rows(
        {
            "no map": ("[]", "it must hold one map, of paths and what they hold"),
            "nothing": ("", "it must hold one map, of paths and what they hold"),
            "two documents": ("a: x\n---\nb: y\n", "it must hold one map, of paths and what they hold"),
            "a number": ('{"p": 3}', "path 'p' holds neither a map nor a text"),
            "null": ('{"p": null}', "path 'p' holds neither a map nor a text"),
            "a list in yaml": ("p: [canary]", "path 'p' holds neither a map nor a text"),
            "no yaml": ("p: 'canary\n", "line 2: it is not valid YAML: found unexpected end of stream"),
            "a key twice": ("p: canary\np: canary\n", "line 2: it has the same key twice in one map"),
        }
    ),
)
def test_a_file_that_is_none_is_told_without_its_values(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError) as told:
        read(tmp_path, text)

    assert told.value.message == f"--values 'values.json': {why}"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--values 'none' cannot be read: No such file"):
        read_values("none", tmp_path)


@pytest.mark.parametrize("path", ["a/../b", "", "a//b"])
def test_a_path_that_no_definition_can_name_is_told(path: str) -> None:
    with pytest.raises(ConfigError, match="--values: "):
        ValuesBackend({path: Held(None, "x")})


def test_one_path_in_two_spellings_is_told() -> None:
    with pytest.raises(ConfigError, match="--values: path 'a' is there twice"):
        ValuesBackend({"a": Held(None, "x"), "/a": Held(None, "y")})


def test_files_are_of_the_backend_that_is_named_before_them(tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text('{"p": "x"}')
    (tmp_path / "A=b").write_text('{"p": "x"}')

    assert read_values("eu=v.json", tmp_path)[0] == "eu"
    assert read_values("v.json", tmp_path)[0] == "default"
    assert read_values("A=b", tmp_path)[0] == "default"


def test_several_files_of_one_backend_are_read_as_one_unless_they_clash() -> None:
    a: dict[str, Any] = {"a": Held(None, "x")}
    b: dict[str, Any] = {"b": Held(None, "y")}

    assert joined([("eu", a), ("eu", b), ("default", a)]) == {"eu": {**a, **b}, "default": a}
    with pytest.raises(ConfigError, match="path 'a' is there twice"):
        joined([("eu", a), ("eu", dict(a))])


def test_nothing_of_it_shows() -> None:
    held = Held(b"canary", "canary")

    assert "canary" not in repr(held) + repr(ValuesBackend({"p": held}))
