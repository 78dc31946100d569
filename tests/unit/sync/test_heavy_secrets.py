"""Secrets with a megabyte of foreign metadata are served, and almost nothing of it is kept in memory."""

from __future__ import annotations

import pytest

from secrets_manager.cluster.base import SECRETS, Json
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.secret import MANAGED_BY, MANAGED_BY_LABEL
from tests.unit.sync.world import TEAM, World

OWNERS = [
    {"apiVersion": "v1", "kind": "ConfigMap", "name": f"owner-{number}-{'n' * 200}", "uid": f"u-{number}"}
    for number in range(300)
]
HEAVY: dict[str, Json] = {
    "one annotation": {"metadata": {"annotations": {"example.com/notes": "canary" * 30_000}}},
    "many annotations": {"metadata": {"annotations": {f"a-{number}": "b" for number in range(2000)}}},
    "many labels": {"metadata": {"labels": {f"a-{number}": "b" for number in range(2000)}}},
    "many finalizers": {"metadata": {"finalizers": [f"example.com/{number}" for number in range(2000)]}},
}


def ours() -> World:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()
    return world


def kept_bytes(world: World) -> int:
    secret = world.agenda.view.secrets.get(Ref(TEAM, "app"))
    assert secret is not None
    return len(repr((secret, secret.annotations, secret.digests)))


@pytest.mark.parametrize("how", HEAVY)
def test_almost_nothing_is_kept_in_memory_of_foreign_metadata_and_all_of_it_stays_on_the_secret(
    how: str,
) -> None:
    world = ours()
    world.cluster.edit(SECRETS, Ref(TEAM, "app"), HEAVY[how])
    world.settle()
    assert kept_bytes(world) < 2_000

    world.backend.put("app", {"user": "bob"})
    world.pass_time(10)
    metadata = world.metadata()

    assert world.data() == {"user": "bob"}
    assert world.condition() == ("True", "Synced")
    for field, wanted in HEAVY[how]["metadata"].items():
        there = metadata[field]
        assert set(wanted) <= set(there)


# With one wide character, which makes each of the others take four bytes of memory.
@pytest.mark.parametrize("heavy_type", ["x" * 10**6 + "\U0001f511", "helm.sh/" + "x" * 10**6])
def test_almost_nothing_is_kept_in_memory_of_the_type_of_a_secret_with_our_marks(heavy_type: str) -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    labels = {MANAGED_BY_LABEL: MANAGED_BY}
    world.make_secret(data={"user": "mallory"}, type=heavy_type, metadata={"labels": labels})
    world.define()
    world.start()

    assert kept_bytes(world) < 3_000
    assert world.condition()[0] == "False"
    assert all(len(repr(outcome)) < 6_000 for outcome in world.outcomes)
    assert (world.secret() or {})["type"] == heavy_type
    assert world.data() == {"user": "mallory"}


def test_owners_of_others_stay_however_many_they_are() -> None:
    world = ours()
    mark = world.metadata()["ownerReferences"]
    world.cluster.edit(SECRETS, Ref(TEAM, "app"), {"metadata": {"ownerReferences": [*OWNERS, *mark]}})
    world.settle()
    world.backend.put("app", {"user": "bob"})
    world.pass_time(10)

    assert world.data() == {"user": "bob"}
    assert len(world.metadata()["ownerReferences"]) == len(OWNERS) + 1


def test_a_change_by_hand_of_a_heavy_secret_is_noticed_and_put_right() -> None:
    world = ours()
    world.cluster.edit(SECRETS, Ref(TEAM, "app"), HEAVY["one annotation"])
    world.settle()
    world.edit_secret(user="mallory")
    world.settle()

    assert world.data() == {"user": "alice"}


def test_a_heavy_secret_costs_nothing_while_nothing_happens() -> None:
    world = ours()
    world.cluster.edit(SECRETS, Ref(TEAM, "app"), HEAVY["many labels"])
    world.settle()
    world.pass_time(5)
    with world.spending() as spent:
        world.pass_time(60)

    assert spent.calls == {}


def test_a_heavy_secret_goes_with_its_definition() -> None:
    world = ours()
    world.cluster.edit(SECRETS, Ref(TEAM, "app"), HEAVY["many annotations"])
    world.settle()
    world.delete(Ref(TEAM, "app"))
    world.settle()

    assert world.secret() is None
