"""The contract of `secrets_manager.backends.base` as tests of a backend.

Derive a class whose name begins with ``Test`` and give it a fixture ``bench``; `BackendContract` is for every
backend, `VersionedContract` for those whose store keeps versions.
"""

from __future__ import annotations

import re
import threading
from inspect import signature
from typing import Any

import pytest

from secrets_manager.backends.base import Source, WholePath
from secrets_manager.domain.errors import (
    BackendFault,
    BackendTimeout,
    BackendUnavailable,
    InvalidPath,
    InvalidVersion,
    KeyNotFound,
    NoAnswerYet,
    NotAString,
    SourceDeleted,
    SourceDestroyed,
    SourceNotFound,
    is_absence,
)
from secrets_manager.runtime.terms import Deadline, Terms
from secrets_manager.testing.backend_bench import READ_SECONDS, BackendBench


def read(bench: BackendBench, name: str, key: str, terms: Terms | None = None) -> str:
    """The text that a definition would find under ``key`` of ``name``."""
    source = bench.backend.locate(bench.path(name))
    return bench.backend.read(source, terms or Terms.within(READ_SECONDS)).pick(bench.key(key))


def read_whole(bench: BackendBench, name: str) -> WholePath:
    """All that is stored at ``name``."""
    return bench.backend.read(bench.backend.locate(bench.path(name)), Terms.within(READ_SECONDS)).whole()


def read_version(bench: BackendBench, version: str, name: str = "app") -> str:
    """The text under ``a`` in a version of ``name``."""
    source = bench.backend.locate(bench.path(name), version)
    return bench.backend.read(source, Terms.within(READ_SECONDS)).pick(bench.key("a"))


class BackendContract:
    """The contract of every backend."""

    def test_the_parts_that_a_source_lies_in_are_the_same_for_its_neighbours_and_cost_nothing(
        self,
        bench: BackendBench,
    ) -> None:
        one, other = (bench.backend.locate(bench.path(name)) for name in ("app", "other"))

        assert bench.backend.domains(one) == bench.backend.domains(other)
        assert one.path not in bench.backend.domains(one)
        assert len(set(bench.backend.domains(one))) == len(bench.backend.domains(one))

    # ── readings ─────────────────────────────────────────────────────────────────────────────────────────

    def test_a_stored_value_is_read(self, bench: BackendBench) -> None:
        bench.put("app", {"user": "u", "password": "p"})

        assert (read(bench, "app", "user"), read(bench, "app", "password")) == ("u", "p")

    def test_the_next_reading_shows_a_change(self, bench: BackendBench) -> None:
        bench.put("app", {"a": "old", "b": "gone"})
        read(bench, "app", "a")
        bench.put("app", {"a": "new"})

        assert read(bench, "app", "a") == "new"
        with pytest.raises(KeyNotFound):
            read(bench, "app", "b")

    def test_a_reading_names_its_version(self, bench: BackendBench) -> None:
        for number in range(2):
            version = bench.put("app", {"a": str(number)})
            reading = bench.backend.read(bench.backend.locate(bench.path("app")), Terms.within(READ_SECONDS))

            assert reading.version == version

    def test_equal_content_gives_equal_canonical_bytes_and_a_change_gives_others(
        self, bench: BackendBench
    ) -> None:
        source = bench.backend.locate(bench.path("app"))
        bench.put("app", {"b": "2", "a": "1"})
        before = bench.backend.read(source, Terms.within(READ_SECONDS)).canonical()

        assert bench.backend.read(source, Terms.within(READ_SECONDS)).canonical() == before
        bench.put("app", {"b": "2", "a": "3"})
        assert bench.backend.read(source, Terms.within(READ_SECONDS)).canonical() != before

    @pytest.mark.parametrize(
        "text",
        ["", " blanks \n", "ключ", "日本", '"quoted" \\ /', "\x00\x01", "a" * 100_000, "-----BEGIN\r\n"],
    )
    def test_every_text_comes_as_it_was_stored(self, bench: BackendBench, text: str) -> None:
        bench.put("app", {"a": text})

        assert read(bench, "app", "a") == text

    @pytest.mark.parametrize("key", ["a.b", "with blank", "ключ", "a/b", "$"])
    def test_every_key_can_be_picked(self, bench: BackendBench, key: str) -> None:
        bench.put("app", {key: "x"})

        assert read(bench, "app", key) == "x"

    @pytest.mark.parametrize(
        ("value", "kind"),
        [(1, "number"), (1.5, "number"), (True, "bool"), (["canary"], "list"), ({"a": "canary"}, "map")],
    )
    def test_a_value_that_is_not_a_text_is_named_by_its_type(
        self, bench: BackendBench, value: Any, kind: str
    ) -> None:
        bench.put("app", {"good": "x", "bad": value})

        assert read(bench, "app", "good") == "x"
        with pytest.raises(NotAString, match=f"'{re.escape(bench.key('bad'))}'.* is a {kind}") as caught:
            read(bench, "app", "bad")
        assert "canary" not in caught.value.message

    def test_null_is_like_a_missing_key(self, bench: BackendBench) -> None:
        bench.put("app", {"a": None, "b": "x"})

        for key in ("a", "missing"):
            with pytest.raises(KeyNotFound, match=f"'{re.escape(bench.key(key))}'"):
                read(bench, "app", key)

    def test_a_reading_shows_no_value(self, bench: BackendBench) -> None:
        bench.put("app", {"a": "canary"})

        assert "canary" not in repr(
            bench.backend.read(bench.backend.locate(bench.path("app")), Terms.within(READ_SECONDS))
        )

    def test_a_whole_path_is_all_that_is_stored_by_its_own_names(self, bench: BackendBench) -> None:
        bench.put("app", {"user": "u", "port": 5432, "a/b": ["x", {"c": True}], "gone": None, "": "e"})
        whole = read_whole(bench, "app")

        assert {name: whole.text_of(name) for name in whole.names()} == {
            "user": "u",
            "port": "5432",
            "a/b": '["x",{"c":true}]',
            "": "e",
        }
        assert whole.value() == {"user": "u", "port": 5432, "a/b": ["x", {"c": True}], "": "e"}
        assert whole.floor("user") <= 1

    def test_a_whole_path_shows_no_value(self, bench: BackendBench) -> None:
        bench.put("app", {"a": "canary", "b": ["canary"]})

        assert "canary" not in repr(read_whole(bench, "app"))

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (5, "5"),
            (1.5, "1.5"),
            (False, "false"),
            (["x", None], '["x",null]'),
            ({"b": 1, "a": ""}, '{"a":"","b":1}'),
        ],
    )
    def test_a_value_that_is_not_a_text_has_a_json_text(
        self, bench: BackendBench, value: Any, text: str
    ) -> None:
        bench.put("app", {"a": value, "t": "as it is"})
        reading = bench.backend.read(bench.backend.locate(bench.path("app")), Terms.within(READ_SECONDS))

        assert reading.text_of(bench.key("a")) == text
        assert reading.value_of(bench.key("a")) == value
        assert reading.floor_of_text(bench.key("a")) <= len(text)
        assert reading.text_of(bench.key("t")) == reading.value_of(bench.key("t")) == "as it is"
        with pytest.raises(KeyNotFound):
            reading.text_of(bench.key("missing"))

    def test_a_pointer_leads_into_a_value(self, bench: BackendBench) -> None:
        bench.put("app", {"main": {"a/b": ["x", {"": "deep"}], "port": 5}})
        reading = bench.backend.read(bench.backend.locate(bench.path("app")), Terms.within(READ_SECONDS))

        for found in (reading, reading.narrow(["#/main/a~1b/1/", "#/main/port", "#/main/nothing"])):
            assert found.pick("#/main/a~1b/1/") == "deep"
            assert found.text_of("#/main/port") == "5"
            with pytest.raises(NotAString):
                found.pick("#/main/port")
            with pytest.raises(KeyNotFound):
                found.pick("#/main/nothing")

    # ── absence ──────────────────────────────────────────────────────────────────────────────────────────

    def test_a_path_that_never_was_is_not_found(self, bench: BackendBench) -> None:
        with pytest.raises(SourceNotFound) as caught:
            read(bench, "never", "a")

        assert "never" in caught.value.message

    def test_a_removed_path_is_not_found_and_can_come_back(self, bench: BackendBench) -> None:
        bench.put("app", {"a": "1"})
        bench.put("app", {"a": "2"})
        read(bench, "app", "a")
        bench.delete("app")
        with pytest.raises(SourceNotFound):
            read(bench, "app", "a")
        bench.put("app", {"a": "3"})

        assert read(bench, "app", "a") == "3"

    # ── paths ────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize(
        "name", ["a b", "a+b", "a@b", "ключ", "a?b=c", "a#b", "a%2fb", "a%b", "deep/er", "..a"]
    )
    def test_a_name_is_taken_as_written(self, bench: BackendBench, name: str) -> None:
        bench.put(name, {"a": name})

        assert read(bench, name, "a") == name

    def test_a_leading_slash_names_the_same_source(self, bench: BackendBench) -> None:
        path = bench.path("app")

        assert bench.backend.locate(f"/{path}") == bench.backend.locate(path) == Source(path)

    @pytest.mark.parametrize("path", ["", "/", "a/../b", "../a", "a/./b", "a//b", "a\nb", "a\x00b"])
    def test_a_path_that_must_not_be_asked_is_refused_before_any_call(
        self, bench: BackendBench, path: str
    ) -> None:
        bench.break_down()

        with pytest.raises(InvalidPath):
            bench.backend.locate(path)

    def test_a_version_is_a_source_of_its_own_or_refused_before_any_call(self, bench: BackendBench) -> None:
        bench.break_down()
        path = bench.path("app")
        if len(signature(bench.backend.locate).parameters) == 1:
            # No version gets here.
            return
        try:
            found = bench.backend.locate(path, "3")
        except InvalidVersion:
            return

        assert found == bench.backend.locate(path)._replace(version="3")
        assert bench.backend.locate(path, "") == bench.backend.locate(path)
        assert bench.backend.domains(found) == bench.backend.domains(bench.backend.locate(path))

    @pytest.mark.parametrize("version", ["-1", "3 ", "..", "3/4", "3?a=b", "\n", "ключ", "x" * 4096])
    def test_a_version_that_no_store_has_is_refused_before_any_call(
        self, bench: BackendBench, version: str
    ) -> None:
        bench.break_down()
        if len(signature(bench.backend.locate).parameters) == 1:
            return

        with pytest.raises(InvalidVersion):
            bench.backend.locate(bench.path("app"), version)

    # ── faults ───────────────────────────────────────────────────────────────────────────────────────────

    def test_a_read_that_is_not_answered_ends_with_the_timeout(self, bench: BackendBench) -> None:
        bench.put("app", {"a": "1"})
        read(bench, "app", "a")
        bench.hang()
        with pytest.raises(BackendTimeout):
            read(bench, "app", "a")
        bench.recover()

        assert read(bench, "app", "a") == "1"

    def test_a_first_try_that_is_not_answered_is_left(self, bench: BackendBench) -> None:
        bench.put("app", {"a": "1"})
        read(bench, "app", "a")
        bench.hang()

        took: list[float] = []
        until = Deadline.within(READ_SECONDS)
        with pytest.raises(NoAnswerYet):
            read(bench, "app", "a", Terms(deadline=until, first_try=0.2, answered=took.append))
        bench.recover()

        assert took == []
        assert read(bench, "app", "a") == "1"

    def test_a_read_reports_how_long_the_answer_took(self, bench: BackendBench) -> None:
        bench.put("app", {"a": "1"})

        took: list[float] = []
        until = Deadline.within(READ_SECONDS)
        assert read(bench, "app", "a", Terms(deadline=until, first_try=60.0, answered=took.append)) == "1"
        assert 0 <= took[-1] < READ_SECONDS

    def test_an_outage_is_a_backend_fault_with_a_constant_message_and_ends(self, bench: BackendBench) -> None:
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

    def test_maintain_makes_a_fresh_backend_ready(self, bench: BackendBench) -> None:
        assert not bench.backend.ready()
        bench.backend.maintain()

        assert bench.backend.ready()

    def test_maintain_reports_an_outage(self, bench: BackendBench) -> None:
        bench.break_down()

        with pytest.raises(BackendFault):
            bench.backend.maintain()

    def test_a_read_alone_makes_a_fresh_backend_ready(self, bench: BackendBench) -> None:
        bench.put("app", {"a": "1"})
        read(bench, "app", "a")

        assert bench.backend.ready()

    def test_many_threads_may_read_at_once(self, bench: BackendBench) -> None:
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


class VersionedContract(BackendContract):
    """The further contract of a backend whose store keeps versions."""

    def test_a_deleted_version_does_not_bring_the_one_before(self, bench: BackendBench) -> None:
        bench.put("app", {"a": "1"})
        version = bench.put("app", {"a": "2"})
        bench.soft_delete("app")

        with pytest.raises(SourceDeleted, match=f"version {version} "):
            read(bench, "app", "a")

    def test_a_destroyed_version_differs_from_a_deleted_version(self, bench: BackendBench) -> None:
        bench.put("app", {"a": "1"})
        bench.destroy("app")

        with pytest.raises(SourceDestroyed):
            read(bench, "app", "a")

    def test_a_version_stays_as_it_is_while_others_come_and_go(self, bench: BackendBench) -> None:
        first = bench.put("app", {"a": "1"})
        second = bench.put("app", {"a": "2"})

        assert (read_version(bench, first), read_version(bench, second)) == ("1", "2")
        third = bench.put("app", {"a": "3"})
        assert (read_version(bench, second), read(bench, "app", "a")) == ("2", "3")
        bench.soft_delete("app")
        assert read_version(bench, first) == "1"
        with pytest.raises(SourceDeleted, match=f"version {third} "):
            read_version(bench, third)
        bench.destroy("app")
        with pytest.raises(SourceDestroyed, match=f"version {third} "):
            read_version(bench, third)
        assert read_version(bench, second) == "2"

    def test_an_old_version_is_no_step_back_of_the_newest(self, bench: BackendBench) -> None:
        first, second = (bench.put("app", {"a": text}) for text in ("1", "2"))
        for _ in range(3):
            assert read(bench, "app", "a") == "2"
            assert read_version(bench, first) == "1"
        with pytest.raises(SourceNotFound):
            read_version(bench, f"{second}9")

        assert read(bench, "app", "a") == "2"

    def test_a_reading_of_a_version_names_it(self, bench: BackendBench) -> None:
        first = bench.put("app", {"a": "1"})
        bench.put("app", {"a": "2"})
        source = bench.backend.locate(bench.path("app"), first)
        found = bench.backend.read(source, Terms.within(READ_SECONDS))

        assert (found.version, found.source) == (first, source)

    def test_a_version_that_never_was_is_not_found_and_named(self, bench: BackendBench) -> None:
        version = bench.put("app", {"a": "1"})

        with pytest.raises(SourceNotFound, match=f"version {version}9 of path") as caught:
            read_version(bench, f"{version}9")
        assert is_absence(caught.value)
        with pytest.raises(SourceNotFound):
            read_version(bench, version, "never")
