"""Three inputs, one queue: who is looked at when, and how the engine lives through its workers' days."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendTimeout,
    BackendUnavailable,
    ClusterUnavailable,
    NoAnswerYet,
    SourceNotFound,
)
from secrets_manager.runtime.heartbeat import Heartbeat
from secrets_manager.sync.following import Key, look, poll
from secrets_manager.sync.leadership import SoleReplica
from tests.unit.sync.world import PERIOD, TEAM, World, wanting

APP = Ref(TEAM, "app")


def in_step(*names: str) -> World:
    """A world in which so many definitions of one path are in step."""
    world = World()
    world.backend.put("app", {"user": "alice"})
    for name in names or ("app",):
        world.define(name, spec=wanting(name))
    return world.start()


def waiting(world: World) -> list[Key]:
    """The keys that are ready, in the order in which they would be taken."""
    return [key for lane in world.engine.queue._lanes for key in lane]


def urgent(world: World) -> list[Key]:
    return list(world.engine.queue._lanes[0])


# ── many ─────────────────────────────────────────────────────────────────────────────────────────────


def test_ten_thousand_definitions_at_once_wait_once_each_however_often_they_are_heard_of() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    for number in range(10_000):
        world.define(f"app-{number}", spec=wanting(f"app-{number}"))
    world.deliver()
    for informer in world.informers:
        informer.request_relist()
    world.deliver()
    for ref in world.engine.known.definitions.refs():
        world.engine.definition_changed(ref)
    world.clock.advance(40)
    world.engine.tick()

    queue = world.engine.queue
    assert world.cluster.calls["list", "secretdefinitions"] == 2 * 20
    assert queue.depth() == 10_000
    assert queue.oldest_wait() == 40
    assert not queue._delayed


# ── inputs ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_listed_definition_waits_behind_one_that_somebody_just_made() -> None:
    world = World()
    world.define("listed")
    world.deliver()
    world.define("made")
    world.deliver()

    assert waiting(world) == [look(Ref(TEAM, "made")), look(Ref(TEAM, "listed"))]


def test_a_changed_secret_has_all_looked_at_who_want_it() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define("elder", spec=wanting("app"), created="2025-01-01T00:00:00Z")
    world.define("younger", spec=wanting("app"))
    world.start()
    world.edit_secret(user="mallory")
    world.deliver()

    assert urgent(world) == [look(Ref(TEAM, "elder")), look(Ref(TEAM, "younger"))]


def test_a_secret_that_nobody_wants_is_nobodys_work() -> None:
    world = in_step()
    label = {"app.kubernetes.io/managed-by": "secrets-manager"}
    world.make_secret("stray", metadata={"labels": label})
    world.settle()

    assert len(world.outcomes) == 1
    assert world.secret("stray") is not None


def test_a_definition_has_its_rivals_looked_at_but_not_itself_twice() -> None:
    world = in_step()
    world.define("younger", spec=wanting("app"), created="2027-01-01T00:00:00Z")
    world.deliver()

    assert urgent(world) == [look(Ref(TEAM, "younger")), look(APP)]


def test_a_definition_that_names_no_secret_has_no_rivals() -> None:
    world = in_step()
    world.define("nameless", spec={"keysMap": {}})
    world.deliver()

    assert urgent(world) == [look(Ref(TEAM, "nameless"))]


def test_a_reading_that_is_news_has_the_other_users_looked_at() -> None:
    world = in_step("a", "b", "c")
    world.backend.put("app", {"user": "bob"})
    reading = world.backend.read(Source("app"))
    world.engine.source_read(Source("app"), reading, frozenset({Ref(TEAM, "a")}))

    assert set(waiting(world)) == {look(Ref(TEAM, "b")), look(Ref(TEAM, "c"))}


def test_whoever_reads_a_change_first_has_the_others_follow() -> None:
    world = in_step("a", "b")
    world.backend.put("app", {"user": "bob"})
    world.edit_secret("a", user="mallory")
    with world.spending() as spent:
        world.settle()

    assert world.data("a") == world.data("b") == {"user": "bob"}
    assert spent.reads == 2


def test_when_secrets_can_be_watched_again_everything_is_looked_at() -> None:
    world = in_step("a", "b")
    world.engine.secrets_tracking_changed()

    assert set(waiting(world)) == {look(Ref(TEAM, "a")), look(Ref(TEAM, "b"))}


def test_a_change_by_hand_while_secrets_could_not_be_watched_is_found_once_they_can() -> None:
    world = in_step()
    world.cluster.forbid("watch", "secrets")
    world.settle()
    world.cluster.permit("watch", "secrets")
    # Nobody looked since; the list that makes the Secrets known again shows the change already.
    world.edit_secret(user="mallory")
    world.clock.advance(300)
    world.settle()

    assert world.data() == {"user": "alice"}


# ── the periodic job ─────────────────────────────────────────────────────────────────────────────────


def test_the_tick_enqueues_what_is_due_and_does_nothing_itself() -> None:
    world = in_step()
    world.clock.advance(PERIOD * 1.2)
    with world.spending() as spent:
        world.engine.tick()

    assert waiting(world) == [poll(Source("app"))]
    assert spent.reads == 0


def test_a_standby_enqueues_nothing() -> None:
    world = in_step()
    world.leadership.leading = False
    world.clock.advance(PERIOD * 1.2)
    world.engine.tick()

    assert waiting(world) == []


def test_a_failure_of_a_cleanup_is_tried_again_though_the_definition_is_in_step() -> None:
    world = in_step()
    world.cluster.fail_next("delete", "secrets", *[ClusterUnavailable("busy")] * 2)
    world.respecify(APP, wanting("renamed"))
    world.settle()
    assert world.secret("app") is not None

    world.pass_time(2)
    assert world.secret("app") is None


def test_with_the_breaker_open_only_the_most_overdue_is_probed() -> None:
    world = World()
    for name in ("a", "b", "c"):
        world.backend.put(name, {"user": "alice"})
        world.define(name, spec=wanting(name, name))
    world.start()
    for _ in range(5):
        world.engine.work.breaker.failed(BackendUnavailable("down"))
    world.clock.advance(PERIOD * 1.2)
    world.engine.tick()

    assert len(urgent(world)) == len(waiting(world)) == 1


def test_a_source_that_hangs_by_itself_is_not_the_probe_while_there_is_another() -> None:
    world = World()
    for name in ("a", "b", "c"):
        world.backend.put(name, {"user": "alice"})
        world.define(name, spec=wanting(name, name))
    world.start()
    for name in ("a", "b"):
        world.engine.work.reader.slow.timed_out(Source(name), BackendTimeout("late"))
    for _ in range(5):
        world.engine.work.breaker.failed(BackendUnavailable("down"))
    world.clock.advance(PERIOD * 1.2)
    world.engine.tick()

    assert urgent(world) == [poll(Source("c"))]


def test_a_poll_that_was_left_is_made_again_in_a_second_and_tells_nobody() -> None:
    world = in_step()
    world.backend.fail_with(NoAnswerYet("not yet"), path="app")
    told, reads = len(world.telemetry.outcomes), world.backend.reads()
    world.pass_time(PERIOD * 1.2)
    assert world.backend.reads() > reads
    assert world.engine.overdue_seconds() > 0

    world.backend.recover()
    world.backend.put("app", {"user": "bob"})
    world.pass_time(1.0)

    assert world.data() == {"user": "bob"}
    assert [outcome.error for outcome in world.telemetry.outcomes[told:]] == [None]


def test_a_definition_whose_path_was_left_is_told_nothing_and_looked_at_again_in_a_second() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.backend.fail_with(NoAnswerYet("not yet"), path="app")
    world.define()
    world.start()
    assert "status" not in world.definition()
    assert world.telemetry.failed_keys == []

    world.backend.recover()
    world.pass_time(1.0)

    assert world.data() == {"user": "alice"}


def test_when_all_sources_hang_one_of_them_is_the_probe() -> None:
    world = in_step()
    world.engine.work.reader.slow.timed_out(Source("app"), BackendTimeout("late"))
    for _ in range(5):
        world.engine.work.breaker.failed(BackendUnavailable("down"))
    world.clock.advance(PERIOD * 1.2)
    world.engine.tick()

    assert urgent(world) == [poll(Source("app"))]


def test_an_open_breaker_with_nothing_to_probe_waits_for_a_definition() -> None:
    world = World()
    for _ in range(5):
        world.engine.work.breaker.failed(BackendUnavailable("down"))
    world.clock.advance(PERIOD * 2)
    world.engine.tick()
    assert waiting(world) == []

    world.backend.put("app", {"user": "alice"})
    world.define()
    world.settle()
    assert world.data() == {"user": "alice"}


def test_a_definition_with_a_wrong_source_does_not_wait_for_the_backend() -> None:
    world = in_step()
    world.backend.fail_with(BackendUnavailable("down"))
    world.pass_time(60)
    assert world.engine._without_backend._refs == {APP}
    world.backend.recover()
    world.backend.fail_with(SourceNotFound("app"))
    world.pass_time(30)

    assert world.engine._without_backend._refs == set()


# ── workers ──────────────────────────────────────────────────────────────────────────────────────────


def test_without_work_a_turn_ends_after_its_time() -> None:
    assert World().engine.work_once(0) is False


def test_a_worker_works_until_it_is_stopped_and_shows_that_it_lives() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.deliver()
    stop, beat = threading.Event(), Heartbeat("worker", 60.0, world.clock)
    world.clock.advance(100)
    done = threading.Event()
    world.engine.on_outcome = lambda _: done.set()
    worker = threading.Thread(target=world.engine.run_worker, args=(beat, stop), daemon=True)
    worker.start()
    assert done.wait(30)
    stop.set()
    world.engine.queue.close()
    worker.join(30)

    assert not worker.is_alive()
    assert beat.age() == 0.0
    assert world.data() == {"user": "alice"}


def test_the_time_that_a_look_took_is_told() -> None:
    class Slow(MemoryBackend):
        def read(self, source: Source) -> Reading:
            world.clock.advance(3)
            return super().read(source)

    world = World(backend=Slow())
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()

    assert world.telemetry.seconds == [3.0]


def test_what_fails_again_and_again_is_tried_less_and_less_often() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.cluster.fail_next("create", "secrets", *[ClusterUnavailable("down")] * 1000)
    world.start()
    tries = []
    for _ in range(5):
        before = world.cluster.calls["create", "secrets"]
        world.pass_time(120)
        tries.append(world.cluster.calls["create", "secrets"] - before)

    assert tries[0] > tries[1] >= tries[-1]
    assert tries[0] >= 6
    assert tries[-1] <= 1


def test_the_pause_that_the_api_server_asks_for_is_kept() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.cluster.fail_next("create", "secrets", ClusterUnavailable("busy", retry_after=20))
    world.start()
    tried = world.cluster.calls["create", "secrets"]
    world.pass_time(18)
    assert world.cluster.calls["create", "secrets"] == tried
    world.pass_time(5)

    assert world.data() == {"user": "alice"}


def test_after_a_success_the_first_failure_is_tried_again_soon() -> None:
    world = in_step()
    for _ in range(2):
        world.cluster.fail_next("update", "secrets", *[ClusterUnavailable("down")] * 6)
        world.edit_secret(user="mallory")
        world.settle()
        world.pass_time(40)
        assert world.data() == {"user": "alice"}


def test_every_outcome_is_handed_on_after_it_was_told() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    seen = []
    world.engine.on_outcome = lambda outcome: seen.append((outcome.operation.value, world.condition()))
    world.start()

    assert seen == [("created", ("True", "Synced"))]


def test_many_workers_on_many_definitions_write_each_secret_once() -> None:
    world = World()
    for number in range(60):
        world.backend.put(f"app-{number % 7}", {"user": str(number % 7)})
        world.define(f"app-{number}", spec=wanting(f"app-{number}", f"app-{number % 7}"))
    world.deliver()

    def drain() -> None:
        while not world.engine.queue.idle():
            world.engine.work_once(0.05)

    workers = [threading.Thread(target=drain, daemon=True) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    assert world.cluster.calls["create", "secrets"] == 60
    assert world.cluster.calls["update", "secretdefinitions/status"] == 60
    assert all(world.data(f"app-{number}") == {"user": str(number % 7)} for number in range(60))


def test_a_sole_replica_always_leads() -> None:
    assert SoleReplica().holds(None)
    assert SoleReplica().holds(APP)


# ── restored ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_that_somebody_changed_or_deleted_is_told_as_restored() -> None:
    world = in_step()
    world.events.told.clear()
    world.edit_secret(user="mallory")
    world.settle()
    world.delete(APP, SECRETS)
    world.settle()

    assert world.events.reasons() == ["Restored", "Restored"]


def test_a_change_of_the_source_or_of_the_definition_is_not_told_as_restored() -> None:
    world = in_step()
    world.events.told.clear()
    world.backend.put("app", {"user": "bob", "password": "x"})
    world.pass_time()
    world.cluster.edit(DEFINITIONS, APP, {"metadata": {"labels": {"team": "b"}}})
    world.settle()
    world.respecify(APP, wanting(key="password"))
    world.settle()

    assert world.events.reasons() == ["Replaced", "Replaced", "Replaced"]


def test_after_a_restart_nobody_knows_who_changed_it() -> None:
    before = in_step()
    before.edit_secret(user="mallory")
    after = before.restarted().start()

    assert after.data() == {"user": "alice"}
    assert after.events.reasons() == ["Replaced"]


def once_broken(step: Callable[..., Any]) -> Callable[..., Any]:
    """``step``, which raises what nobody expects the first time."""
    faults = [TypeError("not JSON")]

    def breaking(*args: Any, **kwargs: Any) -> Any:
        if faults:
            raise faults.pop()
        return step(*args, **kwargs)

    return breaking


def test_an_outcome_that_people_cannot_be_told_of_ends_no_worker_and_has_its_status() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.events.record = once_broken(world.events.record)  # type: ignore[method-assign]
    world.start()

    assert world.condition() == ("True", "Synced")


def test_a_status_that_breaks_ends_no_worker_and_is_written_later() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    writer = world.engine.work.teller.writer
    writer.write_status = once_broken(writer.write_status)  # type: ignore[method-assign]
    world.start()
    assert world.status() == {}
    world.pass_time(10)

    assert world.condition() == ("True", "Synced")


def test_a_definition_with_many_paths_shows_signs_of_life_between_them() -> None:
    world = World()
    beat = Heartbeat("worker", 60.0, world.clock)
    ages: list[float] = []
    read = world.backend.read

    def slow(source: Source) -> Reading:
        ages.append(beat.age())
        world.clock.advance(4)
        return read(source)

    world.backend.read = slow  # type: ignore[method-assign]
    paths = [f"path-{number}" for number in range(20)]
    for path in paths:
        world.backend.put(path, {"user": "alice"})
    keys = {path: {"path": path, "key": "user"} for path in paths}
    world.define(spec={"name": "app", "keysMap": keys})
    world.deliver()
    beat.adopt()
    world.work()

    assert len(ages) == 20
    assert max(ages) == 0


def test_a_status_that_could_not_be_written_is_not_left_to_the_slow_lane() -> None:
    world = World()
    world.define()
    world.cluster.fail_next("update", "secretdefinitions/status", ClusterUnavailable("gone"))
    world.start()
    assert world.status() == {}
    world.pass_time(10)

    assert world.condition() == ("False", "SourceNotFound")
