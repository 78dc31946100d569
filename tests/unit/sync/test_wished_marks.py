"""spec.metadata: labels and annotations of the Secret that are no secret's business but its own."""

from __future__ import annotations

from typing import Any

from secrets_manager.cluster.base import SECRETS
from secrets_manager.domain.definition import Ref
from tests.unit.sync.world import NOTHING, TEAM, World, wanting

APP = Ref(TEAM, "app")
CLUSTER = {"argocd.argoproj.io/secret-type": "cluster"}
TRACKED = {"argocd.argoproj.io/tracking-id": "shop"}
OURS = {"app.kubernetes.io/managed-by": "secrets-manager"}
LAST_UPDATE = "secrets-manager.tuenti.io/lastUpdateTime"


def made(metadata: Any = None, **labels: str) -> World:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define(spec=wanting(metadata=metadata), labels=labels)
    return world.start()


def test_wishes_reach_the_secret_with_the_first_write() -> None:
    world = made({"annotations": TRACKED}, team="b")

    assert world.metadata()["labels"] == {**OURS, "team": "b"}
    assert world.metadata()["annotations"].items() >= TRACKED.items()
    assert world.condition() == ("True", "Synced")


def test_a_change_of_the_wishes_is_one_write_and_leaves_the_time_of_the_data() -> None:
    world = made(team="b")
    time = world.metadata()["annotations"][LAST_UPDATE]
    with world.spending() as spent:
        world.respecify(APP, wanting(metadata={"labels": {**CLUSTER, "team": "c"}}))
        world.pass_time()

    assert world.metadata()["labels"] == {**OURS, **CLUSTER, "team": "c"}
    assert world.metadata()["annotations"][LAST_UPDATE] == time
    assert spent.calls == {"update secrets": 1, "update secretdefinitions/status": 1}


def test_what_leaves_the_wishes_leaves_the_secret_also_after_a_restart() -> None:
    world = made({"labels": CLUSTER, "annotations": TRACKED})
    world.respecify(APP, wanting())
    again = world.restarted().start()

    assert again.metadata()["labels"] == OURS
    assert set(again.metadata()["annotations"]) == {LAST_UPDATE}


def test_a_restart_writes_nothing() -> None:
    world = made({"labels": CLUSTER, "annotations": TRACKED})
    again = world.restarted()
    with again.spending() as spent:
        again.start()

    assert spent.calls == NOTHING.calls


def test_a_wish_that_somebody_changes_on_the_secret_is_put_back() -> None:
    world = made({"labels": CLUSTER})
    world.cluster.edit(
        SECRETS, APP, {"metadata": {"labels": {**OURS, "argocd.argoproj.io/secret-type": "no"}}}
    )
    world.settle()

    assert world.metadata()["labels"] == {**OURS, **CLUSTER}


def test_a_copied_label_that_becomes_a_wish_of_the_same_value_is_nobody_elses_change() -> None:
    world = made(team="b")
    world.respecify(APP, wanting(metadata={"labels": {"team": "b"}}))
    world.pass_time()

    assert "Restored" not in world.events.reasons()
    assert (
        world.metadata()["annotations"]["secrets-manager.tuenti.io/copied"]
        == '{"wished":{"labels":["team"]}}'
    )


def test_a_wish_that_is_refused_leaves_the_secret_as_it_is_and_says_which() -> None:
    world = made({"labels": CLUSTER})
    world.respecify(APP, wanting(metadata={"labels": {"managedBy": "me"}}))
    world.settle()

    assert world.condition() == ("False", "InvalidSpec")
    assert "spec.metadata.labels[managedBy]" in world.status()["conditions"][0]["message"]
    assert world.metadata()["labels"] == {**OURS, **CLUSTER}
