"""Faults of the API server, of the backend and of objects: nothing is lost, and one never stops another."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendSealed,
    BackendThrottled,
    BackendTimeout,
    BackendTLS,
    BackendUnavailable,
    ClusterUnavailable,
    Conflict,
    NamespaceTerminating,
    PermissionDenied,
    QuotaExceeded,
    SecretsManagerError,
    SessionExpired,
    SourceOutdated,
)
from secrets_manager.runtime.terms import Terms
from tests.unit.backends.tables import rows
from tests.unit.sync.doubles import LossyCluster
from tests.unit.sync.world import NOTHING, PERIOD, TEAM, Spent, World, encoded, wanting

APP = Ref(TEAM, "app")


def in_step(world: World | None = None, definitions: int = 1) -> World:
    world = world or World()
    world.backend.put("app", {"user": "alice"})
    for number in range(definitions):
        world.define(f"app-{number}" if number else "app", spec=wanting(f"app-{number}" if number else "app"))
    return world.start()


# ── the API server ───────────────────────────────────────────────────────────────────────────────────


def test_after_a_conflict_the_whole_chain_starts_again() -> None:
    world = in_step()
    world.backend.put("app", {"user": "bob"})
    world.cluster.fail_next("update", "secrets", Conflict("changed"))
    with world.spending() as spent:
        world.pass_time()

    assert world.data() == {"user": "bob"}
    # A poll, a read, and after the conflict another look at the Secret and then at the backend.
    assert spent.reads == 3
    assert spent.calls == {"update secrets": 2, "get secrets": 1, "update secretdefinitions/status": 1}


class Disturbed(MemoryBackend):
    """A backend that is so slow that another client writes the Secret during each reading."""

    def __init__(self, cluster: LossyCluster) -> None:
        super().__init__()
        self.cluster = cluster
        self.change: Any = None
        self.times = 0

    def read(self, source: Source, terms: Terms) -> Reading:
        if self.change is not None and self.times:
            self.times -= 1
            found = self.cluster.snapshot(SECRETS, APP)
            assert found is not None
            self.cluster.edit(SECRETS, APP, self.change(found, self.times))
        return super().read(source, terms)


def stamped(found: Any, number: int) -> Any:
    return {"metadata": {"annotations": {**found["metadata"]["annotations"], "theirs/at": str(number)}}}


def test_a_client_that_writes_the_secret_all_the_time_does_not_keep_a_new_value_from_it() -> None:
    cluster = LossyCluster()
    backend = Disturbed(cluster)
    world = in_step(World(cluster=cluster, backend=backend))
    backend.change, backend.times = stamped, 1000
    backend.put("app", {"user": "bob"})
    with world.spending() as spent:
        world.agenda.definition_changed(APP)
        world.work()

    assert world.data() == {"user": "bob"}
    assert world.metadata()["annotations"]["theirs/at"] == str(backend.times)
    # What was read is written over the state that came between.
    assert spent.reads == 1
    assert spent.calls["update secrets"] == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda found, _: {"data": {"user": encoded("newer")}},
        lambda found, _: {
            "metadata": {
                "annotations": {
                    **found["metadata"]["annotations"],
                    "secrets-manager.tuenti.io/lastUpdateTime": "later",
                }
            }
        },
        lambda found, _: {"metadata": {"labels": {**found["metadata"]["labels"], "tier": "newer"}}},
        lambda found, _: {"metadata": {"ownerReferences": []}},
    ],
    ids=["the data", "the time of the last update", "a label of the definition", "the owners"],
)
def test_a_write_of_another_replica_is_never_overwritten_with_an_older_reading(
    change: Any,
) -> None:
    cluster = LossyCluster()
    backend = Disturbed(cluster)
    world = World(cluster=cluster, backend=backend)
    backend.put("app", {"user": "alice"})
    world.define(labels={"tier": "gold"})
    world.start()
    backend.change, backend.times = change, 1
    backend.put("app", {"user": "bob"})
    with world.spending() as spent:
        world.agenda.definition_changed(APP)
        world.work()

    assert world.data() == {"user": "bob"}
    assert spent.reads == 2


class Overtaken(MemoryBackend):
    """A backend whose answer is on its way for so long that ``meanwhile`` happens first."""

    meanwhile: Callable[[], None] | None = None

    def read(self, source: Source, terms: Terms) -> Reading:
        reading, meanwhile = super().read(source, terms), self.meanwhile
        if meanwhile is not None:
            self.meanwhile = None
            meanwhile()
        return reading


def test_a_value_that_another_replica_brought_back_is_not_overwritten_with_the_one_between() -> None:
    backend = Overtaken()
    world = in_step(World(backend=backend))
    other = world.restarted().start()

    def there_and_back() -> None:
        for value in ("bob", "alice"):
            backend.put("app", {"user": value})
            other.agenda.definition_changed(APP)
            other.work()
            assert world.data() == {"user": value}

    backend.put("app", {"user": "bob"})
    backend.meanwhile = there_and_back
    world.agenda.definition_changed(APP)
    with world.spending() as spent:
        world.work()

    assert world.data() == {"user": "alice"}
    # Of three writes, two are those of the other replica, and ours was refused.
    assert spent.calls["update secrets"] == 3


def test_a_client_that_is_always_faster_meets_a_bounded_number_of_tries() -> None:
    class Fast(LossyCluster):
        def replace(self, resource: Any, ref: Ref, body: Any, *, subresource: str = "") -> Any:
            if resource == SECRETS and self.on:
                found = self.snapshot(SECRETS, APP)
                assert found is not None
                self.edit(SECRETS, APP, stamped(found, self.calls["update", "secrets"]))
            return super().replace(resource, ref, body, subresource=subresource)

        on = False

    cluster = Fast()
    world = in_step(World(cluster=cluster))
    cluster.on = True
    world.backend.put("app", {"user": "bob"})
    with world.spending() as spent:
        world.agenda.definition_changed(APP)
        world.work()

    assert world.condition() == ("False", "Conflict")
    assert spent.reads == 3
    assert spent.calls["update secrets"] == 30


def test_a_definition_is_retried_later_after_three_conflicts() -> None:
    world = in_step()
    world.edit_secret(user="mallory")
    world.cluster.fail_next("update", "secrets", *[Conflict("changed")] * 3)
    world.settle()
    assert world.condition() == ("False", "Conflict")

    world.pass_time(2)
    assert world.data() == {"user": "alice"}
    assert world.condition() == ("True", "Synced")


BUSY = ClusterUnavailable("429", retry_after=20.0)


@pytest.mark.parametrize("woken", ["not at all", "by its definition", "by its source", "by its Secret"])
@pytest.mark.parametrize(
    ("verb", "resource"),
    [("update", "secrets"), ("update", "secretdefinitions/status"), ("delete", "secrets")],
)
def test_a_pause_that_the_api_server_asks_for_is_kept_whatever_wakes_the_definition(
    verb: str, resource: str, woken: str
) -> None:
    world = in_step()
    world.cluster.fail_next(verb, resource, *[BUSY] * 100)
    world.backend.put("app", {"user": "bob"})
    if verb == "delete":
        world.respecify(APP, wanting("other"))
    made: list[float] = []
    for second in range(60):
        before = world.cluster.calls[verb, resource]
        if woken == "by its definition":
            world.annotate(APP, wake=str(second))
        elif woken == "by its source":
            world.backend.put("app", {"user": str(second)})
        elif woken == "by its Secret":
            world.edit_secret(user=str(second))
        world.pass_time(1)
        made += [world.clock()] * (world.cluster.calls[verb, resource] - before)

    assert len(made) >= 2
    assert all(later - earlier >= 20.0 for earlier, later in pairwise(made))


def test_a_secret_deleted_between_the_observation_and_the_write_is_created_again() -> None:
    world = in_step()
    world.backend.put("app", {"user": "bob"})
    world.delete(APP, SECRETS)
    # The queue is worked before the informers have seen the deletion.
    world.agenda.definition_changed(APP)
    world.work()

    assert world.data() == {"user": "bob"}


@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_write_whose_reply_was_lost_is_found_done_by_a_fresh_observation(verb: str) -> None:
    cluster = LossyCluster()
    world = World(cluster=cluster)
    if verb == "update":
        in_step(world)
        world.edit_secret(user="mallory")
    else:
        world.backend.put("app", {"user": "alice"})
        world.define()
    cluster.lose_reply(verb)
    with world.spending() as spent:
        world.settle()
        world.pass_time(2)

    assert world.data() == {"user": "alice"}
    assert world.condition() == ("True", "Synced")
    assert spent.calls[f"{verb} secrets"] == 1
    assert spent.calls["get secrets"] == 1


def test_with_a_full_quota_a_secret_that_exists_is_found_and_replaced() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    updated = {"secrets-manager.tuenti.io/lastUpdateTime": "2020-04-22T14.34.17Z"}
    world.make_secret(data={"user": "old"}, metadata={"annotations": updated})
    world.define()
    world.cluster.fail_next("create", "secrets", *[QuotaExceeded("full")] * 10)
    with world.spending() as spent:
        world.start()

    assert world.data() == {"user": "alice"}
    assert world.condition() == ("True", "Synced")
    assert spent.calls["create secrets"] == 1
    assert spent.calls["get secrets"] == 1


def test_a_full_quota_that_refuses_a_new_secret_is_reported() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.cluster.fail_next("create", "secrets", QuotaExceeded("full"))
    world.start()

    assert world.condition() == ("False", "QuotaExceeded")
    world.pass_time(400, step=20)
    assert world.condition() == ("True", "Synced")


def test_a_quota_that_refuses_a_replacement_is_reported() -> None:
    world = in_step()
    world.edit_secret(user="mallory")
    world.cluster.fail_next("update", "secrets", QuotaExceeded("full"))
    world.settle()

    assert world.condition() == ("False", "QuotaExceeded")


def test_a_namespace_that_is_being_deleted_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.cluster.fail_next("create", "secrets", NamespaceTerminating("going"))
    with caplog.at_level(logging.INFO, "sync"), world.spending() as spent:
        world.start()

    assert spent.calls == {"create secrets": 1}
    assert world.events.told == []
    assert caplog.messages == []


def test_a_status_that_could_not_be_written_is_written_later() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.cluster.fail_next("update", "secretdefinitions/status", ClusterUnavailable("busy"))
    world.start()
    assert world.status() == {}
    with world.spending() as spent:
        world.pass_time(2)

    assert world.condition() == ("True", "Synced")
    assert spent.calls == {"update secretdefinitions/status": 1}
    with world.spending() as spent:
        world.pass_time(60)
    assert spent.calls == {}


def test_a_definition_that_changes_while_it_is_reconciled_gets_no_status_of_its_older_state() -> None:
    class Interrupting(MemoryBackend):
        def read(self, source: Source, terms: Terms) -> Reading:
            reading = super().read(source, terms)
            if self.reads() == 1:
                world.respecify(APP, wanting(key="missing"))
                world.deliver()
            return reading

    world = World(backend=Interrupting())
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.deliver()
    world.workforce.work_once(0)
    assert world.data() == {"user": "alice"}
    assert world.status() == {}

    world.settle()
    assert world.condition() == ("False", "KeyNotFound")
    assert world.status()["observedGeneration"] == 2


# ── objects ──────────────────────────────────────────────────────────────────────────────────────────

POISON = {
    "a number": ("poison", wanting("poison", "poison", "number"), "NotAString"),
    "a null": ("poison", wanting("poison", "poison", "null"), "KeyNotFound"),
    "a map": ("poison", wanting("poison", "poison", "map"), "NotAString"),
    "a missing key": ("poison", wanting("poison", "poison", "missing"), "KeyNotFound"),
    "a missing path": ("poison", wanting("poison", "nowhere"), "SourceNotFound"),
    "a path that leads out": ("poison", wanting("poison", "../sys/mounts"), "InvalidPath"),
    "bad base64": (
        "poison",
        wanting("poison", "poison", "text", source={"encoding": "base64"}),
        "DecodeError",
    ),
    "an unknown encoding": ("poison", wanting("poison", source={"encoding": "rot13"}), "InvalidSpec"),
    "no spec": ("poison", {}, "InvalidSpec"),
    "a spec that is a list": ("poison", [], "InvalidSpec"),
    "a name that cannot be": ("poison", wanting("a/b"), "InvalidSpec"),
    "a data key that cannot be": ("poison", wanting("poison", "poison", "a b"), "InvalidKey"),
    "too large a value": ("poison", wanting("poison", "poison", "large"), "TooLarge"),
    "a type that grants identities": (
        "poison",
        wanting("poison", type="kubernetes.io/service-account-token"),
        "TypeNotAllowed",
    ),
    "data that lacks what its type demands": (
        "poison",
        wanting("poison", type="kubernetes.io/tls"),
        "InvalidForType",
    ),
}
HELD: dict[str, object] = {
    "number": 3,
    "null": None,
    "map": {},
    "text": "canary!",
    "large": "x" * 2**21,
    "a b": "1",
}


@pytest.mark.parametrize(("name", "spec", "reason"), rows(POISON))
def test_a_bad_definition_reports_its_reason_and_stops_no_other(name: str, spec: Any, reason: str) -> None:
    world = World()
    world.backend.put("poison", HELD)
    world.backend.put("app", {"user": "alice"})
    world.define(name, spec=spec)
    world.define("app")
    world.start()

    assert world.condition(name) == ("False", reason)
    assert world.secret(name) is None
    assert world.data("app") == {"user": "alice"}
    message = world.status(name)["conditions"][0]["message"]
    assert "canary" not in message


@pytest.mark.parametrize(("name", "spec", "reason"), rows(POISON))
def test_a_definition_that_turns_bad_leaves_its_last_good_secret(name: str, spec: Any, reason: str) -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.backend.put("poison", HELD)
    ref = world.define(name, spec=wanting("poison"))
    world.start()
    before = world.secret(name)
    world.cluster.edit(DEFINITIONS, ref, {"spec": spec})
    world.settle()

    assert world.condition(name) == ("False", reason)
    assert world.secret(name) == before


@pytest.mark.parametrize(
    "harm",
    rows(
        {
            "the key goes": lambda backend: backend.put("app", {"other": "1"}),
            "the value turns into a number": lambda backend: backend.put("app", {"user": 3}),
            "the version is deleted": lambda backend: backend.soft_delete("app"),
            "the version is destroyed": lambda backend: backend.destroy("app"),
            "the path goes": lambda backend: backend.delete("app"),
            "the right to read goes": lambda backend: backend.fail_with(PermissionDenied("app"), path="app"),
        }
    ),
)
def test_a_source_that_fails_leaves_the_last_good_secret_and_recovers(harm: Any) -> None:
    world = in_step()
    before = world.secret()
    harm(world.backend)
    world.pass_time()
    assert world.condition()[0] == "False"
    assert world.secret() == before

    world.backend.recover()
    world.backend.put("app", {"user": "bob"})
    world.pass_time()
    assert world.condition() == ("True", "Synced")
    assert world.data() == {"user": "bob"}


def test_all_keys_are_written_or_none() -> None:
    world = in_step()
    before = world.secret()
    keys = {"user": {"path": "app", "key": "user"}, "new": {"path": "app", "key": "missing"}}
    world.respecify(APP, {"name": "app", "keysMap": keys})
    world.settle()

    assert world.secret() == before
    assert world.telemetry.failed_keys == [("app", "missing", "KeyNotFound")]


def test_only_the_keys_of_the_path_that_failed_are_counted() -> None:
    world = in_step()
    keys = {
        "user": {"path": "app", "key": "user"},
        "x": {"path": "gone", "key": "x"},
        "y": {"path": "gone", "key": "y"},
    }
    world.respecify(APP, {"name": "app", "keysMap": keys})
    world.settle()

    assert world.condition() == ("False", "SourceNotFound")
    assert world.telemetry.failed_keys == [("gone", "x", "SourceNotFound"), ("gone", "y", "SourceNotFound")]


def test_a_path_that_the_policy_forbids_is_never_asked_for() -> None:
    world = World(policy=("{namespace}/*",))
    world.backend.put("other/app", {"user": "alice"})
    world.define(spec=wanting(path="other/app"))
    world.start().pass_time(20)

    assert world.condition() == ("False", "PathNotAllowed")
    assert world.backend.reads() == 0
    assert world.telemetry.failed_keys == [("other/app", "user", "PathNotAllowed")]


class Broken(MemoryBackend):
    """A backend with a fault of the program in it, for one path."""

    def read(self, source: Source, terms: Terms) -> Reading:
        if source.path == "broken":
            raise RuntimeError("canary-4711")
        return super().read(source, terms)


def test_a_fault_of_the_program_ends_in_that_objects_condition(caplog: pytest.LogCaptureFixture) -> None:
    world = World(backend=Broken())
    world.backend.put("app", {"user": "alice"})
    world.define("broken", spec=wanting("broken", "broken"))
    world.define("app")
    with caplog.at_level(logging.DEBUG):
        world.start().pass_time(20)

    assert world.condition("broken") == ("False", "InternalError")
    assert world.data("app") == {"user": "alice"}
    told = world.status("broken")["conditions"][0]["message"]
    assert told.startswith("unexpected RuntimeError at test_faults.py:")
    assert "canary" not in caplog.text + told


def test_a_fault_of_the_program_while_a_path_is_located_ends_in_that_objects_condition() -> None:
    class Lost(MemoryBackend):
        def locate(self, path: str, version: str = "") -> Source:
            if path == "broken":
                raise RuntimeError("canary-4711")
            return super().locate(path, version)

    world = World(backend=Lost())
    world.backend.put("app", {"user": "alice"})
    world.define("broken", spec=wanting("broken", "broken"))
    world.define("app")
    world.start().pass_time(20)

    assert world.condition("broken") == ("False", "InternalError")
    assert world.data("app") == {"user": "alice"}


def test_a_fault_of_the_program_during_a_poll_does_not_end_the_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class BrokenLater(MemoryBackend):
        def read(self, source: Source, terms: Terms) -> Reading:
            if self.reads() == 1:
                self.put("app", {"user": "bob"})
                super().read(source, terms)
                raise RuntimeError("canary-4711")
            return super().read(source, terms)

    world = in_step(World(backend=BrokenLater()))
    with caplog.at_level(logging.DEBUG):
        world.pass_time(20)

    assert world.data() == {"user": "bob"}
    [record] = [record for record in caplog.records if record.message == "unexpected error"]
    assert record.__dict__["path"] == "app"
    assert record.__dict__["error"].startswith("RuntimeError at test_faults.py:")
    assert "canary" not in caplog.text


# ── the backend as a whole ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [
        BackendUnavailable,
        BackendThrottled,
        BackendSealed,
        BackendTimeout,
        BackendTLS,
        SessionExpired,
        AuthFailed,
    ],
)
def test_while_the_backend_is_down_secrets_stay_as_they_are(fault: type[BackendFault]) -> None:
    world = in_step(definitions=3)
    before = [world.secret(name) for name in ("app", "app-1", "app-2")]
    world.backend.fail_with(fault("down"))
    world.pass_time(3600, step=30)

    assert [world.secret(name) for name in ("app", "app-1", "app-2")] == before
    assert world.condition() == ("False", fault.__name__)


def many(count: int) -> World:
    world = World()
    for number in range(count):
        name = f"app-{number}"
        world.backend.put(name, {"user": "alice"})
        world.define(name, spec=wanting(name, name))
    return world.start()


def test_a_backend_that_is_down_is_asked_once_a_second_then_every_five_however_many_need_it() -> None:
    world = many(50)
    world.backend.fail_with(BackendUnavailable("down"))
    world.pass_time(10)
    with world.spending() as eager:
        world.pass_time(40)
    with world.spending():
        world.pass_time(60)
    with world.spending() as patient:
        world.pass_time(60)

    assert 20 <= eager.reads <= 40
    assert 8 <= patient.reads <= 12


def test_a_short_outage_is_not_reported_to_definitions_that_did_not_meet_it() -> None:
    world = many(50)
    world.backend.fail_with(BackendUnavailable("down"))
    world.pass_time(6)
    world.backend.recover()
    world.pass_time(10)

    noticed = {o.definition for o in world.outcomes if not o.in_step}
    assert len(noticed) < 25


def test_an_outage_that_lasts_is_reported_to_all_definitions_once() -> None:
    world = many(50)
    world.backend.fail_with(BackendSealed("sealed"))
    world.pass_time(30)

    assert all(world.condition(f"app-{number}") == ("False", "BackendSealed") for number in range(50))
    with world.spending() as spent:
        world.pass_time(60)
    assert spent.calls == {}


def test_once_the_backend_is_back_all_parked_definitions_are_reconciled() -> None:
    world = many(50)
    world.backend.fail_with(BackendUnavailable("down"))
    world.pass_time(3600, step=10)
    world.backend.recover()
    for number in range(50):
        world.backend.put(f"app-{number}", {"user": "bob"})
    world.pass_time(15)

    assert all(world.data(f"app-{number}") == {"user": "bob"} for number in range(50))
    assert all(world.condition(f"app-{number}") == ("True", "Synced") for number in range(50))


def test_an_outage_is_reported_to_all_ten_seconds_after_the_breaker_opened() -> None:
    world = many(50)
    world.backend.fail_with(BackendSealed("sealed"))
    breaker = world.upstream.domains.breaker
    while (breaker.open_for() or 0.0) < 9.0:
        world.pass_time(1)
    told = [world.condition(f"app-{number}")[0] for number in range(50)]
    assert told.count("True") > 25

    world.pass_time(2)
    assert all(world.condition(f"app-{number}") == ("False", "BackendSealed") for number in range(50))


def test_a_second_outage_is_reported_like_the_first() -> None:
    world = many(10)
    for _ in range(2):
        world.backend.fail_with(BackendUnavailable("down"))
        world.pass_time(60)
        assert all(world.condition(f"app-{number}")[0] == "False" for number in range(10))
        world.backend.recover()
        world.pass_time(60)
        assert all(world.condition(f"app-{number}")[0] == "True" for number in range(10))


def test_a_backend_that_is_down_at_the_start_is_waited_for() -> None:
    world = World()
    world.backend.fail_with(BackendUnavailable("down"))
    for number in range(10):
        world.define(f"app-{number}", spec=wanting(f"app-{number}"))
    world.start().pass_time(600, step=5)
    assert world.condition("app-3") == ("False", "BackendUnavailable")

    world.backend.recover()
    world.backend.put("app", {"user": "alice"})
    world.pass_time(15)
    assert all(world.data(f"app-{number}") == {"user": "alice"} for number in range(10))


def test_a_path_that_fails_like_a_backend_recovers_by_itself() -> None:
    world = in_step()
    world.backend.fail_with(BackendTimeout("slow"), path="app")
    world.pass_time()
    assert world.condition() == ("False", "BackendTimeout")

    world.backend.recover()
    world.pass_time(10)
    assert world.condition() == ("True", "Synced")


def test_a_source_that_fails_differently_is_reported_again() -> None:
    world = in_step()
    world.backend.soft_delete("app")
    world.pass_time()
    assert world.condition() == ("False", "SourceDeleted")
    world.backend.destroy("app")
    world.pass_time()

    assert world.condition() == ("False", "SourceDestroyed")


def test_an_older_version_than_before_changes_nothing_and_is_tried_again_soon() -> None:
    world = in_step()
    before = world.secret()
    world.backend.fail_with(SourceOutdated("app"))
    with world.spending() as spent:
        world.pass_time(20)
    assert spent.calls == {}
    world.edit_secret(user="mallory")
    world.settle()
    assert world.condition() == ("False", "SourceOutdated")
    assert world.upstream.domains.breaker.open_for() is None

    world.backend.recover()
    world.pass_time(3)
    assert world.data() == {"user": "alice"}
    assert before is not None


# ── the lead ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_replica_that_does_not_lead_does_nothing_and_says_nothing() -> None:
    world = World()
    world.leadership.leading = False
    world.backend.put("app", {"user": "alice"})
    world.define()
    with world.spending() as spent:
        world.start().pass_time(60)

    assert spent == NOTHING
    assert world.events.told == []
    assert world.telemetry.outcomes == []


def test_a_lead_that_is_lost_between_observation_and_write_stops_the_write() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.leadership.questions_left = 1
    with world.spending() as spent:
        world.start()

    assert spent == Spent(reads=1)
    assert world.secret() is None


@pytest.mark.parametrize("finalizers", [[], ["secret.finalizer.secrets-manager.tuenti.io"]])
def test_the_lead_that_is_lost_before_a_deletion_stops_the_deletion(finalizers: list[str]) -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define(finalizers=finalizers)
    world.start()
    world.delete(APP)
    world.leadership.questions_left = 1
    with world.spending() as spent:
        world.settle()

    assert spent == NOTHING
    assert world.data() == {"user": "alice"}


def test_the_lead_that_is_lost_before_the_finalizer_leaves_the_finalizer() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define(finalizers=["secret.finalizer.secrets-manager.tuenti.io"])
    world.start()
    world.delete(APP)
    world.leadership.questions_left = 2
    world.settle()

    assert world.secret() is None
    assert world.cluster.snapshot(DEFINITIONS, APP) is not None


def test_polls_stop_with_the_lead() -> None:
    world = in_step()
    world.clock.advance(PERIOD)
    world.rounds.tick()
    world.leadership.leading = False
    with world.spending() as spent:
        world.work()

    assert spent == NOTHING


# ── the session ──────────────────────────────────────────────────────────────────────────────────────


def test_the_token_job_maintains_the_session() -> None:
    world = World()
    world.rounds.maintain(DEFAULT_BACKEND)

    assert world.backend.maintained == 1
    assert world.backend.ready()


@pytest.mark.parametrize("error", [AuthFailed("refused"), BackendUnavailable("down")])
def test_a_session_that_cannot_be_had_ends_nothing(error: SecretsManagerError) -> None:
    world = World()
    world.backend.fail_with(error)
    world.rounds.maintain(DEFAULT_BACKEND)

    assert not world.backend.ready()


def test_the_session_of_a_backend_that_is_down_is_left_to_the_probes() -> None:
    world = in_step()
    world.backend.fail_with(BackendUnavailable("down"))
    world.pass_time(60)
    assert world.upstream.domains.breaker.open_for()
    world.rounds.maintain(DEFAULT_BACKEND)
    assert world.backend.maintained == 0
    world.backend.recover()
    world.pass_time(10)
    world.rounds.maintain(DEFAULT_BACKEND)

    assert world.backend.maintained == 1


def test_an_api_server_without_a_secret_in_its_list_is_believed() -> None:
    cluster = LossyCluster()
    world = in_step(World(cluster=cluster))
    world.delete(APP, SECRETS)
    cluster.compact()
    world.settle()
    world.settle()

    assert world.data() == {"user": "alice"}
