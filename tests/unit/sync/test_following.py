"""What is looked at once a period, kept in step with what the definitions say."""

from __future__ import annotations

from typing import Any

from secrets_manager.backends.base import Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.domain.definition import DataSource, Ref
from secrets_manager.domain.errors import InvalidSpec
from secrets_manager.domain.secret import Digester
from secrets_manager.sync.following import SURVEY, Following, Key, Known, look, poll, turn_of
from secrets_manager.sync.poll_schedule import PollSchedule
from secrets_manager.sync.source_ledger import SourceLedger
from tests.unit.domain.values import definition, spec

APP = Ref("team", "app")


class Bench:
    def __init__(self, *, tracked: bool = True) -> None:
        self.known = Known(
            definitions=DefinitionStore(),
            secrets=SecretStore(),
            ledger=SourceLedger(Digester(b"k" * 32)),
            schedule=PollSchedule[Key](5.0),
        )
        self.known.secrets.track(None, on=tracked)
        self.following = Following(known=self.known, backend=MemoryBackend())
        self._version = 0

    def define(self, *paths: str, ref: Ref = APP, **changes: Any) -> None:
        self._version += 1
        keys = {f"key-{number}": DataSource(path=path, key="k") for number, path in enumerate(paths)}
        wanting = definition(**{"ref": ref, "uid": ref.name, "spec": spec(keys=keys), **changes})
        self.known.definitions.apply(DefinitionEntry(wanting, str(self._version), None))
        self.following.follow(ref)

    def scheduled(self) -> set[Key]:
        return set(self.known.schedule._phases)


def polls(*paths: str) -> set[Key]:
    return {poll(Source(path)) for path in paths}


def test_the_sources_of_a_definition_are_polled() -> None:
    bench = Bench()
    bench.define("a", "/b", "a")

    assert bench.scheduled() == polls("a", "b")


def test_a_source_that_two_use_is_polled_until_both_are_gone() -> None:
    bench = Bench()
    other = Ref("team", "other")
    bench.define("a")
    bench.define("a", ref=other)
    bench.known.definitions.drop(APP)
    bench.following.follow(APP)
    assert bench.scheduled() == polls("a")

    bench.known.definitions.drop(other)
    bench.following.follow(other)
    assert bench.scheduled() == set()


def test_a_changed_definition_changes_what_is_polled() -> None:
    bench = Bench()
    bench.define("a", "b")
    bench.define("b", "c")

    assert bench.scheduled() == polls("b", "c")


def test_paths_that_lead_nowhere_are_not_polled() -> None:
    bench = Bench()
    bench.define("../a", "b")

    assert bench.scheduled() == polls("b")


def test_nothing_is_polled_for_a_definition_that_cannot_be_used_or_is_being_deleted() -> None:
    bench = Bench()
    bench.define("a", spec=InvalidSpec("wrong"))
    bench.define("a", ref=Ref("team", "going"), deleting=True)

    assert bench.scheduled() == set()


def test_where_secrets_cannot_be_watched_the_definition_is_looked_at_too() -> None:
    bench = Bench(tracked=False)
    bench.define("a")

    assert bench.scheduled() == polls("a") | {look(APP)}
    bench.known.definitions.drop(APP)
    bench.following.follow(APP)
    assert bench.scheduled() == set()


def test_looks_begin_and_end_with_the_right_to_watch() -> None:
    bench = Bench()
    bench.define("a")
    bench.known.secrets.track(None, on=False)
    bench.following.follow_all()
    assert bench.scheduled() == polls("a") | {look(APP)}

    bench.known.secrets.track(None, on=True)
    bench.following.follow_all()
    assert bench.scheduled() == polls("a")


def test_keys_of_a_definition_and_of_a_source_with_the_same_texts_differ() -> None:
    assert tuple(Ref("a", "b")) == tuple(Source("a", "b"))
    assert look(Ref("a", "b")) != poll(Source("a", "b"))


def test_turns_of_the_queue_are_those_of_the_namespaces_and_sources_share_one() -> None:
    turns = [turn_of(look(Ref("team", "app"))), turn_of(look(Ref("team", "other")))]

    assert turns == ["team", "team"]
    assert turn_of(look(Ref("rivals", "app"))) == "rivals"
    assert {turn_of(poll(Source("team"))), turn_of(poll(Source("rivals"))), turn_of(SURVEY)} == {""}
