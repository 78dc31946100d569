"""What each situation costs in calls, to the last one: nothing is done when nothing changed."""

from __future__ import annotations

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS
from secrets_manager.domain.definition import Ref
from secrets_manager.runtime.terms import Terms
from secrets_manager.sync.queue.keys import Key
from tests.unit.sync.doubles import TickingClock
from tests.unit.sync.world import NOTHING, TEAM, Spent, World, wanting

LAST_UPDATE = "secrets-manager.tuenti.io/lastUpdateTime"


def in_step(definitions: int = 1) -> World:
    """A world whose definitions, app-0 and so on (or app), are in step."""
    world = World()
    for number in range(definitions):
        path = "app" if definitions == 1 else f"app-{number}"
        world.backend.put(path, {"user": "alice"})
        world.define(path, spec=wanting(path, path))
    return world.start()


def test_a_new_definition_costs_one_read_one_post_and_one_status() -> None:
    world = World().start()
    world.backend.put("app", {"user": "alice"})
    world.define()

    with world.spending() as spent:
        world.settle()

    assert spent == Spent({"create secrets": 1, "update secretdefinitions/status": 1}, reads=1)
    assert world.data() == {"user": "alice"}
    assert world.condition() == ("True", "Synced")


def test_a_cold_start_costs_the_same_for_each_definition() -> None:
    world = World()
    for number in range(20):
        world.backend.put(f"app-{number}", {"user": "alice"})
        world.define(f"app-{number}", spec=wanting(f"app-{number}", f"app-{number}"))

    with world.spending() as spent:
        world.start()

    assert spent == Spent({"create secrets": 20, "update secretdefinitions/status": 20}, reads=20)


def test_the_echo_of_our_own_writes_costs_nothing() -> None:
    world = in_step()

    with world.spending() as spent:
        world.settle()

    assert spent == NOTHING
    assert len(world.outcomes) == 1


def test_a_quiet_period_costs_one_read_for_each_path() -> None:
    world = in_step(definitions=10)
    world.pass_time()

    with world.spending() as spent:
        world.pass_time(60)

    assert spent == Spent(reads=10 * 12)
    assert len(world.outcomes) == 10


def test_a_path_that_many_use_is_polled_once_a_period() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    for number in range(10):
        world.define(f"app-{number}", spec=wanting(f"app-{number}"))
    world.start().pass_time()

    with world.spending() as spent:
        world.pass_time(60)

    assert spent == Spent(reads=12)


def sharing(definitions: int = 20, paths: int = 5) -> World:
    """Definitions that all have a key from each of the paths; nothing has started yet."""
    world = World(clock=TickingClock())
    for number in range(paths):
        world.backend.put(f"shared-{number}", {"user": "alice"})
    keys = {f"key-{number}": {"path": f"shared-{number}", "key": "user"} for number in range(paths)}
    for number in range(definitions):
        world.define(f"app-{number}", spec={"name": f"app-{number}", "keysMap": keys})
    return world


def test_paths_that_many_share_are_read_once_at_a_cold_start() -> None:
    world = sharing()

    with world.spending() as spent:
        world.start()

    assert spent == Spent({"create secrets": 20, "update secretdefinitions/status": 20}, reads=5)


def test_after_a_change_of_a_shared_path_each_path_is_read_once_for_all_its_users() -> None:
    world = sharing().start()
    world.pass_time()
    world.backend.put("shared-0", {"user": "bob"})

    with world.spending() as spent:
        world.pass_time()

    assert spent.calls == {"update secrets": 20, "update secretdefinitions/status": 20}
    # One by whoever came first, and a poll, unless that came right after.
    assert 5 < spent.reads <= 5 + 5
    assert all((world.data(f"app-{number}") or {})["key-0"] == "bob" for number in range(20))


def test_no_shared_reading_is_used_for_a_secret_that_changed_after_it_began() -> None:
    world = sharing(definitions=2, paths=1).start()
    world.pass_time()
    for name in ("app-0", "app-1"):
        world.agenda.queue.add(Key.definition(Ref(TEAM, name)))
    assert world.workforce.work_once(0)

    # Another leader, with a newer value, was here before we come to the second one.
    world.backend.put("shared-0", {"user": "bob"})
    world.edit_secret("app-1", **{"key-0": "bob"})
    world.deliver()
    with world.spending() as spent:
        assert world.workforce.work_once(0)

    assert spent == Spent({"update secretdefinitions/status": 1}, reads=1)
    assert world.data("app-1") == {"key-0": "bob"}


def test_a_change_in_the_backend_costs_a_poll_a_read_a_put_and_a_status() -> None:
    world = in_step()
    world.backend.put("app", {"user": "bob"})

    with world.spending() as spent:
        world.pass_time()

    assert spent == Spent({"update secrets": 1, "update secretdefinitions/status": 1}, reads=2)
    assert world.data() == {"user": "bob"}
    assert world.status()["sources"] == [{"path": "app", "version": "2"}]


@pytest.mark.parametrize("write", ["update", "create"], ids=["an edit", "a deletion"])
def test_what_is_done_by_hand_costs_a_read_and_a_write(write: str) -> None:
    world = in_step()
    if write == "update":
        world.edit_secret(user="mallory", extra="1")
    else:
        world.delete(Ref(TEAM, "app"), SECRETS)

    with world.spending() as spent:
        world.settle()

    assert spent == Spent({f"{write} secrets": 1}, reads=1)
    assert world.data() == {"user": "alice"}


def test_labels_of_other_clients_on_the_secret_cost_a_reconcile_and_no_write() -> None:
    world = in_step()
    labels = {**world.metadata()["labels"], "their": "label"}
    world.cluster.edit(SECRETS, Ref(TEAM, "app"), {"metadata": {"labels": labels}})

    with world.spending() as spent:
        world.settle()

    assert spent == Spent(reads=1)
    assert world.metadata()["labels"]["their"] == "label"


def test_a_label_of_the_definition_costs_one_put_that_leaves_the_time_of_the_data() -> None:
    world = in_step()
    written_at = world.metadata()["annotations"][LAST_UPDATE]
    world.clock.advance(2)
    world.cluster.edit(DEFINITIONS, Ref(TEAM, "app"), {"metadata": {"labels": {"team": "b"}}})

    with world.spending() as spent:
        world.settle()

    assert spent == Spent({"update secrets": 1}, reads=1)
    assert world.metadata()["labels"]["team"] == "b"
    assert world.metadata()["annotations"][LAST_UPDATE] == written_at


def test_new_data_carries_the_time_of_its_writing() -> None:
    world = in_step()
    world.clock.advance(2)
    world.edit_secret(user="mallory")
    world.settle()

    assert world.metadata()["annotations"][LAST_UPDATE] == "2026-01-01T00.00.02Z"


def test_a_restart_reads_each_path_once_and_writes_nothing() -> None:
    before = in_step(definitions=5)
    versions = [before.metadata(f"app-{number}")["resourceVersion"] for number in range(5)]
    after = before.restarted()

    with after.spending() as spent:
        after.start()

    assert spent == Spent(reads=5)
    assert [after.metadata(f"app-{number}")["resourceVersion"] for number in range(5)] == versions
    assert after.events.told == []


def test_a_restart_while_a_source_fails_writes_nothing() -> None:
    before = World()
    before.define()
    before.start()
    assert before.condition() == ("False", "SourceNotFound")
    after = before.restarted()

    with after.spending() as spent:
        after.start()

    assert spent == Spent(reads=1)
    assert after.events.told == []


def test_a_full_list_as_a_safety_net_costs_nothing_more() -> None:
    world = in_step(definitions=5)
    for informer in world.informers:
        informer.request_relist()

    with world.spending() as spent:
        world.settle()

    assert spent == NOTHING
    assert world.cluster.calls["list", "secretdefinitions"] == 2


def test_a_definition_without_keys_is_written_once() -> None:
    world = World()
    world.define(spec={"name": "app", "keysMap": {}})
    world.start()

    with world.spending() as spent:
        world.pass_time(60)
        world.settle()

    assert world.data() == {}
    assert spent == NOTHING


def test_a_definition_that_stays_wrong_costs_one_reconcile_every_few_minutes() -> None:
    world = World()
    world.define(spec=wanting("a/b"))
    world.start()
    assert world.condition() == ("False", "InvalidSpec")

    with world.spending() as spent:
        world.pass_time(600, step=10)

    assert spent == NOTHING
    assert len(world.outcomes) == 3


class Restless(MemoryBackend):
    """Every read finds new values."""

    def read(self, source: Source, terms: Terms) -> Reading:
        """A version of its own for each call."""
        self.put(source.path, {"user": f"user-{self.reads()}", "password": f"password-{self.reads()}"})
        return super().read(source, terms)


def test_spellings_of_one_path_are_read_once_and_their_keys_come_from_one_version() -> None:
    world = World(backend=Restless()).start()
    keys = {"user": {"path": "app", "key": "user"}, "password": {"path": "/app", "key": "password"}}
    world.define(spec={"name": "app", "keysMap": keys})

    with world.spending() as spent:
        world.settle()

    assert spent.reads == 1
    data = world.data()
    assert data is not None
    assert data["password"].removeprefix("password") == data["user"].removeprefix("user")
    assert world.status()["sources"] == [{"path": path, "version": "1"} for path in ("app", "/app")]


def test_a_fault_is_reported_for_every_spelling_of_the_path_as_the_definition_writes_it() -> None:
    world = World().start()
    keys = {"user": {"path": "app", "key": "user"}, "password": {"path": "/app", "key": "password"}}
    world.define(spec={"name": "app", "keysMap": keys})
    world.settle()

    failed = {(path, key) for path, key, _ in world.telemetry.failed_keys}
    assert failed == {("app", "user"), ("/app", "password")}


def test_a_key_that_is_missing_is_reported_under_the_path_as_the_definition_writes_it() -> None:
    world = World().start()
    world.backend.put("app", {"other": "x"})
    world.define(spec=wanting(path="/app"))
    world.settle()

    assert {(path, key) for path, key, _ in world.telemetry.failed_keys} == {("/app", "user")}
