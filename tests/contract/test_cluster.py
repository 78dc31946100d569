"""The contract of `secrets_manager.cluster.base`, held against the fake API server and the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from secrets_manager.cluster.base import (
    DEFINITIONS,
    SECRET_METADATA,
    SECRETS,
    AlreadyExists,
    Expired,
    Json,
    NotFound,
    Scope,
)
from secrets_manager.cluster.workloads import RESOURCES
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Conflict
from secrets_manager.domain.restart_wish import WorkloadKind
from tests.contract.cluster_bench import (
    FINALIZER,
    LABEL,
    ClusterBench,
    Hand,
    changed,
    condition,
    definition,
    deployment,
    secret,
)
from tests.contract.cluster_memory import MemoryClusterBench
from tests.contract.cluster_real import RealClusterBench
from tests.testbed.waiting import wait_until

Make = Callable[..., ClusterBench]


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.servers)])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Opens each API server in turn; keyword ``page_size``."""
    if request.param == "memory":
        yield MemoryClusterBench
        return
    cluster, namespace = request.getfixturevalue("definitions_api"), request.getfixturevalue("namespace")
    neighbour = cluster.create_namespace()
    made: list[RealClusterBench] = []

    def real(*, page_size: int = 500) -> ClusterBench:
        made.append(RealClusterBench(cluster, namespace, neighbour, page_size=page_size))
        return made[-1]

    yield real
    for bench in made:
        bench.api.close()
    cluster.delete_namespace(neighbour)


@pytest.fixture
def bench(make: Make) -> ClusterBench:
    return make()


@pytest.fixture
def hand(bench: ClusterBench) -> Hand:
    return Hand(bench)


def stored(body: Json) -> Json:
    """What of an object the caller chose."""
    kept = ("labels", "annotations", "finalizers")
    return {
        **{name: body[name] for name in ("data", "spec", "status", "type") if name in body},
        **{name: body["metadata"][name] for name in kept if name in body["metadata"]},
    }


# ── create and get ───────────────────────────────────────────────────────────────────────────────────


def test_what_was_created_is_read_back_with_an_identity(hand: Hand, bench: ClusterBench) -> None:
    body = secret("app", labels={LABEL: "yes"}, annotations={"contract.test/a": "b"})
    reply = hand.create(body)
    metadata = reply["metadata"]

    assert hand.get(body)["metadata"] == metadata
    assert stored(reply) == stored(body)
    assert metadata["namespace"] == bench.namespace
    assert metadata["uid"]
    assert metadata["resourceVersion"].isdigit()


def test_objects_of_two_namespaces_are_two_objects(bench: ClusterBench, hand: Hand) -> None:
    here = hand.create(secret("app"))
    there = bench.api.create(SECRETS, bench.neighbour, secret("app"))

    assert here["metadata"]["uid"] != there["metadata"]["uid"]


def test_a_name_is_made_up_when_only_its_beginning_is_given(hand: Hand) -> None:
    body = secret("")
    body["metadata"] = {"generateName": "app-"}

    assert hand.create(body)["metadata"]["name"].startswith("app-")
    assert hand.create(body)["metadata"]["name"] != hand.create(body)["metadata"]["name"]


def test_creating_a_name_twice_is_refused(hand: Hand) -> None:
    hand.create(secret("app"))

    with pytest.raises(AlreadyExists):
        hand.create(secret("app"))


def test_a_rehearsed_create_tells_what_is_in_the_way_and_stores_nothing(hand: Hand) -> None:
    hand.rehearse(secret("app"))
    with pytest.raises(NotFound):
        hand.get(secret("app"))
    made = hand.create(secret("app"))

    with pytest.raises(AlreadyExists):
        hand.rehearse(secret("app", data={"a": "Mg=="}))
    assert hand.get(secret("app")) == made


def test_what_does_not_exist_is_not_found(hand: Hand) -> None:
    with pytest.raises(NotFound):
        hand.get(secret("never"))


def test_a_status_is_not_taken_from_a_create(hand: Hand) -> None:
    reply = hand.create({**definition("app"), "status": condition()})

    # The schema has a default of its own.
    assert reply.get("status", {"observedGeneration": -1}) == {"observedGeneration": -1}


# ── replace ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_replace_of_the_newest_version_is_taken_whole(hand: Hand) -> None:
    made = hand.create(secret("app", labels={LABEL: "yes"}))
    newer = hand.put({**changed(made, labels={}), "data": {"b": "Mg=="}})

    assert newer["data"] == {"b": "Mg=="}
    assert not newer["metadata"].get("labels")
    assert newer["metadata"]["uid"] == made["metadata"]["uid"]
    assert int(newer["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


def test_a_replace_of_an_older_version_is_a_conflict(hand: Hand) -> None:
    made = hand.create(secret("app"))
    hand.put({**made, "data": {"b": "Mg=="}})

    with pytest.raises(Conflict):
        hand.put({**made, "data": {"c": "Mw=="}})


def test_a_replace_of_another_uid_is_a_conflict(hand: Hand) -> None:
    made = hand.create(secret("app"))

    with pytest.raises(Conflict):
        hand.put({**changed(made, uid="b1f2c0de-0000-4000-8000-000000000000"), "data": {"b": "Mg=="}})


# ── patch ────────────────────────────────────────────────────────────────────────────────────────────


def marked(made: Json, mark: str | None) -> Json:
    """A patch of one annotation of the pod template."""
    template = {"metadata": {"annotations": {"contract.test/mark": mark}}}
    return {
        "metadata": {"resourceVersion": made["metadata"]["resourceVersion"]},
        "spec": {"template": template},
    }


@pytest.mark.parametrize("before", [{}, {"contract.test/other": "o"}, {"contract.test/mark": "1"}])
def test_a_patch_merges_into_the_object(hand: Hand, before: dict[str, str]) -> None:
    made = hand.create(deployment("app", **before))
    newer = hand.patch(made, marked(made, "2"))
    template, after = made["spec"]["template"], newer["spec"]["template"]

    assert after["metadata"]["annotations"] == {**before, "contract.test/mark": "2"}
    assert (after["spec"], after["metadata"]["labels"]) == (template["spec"], template["metadata"]["labels"])
    assert int(newer["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert hand.get(made)["spec"] == newer["spec"]


def test_null_in_a_patch_removes(hand: Hand) -> None:
    made = hand.create(deployment("app", **{"contract.test/mark": "1", "contract.test/other": "o"}))

    newer = hand.patch(made, marked(made, None))

    assert newer["spec"]["template"]["metadata"]["annotations"] == {"contract.test/other": "o"}


def test_a_patch_of_an_older_version_is_a_conflict(hand: Hand) -> None:
    made = hand.create(deployment("app"))
    newer = hand.patch(made, marked(made, "2"))

    with pytest.raises(Conflict):
        hand.patch(made, marked(made, "3"))
    assert hand.get(made)["metadata"]["resourceVersion"] == newer["metadata"]["resourceVersion"]


def test_a_patch_of_an_object_that_was_made_anew_is_a_conflict(hand: Hand) -> None:
    made = hand.create(deployment("app"))
    hand.delete(made)
    again = hand.create(deployment("app"))

    with pytest.raises(Conflict):
        hand.patch(made, marked(made, "2"))
    assert hand.get(made)["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]


def test_a_patch_that_changes_nothing_makes_no_new_version(hand: Hand) -> None:
    made = hand.create(deployment("app", **{"contract.test/mark": "1"}))

    same = hand.patch(made, marked(made, "1"))

    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_what_does_not_exist_cannot_be_patched(hand: Hand) -> None:
    with pytest.raises(NotFound):
        hand.patch(deployment("never"), {"metadata": {"labels": {"a": "b"}}})


def test_workloads_are_listed(hand: Hand, bench: ClusterBench) -> None:
    made = hand.create(deployment("app"))

    pages = list(bench.api.pages(hand.scope(RESOURCES[WorkloadKind.DEPLOYMENT])))

    assert [item["metadata"]["uid"] for page in pages for item in page.items] == [made["metadata"]["uid"]]


def test_a_replace_that_changes_nothing_makes_no_new_version(hand: Hand) -> None:
    made = hand.create(secret("app", labels={LABEL: "yes"}))

    assert hand.put(made)["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_replace_of_what_was_deleted_is_not_found(hand: Hand) -> None:
    made = hand.create(secret("app"))
    hand.delete(made)

    with pytest.raises(NotFound):
        hand.put(made)


def test_a_replace_of_what_does_not_exist_is_not_found(hand: Hand) -> None:
    with pytest.raises(NotFound):
        hand.put(secret("never"))


# ── generations and the status ───────────────────────────────────────────────────────────────────────


def test_only_a_change_of_the_spec_is_a_new_generation(hand: Hand) -> None:
    made = hand.create(definition("app"))
    labelled = hand.put(changed(made, labels={LABEL: "yes"}))
    told = hand.put({**labelled, "status": condition()}, subresource="status")
    respecified = hand.put({**told, "spec": definition("app", key="b")["spec"]})

    assert [each["metadata"]["generation"] for each in (made, labelled, told, respecified)] == [1, 1, 1, 2]


def test_secrets_have_no_generation(hand: Hand) -> None:
    assert "generation" not in hand.create(secret("app"))["metadata"]


def test_a_status_write_changes_nothing_but_the_status(hand: Hand) -> None:
    made = hand.create(definition("app", labels={LABEL: "yes"}))
    told = hand.put(
        {
            **changed(made, labels={LABEL: "no"}, annotations={"contract.test/a": "b"}),
            "spec": definition("app", key="b")["spec"],
            "status": condition(),
        },
        subresource="status",
    )

    assert stored(told) == {**stored(made), "status": condition()}


def test_a_status_write_needs_the_newest_version(hand: Hand) -> None:
    made = hand.create(definition("app"))
    hand.put(changed(made, labels={LABEL: "yes"}))

    with pytest.raises(Conflict):
        hand.put({**made, "status": condition()}, subresource="status")


def test_the_same_status_again_makes_no_new_version(hand: Hand) -> None:
    made = hand.create(definition("app"))
    told = hand.put({**made, "status": condition()}, subresource="status")
    again = hand.put({**told, "status": condition()}, subresource="status")

    assert again["metadata"]["resourceVersion"] == told["metadata"]["resourceVersion"]


def test_the_status_of_a_deleted_definition_cannot_be_written(hand: Hand) -> None:
    made = hand.create(definition("app"))
    hand.delete(made)

    with pytest.raises(NotFound):
        hand.put({**made, "status": condition()}, subresource="status")


@pytest.mark.parametrize("before", [True, False], ids=["with a status", "without a status"])
def test_a_write_of_the_object_leaves_the_status_alone(hand: Hand, before: bool) -> None:  # noqa: FBT001
    made = hand.create(definition("app"))
    if before:
        made = hand.put({**made, "status": condition()}, subresource="status")
    after = hand.put(
        {**changed(made, labels={LABEL: "yes"}), "status": condition("forged"), "spec": made["spec"]}
    )

    assert after.get("status") == made.get("status")
    assert after["metadata"]["labels"] == {LABEL: "yes"}


# ── delete ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_delete_with_the_right_preconditions_deletes(hand: Hand) -> None:
    made = hand.create(secret("app"))
    hand.delete(made)

    with pytest.raises(NotFound):
        hand.get(made)


def test_an_orphaning_delete_leaves_what_the_object_owned(hand: Hand) -> None:
    owner = hand.create(secret("owner"))
    uid = owner["metadata"]["uid"]
    mark = {"apiVersion": "v1", "kind": "Secret", "name": "owner", "uid": uid}
    owned = hand.create(changed(secret("owned"), ownerReferences=[mark]))
    newer = hand.put({**owner, "data": {"b": "Mg=="}})
    stale, now = (
        {"uid": uid, "resourceVersion": each["metadata"]["resourceVersion"]} for each in (owner, newer)
    )
    resource, ref = SECRETS, Ref(newer["metadata"]["namespace"], "owner")

    with pytest.raises(Conflict):
        hand.api.orphan(resource, ref, stale)
    hand.api.orphan(resource, ref, now)

    wait_until(lambda: _is_gone(hand, owner), 60, "the owner gone")
    found = hand.get(owned)
    assert "ownerReferences" not in found["metadata"] or found["metadata"]["ownerReferences"] == []
    assert found["data"] == owned["data"]
    with pytest.raises(NotFound):
        hand.api.orphan(resource, ref, now)


def _is_gone(hand: Hand, body: Json) -> bool:
    try:
        hand.get(body)
    except NotFound:
        return True
    return False


def test_the_versions_of_a_group_are_those_that_are_served(hand: Hand) -> None:
    assert hand.api.versions_of("secrets-manager.tuenti.io") == ("v1alpha1",)
    assert hand.api.versions_of("never.example.test") == ()


@pytest.mark.parametrize("stale", ["uid", "resourceVersion"])
def test_a_delete_of_another_state_is_a_conflict(hand: Hand, stale: str) -> None:
    made = hand.create(secret("app"))
    newer = hand.put({**made, "data": {"b": "Mg=="}})
    other = {
        "uid": "b1f2c0de-0000-4000-8000-000000000000",
        "resourceVersion": made["metadata"]["resourceVersion"],
    }

    with pytest.raises(Conflict):
        hand.delete(changed(newer, **{stale: other[stale]}))
    assert hand.get(made)["metadata"]["resourceVersion"] == newer["metadata"]["resourceVersion"]


def test_a_delete_of_what_is_gone_is_not_found(hand: Hand) -> None:
    made = hand.create(secret("app"))
    hand.delete(made)

    with pytest.raises(NotFound):
        hand.delete(made)


def test_a_finalizer_keeps_a_deleted_object_until_it_is_released(hand: Hand) -> None:
    made = hand.create(definition("app", finalizers=[FINALIZER]))
    assert "deletionTimestamp" not in made["metadata"]
    hand.delete(made)
    going = hand.get(made)
    assert going["metadata"]["deletionTimestamp"]
    assert going["metadata"]["generation"] == made["metadata"]["generation"] + 1
    hand.put(changed(going, finalizers=[]))

    with pytest.raises(NotFound):
        hand.get(made)


def test_deleting_again_what_waits_for_a_finalizer_changes_nothing(hand: Hand) -> None:
    made = hand.create(definition("app", finalizers=[FINALIZER]))
    hand.delete(made)
    going = hand.get(made)
    hand.delete(going)

    assert hand.get(made) == going


def test_what_is_being_deleted_stays_so_whatever_a_writer_says(hand: Hand) -> None:
    made = hand.create(definition("app", finalizers=[FINALIZER]))
    hand.delete(made)
    going = hand.get(made)
    body = changed(going, labels={LABEL: "yes"})
    del body["metadata"]["deletionTimestamp"]

    assert hand.put(body)["metadata"]["deletionTimestamp"] == going["metadata"]["deletionTimestamp"]


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────


def names(bench: ClusterBench, scope: Scope) -> list[str]:
    return [item["metadata"]["name"] for page in bench.api.pages(scope) for item in page.items]


def test_a_list_comes_in_pages_that_hold_each_object_once(make: Make) -> None:
    bench = make(page_size=2)
    hand = Hand(bench)
    for number in range(5):
        hand.create(secret(f"app-{number}"))
    pages = list(bench.api.pages(hand.scope()))

    assert [len(page.items) for page in pages] == [2, 2, 1]
    assert names(bench, hand.scope()) == [f"app-{number}" for number in range(5)]
    assert len({page.resource_version for page in pages}) == 1


def test_an_empty_list_is_one_empty_page_with_a_version(hand: Hand, bench: ClusterBench) -> None:
    (page,) = bench.api.pages(hand.scope(DEFINITIONS))

    assert page.items == []
    assert page.resource_version.isdigit()


def test_a_list_of_a_namespace_holds_nothing_of_another(hand: Hand, bench: ClusterBench) -> None:
    hand.create(definition("here"))
    bench.api.create(DEFINITIONS, bench.neighbour, definition("there"))

    assert names(bench, hand.scope(DEFINITIONS)) == ["here"]
    assert {"here", "there"} <= set(names(bench, Scope(resource=DEFINITIONS)))


def test_a_selector_keeps_the_others_out_of_the_list(hand: Hand, bench: ClusterBench) -> None:
    hand.create(secret("in", labels={LABEL: "yes"}))
    hand.create(secret("out", labels={LABEL: "no"}))
    hand.create(secret("bare"))

    assert names(bench, hand.scope(selector=f"{LABEL}=yes")) == ["in"]


def test_metadata_alone_is_read_without_values(hand: Hand, bench: ClusterBench) -> None:
    before = hand.version(hand.scope(SECRET_METADATA))
    made = hand.create(secret("app", annotations={"a.test/b": "c"}))

    read = bench.api.get(SECRET_METADATA, Ref(bench.namespace, "app"))
    (page,) = bench.api.pages(hand.scope(SECRET_METADATA))
    watched = next(
        event for event in bench.api.watch(hand.scope(SECRET_METADATA), before) if event.type == "ADDED"
    )

    for found in (read, *page.items, watched.object):
        assert found["metadata"] == made["metadata"]
        assert not found.keys() & {"data", "type"}


# ── watches ──────────────────────────────────────────────────────────────────────────────────────────


def seen(bench: ClusterBench, scope: Scope, version: str, count: int) -> list[tuple[str, str]]:
    """Type and name of the next ``count`` events that are not bookmarks."""
    events = (event for event in bench.api.watch(scope, version) if event.type != "BOOKMARK")
    return [(event.type, event.object["metadata"]["name"]) for event in islice(events, count)]


def test_a_watch_tells_what_happened_since_its_version(hand: Hand, bench: ClusterBench) -> None:
    made = hand.create(secret("before"))
    version = hand.version(hand.scope())
    newer = hand.put({**made, "data": {"b": "Mg=="}})
    hand.create(secret("after"))
    hand.delete(newer)

    assert seen(bench, hand.scope(), version, 3) == [
        ("MODIFIED", "before"),
        ("ADDED", "after"),
        ("DELETED", "before"),
    ]


def test_a_watch_goes_on_from_the_version_of_its_last_event(hand: Hand, bench: ClusterBench) -> None:
    version = hand.version(hand.scope())
    first = hand.create(secret("first"))
    hand.create(secret("second"))

    assert seen(bench, hand.scope(), version, 1) == [("ADDED", "first")]
    assert seen(bench, hand.scope(), first["metadata"]["resourceVersion"], 1) == [("ADDED", "second")]


def test_a_deletion_is_told_with_the_last_state_and_the_version_of_the_deletion(
    hand: Hand, bench: ClusterBench
) -> None:
    version = hand.version(hand.scope())
    made = hand.create(secret("app", labels={LABEL: "yes"}))
    hand.delete(made)
    _, deleted = islice(bench.api.watch(hand.scope(), version), 2)

    assert deleted.type == "DELETED"
    assert stored(deleted.object) == stored(made)
    assert int(deleted.object["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


def test_what_stops_to_match_the_selector_is_deleted_for_the_watch(hand: Hand, bench: ClusterBench) -> None:
    scope = hand.scope(selector=f"{LABEL}=yes")
    version = hand.version(scope)
    made = hand.create(secret("app", labels={LABEL: "yes"}))
    out = hand.put(changed(made, labels={}))
    back = hand.put(changed(out, labels={LABEL: "yes"}))
    hand.create(secret("other"))
    events = list(islice(bench.api.watch(scope, version), 3))

    assert [event.type for event in events] == ["ADDED", "DELETED", "ADDED"]
    assert stored(events[1].object) == stored(made)
    assert events[1].object["metadata"]["resourceVersion"] == out["metadata"]["resourceVersion"]
    assert events[2].object["metadata"]["resourceVersion"] == back["metadata"]["resourceVersion"]


def test_what_leaves_the_selector_by_its_deletion_is_told_once(hand: Hand, bench: ClusterBench) -> None:
    scope = hand.scope(selector=f"{LABEL}=yes")
    version = hand.version(scope)
    made = hand.create(secret("app", labels={LABEL: "yes"}))
    hand.delete(hand.put(changed(made, labels={LABEL: "no"})))
    hand.create(secret("last", labels={LABEL: "yes"}))

    assert seen(bench, scope, version, 3) == [("ADDED", "app"), ("DELETED", "app"), ("ADDED", "last")]


def test_a_watch_of_a_namespace_tells_nothing_of_another(hand: Hand, bench: ClusterBench) -> None:
    version = hand.version(hand.scope())
    bench.api.create(SECRETS, bench.neighbour, secret("there"))
    hand.create(secret("here"))

    assert seen(bench, hand.scope(), version, 1) == [("ADDED", "here")]


def test_a_watch_of_the_whole_cluster_tells_of_every_namespace(hand: Hand, bench: ClusterBench) -> None:
    scope = Scope(resource=DEFINITIONS)
    version = hand.version(scope)
    hand.create(definition("here"))
    bench.api.create(DEFINITIONS, bench.neighbour, definition("there"))
    told = [event.object["metadata"] for event in islice(bench.api.watch(scope, version), 2)]

    assert [Ref(each["namespace"], each["name"]) for each in told] == [
        Ref(bench.namespace, "here"),
        Ref(bench.neighbour, "there"),
    ]


def test_a_quiet_watch_says_nothing_but_bookmarks_and_ends(hand: Hand, bench: ClusterBench) -> None:
    version = hand.version(hand.scope())
    told = list(bench.api.watch(hand.scope(), version))

    assert {event.type for event in told} <= {"BOOKMARK"}
    assert all(event.object["metadata"]["resourceVersion"].isdigit() for event in told)


def test_a_watch_from_a_forgotten_version_is_expired(hand: Hand, bench: ClusterBench) -> None:
    version = hand.create(secret("app"))["metadata"]["resourceVersion"]
    bench.forget_history()

    with pytest.raises(Expired):
        list(bench.api.watch(hand.scope(), str(int(version) - 1)))
