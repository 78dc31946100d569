"""Whatever happens in whatever order: in the end every Secret is as its definition says, and all is quiet."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from secrets_manager.cluster.base import DEFINITIONS, SECRETS
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendSealed,
    BackendUnavailable,
    ClusterUnavailable,
    Conflict,
    Forbidden,
)
from tests.effort import share
from tests.unit.sync.doubles import LossyCluster, TickingClock
from tests.unit.sync.world import TEAM, World, wanting

NAMES = ("one", "two", "three")
TARGETS = ("alpha", "beta")
KEYS = ("user", "password")
CREATED = {name: f"2026-01-01T00:00:0{number}Z" for number, name in enumerate(NAMES)}

names, targets, keys = (st.sampled_from(choices) for choices in (NAMES, TARGETS, KEYS))
values = st.sampled_from(["a", "b", "c"])
verbs = st.sampled_from(["create", "update", "delete"])
faults = st.sampled_from([Conflict("x"), ClusterUnavailable("x"), Forbidden("x")])
defining = st.tuples(st.just("define"), names, targets, keys)
happenings = st.one_of(
    defining,
    defining,
    defining,
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("edit_secret"), targets, values),
    st.tuples(st.just("delete_secret"), targets),
    st.tuples(st.just("put"), values, values),
    st.tuples(st.just("harm_source")),
    st.tuples(st.just("backend_down"), st.sampled_from([BackendSealed("x"), BackendUnavailable("x")])),
    st.tuples(st.just("backend_up")),
    st.tuples(st.just("fail_write"), verbs, faults),
    st.tuples(st.just("fail_status"), faults),
    st.tuples(st.just("lose_reply"), verbs),
    st.tuples(st.just("lose_watch_history")),
    st.tuples(st.just("pass_time"), st.integers(min_value=1, max_value=12)),
    st.tuples(st.just("restart")),
)


class Life:
    """A world to which things happen, and what is expected of it in the end."""

    def __init__(self) -> None:
        self.cluster = LossyCluster()
        self.world = World(cluster=self.cluster, clock=TickingClock())
        self.held = {"user": "a", "password": "a"}
        self.world.backend.put("app", self.held)
        self.wishes: dict[str, tuple[str, str]] = {}
        self.define("two", "alpha", "user")
        self.define("one", "beta", "password")
        self.world.start()

    def happen(self, what: str, *details: Any) -> None:
        getattr(self, what)(*details)

    def define(self, name: str, target: str, key: str) -> None:
        if name in self.wishes:
            self.world.respecify(Ref(TEAM, name), wanting(target, key=key))
        else:
            self.world.define(name, spec=wanting(target, key=key), created=CREATED[name])
        self.wishes[name] = (target, key)

    def delete(self, name: str) -> None:
        if self.wishes.pop(name, None):
            self.world.delete(Ref(TEAM, name))

    def edit_secret(self, target: str, value: str) -> None:
        if self.world.secret(target):
            self.world.edit_secret(target, user=value, extra=value)

    def delete_secret(self, target: str) -> None:
        if self.world.secret(target):
            self.world.delete(Ref(TEAM, target), SECRETS)

    def put(self, user: str, password: str) -> None:
        self.held = {"user": user, "password": password}
        self.world.backend.put("app", self.held)

    def harm_source(self) -> None:
        self.world.backend.soft_delete("app")

    def backend_down(self, fault: BackendUnavailable) -> None:
        self.world.backend.fail_with(fault)

    def backend_up(self) -> None:
        self.world.backend.recover()

    def fail_write(self, verb: str, fault: Conflict) -> None:
        self.cluster.fail_next(verb, "secrets", fault)

    def fail_status(self, fault: Conflict) -> None:
        self.cluster.fail_next("update", "secretdefinitions/status", fault)

    def lose_reply(self, verb: str) -> None:
        self.cluster.lose_reply(verb)

    def lose_watch_history(self) -> None:
        self.cluster.compact()

    def pass_time(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    def restart(self) -> None:
        self.world = self.world.restarted()

    def calm_down(self) -> None:
        """All trouble ends, the sources change once more; then time enough for the longest pause there is."""
        self.world.backend.recover()
        self.cluster.calm()
        self.put("last user", "last password")
        self.world.pass_time(1300, step=10)
        self.collect_garbage()
        self.world.pass_time(300, step=10)

    def collect_garbage(self) -> None:
        """What the control plane does with Secrets whose owners are all gone."""
        alive = {
            found["metadata"]["uid"]
            for name in NAMES
            if (found := self.cluster.snapshot(DEFINITIONS, Ref(TEAM, name)))
        }
        for target in TARGETS:
            found = self.world.secret(target)
            if found and not any(owner["uid"] in alive for owner in found["metadata"]["ownerReferences"]):
                self.world.delete(Ref(TEAM, target), SECRETS)


@settings(max_examples=share(100), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(happenings, min_size=8, max_size=30))
def test_every_secret_is_as_it_should_be_after_any_sequence_of_events(story: list[tuple[Any, ...]]) -> None:
    life = Life()
    for happening in story:
        life.happen(*happening)
    life.calm_down()
    world = life.world
    note(str([(outcome.definition.name, outcome.reason) for outcome in world.outcomes[-10:]]))

    for target in TARGETS:
        claimants = sorted((CREATED[name], name) for name, wish in life.wishes.items() if wish[0] == target)
        if not claimants:
            assert not world.secret(target) or _waits_for_another(world, target)
            continue
        keeper = claimants[0][1]
        key = life.wishes[keeper][1]
        assert world.data(target) == {key: life.held[key]}
        assert [owner["name"] for owner in world.metadata(target)["ownerReferences"]] == [keeper]
        assert world.condition(keeper) == ("True", "Synced")
        for _, name in claimants[1:]:
            assert world.condition(name) == ("False", "TargetConflict")
    with world.spending() as spent:
        world.pass_time(60, step=5)
    assert spent.calls == {}


def _waits_for_another(world: World, target: str) -> bool:
    """Whether its definition wants another Secret and cannot have it: the last good one stays till then."""
    [owner] = world.metadata(target)["ownerReferences"]
    return world.condition(owner["name"]) == ("False", "TargetConflict")
