"""Secrets of others, marked in any way and under any course of events: never written, replaced or deleted.

The generator plays people who may do everything but write Secrets of others: it makes, changes and deletes
definitions, lets the backend go, lets calls fail and lose their replies, and restarts the daemon.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, Resource
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendUnavailable, ClusterUnavailable, Conflict
from tests.effort import share
from tests.unit.sync.world import TEAM, World, wanting

OUR_LABEL = {"app.kubernetes.io/managed-by": "secrets-manager"}
OUR_TIME = {"secrets-manager.tuenti.io/lastUpdateTime": "2020-04-22T14.34.17Z"}
NAMES = ["app", "two"]
ELSEWHERE = "elsewhere"


def owner(uid: str, name: str = "app", **other: Any) -> Json:
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "name": name,
        "uid": uid,
        **other,
    }


def uid_of(world: World, name: str = "app") -> str:
    uid: str = world.definition(name)["metadata"]["uid"]
    return uid


def in_step() -> World:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    return world.start()


def plant(world: World, namespace: str, name: str, **metadata: Any) -> Ref:
    """A Secret that another client made."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, **metadata},
        "type": "Opaque",
        "data": {"theirs": "dGhlaXJz"},
    }
    with world.cluster.undisturbed():
        world.cluster.create(SECRETS, namespace, body)
    return Ref(namespace, name)


# ── another namespace ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["app", "copy"])
def test_a_copy_with_all_marks_in_another_namespace_is_left_alone(name: str) -> None:
    world = in_step()
    ours = world.metadata()
    marks = {key: ours[key] for key in ("labels", "annotations", "ownerReferences")}
    copy = plant(world, ELSEWHERE, name, **marks)
    before = world.cluster.snapshot(SECRETS, copy)
    world.settle()
    world.respecify(Ref(TEAM, "app"), wanting("renamed"))
    world.settle()
    world.restarted().start().pass_time(30)
    world.delete(Ref(TEAM, "app"))
    world.settle()
    world.restarted().start().pass_time(30)

    assert world.cluster.snapshot(SECRETS, copy) == before
    assert world.secret("renamed") is None


def test_in_an_excluded_namespace_nothing_is_read_or_written_whatever_happens_there() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    for informer in world.informers:
        informer.sink.excluded = frozenset({TEAM})  # type: ignore[attr-defined]
    finalizer = "secret.finalizer.secrets-manager.tuenti.io"
    ref = world.define(finalizers=[finalizer])
    theirs = plant(world, TEAM, "app", labels=OUR_LABEL, ownerReferences=[owner(uid_of(world))])
    with world.spending() as spent:
        world.start().pass_time(10)
        world.respecify(ref, wanting("two"))
        world.cluster.edit(SECRETS, theirs, {"data": {}})
        world.cluster.compact()
        world.pass_time(400, step=100)
        world.delete(ref)
        world.pass_time(10)
        world.delete(theirs, SECRETS)
        world.pass_time(10)

    assert (spent.calls, spent.reads) == ({}, 0)
    assert world.definition()["metadata"]["finalizers"] == [finalizer]
    assert (world.events.told, world.outcomes) == ([], [])


def test_a_namespace_that_is_excluded_for_a_while_is_left_as_it_was_and_served_again_afterwards() -> None:
    world = in_step()
    finalizer = "secret.finalizer.secrets-manager.tuenti.io"
    world.backend.put("old", {"user": "bob"})
    old = world.define("old", spec=wanting("old", "old"), finalizers=[finalizer])
    world.settle()
    excluding = world.restarted()
    for informer in excluding.informers:
        informer.sink.excluded = frozenset({TEAM})  # type: ignore[attr-defined]
    with excluding.spending() as spent:
        excluding.start()
        excluding.backend.put("app", {"user": "carol"})
        excluding.delete(old)
        excluding.pass_time(400, step=100)

    assert (spent.calls, spent.reads) == ({}, 0)
    assert (excluding.events.told, excluding.outcomes) == ([], [])
    assert (world.data("app"), world.data("old")) == ({"user": "alice"}, {"user": "bob"})

    world.restarted().start().pass_time(10)
    assert (world.data("app"), world.data("old")) == ({"user": "carol"}, None)
    assert world.cluster.snapshot(DEFINITIONS, old) is None


# ── any course of events ─────────────────────────────────────────────────────────────────────────────

# What whoever made them put on the foreign Secrets: no grant of ours in any of it.
FOREIGN_MARKS: list[dict[str, Any]] = [
    {},
    {"labels": {"app.kubernetes.io/managed-by": "Helm"}},
    {"annotations": {"secrets-manager.tuenti.io/copied": '{"labels":["x"]}'}},
    {
        "annotations": {
            "secrets-manager.tuenti.io/adopt": "true",
            "secrets-manager.tuenti.io/recreate": "true",
        }
    },
    {"ownerReferences": [owner("of-nobody")]},
    {"ownerReferences": [owner("of-nobody", kind="ConfigMap", apiVersion="v1")]},
    {"ownerReferences": [owner("of-nobody"), owner("of-another")]},
]
STEPS = st.sampled_from(
    [
        "define",
        "define",
        "recreate",
        "delete",
        "delete",
        "backend goes",
        "backend comes",
        "value",
        "lose",
        "fail",
        "conflict",
        "relist",
        "restart",
        "lead",
        "time",
    ]
)


class People:
    """Does what a step says, with a definition and a Secret chosen by the generator."""

    def __init__(self) -> None:
        self.world = World()
        self.world.backend.put("app", {"user": "alice"})
        self.count = itertools.count()

    def do(self, step: str, name: str, secret: str) -> None:
        if step in ("define", "recreate", "delete"):
            self.define(step, Ref(TEAM, name), secret)
        elif step in ("lose", "fail", "conflict"):
            self.disturb(step)
        else:
            self.happen(step)
        self.world.settle()

    def define(self, step: str, ref: Ref, secret: str) -> None:
        world = self.world
        if world.cluster.snapshot(DEFINITIONS, ref) is None:
            world.define(ref.name, spec=wanting(secret))
        elif step == "define":
            world.respecify(ref, wanting(secret, type=["Opaque", "example.org/x"][next(self.count) % 2]))
        elif step == "recreate":
            world.annotate(ref, recreate="true")
        else:
            world.delete(ref)

    def happen(self, step: str) -> None:
        world = self.world
        match step:
            case "backend goes":
                world.backend.fail_with(BackendUnavailable("down"))
            case "backend comes":
                world.backend.recover()
            case "value":
                world.backend.put("app", {"user": f"alice-{next(self.count)}"})
            case "relist":
                world.cluster.compact()
            case "restart":
                self.world = world.restarted()
            case "lead":
                world.leadership.leading = not world.leadership.leading
            case _:
                world.pass_time(20, step=10)

    def disturb(self, how: str) -> None:
        for verb in ("create", "update", "delete", "get"):
            if how == "lose" and verb != "get":
                self.world.cluster.lose_reply(verb)
            else:
                error = Conflict("changed") if how == "conflict" else ClusterUnavailable("away")
                self.world.cluster.fail_next(verb, "secrets", error)


@settings(max_examples=share(40))
@given(
    st.lists(st.tuples(STEPS, st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=3, max_size=12),
    st.sampled_from(FOREIGN_MARKS),
)
def test_no_course_of_events_touches_a_secret_of_others(
    steps: list[tuple[str, str, str]], marks: dict[str, Any]
) -> None:
    people = People()
    theirs = [plant(people.world, TEAM, "two", **marks)]
    theirs += [plant(people.world, ELSEWHERE, name, labels=OUR_LABEL, annotations=OUR_TIME) for name in NAMES]
    before = [people.world.cluster.snapshot(SECRETS, ref) for ref in theirs]
    people.world.start()
    for step in steps:
        people.do(*step)
    people.world.cluster.calm()
    people.world.leadership.leading = True
    people.do("backend comes", "app", "app")
    people.do("time", "app", "app")

    assert [people.world.cluster.snapshot(SECRETS, ref) for ref in theirs] == before


# ── a Secret that is seen without what a write has to be based on ────────────────────────────────────


@pytest.mark.parametrize("lacking", ["uid", "resourceVersion"])
def test_a_secret_of_unknown_identity_is_never_overwritten(lacking: str) -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    theirs = world.make_secret(data={"user": "theirs"})
    before = world.secret()
    answer = world.cluster.get

    def garbled(resource: Resource, ref: Ref) -> Json:
        found = answer(resource, ref)
        if resource == SECRETS:
            found["metadata"].pop(lacking)
        return found

    world.cluster.get = garbled  # type: ignore[method-assign]
    ref = world.define()
    world.annotate(ref, adopt="true")
    world.start()

    assert world.cluster.snapshot(SECRETS, theirs) == before
    assert world.condition()[0] == "False"
