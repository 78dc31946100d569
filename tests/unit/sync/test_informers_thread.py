"""What one event costs on the informer's thread, which all namespaces share: next to nothing.

Counted in operations, not in seconds: paths that are located, keys that are queued, specs that are parsed.
"""

from __future__ import annotations

from collections import Counter

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, Json
from secrets_manager.domain.definition import Ref
from secrets_manager.sync.queue.keys import Key
from tests.unit.sync.world import TEAM, World, wanting

APP = Ref(TEAM, "app")


class CountingBackend(MemoryBackend):
    """Counts how often each path is located."""

    def __init__(self) -> None:
        super().__init__()
        self.located = Counter[str]()

    def locate(self, path: str, version: str = "") -> Source:
        self.located[path] += 1
        return super().locate(path, version)


def many(paths: int, prefix: str = "path") -> Json:
    """The spec of a definition with so many paths."""
    keys = {f"key-{number}": {"path": f"{prefix}-{number}", "key": "user"} for number in range(paths)}
    return {"name": "app", "keysMap": keys}


def counting(paths: int = 1000) -> tuple[World, CountingBackend]:
    backend = CountingBackend()
    for number in range(paths):
        backend.put(f"path-{number}", {"user": "alice"})
    return World(backend=backend), backend


def test_no_path_is_located_on_the_informers_thread() -> None:
    world, backend = counting()
    world.define(spec=many(1000))
    world.deliver()
    assert backend.located == {}

    world.work()
    assert set(backend.located.values()) == {1}
    assert len(backend.located) == 1000


def test_each_path_is_located_once_however_often_the_definition_is_annotated_and_reconciled() -> None:
    world, backend = counting(50)
    world.define(spec=many(50))
    world.start()
    for number in range(20):
        world.annotate(APP, note=str(number))
        world.settle()
    world.pass_time(30)

    assert set(backend.located.values()) == {1}


def test_a_new_spec_is_located_again_and_the_paths_that_it_left_are_not_polled() -> None:
    world, backend = counting(4)
    world.define(spec=many(4))
    world.start()
    world.respecify(APP, {"name": "app", "keysMap": {"user": {"path": "path-1", "key": "user"}}})
    world.settle()
    reads = {number: backend.reads(f"path-{number}") for number in range(4)}
    world.pass_time(20)

    assert backend.located["path-1"] == 2
    assert [number for number in range(4) if backend.reads(f"path-{number}") > reads[number]] == [1]


def test_a_path_is_polled_from_its_first_reconcile_on() -> None:
    world, _ = counting(1)
    world.define(spec=many(1))
    world.deliver()
    assert Key.source(Source("path-0")) not in world.agenda.view.schedule._phases

    world.work()
    assert Key.source(Source("path-0")) in world.agenda.view.schedule._phases


def test_the_spec_of_a_generation_is_parsed_once() -> None:
    world, _ = counting(10)
    world.define(spec=many(10))
    world.start()
    store = world.agenda.view.definitions
    before = store.get(APP)
    world.annotate(APP, note="x")
    world.deliver()
    after = store.get(APP)

    assert before is not None
    assert after is not None
    assert after.definition.annotations != before.definition.annotations
    assert after.definition.spec is before.definition.spec


# ── many that want one Secret ────────────────────────────────────────────────────────────────────────

COUNT = 300


def claimed() -> World:
    """So many definitions that all name one Secret, the one with the smallest number being the eldest."""
    world = World()
    world.backend.put("app", {"user": "alice"})
    for number in range(COUNT):
        created = f"2025-01-01T{number // 60:02}:{number % 60:02}:00Z"
        world.define(f"app-{number:03}", spec=wanting("app"), created=created)
    return world


def waiting(world: World) -> set[str]:
    """The names of the definitions that are queued."""
    return {
        name
        for number in range(COUNT)
        if world.agenda.queue.is_known(Key.definition(Ref(TEAM, name := f"app-{number:03}")))
    }


def test_each_of_many_definitions_of_one_secret_queues_two_keys_at_most() -> None:
    world = claimed()
    world.deliver()
    assert world.telemetry.adds <= 2 * COUNT

    world.work()
    adds = world.telemetry.adds
    for number in range(COUNT):
        world.define(f"later-{number}", spec=wanting("app"), created="2026-01-01T00:00:00Z")
    world.deliver()
    assert world.telemetry.adds - adds <= 2 * COUNT


@pytest.mark.parametrize(
    ("number", "woken"),
    [(0, {"app-000", "app-001"}), (1, {"app-000", "app-001"}), (150, {"app-000", "app-150"})],
    ids=["the eldest", "the next", "any other"],
)
def test_a_change_of_a_definition_queues_itself_and_one_rival(number: int, woken: set[str]) -> None:
    world = claimed().start()
    world.annotate(Ref(TEAM, f"app-{number:03}"), note="x")
    world.deliver()

    assert waiting(world) == woken


def test_definitions_that_cannot_have_the_secret_cost_no_call() -> None:
    world = World()
    for number in range(COUNT):
        world.backend.put(f"path-{number}", {"user": "alice"})
        spec = wanting("app", path=f"path-{number}")
        world.define(
            f"app-{number:03}", spec=spec, created=f"2025-01-01T{number // 60:02}:{number % 60:02}:00Z"
        )
    with world.spending() as spent:
        world.start()

    assert spent.reads == 1
    assert spent.calls == {"create secrets": 1, "update secretdefinitions/status": COUNT}
    assert world.condition("app-299") == ("False", "TargetConflict")


def test_when_the_eldest_definition_goes_the_next_eldest_has_the_secret() -> None:
    world = claimed().start()
    world.delete(Ref(TEAM, "app-000"))
    world.deliver()
    assert waiting(world) == {"app-000", "app-001"}

    world.work()
    assert world.condition("app-001") == ("True", "Synced")
    assert [owner["name"] for owner in world.metadata()["ownerReferences"]] == ["app-001"]


def test_when_an_elder_definition_comes_the_loser_gets_a_status() -> None:
    world = claimed().start()
    world.define("elder", spec=wanting("app"), created="2024-01-01T00:00:00Z")
    world.deliver()
    assert waiting(world) == {"app-000"}

    world.work()
    assert world.condition("elder") == ("True", "Synced")
    assert world.condition("app-000") == ("False", "TargetConflict")


def test_when_the_eldest_definition_wants_another_secret_the_next_eldest_has_this() -> None:
    world = claimed().start()
    world.respecify(Ref(TEAM, "app-000"), wanting("other", path="app"))
    world.settle()

    assert world.condition("app-001") == ("True", "Synced")
    assert world.data("other") == {"user": "alice"}


def test_a_changed_secret_wakes_the_eldest_only() -> None:
    world = claimed().start()
    world.edit_secret(user="mallory")
    world.deliver()

    assert waiting(world) == {"app-000"}


def test_a_definition_that_is_being_deleted_keeps_no_secret_from_the_next() -> None:
    world = claimed()
    world.cluster.edit(DEFINITIONS, Ref(TEAM, "app-000"), {"metadata": {"finalizers": ["example.org/other"]}})
    world.start()
    world.delete(Ref(TEAM, "app-000"))
    world.settle()

    assert world.condition("app-001") == ("True", "Synced")


# ── paths that the policy refuses ────────────────────────────────────────────────────────────────────


def test_a_path_that_the_policy_refuses_is_neither_polled_nor_counted_as_used() -> None:
    world = World(policy=("shared", "{namespace}/*"))
    world.backend.put("shared", {"user": "alice"})
    world.backend.put("rivals/app", {"user": "secret"})
    keys = {"a": {"path": "shared", "key": "user"}, "b": {"path": "rivals/app", "key": "user"}}
    world.define(spec={"name": "app", "keysMap": keys})
    world.start().pass_time(60)

    assert world.condition() == ("False", "PathNotAllowed")
    assert world.backend.reads("rivals/app") == 0
    assert world.agenda.view.ledger.sources_of("default") == {Source("shared")}


def test_a_source_that_one_namespace_may_read_is_polled_for_that_namespace_alone() -> None:
    world = World(policy=("{namespace}/*",))
    world.backend.put("team/app", {"user": "alice"})
    world.define(spec=wanting(path="team/app"))
    with world.cluster.undisturbed():
        body = world.definition()
        body["metadata"] = {"name": "spy"}
        world.cluster.create(DEFINITIONS, "rivals", body)
    world.start()
    assert world.agenda.view.ledger.users(Source("team/app")) == {APP}

    looks = len(world.outcomes)
    world.backend.put("team/app", {"user": "bob"})
    world.pass_time(6)
    assert world.data() == {"user": "bob"}
    assert {outcome.definition.namespace for outcome in world.outcomes[looks:]} == {TEAM}


def test_nothing_is_read_for_a_definition_of_which_any_path_is_refused() -> None:
    world = World(policy=("{namespace}/*",))
    world.backend.put("team/app", {"user": "alice"})
    keys = {"a": {"path": "team/app", "key": "user"}, "b": {"path": "rivals/app", "key": "user"}}
    world.define(spec={"name": "app", "keysMap": keys})
    world.start()

    assert world.backend.reads() == 0
