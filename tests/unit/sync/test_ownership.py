"""Ownership: which Secrets we take, which we leave, and which of two definitions keeps one."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, SECRETS
from secrets_manager.domain.definition import Ref
from tests.unit.backends.tables import rows
from tests.unit.sync.world import NOTHING, TEAM, Spent, World, wanting

APP = Ref(TEAM, "app")
OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"
OUR_LABEL = "app.kubernetes.io/managed-by"
LAST_UPDATE = "secrets-manager.tuenti.io/lastUpdateTime"
WRITTEN = "2020-04-22T14.34.17Z"


def world_with_source() -> World:
    world = World()
    world.backend.put("app", {"user": "alice", "password": "pass"})
    return world


def slow_lane(world: World) -> None:
    """Long enough for definitions that wait for a person to be reconciled again."""
    world.pass_time(400, step=20)


# ── Secrets of others ────────────────────────────────────────────────────────────────────────────────


def test_a_foreign_secret_is_refused_and_stays_as_it_is() -> None:
    world = world_with_source()
    world.make_secret(data={"user": "theirs"})
    world.define()
    with world.spending() as spent:
        world.start()

    assert world.data() == {"user": "theirs"}
    assert OUR_LABEL not in world.metadata().get("labels", {})
    assert world.condition() == ("False", "NotOwned")
    # It is found by the POST that it refuses; the chain then starts again with a GET.
    assert spent.calls == {"create secrets": 1, "get secrets": 1, "update secretdefinitions/status": 1}


def test_a_foreign_secret_survives_the_deletion_of_a_definition_that_named_it() -> None:
    world = world_with_source()
    world.make_secret(data={"user": "theirs"})
    ref = world.define()
    world.start()
    world.delete(ref)
    world.settle()

    assert world.data() == {"user": "theirs"}


def test_a_foreign_secret_is_taken_over_once_the_author_opts_in() -> None:
    world = world_with_source()
    world.make_secret(data={"user": "theirs", "more": "x"}, metadata={"labels": {"their": "label"}})
    ref = world.define()
    world.start()
    world.annotate(ref, adopt="true")
    world.settle()

    assert world.data() == {"user": "alice"}
    assert world.metadata()["labels"] == {"their": "label", OUR_LABEL: "secrets-manager"}
    assert world.condition() == ("True", "Synced")


def test_once_the_foreign_secret_is_gone_ours_is_made() -> None:
    world = world_with_source()
    theirs = world.make_secret(data={"user": "theirs"})
    world.define()
    world.start()
    world.delete(theirs, SECRETS)
    slow_lane(world)

    assert world.data() == {"user": "alice"}
    assert world.condition() == ("True", "Synced")


# ── Secrets of the releases before ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "metadata",
    rows(
        {
            "release 2": {
                "labels": {OUR_LABEL: "secrets-manager"},
                "annotations": {LAST_UPDATE: WRITTEN},
            },
            "release 2 with a label that says Helm": {
                "labels": {OUR_LABEL: "Helm"},
                "annotations": {LAST_UPDATE: WRITTEN},
            },
            "release 1": {"labels": {"managedBy": "secrets-manager", "lastUpdatedAt": WRITTEN}},
        }
    ),
)
def test_a_secret_of_an_earlier_release_is_taken_over_with_one_write(metadata: dict[str, Any]) -> None:
    world = world_with_source()
    world.make_secret(data={"user": "alice"}, metadata=metadata)
    world.define()
    with world.spending() as spent:
        world.start()

    assert spent.calls["update secrets"] == 1
    assert world.data() == {"user": "alice"}
    assert world.metadata()["labels"] == {OUR_LABEL: "secrets-manager"}
    assert world.metadata()["annotations"] == {LAST_UPDATE: WRITTEN}
    with world.spending() as spent:
        world.restarted().start()
    assert spent == Spent(reads=1)


# ── two definitions, one Secret ──────────────────────────────────────────────────────────────────────


def rivals() -> World:
    """An older and a younger definition of one Secret, each with another key."""
    world = world_with_source()
    world.define("elder", spec=wanting("app", key="user"), created=OLD)
    world.define("younger", spec=wanting("app", key="password"), created=NEW)
    return world.start()


def test_the_older_of_two_definitions_keeps_the_secret() -> None:
    world = rivals()

    assert world.data() == {"user": "alice"}
    assert world.condition("elder") == ("True", "Synced")
    assert world.condition("younger") == ("False", "TargetConflict")


def test_the_two_do_not_fight() -> None:
    world = rivals()
    with world.spending() as spent:
        world.pass_time(60)

    assert spent.calls == {}


def test_a_younger_definition_that_came_first_gives_the_secret_up() -> None:
    world = world_with_source()
    world.define("younger", spec=wanting("app", key="password"), created=NEW)
    world.start()
    assert world.data() == {"password": "pass"}
    world.define("elder", spec=wanting("app", key="user"), created=OLD)
    world.settle()

    assert world.data() == {"user": "alice"}
    assert world.condition("elder") == ("True", "Synced")
    assert world.condition("younger") == ("False", "TargetConflict")


def test_when_the_older_goes_the_younger_takes_the_secret_over() -> None:
    world = rivals()
    uid = world.metadata()["uid"]
    world.delete(Ref(TEAM, "elder"))
    world.settle()

    assert world.data() == {"password": "pass"}
    assert world.metadata()["uid"] == uid
    assert [owner["name"] for owner in world.metadata()["ownerReferences"]] == ["younger"]
    assert world.condition("younger") == ("True", "Synced")


def test_a_younger_definition_takes_the_secret_over_when_the_older_wants_another() -> None:
    world = rivals()
    world.respecify(Ref(TEAM, "elder"), wanting("other", key="user"))
    world.settle()

    assert world.data("other") == {"user": "alice"}
    assert world.data("app") == {"password": "pass"}
    assert world.condition("younger") == ("True", "Synced")


def test_an_older_definition_with_a_fault_still_keeps_its_secret() -> None:
    world = rivals()
    spec = {"name": "app", "keysMap": {"user": {"path": "app", "key": "user", "encoding": "rot13"}}}
    world.respecify(Ref(TEAM, "elder"), spec)
    world.settle()

    assert world.data() == {"user": "alice"}
    assert world.condition("elder") == ("False", "InvalidSpec")
    assert world.condition("younger") == ("False", "TargetConflict")


def test_an_older_definition_in_a_list_makes_the_younger_give_way() -> None:
    world = world_with_source()
    world.define("younger", spec=wanting("app", key="password"), created=NEW)
    world.start()
    world.define("elder", spec=wanting("app", key="user"), created=OLD)
    world.cluster.compact()
    world.settle()
    world.settle()

    assert world.condition("elder") == ("True", "Synced")
    assert world.condition("younger") == ("False", "TargetConflict")


def test_deleting_the_younger_leaves_the_secret_alone() -> None:
    world = rivals()
    world.delete(Ref(TEAM, "younger"))
    with world.spending() as spent:
        world.settle()

    assert world.data() == {"user": "alice"}
    assert "delete secrets" not in spent.calls


def test_an_older_definition_that_is_being_deleted_competes_no_more() -> None:
    world = rivals()
    world.cluster.edit(DEFINITIONS, Ref(TEAM, "elder"), {"metadata": {"finalizers": ["example.org/wait"]}})
    world.settle()
    world.delete(Ref(TEAM, "elder"))
    world.settle()

    assert world.data() == {"password": "pass"}
    assert world.condition("younger") == ("True", "Synced")


# ── what cannot be changed ───────────────────────────────────────────────────────────────────────────


def test_a_change_of_type_is_refused_until_the_author_opts_in() -> None:
    world = world_with_source()
    ref = world.define()
    world.start()
    uid = world.metadata()["uid"]
    world.respecify(ref, wanting(type="example.org/x"))
    world.settle()
    assert world.condition() == ("False", "TypeConflict")
    assert world.metadata()["uid"] == uid

    world.annotate(ref, recreate="true")
    with world.spending() as spent:
        world.settle()

    found = world.secret()
    assert found is not None
    assert found["type"] == "example.org/x"
    assert world.metadata()["uid"] != uid
    # The first create is a rehearsal: nothing is deleted for what would then be refused.
    assert spent.calls == {"create secrets": 2, "delete secrets": 1, "update secretdefinitions/status": 1}


@pytest.mark.parametrize(
    "change", [{"immutable": True}, {"type": "example.org/x"}], ids=["immutable", "type"]
)
def test_a_secret_with_foreign_finalizers_is_created_again_once_those_are_gone(
    change: dict[str, Any],
) -> None:
    world = world_with_source()
    ref = world.define()
    world.start()
    world.cluster.edit(SECRETS, APP, {**change, "metadata": {"finalizers": ["example.org/hold"]}})
    world.annotate(ref, recreate="true")
    world.backend.put("app", {"user": "bob"})
    with world.spending() as spent:
        world.pass_time(60)
    assert world.data() == {"user": "alice"}
    assert "deletionTimestamp" not in world.metadata()
    assert spent.calls == {"update secretdefinitions/status": 1}

    world.cluster.edit(SECRETS, APP, {"metadata": {"finalizers": []}})
    world.settle()

    assert world.data() == {"user": "bob"}
    assert world.condition() == ("True", "Synced")


def test_an_immutable_secret_is_left_alone_until_its_data_differs() -> None:
    world = world_with_source()
    world.define()
    world.start()
    world.cluster.edit(SECRETS, APP, {"immutable": True})
    world.settle()
    assert world.condition() == ("True", "Synced")

    world.backend.put("app", {"user": "bob"})
    with world.spending() as spent:
        world.pass_time()

    assert world.condition() == ("False", "ImmutableTarget")
    assert world.data() == {"user": "alice"}
    assert spent.calls == {"update secretdefinitions/status": 1}


def test_the_marks_of_an_immutable_secret_are_kept_right() -> None:
    world = world_with_source()
    world.define()
    world.start()
    world.cluster.edit(SECRETS, APP, {"immutable": True, "metadata": {"ownerReferences": []}})
    world.settle()

    found = world.secret()
    assert found is not None
    assert found["immutable"] is True
    assert len(world.metadata()["ownerReferences"]) == 1


def test_a_secret_that_loses_our_label_is_ours_by_its_other_marks() -> None:
    world = world_with_source()
    world.define()
    world.start()
    world.cluster.edit(SECRETS, APP, {"metadata": {"labels": {"their": "label"}}})
    world.settle()

    assert world.metadata()["labels"] == {"their": "label", OUR_LABEL: "secrets-manager"}
    with world.spending() as spent:
        world.settle()
    assert spent == NOTHING
