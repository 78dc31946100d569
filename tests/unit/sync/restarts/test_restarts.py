"""Workloads are restarted once for each change of the data of their Secrets, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secrets_manager.cluster.base import SECRETS, Json
from secrets_manager.cluster.workloads import RESOURCES
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    AdmissionDenied,
    BackendUnavailable,
    ClusterUnavailable,
    NamespaceTerminating,
)
from secrets_manager.domain.restart_wish import WorkloadKind
from secrets_manager.domain.restarts import RESTARTED_FOR
from secrets_manager.domain.secret import LAST_UPDATE, RESTART_PENDING
from secrets_manager.sync.restarts import batch
from tests.unit.sync.world import TEAM, World, wanting

WINDOW = 30.0
DEPLOYMENT = WorkloadKind.DEPLOYMENT
BY_NAME: Json = {"workloads": [{"kind": "Deployment", "name": "shop"}]}
BY_USE: Json = {"referencing": True}


class Bench:
    """A world with one definition, `app`, and the workloads that a test makes."""

    def __init__(self, restart: Json | None = None) -> None:
        self.world = World()
        self.world.backend.put("app", {"user": "alice"})
        self.ref = self.world.define(spec=wanting(restart=restart or BY_NAME))

    def make(
        self, name: str = "shop", *, uses: str = "", kind: WorkloadKind = DEPLOYMENT, **spec: Any
    ) -> None:
        """Create a workload, now."""
        volumes = [{"name": "v", "secret": {"secretName": uses}}] if uses else []
        template = {"metadata": {"labels": {"app": name}}, "spec": {"volumes": volumes}}
        body = {
            "metadata": {"name": name, "creationTimestamp": self.time().replace(".", ":")},
            "spec": {"template": template, **spec},
        }
        with self.world.cluster.undisturbed():
            self.world.cluster.create(RESOURCES[kind], TEAM, body)

    def time(self) -> str:
        return self.world.clock.now().strftime("%Y-%m-%dT%H.%M.%SZ")

    def start(self) -> Bench:
        self.world.start()
        self.pass_window()
        return self

    def pass_window(self) -> None:
        self.world.pass_time(WINDOW + 2)

    def change(self, value: str = "bob", path: str = "app") -> None:
        """Change the backend, and let the Secret follow."""
        self.world.backend.put(path, {"user": value})
        self.world.pass_time(6)

    def mark(self, name: str = "shop", kind: WorkloadKind = DEPLOYMENT) -> str | None:
        found = self.world.cluster.snapshot(RESOURCES[kind], Ref(TEAM, name))
        assert found is not None
        mark: str | None = found["spec"]["template"]["metadata"].get("annotations", {}).get(RESTARTED_FOR)
        return mark

    def patches(self) -> int:
        return sum(count for (verb, _), count in self.world.cluster.calls.items() if verb == "patch")

    def pending(self, name: str = "app") -> str | None:
        pending: str | None = self.world.metadata(name)["annotations"].get(RESTART_PENDING)
        return pending

    def updated(self, name: str = "app") -> str:
        updated: str = self.world.metadata(name)["annotations"][LAST_UPDATE]
        return updated

    def message(self, name: str = "app") -> str:
        message: str = self.world.status(name)["conditions"][0]["message"]
        return message


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.make()
    return made.start()


# ── what restarts ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", WorkloadKind)
@pytest.mark.parametrize("by", ["name", "use"])
def test_a_change_of_the_data_restarts_the_workload_once(kind: WorkloadKind, by: str) -> None:
    named = {"workloads": [{"kind": kind.value, "name": "shop"}]}
    bench = Bench(named if by == "name" else BY_USE)
    bench.make(uses="app" if by == "use" else "", kind=kind)
    bench.make("bystander", uses="other", kind=kind)
    bench.start()

    bench.change()
    assert bench.mark(kind=kind) is None
    assert bench.pending() == bench.updated()
    bench.pass_window()

    assert bench.mark(kind=kind) == bench.updated()
    assert bench.mark("bystander", kind=kind) is None
    assert bench.pending() is None
    bench.world.pass_time(1000)
    assert bench.patches() == 1


def test_without_a_list_of_secrets_a_change_restarts_once_all_the_same() -> None:
    bench = Bench()
    bench.make()
    bench.world.cluster.forbid("list", "secrets")
    bench.start()
    bench.change()
    bench.world = bench.world.restarted()
    bench.world.cluster.forbid("list", "secrets")
    bench.world.start()
    bench.pass_window()
    bench.pass_window()

    assert (bench.mark(), bench.patches(), bench.pending()) == (bench.updated(), 1, None)


def test_each_change_restarts_again(bench: Bench) -> None:
    for value in ("bob", "carol", "dave"):
        bench.change(value)
        bench.pass_window()
        assert bench.mark() == bench.updated()

    assert bench.patches() == 3


def test_changes_within_the_window_restart_once(bench: Bench) -> None:
    for value in ("bob", "carol", "dave"):
        bench.change(value)
    newest = bench.updated()
    bench.pass_window()

    assert (bench.mark(), bench.patches()) == (newest, 1)


def test_changes_of_several_secrets_of_one_workload_restart_it_once() -> None:
    bench = Bench(BY_USE)
    world = bench.world
    for name in ("tls", "other"):
        world.backend.put(name, {"user": "1"})
        world.define(name, spec=wanting(name, path=name, restart=BY_NAME))
    bench.make(uses="app")
    bench.start()

    bench.change("2")
    bench.change("2", "tls")
    bench.change("2", "other")
    bench.pass_window()

    assert (bench.mark(), bench.patches()) == (bench.updated("other"), 1)
    bench.pass_window()
    assert bench.patches() == 1
    assert [bench.pending(name) for name in ("app", "tls", "other")] == [None] * 3


def test_the_event_and_the_metric_tell_of_it(bench: Bench) -> None:
    bench.change()
    bench.pass_window()

    told = [event for event in bench.world.events.told if event.reason == "Restarted"]
    assert [(event.name, event.warning) for event in told] == [("app", False)]
    assert told[0].message == "Deployment 'shop' restarted, since the data of Secret app changed"
    assert bench.world.telemetry.restarts == [("Deployment", "success")]


# ── what does not ────────────────────────────────────────────────────────────────────────────────────


def repair_of_data(bench: Bench) -> None:
    bench.world.edit_secret(user="mallory")


def repair_of_labels(bench: Bench) -> None:
    bench.world.cluster.edit(SECRETS, Ref(TEAM, "app"), {"metadata": {"labels": {"x": "y"}}})


def deletion(bench: Bench) -> None:
    bench.world.delete(Ref(TEAM, "app"), SECRETS)


def relabelling(bench: Bench) -> None:
    bench.world.annotate(bench.ref, note="new")


def same_value(bench: Bench) -> None:
    data = bench.world.data() or {}
    bench.world.backend.put("app", {**data, "more": "of it"})


def restart_of_the_daemon(bench: Bench) -> None:
    bench.world = bench.world.restarted().start()


def hand_over(bench: Bench) -> None:
    bench.world.leadership.leading = False
    bench.world = bench.world.restarted().start()
    bench.world.agenda.lead_acquired()


def another_definition(bench: Bench) -> None:
    bench.world.backend.put("new", {"user": "1"})
    bench.world.define("new", spec=wanting("new", path="new", restart=BY_NAME))


NO_CHANGE = [
    repair_of_data,
    repair_of_labels,
    deletion,
    relabelling,
    same_value,
    restart_of_the_daemon,
    hand_over,
    another_definition,
]


@pytest.mark.parametrize("happens", NO_CHANGE)
@pytest.mark.parametrize("changed_before", [False, True])
def test_what_is_no_change_of_the_data_restarts_nothing(
    bench: Bench, happens: Callable[[Bench], None], *, changed_before: bool
) -> None:
    if changed_before:
        bench.change()
        bench.pass_window()
    mark = bench.mark()

    happens(bench)
    bench.world.pass_time(300)

    assert (bench.mark(), bench.patches()) == (mark, int(changed_before))
    assert bench.world.data() == {"user": "bob" if changed_before else "alice"}


def test_a_change_before_restarts_were_wished_restarts_nothing() -> None:
    bench = Bench()
    bench.world.respecify(bench.ref, wanting())
    bench.make()
    bench.start()
    bench.change()
    bench.world.respecify(bench.ref, wanting(restart=BY_NAME))
    bench.pass_window()

    assert bench.mark() is None
    bench.change("carol")
    bench.pass_window()
    assert bench.mark() == bench.updated()


def test_a_workload_that_comes_to_use_the_secret_after_the_change_is_left_alone(bench: Bench) -> None:
    bench.make("late")
    bench.change()
    bench.pass_window()

    names = [*BY_NAME["workloads"], {"kind": "Deployment", "name": "late"}]
    bench.world.respecify(bench.ref, wanting(restart={"workloads": names}))
    bench.pass_window()

    assert bench.mark("late") is None
    bench.change("carol")
    bench.pass_window()
    assert bench.mark("late") == bench.mark() == bench.updated()


def test_a_workload_that_was_made_after_the_change_is_left_alone() -> None:
    bench = Bench(BY_USE).start()
    bench.change()
    bench.make(uses="app")
    bench.pass_window()

    assert bench.mark() is None
    assert bench.pending() is None


def test_an_end_of_the_wish_takes_back_what_was_due(bench: Bench) -> None:
    bench.change()
    bench.world.respecify(bench.ref, wanting())
    bench.pass_window()

    assert (bench.mark(), bench.pending()) == (None, None)


def test_a_definition_that_is_suspended_restarts_when_it_goes_on(bench: Bench) -> None:
    bench.change()
    bench.world.respecify(bench.ref, wanting(restart=BY_NAME, suspend=True))
    bench.pass_window()
    assert bench.mark() is None

    bench.world.respecify(bench.ref, wanting(restart=BY_NAME))
    bench.pass_window()
    assert bench.mark() == bench.updated()


def test_another_writer_that_undoes_each_repair_restarts_nothing(bench: Bench) -> None:
    for number in range(40):
        bench.world.edit_secret(user=f"mallory {number}")
        bench.world.pass_time(2)
    bench.world.pass_time(200)

    assert bench.patches() == 0


# ── crashes ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_daemon_that_dies_before_the_restart_leaves_it_to_the_next(bench: Bench) -> None:
    bench.change()
    assert bench.mark() is None
    bench.world = bench.world.restarted().start()
    bench.pass_window()

    assert (bench.mark(), bench.patches(), bench.pending()) == (bench.updated(), 1, None)


def test_while_the_backend_is_away_the_next_daemon_restarts_all_the_same(bench: Bench) -> None:
    bench.change()
    bench.world = bench.world.restarted()
    bench.world.backend.fail_with(BackendUnavailable("away"))
    bench.world.start()
    bench.pass_window()

    assert (bench.mark(), bench.patches()) == (bench.updated(), 1)


@pytest.mark.parametrize("lost", [("patch", "deployments"), ("update", "secrets")])
def test_a_lost_reply_restarts_nothing_twice(bench: Bench, lost: tuple[str, str]) -> None:
    bench.change()
    bench.world.cluster.lose_reply(*lost)
    bench.pass_window()
    bench.pass_window()

    assert (bench.mark(), bench.pending()) == (bench.updated(), None)
    assert bench.patches() == 1


def test_a_daemon_that_dies_between_restart_and_report_restarts_once(bench: Bench) -> None:
    bench.change()
    bench.world.cluster.fail_next("get", "secrets", *[ClusterUnavailable("away")] * 50)
    bench.pass_window()
    assert bench.pending() == bench.mark() == bench.updated()
    bench.world.cluster.calm()
    bench.world = bench.world.restarted().start()
    bench.pass_window()

    assert (bench.patches(), bench.pending()) == (1, None)


def test_a_replica_that_loses_the_lead_in_the_window_restarts_nothing(bench: Bench) -> None:
    bench.change()
    bench.world.leadership.leading = False
    bench.pass_window()
    assert bench.mark() is None

    bench.world = bench.world.restarted().start()
    bench.pass_window()
    assert bench.mark() == bench.updated()


def test_a_secret_that_is_deleted_in_the_window_does_not_take_the_restart_along(bench: Bench) -> None:
    bench.change()
    bench.world.delete(Ref(TEAM, "app"), SECRETS)
    bench.pass_window()

    assert (bench.patches(), bench.pending()) == (1, None)


def test_a_late_write_never_brings_an_older_mark_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.change()
    newer = "2026-01-01T00.30.00Z"
    cluster, place = bench.world.cluster, (RESOURCES[DEPLOYMENT], Ref(TEAM, "shop"))
    original: Any = cluster.patch

    def overtaken(*args: Any) -> Any:
        monkeypatch.setattr(cluster, "patch", original)
        found = cluster.snapshot(*place)
        assert found is not None
        found["spec"]["template"]["metadata"]["annotations"] = {RESTARTED_FOR: newer}
        cluster.edit(*place, {"spec": found["spec"]})
        return original(*args)

    monkeypatch.setattr(cluster, "patch", overtaken)
    bench.pass_window()

    assert bench.mark() == newer
    assert bench.pending() is None


def test_a_secret_that_is_recreated_with_other_data_restarts_the_workload(bench: Bench) -> None:
    bench.world.cluster.edit(SECRETS, Ref(TEAM, "app"), {"immutable": True})
    bench.world.annotate(bench.ref, recreate="true")
    bench.world.pass_time(10)
    before = bench.world.metadata()["uid"]
    bench.change()
    bench.pass_window()

    assert bench.world.metadata()["uid"] != before
    assert (bench.mark(), bench.patches(), bench.pending()) == (bench.updated(), 1, None)


def test_a_secret_that_is_recreated_for_its_type_keeps_what_is_pending(bench: Bench) -> None:
    bench.change()
    bench.world.annotate(bench.ref, recreate="true")
    bench.world.respecify(bench.ref, wanting(restart=BY_NAME, type="example.com/other"))
    bench.world.settle()
    pending = bench.pending()
    bench.world = bench.world.restarted().start()
    bench.pass_window()

    assert pending is not None
    assert (bench.mark(), bench.patches(), bench.pending()) == (pending, 1, None)


def test_a_change_under_the_mark_of_a_clock_ahead_restarts_all_the_same(bench: Bench) -> None:
    place = (RESOURCES[DEPLOYMENT], Ref(TEAM, "shop"))
    found = bench.world.cluster.snapshot(*place)
    assert found is not None
    found["spec"]["template"]["metadata"]["annotations"] = {RESTARTED_FOR: "2026-01-01T00.50.00Z"}
    bench.world.cluster.edit(*place, {"spec": found["spec"]})
    bench.change()
    bench.world.cluster.fail_next("get", "deployments", ClusterUnavailable("away"))
    bench.pass_window()
    bench.pass_window()

    assert (bench.mark(), bench.patches()) == ("2026-01-01T00.50.01Z", 1)


# ── what cannot be done ──────────────────────────────────────────────────────────────────────────────


def test_a_workload_that_is_not_there_is_named_and_the_secret_is_written() -> None:
    bench = Bench().start()

    assert bench.world.condition() == ("True", "NotRestarted")
    assert bench.message().endswith(
        "not all workloads of spec.restart can be restarted: Deployment 'shop' is not there"
    )
    bench.change()
    bench.pass_window()
    assert bench.world.data() == {"user": "bob"}
    bench.make()
    bench.world.pass_time(700)
    assert bench.world.condition() == ("True", "Synced")
    assert bench.mark() is None


@pytest.mark.parametrize(
    ("restart", "verb"), [(BY_NAME, "get"), (BY_USE, "list"), (BY_NAME, "patch"), (BY_USE, "patch")]
)
def test_without_the_right_the_condition_says_so_and_the_restart_follows_when_it_is_granted(
    restart: Json, verb: str
) -> None:
    bench = Bench(restart)
    bench.make(uses="app")
    bench.world.cluster.forbid(verb, "deployments")
    bench.start()
    bench.change()
    bench.pass_window()

    assert bench.world.data() == {"user": "bob"}
    assert bench.world.condition() == ("True", "NotRestarted")
    assert f"verb '{verb}' on 'deployments'" in bench.message()
    assert [event.reason for event in bench.world.events.told if event.warning] == ["NotRestarted"]
    with bench.world.spending() as spent:
        bench.world.pass_time(600)
    assert sum(spent.calls.values()) <= 9

    bench.world.cluster.permit(verb, "deployments")
    bench.world.pass_time(700)
    assert bench.mark() == bench.updated()
    assert bench.world.condition() == ("True", "Synced")


@pytest.mark.parametrize(
    ("restart", "verb"), [(BY_NAME, "get"), (BY_USE, "list"), (BY_NAME, "patch"), (BY_USE, "patch")]
)
def test_a_restart_without_the_right_is_counted_each_time_it_is_tried(restart: Json, verb: str) -> None:
    bench = Bench(restart)
    bench.make(uses="app")
    bench.world.cluster.forbid(verb, "deployments")
    bench.start()
    assert bench.world.telemetry.restarts == []

    bench.change()
    bench.pass_window()
    assert bench.world.telemetry.restarts == [("Deployment", "Forbidden")]
    # An alert looks back for a quarter of an hour.
    bench.world.pass_time(900)
    assert set(bench.world.telemetry.restarts) == {("Deployment", "Forbidden")}
    assert len(bench.world.telemetry.restarts) > 2


def test_a_right_that_is_missing_for_other_kinds_counts_for_no_restart() -> None:
    bench = Bench(BY_NAME)
    bench.make()
    for verb in ("get", "list"):
        bench.world.cluster.forbid(verb, "statefulsets")
    bench.start()
    bench.change()
    bench.pass_window()

    assert bench.world.telemetry.restarts == [("Deployment", "success")]


def test_a_start_of_the_daemon_does_not_take_the_sentence_away() -> None:
    bench = Bench().start()
    before = bench.world.definition()["metadata"]["resourceVersion"]
    bench.world = bench.world.restarted().start()
    bench.pass_window()

    assert bench.world.definition()["metadata"]["resourceVersion"] == before
    assert bench.world.events.told == []


def test_a_policy_that_refuses_one_workload_does_not_hold_up_the_others(bench: Bench) -> None:
    names = [{"kind": "Deployment", "name": name} for name in ("shop", "other")]
    bench.world.respecify(bench.ref, wanting(restart={"workloads": names}))
    bench.make("other")
    bench.pass_window()
    bench.change()
    bench.world.cluster.fail_next("patch", "deployments", AdmissionDenied("policy 'p' refused"))
    bench.pass_window()

    assert {bench.mark(), bench.mark("other")} == {None, bench.updated()}
    assert "policy 'p' refused" in bench.message()
    assert bench.pending() == bench.updated()
    bench.world.pass_time(700)
    assert bench.mark() == bench.mark("other") == bench.updated()
    assert (bench.patches(), bench.pending()) == (3, None)


def test_a_moment_without_the_api_server_does_not_take_a_trouble_away(bench: Bench) -> None:
    bench.change()
    bench.world.cluster.forbid("patch", "deployments")
    bench.pass_window()
    before = bench.world.definition()["metadata"]["resourceVersion"]
    bench.world.cluster.permit("patch", "deployments")
    bench.world.cluster.fail_next("patch", "deployments", *[ClusterUnavailable("away")] * 1000)
    bench.world.pass_time(600)

    assert bench.world.condition() == ("True", "NotRestarted")
    assert bench.world.definition()["metadata"]["resourceVersion"] == before


def test_a_kind_in_trouble_does_not_hold_up_the_others() -> None:
    bench = Bench(BY_USE)
    bench.make(uses="app")
    bench.start()
    bench.change()
    bench.world.cluster.fail_next("list", "rollouts", *[ClusterUnavailable("its CRD is broken")] * 3)
    bench.world.pass_time(25)
    assert bench.mark() == bench.updated() == bench.pending()

    bench.world.pass_time(300)
    assert (bench.patches(), bench.pending()) == (1, None)


def test_a_restart_that_is_tried_again_takes_no_later_change_before_its_window_is_over() -> None:
    bench = Bench(BY_USE)
    bench.make(uses="app")
    bench.start()
    bench.change()
    bench.world.cluster.fail_next("list", "rollouts", *[ClusterUnavailable("its CRD is broken")] * 7)
    bench.world.pass_time(26)
    first = bench.mark()
    bench.change("carol")
    bench.world.pass_time(20)
    assert (bench.patches(), bench.mark()) == (1, first)

    bench.pass_window()
    assert (bench.patches(), bench.mark()) == (2, bench.updated())


def test_while_two_kinds_are_in_trouble_nothing_is_decided() -> None:
    bench = Bench(BY_USE)
    bench.make(uses="app", kind=WorkloadKind.DAEMON_SET)
    bench.start()
    bench.change()
    for kind in ("deployments", "statefulsets"):
        bench.world.cluster.fail_next("list", kind, ClusterUnavailable("away"))
    bench.pass_window()

    assert bench.mark(kind=WorkloadKind.DAEMON_SET) == bench.updated()
    assert (bench.patches(), bench.pending()) == (1, None)


def test_an_api_server_that_takes_no_patch_is_not_asked_for_each_workload(bench: Bench) -> None:
    names = [f"w{number}" for number in range(20)]
    for name in names:
        bench.make(name, uses="app")
    bench.world.respecify(bench.ref, wanting(restart=BY_USE))
    bench.pass_window()
    bench.change()
    bench.world.cluster.fail_next("patch", "deployments", *[ClusterUnavailable("away")] * 3)
    bench.pass_window()
    bench.pass_window()

    assert {bench.mark(name) for name in names} == {bench.updated()}
    assert bench.patches() == 23


def failing(*_: object) -> None:
    raise RuntimeError("a secret text")


def test_a_fault_of_the_program_ends_no_worker_and_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench.change()
    with monkeypatch.context() as patched:
        patched.setattr(batch, "survey", failing)
        bench.pass_window()
    assert bench.mark() is None
    assert "workloads could not be restarted; trying again" in caplog.messages
    assert "a secret text" not in caplog.text

    bench.world.pass_time(400)
    assert bench.mark() == bench.updated()


def test_where_no_status_can_be_written_workloads_restart_all_the_same() -> None:
    bench = Bench({"workloads": [*BY_NAME["workloads"], {"kind": "Rollout", "name": "blue"}]})
    bench.make()
    bench.world.cluster.forbid("update", "secretdefinitions/status")
    bench.start()
    bench.change()
    bench.pass_window()

    assert bench.mark() == bench.updated()


def test_a_definition_that_goes_in_the_window_takes_its_restart_along(bench: Bench) -> None:
    bench.change()
    bench.world.delete(bench.ref)
    bench.pass_window()

    assert bench.patches() == 0


def test_an_api_server_that_is_away_is_asked_again(bench: Bench) -> None:
    bench.change()
    bench.world.cluster.fail_next("patch", "deployments", *[ClusterUnavailable("away")] * 3)
    bench.pass_window()
    bench.pass_window()

    assert bench.mark() == bench.updated()
    assert bench.world.condition() == ("True", "Synced")


def test_a_namespace_that_is_being_deleted_is_left_alone(bench: Bench) -> None:
    bench.change()
    bench.world.cluster.fail_next("patch", "deployments", NamespaceTerminating("going"))
    bench.pass_window()
    bench.world.pass_time(1000)

    assert bench.patches() == 1


def test_a_mark_on_the_secret_that_is_no_time_is_nothing(bench: Bench) -> None:
    for text in ("soon", "2099-01-01T00.00.00Z"):
        annotations = {**bench.world.metadata()["annotations"], RESTART_PENDING: text}
        bench.world.cluster.edit(SECRETS, Ref(TEAM, "app"), {"metadata": {"annotations": annotations}})
        bench.pass_window()

    assert bench.patches() == 0


# ── costs ────────────────────────────────────────────────────────────────────────────────────────────


def test_many_definitions_of_one_namespace_list_once_for_all_and_restart_once() -> None:
    bench = Bench(BY_USE)
    names = [f"app-{number}" for number in range(200)]
    for name in names:
        bench.world.define(name, spec=wanting(name, restart=BY_USE))
    bench.make(uses="app")
    bench.start()
    lists = bench.world.cluster.calls["list", "deployments"]
    assert lists == 1

    bench.change()
    bench.pass_window()

    assert bench.world.cluster.calls["list", "deployments"] == lists + 1
    assert bench.patches() == 1
    assert all(bench.pending(name) is None for name in names)


def test_nothing_is_asked_about_workloads_where_nobody_wants_restarts() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()
    world.backend.put("app", {"user": "bob"})
    world.pass_time(100)

    assert {what for _, what in world.cluster.calls} <= {
        "secrets",
        "secretdefinitions",
        "secretdefinitions/status",
    }


def test_named_workloads_are_not_listed(bench: Bench) -> None:
    bench.change()
    bench.pass_window()

    assert not [key for key in bench.world.cluster.calls if key[0] == "list" and key[1] == "deployments"]


def test_a_quiet_time_costs_nothing(bench: Bench) -> None:
    bench.change()
    bench.pass_window()

    with bench.world.spending() as spent:
        bench.world.pass_time(1000, step=5)

    assert spent.calls == {}


def test_a_change_costs_one_write_of_the_secret_more(bench: Bench) -> None:
    bench.world.pass_time(1000)
    with bench.world.spending() as spent:
        bench.change()
        bench.pass_window()

    assert spent.calls == {
        "update secretdefinitions/status": 1,
        "get deployments": 1,
        "patch deployments": 1,
        "get secrets": 1,
        "update secrets": 2,
    }
