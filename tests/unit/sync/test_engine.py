"""Three inputs, one queue: which definitions are reconciled when, and what ends no worker."""

from __future__ import annotations

import threading
import time
from collections import Counter as Counters
from collections.abc import Callable
from typing import Any

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, Resource
from secrets_manager.cluster.lead.fenced import SoleReplica
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendTimeout,
    BackendUnavailable,
    ClusterUnavailable,
    Conflict,
    NamespaceTerminating,
    NoAnswerYet,
    SourceNotFound,
    SourceOutdated,
)
from secrets_manager.runtime.heartbeat import Heartbeat
from secrets_manager.runtime.terms import Terms
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.work_queue import Lane
from tests.effort import share
from tests.unit.sync.doubles import FakeClock, LossyCluster
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
    return world.agenda.queue.waiting()


def urgent(world: World) -> list[Key]:
    return world.agenda.queue.waiting(Lane.URGENT)


# ── many ─────────────────────────────────────────────────────────────────────────────────────────────


def test_ten_thousand_definitions_at_once_wait_once_each_however_often_they_change() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    pages = share(20)
    for number in range(500 * pages):
        world.define(f"app-{number}", spec=wanting(f"app-{number}"))
    world.deliver()
    for informer in world.informers:
        informer.request_relist()
    world.deliver()
    for ref in world.agenda.view.definitions.refs():
        world.agenda.definition_changed(ref)
    world.clock.advance(40)
    world.rounds.tick()

    queue = world.agenda.queue
    assert world.cluster.calls["list", "secretdefinitions"] == 2 * pages
    assert queue.depth() == 500 * pages
    assert queue.oldest_wait() == 40
    assert not queue._delayed


# ── inputs ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_listed_definition_waits_behind_a_definition_that_was_just_made() -> None:
    world = World()
    world.define("listed")
    world.deliver()
    world.define("made")
    world.deliver()

    assert waiting(world) == [Key.definition(Ref(TEAM, "made")), Key.definition(Ref(TEAM, "listed"))]


def test_a_changed_secret_queues_the_definition_that_keeps_it() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define("elder", spec=wanting("app"), created="2025-01-01T00:00:00Z")
    world.define("younger", spec=wanting("app"))
    world.start()
    world.edit_secret(user="mallory")
    world.deliver()

    assert urgent(world) == [Key.definition(Ref(TEAM, "elder"))]


def test_a_secret_that_no_definition_wants_queues_nothing() -> None:
    world = in_step()
    label = {"app.kubernetes.io/managed-by": "secrets-manager"}
    world.make_secret("stray", metadata={"labels": label})
    world.settle()

    assert len(world.outcomes) == 1
    assert world.secret("stray") is not None


def test_a_changed_definition_queues_its_rivals_and_itself_once() -> None:
    world = in_step()
    world.define("younger", spec=wanting("app"), created="2027-01-01T00:00:00Z")
    world.deliver()

    assert urgent(world) == [Key.definition(Ref(TEAM, "younger")), Key.definition(APP)]


def test_a_definition_that_names_no_secret_has_no_rivals() -> None:
    world = in_step()
    world.define("nameless", spec={"keysMap": {}})
    world.deliver()

    assert urgent(world) == [Key.definition(Ref(TEAM, "nameless"))]


def test_a_changed_reading_queues_the_other_users_of_the_source() -> None:
    world = in_step("a", "b", "c")
    world.backend.put("app", {"user": "bob"})
    reading = world.backend.read(Source("app"), Terms.within(5.0))
    world.agenda.source_read(Source("app"), reading, frozenset({Ref(TEAM, "a")}))

    assert set(waiting(world)) == {Key.definition(Ref(TEAM, "b")), Key.definition(Ref(TEAM, "c"))}


def test_the_first_definition_to_read_a_change_queues_the_other_users() -> None:
    world = in_step("a", "b")
    world.backend.put("app", {"user": "bob"})
    world.edit_secret("a", user="mallory")
    with world.spending() as spent:
        world.settle()

    assert world.data("a") == world.data("b") == {"user": "bob"}
    assert spent.reads == 2


def test_when_secrets_can_be_listed_again_only_changed_secrets_are_reconciled() -> None:
    world = in_step("a", "b")
    world.cluster.forbid("list", "secrets")
    world.cluster.forbid("watch", "secrets")
    world.pass_time(3 * PERIOD)
    world.edit_secret("a", user="mallory")
    world.cluster.permit("list", "secrets")
    world.cluster.permit("watch", "secrets")
    world.clock.advance(300)
    world.deliver()

    assert waiting(world) == [Key.definition(Ref(TEAM, "a"))]


def test_when_secrets_can_no_longer_be_listed_each_is_reconciled_once_a_period_and_none_at_once() -> None:
    names = [f"app-{number}" for number in range(50)]
    world = in_step(*names)
    for verb in ("list", "watch"):
        world.cluster.fail_next(verb, "secrets", *[ClusterUnavailable("500")] * 1000)
    world.informers[0].others_answered = lambda: True
    while not world.informers[0].by_name:
        world.pass_time(0.5)
    assert waiting(world) == []
    with world.spending() as spent:
        world.pass_time(PERIOD)

    assert 45 <= spent.calls["get secrets"] <= 55


def test_a_change_by_hand_while_secrets_could_not_be_watched_is_found_once_they_can() -> None:
    world = in_step()
    world.cluster.forbid("watch", "secrets")
    world.settle()
    world.cluster.permit("watch", "secrets")
    # No reconcile since; the list that makes the Secrets known again shows the change already.
    world.edit_secret(user="mallory")
    world.clock.advance(300)
    world.settle()

    assert world.data() == {"user": "alice"}


# ── the periodic job ─────────────────────────────────────────────────────────────────────────────────


def test_the_tick_enqueues_what_is_due_and_does_nothing_itself() -> None:
    world = in_step()
    world.clock.advance(PERIOD * 1.2)
    with world.spending() as spent:
        world.rounds.tick()

    assert waiting(world) == [Key.source(Source("app"))]
    assert spent.reads == 0


def test_a_standby_enqueues_nothing() -> None:
    world = in_step()
    world.leadership.leading = False
    world.clock.advance(PERIOD * 1.2)
    world.rounds.tick()

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
        world.upstream.domains.breaker.failed(BackendUnavailable("down"))
    world.clock.advance(PERIOD * 1.2)
    world.rounds.tick()

    assert len(urgent(world)) == len(waiting(world)) == 1


def test_a_source_that_hangs_by_itself_is_not_the_probe_while_there_is_another() -> None:
    world = World()
    for name in ("a", "b", "c"):
        world.backend.put(name, {"user": "alice"})
        world.define(name, spec=wanting(name, name))
    world.start()
    for name in ("a", "b"):
        world.upstream.reader.slow.timed_out(Source(name), BackendTimeout("late"))
    for _ in range(5):
        world.upstream.domains.breaker.failed(BackendUnavailable("down"))
    world.clock.advance(PERIOD * 1.2)
    world.rounds.tick()

    assert urgent(world) == [Key.source(Source("c"))]


def test_a_poll_that_was_left_is_made_again_in_a_second_without_a_report() -> None:
    world = in_step()
    world.backend.fail_with(NoAnswerYet("not yet"), path="app")
    told, reads = len(world.telemetry.outcomes), world.backend.reads()
    world.pass_time(PERIOD * 1.2)
    assert world.backend.reads() > reads
    assert world.agenda.overdue_seconds() > 0

    world.backend.recover()
    world.backend.put("app", {"user": "bob"})
    world.pass_time(1.0)

    assert world.data() == {"user": "bob"}
    assert [outcome.error for outcome in world.telemetry.outcomes[told:]] == [None]


def test_a_definition_whose_path_was_left_gets_no_status_and_is_reconciled_again_in_a_second() -> None:
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
    world.upstream.reader.slow.timed_out(Source("app"), BackendTimeout("late"))
    for _ in range(5):
        world.upstream.domains.breaker.failed(BackendUnavailable("down"))
    world.clock.advance(PERIOD * 1.2)
    world.rounds.tick()

    assert urgent(world) == [Key.source(Source("app"))]


def test_an_open_breaker_with_nothing_to_probe_waits_for_a_definition() -> None:
    world = World()
    for _ in range(5):
        world.upstream.domains.breaker.failed(BackendUnavailable("down"))
    world.clock.advance(PERIOD * 2)
    world.rounds.tick()
    assert waiting(world) == []

    world.backend.put("app", {"user": "alice"})
    world.define()
    world.settle()
    assert world.data() == {"user": "alice"}


def test_a_definition_with_a_wrong_source_does_not_wait_for_the_backend() -> None:
    world = in_step()
    world.backend.fail_with(BackendUnavailable("down"))
    world.pass_time(60)
    assert world.upstream.parked._refs == {APP}
    world.backend.recover()
    world.backend.fail_with(SourceNotFound("app"))
    world.pass_time(30)

    assert world.upstream.parked._refs == set()


# ── workers ──────────────────────────────────────────────────────────────────────────────────────────


def test_without_work_a_turn_ends_after_its_time() -> None:
    assert World().workforce.work_once(0) is False


def test_a_worker_works_until_it_is_stopped_and_beats_meanwhile() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.deliver()
    stop, beat = threading.Event(), Heartbeat("worker", 60.0, world.clock)
    world.clock.advance(100)
    done = threading.Event()
    world.workforce.on_outcome = lambda _: done.set()
    worker = threading.Thread(target=world.workforce.run, args=(beat, stop), daemon=True)
    worker.start()
    assert done.wait(30)
    stop.set()
    world.agenda.queue.close()
    worker.join(30)

    assert not worker.is_alive()
    assert beat.age() == 0.0
    assert world.data() == {"user": "alice"}


class RealClock(FakeClock):
    """The time of the machine, for what waits by itself."""

    def __call__(self) -> float:
        return time.monotonic()


def test_a_pause_of_milliseconds_needs_no_tick_to_end() -> None:
    world = World(clock=RealClock())
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.deliver()
    world.cluster.fail_next("create", "secrets", *[ClusterUnavailable("500")] * 3)
    stop, beat, done = threading.Event(), Heartbeat("worker", 60.0, world.clock), threading.Event()
    world.workforce.on_outcome = lambda outcome: done.set() if outcome.in_step else None
    worker = threading.Thread(target=world.workforce.run, args=(beat, stop), daemon=True)
    worker.start()

    assert done.wait(30)
    assert world.data() == {"user": "alice"}
    stop.set()
    world.agenda.queue.close()
    worker.join(30)


def test_the_time_of_a_reconcile_is_reported() -> None:
    class Slow(MemoryBackend):
        def read(self, source: Source, terms: Terms) -> Reading:
            world.clock.advance(3)
            return super().read(source, terms)

    world = World(backend=Slow())
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()

    assert world.telemetry.seconds == [3.0]


def test_a_definition_that_fails_again_and_again_is_tried_less_and_less_often() -> None:
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
    assert tries[0] >= 15
    # One in ten seconds, for ever.
    assert 10 <= tries[-1] <= 15


@pytest.mark.parametrize("failures", [1, 5, 9, 12])
@pytest.mark.parametrize("call", ["get secrets", "update secrets", "update secretdefinitions/status"])
def test_a_write_that_the_api_server_fails_a_few_times_is_done_within_seconds(
    call: str, failures: int
) -> None:
    world = in_step()
    if call == "get secrets":
        world.cluster.forbid("list", "secrets")
        world.cluster.forbid("watch", "secrets")
        world.pass_time(3 * PERIOD)
    verb, resource = call.split()
    faults = [ClusterUnavailable("500"), ClusterUnavailable("503"), ClusterUnavailable("reset")]
    world.cluster.fail_next(verb, resource, *(faults * 4)[:failures])
    world.respecify(APP, wanting(key="other"))
    world.backend.put("app", {"other": "bob"})
    world.settle()
    world.pass_time(3 * failures + 1, step=0.05)

    assert world.data() == {"other": "bob"}
    assert world.condition() == ("True", "Synced")
    assert world.status()["observedGeneration"] == 2


@pytest.mark.parametrize("call", ["delete secrets", "get secretdefinitions", "update secretdefinitions"])
def test_a_deletion_that_the_api_server_fails_to_do_nine_times_is_done_within_seconds(call: str) -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define(finalizers=["secret.finalizer.secrets-manager.tuenti.io"])
    world.start()
    verb, resource = call.split()
    world.cluster.fail_next(verb, resource, *[ClusterUnavailable("500")] * 9)
    world.delete(APP)
    world.settle()
    world.pass_time(10, step=0.05)

    assert world.secret() is None
    assert world.cluster.snapshot(DEFINITIONS, APP) is None


def test_a_conflict_that_lasts_is_tried_again_within_ten_seconds_each_time() -> None:
    world = in_step()
    world.cluster.fail_next("update", "secrets", *[Conflict("newer")] * 1000)
    world.backend.put("app", {"user": "bob"})
    world.pass_time(120)
    before = world.cluster.calls["update", "secrets"]
    world.pass_time(120)

    # Three at once each time.
    assert 3 * 10 <= world.cluster.calls["update", "secrets"] - before <= 3 * 15


def test_a_namespace_that_is_being_deleted_for_long_is_tried_ever_more_seldom() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.cluster.fail_next("create", "secrets", *[NamespaceTerminating("going")] * 1000)
    world.start().pass_time(1200)
    before = world.cluster.calls["create", "secrets"]
    world.pass_time(1200)

    assert world.cluster.calls["create", "secrets"] - before <= 10


def test_failures_of_the_api_server_make_no_pause_of_another_kind_longer() -> None:
    world = in_step()
    world.cluster.fail_next("update", "secrets", *[ClusterUnavailable("500")] * 12)
    world.backend.put("app", {"user": "bob"})
    world.pass_time(25)
    world.backend.fail_with(SourceOutdated("app"))
    world.pass_time(20)
    world.backend.recover()
    # The longest pause after the six failures that there is time for; after eighteen it would be 300 s.
    world.pass_time(32)

    assert world.data() == {"user": "bob"}


class OneSickObject(LossyCluster):
    """Every write of Secret ``sick`` fails, and every other one of the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.tries: Counters[str] = Counters()

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        if resource == SECRETS:
            self.tries[ref.name] += 1
            if ref.name == "sick" or self.tries[ref.name] % 2:
                raise ClusterUnavailable("the API server answered 500")
        return super().replace(resource, ref, body, subresource=subresource)


def test_an_object_in_trouble_is_tried_once_in_ten_seconds_however_often_other_objects_succeed() -> None:
    world = World(cluster=(cluster := OneSickObject()))
    for name in ("sick", "well"):
        world.backend.put(name, {"user": "alice"})
        world.define(name, spec=wanting(name, path=name))
    world.start()
    world.backend.put("sick", {"user": "bob"})
    world.pass_time(60)
    cluster.tries.clear()
    for number in range(24):
        world.backend.put("well", {"user": f"user-{number}"})
        world.pass_time(5, step=0.5)

    # The other one shows time and again that the API server answers.
    assert cluster.tries["well"] >= 2 * 20
    assert cluster.tries["sick"] <= 120 / 9 + 1


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


def test_every_outcome_is_handed_on_after_it_was_reported() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    seen = []
    world.workforce.on_outcome = lambda outcome: seen.append((outcome.operation.value, world.condition()))
    world.start()

    assert seen == [("created", ("True", "Synced"))]


def test_many_workers_on_many_definitions_write_each_secret_once() -> None:
    world = World()
    for number in range(60):
        world.backend.put(f"app-{number % 7}", {"user": str(number % 7)})
        world.define(f"app-{number}", spec=wanting(f"app-{number}", f"app-{number % 7}"))
    world.deliver()

    def drain() -> None:
        while not world.agenda.queue.idle():
            world.workforce.work_once(0.05)

    workers = [threading.Thread(target=drain, daemon=True) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    assert world.cluster.calls["create", "secrets"] == 60
    assert world.cluster.calls["update", "secretdefinitions/status"] == 60
    assert all(world.data(f"app-{number}") == {"user": str(number % 7)} for number in range(60))


def test_a_sole_replica_always_leads() -> None:
    assert SoleReplica().leads()
    assert SoleReplica().holds("team")


# ── restored ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_that_another_client_changed_or_deleted_is_reported_as_restored() -> None:
    world = in_step()
    world.events.told.clear()
    world.edit_secret(user="mallory")
    world.settle()
    world.delete(APP, SECRETS)
    world.settle()

    assert world.events.reasons() == ["Restored", "Restored"]


def test_a_change_of_the_source_or_of_the_definition_is_not_reported_as_restored() -> None:
    world = in_step()
    world.events.told.clear()
    world.backend.put("app", {"user": "bob", "password": "x"})
    world.pass_time()
    world.cluster.edit(DEFINITIONS, APP, {"metadata": {"labels": {"team": "b"}}})
    world.settle()
    world.respecify(APP, wanting(key="password"))
    world.settle()

    assert world.events.reasons() == ["Replaced", "Replaced", "Replaced"]


def test_a_repair_after_a_restart_is_not_reported_as_restored() -> None:
    before = in_step()
    before.edit_secret(user="mallory")
    after = before.restarted().start()

    assert after.data() == {"user": "alice"}
    assert after.events.reasons() == ["Replaced"]


def once_broken(step: Callable[..., Any]) -> Callable[..., Any]:
    """``step``, which raises an unexpected error the first time."""
    faults = [TypeError("not JSON")]

    def breaking(*args: Any, **kwargs: Any) -> Any:
        if faults:
            raise faults.pop()
        return step(*args, **kwargs)

    return breaking


def test_an_outcome_that_cannot_be_reported_ends_no_worker_and_has_its_status() -> None:
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
    writer = world.workforce.reporter.writer
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

    def slow(source: Source, terms: Terms) -> Reading:
        ages.append(beat.age())
        world.clock.advance(4)
        return read(source, terms)

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
