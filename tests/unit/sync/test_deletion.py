"""Deletion needs evidence, needs no backend, and takes only what is ours."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, SECRETS
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendUnavailable, ClusterUnavailable, Conflict
from tests.unit.sync.doubles import LossyCluster
from tests.unit.sync.world import TEAM, Spent, World, wanting

APP = Ref(TEAM, "app")
FINALIZER = "secret.finalizer.secrets-manager.tuenti.io"


def in_step(world: World | None = None, **metadata: Any) -> World:
    world = world or World()
    world.backend.put("app", {"user": "alice"})
    world.define(**metadata)
    return world.start()


def test_the_secret_of_a_deleted_definition_is_deleted() -> None:
    world = in_step()
    world.delete(APP)
    with world.spending() as spent:
        world.settle()

    assert world.secret() is None
    assert spent == Spent({"delete secrets": 1})


@pytest.mark.parametrize("finalizers", [[], [FINALIZER]], ids=["without finalizer", "with the original's"])
def test_a_secret_stays_when_its_definition_is_deleted_with_orphans(finalizers: list[str]) -> None:
    world = in_step(finalizers=["orphan", *finalizers])
    before = world.secret()
    world.delete(APP)
    world.settle()
    assert world.secret() == before

    # The garbage collector takes its finalizer off in the end.
    for left in (finalizers, []):
        if world.cluster.snapshot(DEFINITIONS, APP):
            world.cluster.edit(DEFINITIONS, APP, {"metadata": {"finalizers": left}})
    world.pass_time(60)

    assert world.cluster.snapshot(DEFINITIONS, APP) is None
    assert world.secret() == before
    assert (len(world.agenda.view.definitions), world.agenda.view.definitions.debts(APP)) == (0, [])


def test_a_definition_that_is_made_again_takes_up_the_secret_that_was_orphaned() -> None:
    world = in_step(finalizers=["orphan"])
    world.delete(APP)
    world.settle()
    world.cluster.edit(DEFINITIONS, APP, {"metadata": {"finalizers": []}})
    world.settle()
    world.backend.put("app", {"user": "bob"})
    world.define()
    world.settle()

    assert world.data() == {"user": "bob"}


def test_afterwards_nothing_is_remembered_of_the_definition() -> None:
    world = in_step()
    world.delete(APP)
    world.settle()
    with world.spending() as spent:
        world.pass_time(60)

    view, reconciler = world.agenda.view, world.workforce.reconciler
    assert spent == Spent()
    assert (len(view.definitions), len(view.secrets), len(view.ledger), len(view.schedule)) == (0,) * 4
    assert (reconciler._in_step._known, reconciler.doubted._refs) == ({}, set())
    assert world.telemetry.gone == [APP]


def test_the_sources_of_a_deleted_definition_are_not_polled_though_its_secret_cannot_be_deleted() -> None:
    world = in_step()
    world.cluster.forbid("delete", "secrets")
    world.delete(APP)
    world.settle()
    with world.spending() as spent:
        world.pass_time(60)

    assert spent.reads == 0
    assert world.secret() is not None


def test_deletion_works_while_the_backend_is_down() -> None:
    world = in_step()
    world.backend.fail_with(BackendUnavailable("down"))
    world.pass_time(60)
    world.delete(APP)
    with world.spending() as spent:
        world.settle()

    assert world.secret() is None
    assert spent.reads == 0


def test_a_secret_that_is_gone_already_is_fine() -> None:
    world = in_step()
    world.leadership.leading = False
    world.delete(APP, SECRETS)
    world.settle()
    world.leadership.leading = True
    world.delete(APP)
    world.settle()

    assert world.secret() is None
    assert world.outcomes[-1].reason == "AlreadyGone"


def test_the_finalizer_of_the_original_is_honoured_and_released() -> None:
    world = in_step(finalizers=[FINALIZER])
    world.delete(APP)
    with world.spending() as spent:
        world.settle()

    assert world.secret() is None
    assert world.cluster.snapshot(DEFINITIONS, APP) is None
    assert spent.calls["delete secrets"] == 1
    assert spent.calls["update secretdefinitions"] == 1


def test_the_finalizer_stays_while_the_secret_cannot_be_deleted() -> None:
    world = in_step(finalizers=[FINALIZER])
    world.cluster.forbid("delete", "secrets")
    world.delete(APP)
    world.settle()

    assert world.definition()["metadata"]["finalizers"] == [FINALIZER]
    world.cluster.permit("delete", "secrets")
    world.pass_time(400, step=20)
    assert world.cluster.snapshot(DEFINITIONS, APP) is None
    assert world.secret() is None


def test_finalizers_of_others_are_left_to_them() -> None:
    world = in_step(finalizers=["example.org/theirs"])
    world.delete(APP)
    with world.spending() as spent:
        world.settle()

    assert world.secret() is None
    assert world.definition()["metadata"]["finalizers"] == ["example.org/theirs"]
    assert spent.calls == {"delete secrets": 1}


@pytest.mark.parametrize("spec", [{}, {"name": ".", "keysMap": {}}, {"name": "a/b"}, wanting("app", type=3)])
def test_a_definition_that_never_was_usable_does_not_block_its_deletion(spec: dict[str, Any]) -> None:
    world = World()
    world.define(spec=spec, finalizers=[FINALIZER])
    world.start()
    world.delete(APP)
    world.settle()

    assert world.cluster.snapshot(DEFINITIONS, APP) is None


def test_the_status_of_a_definition_that_is_being_deleted_is_left_alone() -> None:
    world = in_step(finalizers=["example.org/theirs"])
    status = world.status()
    world.cluster.forbid("delete", "secrets")
    world.delete(APP)
    world.settle()

    assert world.status() == status


def test_a_conflict_with_an_edit_of_another_client_is_resolved_by_a_fresh_observation() -> None:
    world = in_step()
    world.delete(APP)
    world.cluster.edit(SECRETS, APP, {"metadata": {"labels": {"their": "label"}}})
    world.agenda.definition_changed(APP)
    definitions = world.informers[1]
    definitions._turn()
    with world.spending() as spent:
        world.work()

    assert world.secret() is None
    assert spent.calls == {"delete secrets": 2, "get secrets": 1}


def test_a_secret_that_lost_our_label_is_deleted_by_its_owner_mark() -> None:
    world = in_step()
    world.leadership.leading = False
    # Without the label it is in no list and no watch of ours.
    world.cluster.edit(SECRETS, APP, {"metadata": {"labels": {"their": "label"}}})
    world.settle()
    assert world.agenda.view.secrets.get(APP) is None
    world.leadership.leading = True
    world.delete(APP)
    world.settle()

    assert world.secret() is None


def test_a_secret_that_keeps_changing_is_deleted_later() -> None:
    world = in_step()
    world.cluster.fail_next("delete", "secrets", *[Conflict("changed")] * 3)
    world.delete(APP)
    world.settle()
    assert world.secret() is not None
    assert world.outcomes[-1].reason == "Conflict"

    world.pass_time()
    assert world.secret() is None


def test_a_deletion_whose_reply_was_lost_is_found_done() -> None:
    cluster = LossyCluster()
    world = in_step(World(cluster=cluster))
    world.delete(APP)
    cluster.lose_reply("delete")
    world.settle()
    world.pass_time()

    assert world.secret() is None
    assert world.outcomes[-1].reason == "AlreadyGone"
    assert len(world.agenda.view.definitions) == 0


def test_a_definition_that_is_made_again_at_once_keeps_the_secret() -> None:
    world = in_step()
    uid = world.metadata()["uid"]
    world.delete(APP)
    world.define()
    with world.spending() as spent:
        world.settle()

    assert world.data() == {"user": "alice"}
    assert world.metadata()["uid"] == uid
    assert "delete secrets" not in spent.calls
    [owner] = world.metadata()["ownerReferences"]
    assert owner["uid"] == world.definition()["metadata"]["uid"]


# ── another name ─────────────────────────────────────────────────────────────────────────────────────


def test_after_a_change_of_name_the_new_secret_is_written_and_then_the_old_one_deleted() -> None:
    world = in_step()
    world.respecify(APP, wanting("renamed"))
    with world.spending() as spent:
        world.settle()

    assert world.data("renamed") == {"user": "alice"}
    assert world.secret("app") is None
    assert [o.operation.value for o in world.outcomes[1:3]] == ["created", "deleted"]
    assert spent.calls["create secrets"] == spent.calls["delete secrets"] == 1
    assert world.status()["secretName"] == "renamed"


def test_the_old_secret_stays_until_the_new_one_could_be_written() -> None:
    world = in_step()
    world.respecify(APP, wanting("renamed", path="missing"))
    world.settle()
    assert world.data("app") == {"user": "alice"}
    assert world.status()["secretName"] == "app"

    world.backend.put("missing", {"user": "bob"})
    world.pass_time()
    assert world.data("renamed") == {"user": "bob"}
    assert world.secret("app") is None


@pytest.mark.parametrize("may_list", [True, False], ids=["by a list", "by the status"])
def test_a_change_of_name_while_we_were_away_is_cleaned_up_after(*, may_list: bool) -> None:
    world = in_step()
    world.respecify(APP, wanting("renamed"))
    if not may_list:
        world.cluster.forbid("list", "secrets")
    after = world.restarted().start()

    assert after.data("renamed") == {"user": "alice"}
    assert after.secret("app") is None


def test_a_forged_status_deletes_no_secret_except_our_own() -> None:
    world = in_step()
    label = {"app.kubernetes.io/managed-by": "secrets-manager"}
    world.make_secret("victim", {"a": "1"}, metadata={"labels": label})
    world.cluster.edit(DEFINITIONS, APP, {"status": {**world.status(), "secretName": "victim"}})
    world.restarted().start()

    assert world.data("victim") == {"a": "1"}


@pytest.mark.parametrize(
    "forged",
    [
        {"labels": {"app.kubernetes.io/managed-by": "secrets-manager"}},
        {"labels": {"managedBy": "secrets-manager", "lastUpdatedAt": "2020-01-01"}},
        {"annotations": {"secrets-manager.tuenti.io/lastUpdateTime": "2020-04-22T14.34.17Z"}},
    ],
    ids=["label", "label of 1.x", "annotation"],
)
def test_a_secret_that_bears_our_marks_and_no_definition_names_is_left_alone(forged: dict[str, Any]) -> None:
    world = in_step()
    world.make_secret("victim", {"a": "1"}, metadata=forged)
    world.respecify(APP, wanting("renamed"))
    world.settle()
    world.delete(APP)
    world.settle()
    world.restarted().start()

    assert world.data("victim") == {"a": "1"}


def test_an_owner_mark_is_believed_as_the_garbage_collector_believes_it() -> None:
    world = in_step()
    mark = world.metadata()["ownerReferences"]
    label = {"app.kubernetes.io/managed-by": "secrets-manager"}
    world.make_secret("victim", {"a": "1"}, metadata={"labels": label, "ownerReferences": mark})
    after = world.restarted().start()

    assert after.secret("victim") is None


@pytest.mark.parametrize("restarted", [False, True])
def test_an_old_secret_that_cannot_be_deleted_is_tried_again(*, restarted: bool) -> None:
    world = in_step()
    world.cluster.forbid("delete", "secrets")
    world.respecify(APP, wanting("renamed"))
    if restarted:
        world = world.restarted().start()
    world.settle()
    assert world.secret("app") is not None
    assert world.condition() == ("True", "Synced")

    world.cluster.permit("delete", "secrets")
    world.pass_time(400, step=20)
    assert world.secret("app") is None


def test_an_old_secret_that_cannot_be_deleted_is_reported_once() -> None:
    world = in_step()
    world.events.told.clear()
    world.cluster.forbid("delete", "secrets")
    world.respecify(APP, wanting("renamed"))
    world.settle()
    world.pass_time(1000, step=20)

    assert world.events.reasons() == ["Created", "Forbidden"]


# ── absence is no evidence ───────────────────────────────────────────────────────────────────────────


class ForgetfulCluster(LossyCluster):
    """An API server whose next complete list of definitions lacks one that is there."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: Ref | None = None

    def pages(self, scope: Any) -> Any:
        for page in super().pages(scope):
            page.items[:] = [raw for raw in page.items if not self._is_hidden(scope, raw)]
            yield page

    def _is_hidden(self, scope: Any, raw: Any) -> bool:
        return scope.resource == DEFINITIONS and self.hidden == Ref(TEAM, raw["metadata"]["name"])


def relist(world: World) -> None:
    for informer in world.informers:
        informer.list_once()
    world.work()


def test_a_definition_that_a_list_lacks_is_asked_for_by_name() -> None:
    cluster = ForgetfulCluster()
    world = in_step(World(cluster=cluster))
    cluster.hidden = APP
    with world.spending() as spent:
        relist(world)

    assert spent == Spent({"get secretdefinitions": 1}, reads=1)
    assert world.data() == {"user": "alice"}
    assert len(world.agenda.view.definitions) == 1
    with world.spending() as spent:
        world.agenda.definition_changed(APP)
        world.settle()
    assert spent == Spent(reads=1)


def test_a_definition_that_is_really_gone_is_forgotten_and_its_secret_stays() -> None:
    world = in_step()
    world.delete(APP)
    with world.spending() as spent:
        relist(world)

    assert spent == Spent({"get secretdefinitions": 1})
    assert len(world.agenda.view.definitions) == 0
    assert world.workforce.reconciler.doubted._refs == set()
    # Its owner mark lets the garbage collector judge.
    assert world.data() == {"user": "alice"}


def test_a_doubted_definition_stays_as_it_is_while_the_api_server_does_not_answer() -> None:
    cluster = ForgetfulCluster()
    world = in_step(World(cluster=cluster))
    cluster.hidden = APP
    cluster.fail_next("get", "secretdefinitions", ClusterUnavailable("down"))
    relist(world)
    assert world.outcomes[-1].reason == "ClusterUnavailable"
    assert world.data() == {"user": "alice"}

    with world.spending() as spent:
        world.pass_time(2)
    assert spent.calls == {"get secretdefinitions": 1, "update secretdefinitions/status": 1}
    assert world.condition() == ("True", "Synced")


def test_a_doubted_definition_that_was_replaced_is_seen_as_it_is_now() -> None:
    cluster = ForgetfulCluster()
    world = in_step(World(cluster=cluster))
    world.delete(APP)
    world.define(spec=wanting("other"))
    cluster.hidden = APP
    relist(world)
    world.settle()

    assert world.data("other") == {"user": "alice"}
    # A new uid under the name is proof that the old definition was deleted.
    assert world.secret("app") is None


def test_a_secret_whose_name_was_changed_and_changed_back_stays() -> None:
    world = in_step()
    world.make_secret("foreign", {"password": "theirs"})
    world.respecify(APP, wanting("foreign"))
    world.settle()
    assert world.condition() == ("False", "NotOwned")
    world.respecify(APP, wanting("app"))
    world.settle()

    assert world.condition() == ("True", "Synced")
    assert world.data() == {"user": "alice"}
    assert world.data("foreign") == {"password": "theirs"}
