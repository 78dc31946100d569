"""The keys that are polled once a period follow the definitions."""

from __future__ import annotations

import random
from typing import Any

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.view.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.domain.definition import DataSource, Ref
from secrets_manager.domain.errors import InvalidSpec
from secrets_manager.domain.secret import Digester
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.poll_schedule import PollSchedule
from secrets_manager.sync.source_ledger import SourceLedger
from secrets_manager.sync.subscriptions import Routes, Subscriptions, WorldView
from tests.builders import definition, spec
from tests.unit.runtime.test_json_view import calls_for

APP = Ref("team", "app")


class Bench:
    def __init__(self, *, tracked: bool = True) -> None:
        self.view = WorldView(
            definitions=DefinitionStore(),
            secrets=SecretStore(),
            ledger=SourceLedger(Digester(b"k" * 32)),
            schedule=PollSchedule[Key](5.0),
        )
        self.view.secrets.track(None, on=tracked)
        self.subscriptions = Subscriptions(
            view=self.view,
            routes=Routes(
                lambda location, _namespace: MemoryBackend().locate(location.path, location.version),
                period_of=lambda _: 5.0,
                shortest_period=2.0,
            ),
        )
        self._version = 0

    def define(self, *paths: str, ref: Ref = APP, **changes: Any) -> None:
        self._version += 1
        keys = {f"key-{number}": DataSource(path=path, key="k") for number, path in enumerate(paths)}
        wanting = definition(**{"ref": ref, "uid": ref.name, "spec": spec(keys=keys), **changes})
        self.view.definitions.apply(DefinitionEntry(wanting, str(self._version), None))
        self.subscriptions.follow(ref)

    def wish(self, period: float | None, *paths: str, ref: Ref = APP) -> None:
        keys = {f"key-{number}": DataSource(path=path, key="k") for number, path in enumerate(paths)}
        self.define(ref=ref, spec=spec(keys=keys, refresh_period=period))

    def drop(self, ref: Ref) -> None:
        self.view.definitions.drop(ref)
        self.subscriptions.follow(ref)

    def period(self, path: str) -> float:
        return self.view.schedule.period_of(Key.source(Source(path)))

    def scheduled(self) -> set[Key]:
        return set(self.view.schedule._phases)


def polls(*paths: str) -> set[Key]:
    return {Key.source(Source(path)) for path in paths}


def test_the_sources_of_a_definition_that_lead_somewhere_are_polled_as_it_is_now() -> None:
    bench = Bench()
    bench.define("a", "/b", "a")
    assert bench.scheduled() == polls("a", "b")
    bench.define("b", "c", "../a")

    assert bench.scheduled() == polls("b", "c")


def test_a_source_that_two_use_is_polled_until_both_are_gone() -> None:
    bench = Bench()
    other = Ref("team", "other")
    bench.define("a")
    bench.define("a", ref=other)
    bench.view.definitions.drop(APP)
    bench.subscriptions.follow(APP)
    assert bench.scheduled() == polls("a")

    bench.view.definitions.drop(other)
    bench.subscriptions.follow(other)
    assert bench.scheduled() == set()


def test_nothing_is_polled_for_a_definition_that_cannot_be_used_or_is_being_deleted() -> None:
    bench = Bench()
    bench.define("a", spec=InvalidSpec("wrong"))
    bench.define("a", ref=Ref("team", "going"), deleting=True)

    assert bench.scheduled() == set()


def test_a_definition_is_reconciled_once_a_period_where_secrets_cannot_be_watched() -> None:
    bench = Bench(tracked=False)
    bench.define("a")

    assert bench.scheduled() == polls("a") | {Key.definition(APP)}
    bench.view.definitions.drop(APP)
    bench.subscriptions.follow(APP)
    assert bench.scheduled() == set()


def test_periodic_reconciles_begin_and_end_with_the_right_to_watch() -> None:
    bench = Bench()
    bench.define("a")
    bench.view.secrets.track(None, on=False)
    bench.subscriptions.follow(APP)
    assert bench.scheduled() == polls("a") | {Key.definition(APP)}

    bench.view.secrets.track(None, on=True)
    bench.subscriptions.follow(APP)
    assert bench.scheduled() == polls("a")


# ── periods that definitions wish for ────────────────────────────────────────────────────────────────


def test_a_source_is_polled_at_the_shortest_period_of_its_users() -> None:
    bench, first, second = Bench(), Ref("team", "first"), Ref("team", "second")
    bench.wish(3600.0, "a")
    assert bench.period("a") == 3600.0
    bench.wish(60.0, "a", ref=first)
    assert bench.period("a") == 60.0
    bench.wish(None, "a", ref=second)
    assert bench.period("a") == 5.0
    bench.wish(3.0, "a")
    assert bench.period("a") == 3.0

    bench.drop(APP)
    assert bench.period("a") == 5.0
    bench.drop(second)
    assert bench.period("a") == 60.0
    bench.drop(first)
    assert bench.scheduled() == set()
    assert len(bench.subscriptions._periods) == 0


def test_no_wish_goes_below_the_shortest_that_the_operator_allows() -> None:
    bench = Bench()
    bench.wish(1.0, "a")

    assert bench.period("a") == 2.0


def test_a_wish_that_ends_leaves_the_period_of_the_daemon() -> None:
    bench = Bench()
    bench.wish(60.0, "a", "b")
    bench.wish(None, "a")
    assert bench.period("a") == 5.0

    bench.wish(60.0, "b")
    assert bench.scheduled() == polls("b")
    assert bench.period("b") == 60.0


@pytest.mark.parametrize("seed", range(20))
def test_any_wishes_that_come_and_go_give_the_shortest_of_those_that_are_left(seed: int) -> None:
    chance, bench = random.Random(seed), Bench()  # noqa: S311 - no secret
    wishes: dict[Ref, tuple[float | None, tuple[str, ...]]] = {}
    for _ in range(150):
        ref = Ref("team", f"app-{chance.randrange(8)}")
        if chance.random() < 0.3:
            wishes.pop(ref, None)
            bench.drop(ref)
        else:
            paths = tuple(chance.sample("abcd", chance.randrange(4)))
            wishes[ref] = chance.choice((None, 1.0, 3.0, 7.0, 60.0, 3600.0)), paths
            bench.wish(wishes[ref][0], *paths, ref=ref)
        expected = {
            path: min(5.0 if wish is None else max(2.0, wish) for wish in of_path)
            for path in "abcd"
            if (of_path := [wish for wish, paths in wishes.values() if path in paths])
        }
        assert {path: bench.period(path) for path in expected} == expected
        assert bench.scheduled() == polls(*expected)


def test_ten_thousand_wishes_for_one_source_come_and_go_in_little_work() -> None:
    bench = Bench()
    refs = [Ref("team", f"app-{number}") for number in range(10_000)]
    for number, ref in enumerate(refs):
        bench.wish(10.0 + number, "a", ref=ref)

    def take_turns() -> None:
        # The one with the shortest period goes and comes, which moves the shortest each time.
        for number in range(200):
            bench.wish(5000.5 + number, "a", ref=refs[0])
            bench.wish(10.0, "a", ref=refs[0])

    assert calls_for(take_turns) < 400 * 1000
    assert bench.period("a") == 10.0
    assert len(bench.subscriptions._periods._wishes[Source("a")].heap) <= 20_001
