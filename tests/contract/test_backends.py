"""The contract of `secrets_manager.backends.base`, held against every backend."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import (
    BackendFault,
    BackendTimeout,
    BackendUnavailable,
    InvalidPath,
    KeyNotFound,
    NoAnswerYet,
    NotAString,
    SourceDeleted,
    SourceDestroyed,
    SourceNotFound,
)
from secrets_manager.runtime.hurry import hurried
from tests.contract.backend_azure import AzureBench
from tests.contract.backend_bench import BackendBench
from tests.contract.backend_memory import MemoryBench
from tests.contract.backend_openbao import OpenBaoBench

_KV2 = pytest.param("kv2", marks=pytest.mark.servers, id="openbao-kv2")
_KV1 = pytest.param("kv1", marks=pytest.mark.servers, id="openbao-kv1")


@pytest.fixture(params=["memory", _KV2, _KV1, "azure-kv"])
def bench(request: pytest.FixtureRequest) -> Iterator[BackendBench]:
    """Every backend in turn."""
    yield from _opened(request)


@pytest.fixture(params=["memory", _KV2])
def versioned(request: pytest.FixtureRequest) -> Iterator[BackendBench]:
    """Every backend whose store keeps versions."""
    yield from _opened(request)


def _opened(request: pytest.FixtureRequest) -> Iterator[BackendBench]:
    if request.param == "memory":
        yield MemoryBench()
        return
    if request.param == "azure-kv":
        azure = AzureBench(request.getfixturevalue("azure"))
        yield azure
        azure.backend.close()
        return
    openbao, proxy, prefix = map(request.getfixturevalue, ("openbao", "openbao_proxy", "kv_prefix"))
    made = OpenBaoBench(openbao, proxy, prefix, request.param)
    yield made
    made.backend.close()


def read(bench: BackendBench, name: str, key: str) -> str:
    return bench.backend.read(bench.backend.locate(bench.path(name))).pick(bench.key(key))


# ── readings ─────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_stored_is_read(bench: BackendBench) -> None:
    bench.put("app", {"user": "u", "password": "p"})

    assert (read(bench, "app", "user"), read(bench, "app", "password")) == ("u", "p")


def test_the_next_reading_shows_a_change(bench: BackendBench) -> None:
    bench.put("app", {"a": "old", "b": "gone"})
    read(bench, "app", "a")
    bench.put("app", {"a": "new"})

    assert read(bench, "app", "a") == "new"
    with pytest.raises(KeyNotFound):
        read(bench, "app", "b")


def test_a_reading_names_its_version(bench: BackendBench) -> None:
    for number in range(2):
        version = bench.put("app", {"a": str(number)})
        reading = bench.backend.read(bench.backend.locate(bench.path("app")))

        assert reading.version == version


def test_equal_content_gives_equal_canonical_bytes_and_a_change_gives_others(bench: BackendBench) -> None:
    source = bench.backend.locate(bench.path("app"))
    bench.put("app", {"b": "2", "a": "1"})
    before = bench.backend.read(source).canonical()

    assert bench.backend.read(source).canonical() == before
    bench.put("app", {"b": "2", "a": "3"})
    assert bench.backend.read(source).canonical() != before


@pytest.mark.parametrize(
    "text", ["", " blanks \n", "ключ", "日本", '"quoted" \\ /', "\x00\x01", "a" * 100_000, "-----BEGIN\r\n"]
)
def test_every_text_comes_as_it_was_stored(bench: BackendBench, text: str) -> None:
    bench.put("app", {"a": text})

    assert read(bench, "app", "a") == text


@pytest.mark.parametrize("key", ["a.b", "with blank", "ключ", "a/b", "$"])
def test_every_key_can_be_picked(bench: BackendBench, key: str) -> None:
    bench.put("app", {key: "x"})

    assert read(bench, "app", key) == "x"


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1, "number"), (1.5, "number"), (True, "bool"), (["canary"], "list"), ({"a": "canary"}, "map")],
)
def test_what_is_no_text_is_named_by_its_type(bench: BackendBench, value: Any, kind: str) -> None:
    bench.put("app", {"good": "x", "bad": value})

    assert read(bench, "app", "good") == "x"
    with pytest.raises(NotAString, match=f"'{re.escape(bench.key('bad'))}'.* is a {kind}") as caught:
        read(bench, "app", "bad")
    assert "canary" not in caught.value.message


def test_null_is_like_a_missing_key(bench: BackendBench) -> None:
    bench.put("app", {"a": None, "b": "x"})

    for key in ("a", "missing"):
        with pytest.raises(KeyNotFound, match=f"'{re.escape(bench.key(key))}'"):
            read(bench, "app", key)


def test_a_reading_shows_no_value(bench: BackendBench) -> None:
    bench.put("app", {"a": "canary"})

    assert "canary" not in repr(bench.backend.read(bench.backend.locate(bench.path("app"))))


# ── absence ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_path_that_never_was_is_not_found(bench: BackendBench) -> None:
    with pytest.raises(SourceNotFound) as caught:
        read(bench, "never", "a")

    assert "never" in caught.value.message


def test_a_removed_path_is_not_found_and_can_come_back(bench: BackendBench) -> None:
    bench.put("app", {"a": "1"})
    bench.put("app", {"a": "2"})
    read(bench, "app", "a")
    bench.delete("app")
    with pytest.raises(SourceNotFound):
        read(bench, "app", "a")
    bench.put("app", {"a": "3"})

    assert read(bench, "app", "a") == "3"


def test_a_deleted_version_does_not_bring_the_one_before(versioned: BackendBench) -> None:
    versioned.put("app", {"a": "1"})
    version = versioned.put("app", {"a": "2"})
    versioned.soft_delete("app")

    with pytest.raises(SourceDeleted, match=f"version {version} "):
        read(versioned, "app", "a")


def test_a_destroyed_version_is_told_from_a_deleted_one(versioned: BackendBench) -> None:
    versioned.put("app", {"a": "1"})
    versioned.destroy("app")

    with pytest.raises(SourceDestroyed):
        read(versioned, "app", "a")


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["a b", "a+b", "a@b", "ключ", "a?b=c", "a#b", "a%2fb", "a%b", "deep/er", "..a"]
)
def test_a_name_is_taken_as_written(bench: BackendBench, name: str) -> None:
    bench.put(name, {"a": name})

    assert read(bench, name, "a") == name


def test_a_leading_slash_names_the_same_source(bench: BackendBench) -> None:
    path = bench.path("app")

    assert bench.backend.locate(f"/{path}") == bench.backend.locate(path) == Source(path)


@pytest.mark.parametrize("path", ["", "/", "a/../b", "../a", "a/./b", "a//b", "a\nb", "a\x00b"])
def test_a_path_that_must_not_be_asked_is_refused_before_any_call(bench: BackendBench, path: str) -> None:
    bench.break_down()

    with pytest.raises(InvalidPath):
        bench.backend.locate(path)


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_read_that_is_not_answered_ends_with_the_timeout(bench: BackendBench) -> None:
    bench.put("app", {"a": "1"})
    read(bench, "app", "a")
    bench.hang()
    with pytest.raises(BackendTimeout):
        read(bench, "app", "a")
    bench.recover()

    assert read(bench, "app", "a") == "1"


def test_a_read_in_a_hurry_that_is_not_answered_is_left(bench: BackendBench) -> None:
    bench.put("app", {"a": "1"})
    read(bench, "app", "a")
    bench.hang()

    with hurried(0.2) as hurry, pytest.raises(NoAnswerYet):
        read(bench, "app", "a")
    bench.recover()

    assert hurry.took is None
    assert read(bench, "app", "a") == "1"


def test_a_read_in_a_hurry_tells_how_long_the_answer_took(bench: BackendBench) -> None:
    bench.put("app", {"a": "1"})

    with hurried(60.0) as hurry:
        assert read(bench, "app", "a") == "1"
    assert hurry.took is not None
    assert 0 <= hurry.took < 60.0


def test_an_outage_is_a_backend_fault_with_a_constant_message_and_ends(bench: BackendBench) -> None:
    bench.put("app", {"a": "1"})
    read(bench, "app", "a")
    bench.break_down()
    faults: set[BackendFault] = set()
    for _ in range(3):
        with pytest.raises(BackendUnavailable) as caught:
            read(bench, "app", "a")
        faults.add(caught.value)
    bench.recover()

    assert len(faults) == 1
    assert read(bench, "app", "a") == "1"


def test_maintain_makes_a_fresh_backend_ready(bench: BackendBench) -> None:
    assert not bench.backend.ready()
    bench.backend.maintain()

    assert bench.backend.ready()


def test_maintain_tells_an_outage(bench: BackendBench) -> None:
    bench.break_down()

    with pytest.raises(BackendFault):
        bench.backend.maintain()


def test_a_read_alone_makes_a_fresh_backend_ready(bench: BackendBench) -> None:
    bench.put("app", {"a": "1"})
    read(bench, "app", "a")

    assert bench.backend.ready()


def test_many_threads_may_read_at_once(bench: BackendBench) -> None:
    for number in range(8):
        bench.put(f"app-{number}", {"a": str(number)})
    found: list[bool] = []

    def work(number: int) -> None:
        found.extend(read(bench, f"app-{number}", "a") == str(number) for _ in range(10))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == [True] * 80
