"""The pure parts of ``diff``; tests/integration/test_diff.py shows that the daemon does what they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, SECRETS
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.view.definition_store import DefinitionStore
from secrets_manager.commands.diff.differences import Difference, Names, differences
from secrets_manager.commands.diff.known import KnownDefinitions, owned_beside
from secrets_manager.commands.diff.rehearsal import Notes, Rehearsal, Shape
from secrets_manager.commands.diff.showing import as_data, as_text
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Forbidden, KeyNotFound, NotOwned
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation

REF, SECRET = Ref("shop", "app"), Ref("shop", "app-secret")


def outcome(operation: Operation = Operation.REPLACED, **fields: Any) -> Outcome:
    return Outcome(definition=REF, secret=SECRET.name, operation=operation, reason="DataDiffers", **fields)


def shape(*keys: str, **fields: Any) -> Shape:
    made = {"type": "Opaque", "labels": {}, "annotations": {}, **fields}
    return Shape(keys=frozenset(keys), **made)


def one(made: Outcome, notes: Notes) -> Difference:
    (found,) = differences([made], notes)
    return found


def test_keys_that_come_change_and_go_are_told_apart() -> None:
    notes = Notes(seen={SECRET: shape("a", "b", "c")}, written={SECRET: shape("b", "c", "d")})

    found = one(outcome(changed_keys=("a", "b", "d")), notes)

    assert found.keys == Names(added=("d",), changed=("b",), removed=("a",))
    assert found.is_any
    assert found.types is None
    assert not found.owner


def test_marks_are_compared_without_the_times_of_writes() -> None:
    times = {
        "secrets-manager.tuenti.io/lastUpdateTime": "1",
        "secrets-manager.tuenti.io/restart-pending": "1",
    }
    before = shape(labels={"a": "1", "b": "1"}, annotations={"x": "1", **times})
    after = shape(labels={"b": "2", "c": "1"}, annotations={"x": "1"}, owners=frozenset({"u"}))

    found = one(outcome(), Notes(seen={SECRET: before}, written={SECRET: after}))

    assert found.labels == Names(added=("c",), changed=("b",), removed=("a",))
    assert found.annotations == Names()
    assert found.owner


def test_a_secret_that_is_made_anew_has_another_type() -> None:
    notes = Notes(
        seen={SECRET: shape("a")}, written={SECRET: shape("a", type="example.test/x")}, deleted={SECRET}
    )

    found = one(outcome(), notes)

    assert (found.operation, found.types) == ("recreated", ("Opaque", "example.test/x"))


@pytest.mark.parametrize("seen", [{}, {SECRET: None}])
def test_a_new_secret_has_only_what_comes(seen: dict[Ref, Shape | None]) -> None:
    notes = Notes(seen=seen, written={SECRET: shape("a", labels={"l": "1"}, owners=frozenset({"u"}))})

    found = one(outcome(Operation.CREATED, changed_keys=("a",)), notes)

    assert (found.keys, found.labels) == (Names(added=("a",)), Names(added=("l",)))
    assert (found.types, found.owner) == (None, False)


def test_refusals_failures_and_missing_rights_are_told_apart() -> None:
    refused = one(Outcome.of_error(REF, SECRET.name, NotOwned("n")), Notes())
    failed = one(Outcome.of_error(REF, SECRET.name, KeyNotFound("p", "k")), Notes())
    forbidden = one(Outcome.of_error(REF, SECRET.name, Forbidden("f")), Notes())

    assert [each.operation for each in (refused, failed, forbidden)] == ["refused", "failed", "failed"]
    assert [each.is_unclear for each in (refused, failed, forbidden)] == [False, False, True]
    assert all(each.is_any for each in (refused, failed, forbidden))


def test_a_secret_that_stays_though_nobody_wants_it_is_left_out() -> None:
    made = [
        outcome(Operation.UNCHANGED),
        outcome(Operation.UNCHANGED, cleanup=True),
        outcome(Operation.DELETED, cleanup=True),
    ]

    assert [each.operation for each in differences(made, Notes())] == ["unchanged", "deleted"]


def test_text_is_made_of_signs_and_hostile_names_do_no_harm() -> None:
    found = Difference(
        definition=Ref("shop", "a\x1b[2J"),
        secret="s",
        operation="replaced",
        reason="DataDiffers",
        message="loses\nkeys",
        keys=Names(added=("new\n",), changed=("k",), removed=("old",)),
        types=("A", "B"),
        owner=True,
        restarts=("Deployment/web",),
        not_restarted="not all",
    )
    quiet = Difference(definition=REF, secret="", operation="unchanged", reason="InStep")

    assert as_text([found, quiet]).plain.split("\n") == [
        "shop/a\\x1b[2J Secret s: replaced (DataDiffers): loses\\nkeys",
        "  ~ type A -> B",
        "  + key new\\n",
        "  ~ key k",
        "  - key old",
        "  ~ owner",
        "  restarts Deployment/web",
        "  not all",
        "1 replaced, 1 unchanged",
    ]
    assert as_data([quiet])["secrets"][0]["secret"] is None


# ── the rehearsal ────────────────────────────────────────────────────────────────────────────────────


def test_a_rehearsal_reads_and_writes_nothing() -> None:
    cluster = MemoryCluster()
    cluster.create(
        SECRETS, "shop", {"metadata": {"name": "app-secret", "labels": {"a": "b"}}, "data": {"k": "eA=="}}
    )
    before = cluster.get(SECRETS, SECRET)
    api = Rehearsal(cluster)

    raw = api.get(SECRETS, SECRET)
    changed = {**raw, "data": {"z": "eQ=="}}
    assert api.replace(SECRETS, SECRET, changed)["data"] == {"z": "eQ=="}
    api.create(SECRETS, "shop", {"metadata": {"name": "other"}, "data": {}})
    api.rehearse(SECRETS, "shop", {"metadata": {"name": "other"}})
    api.delete(SECRETS, SECRET, {})
    # What is not a Secret is not noted.
    api.delete(DEFINITIONS, REF, {})
    api.create(DEFINITIONS, "shop", {"metadata": {"name": "x"}})

    notes = api.take()
    assert notes.seen == {SECRET: Shape.of(before)}
    assert set(notes.written) == {SECRET, Ref("shop", "other")}
    assert notes.deleted == {SECRET}
    assert api.take() == Notes()
    assert cluster.get(SECRETS, SECRET) == before
    with pytest.raises(NotImplementedError):
        api.patch(SECRETS, SECRET, {})


def test_no_value_shows_in_a_shape() -> None:
    noted = Shape.of({"metadata": {"annotations": {"a": "canary"}}, "data": {"k": "canary"}})

    assert "canary" not in repr(noted)


# ── definitions as they would be applied ─────────────────────────────────────────────────────────────

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def definition(name: str = "app", secret: str = "app", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"namespace": "shop", "name": name, **metadata},
        "spec": {"name": secret, "keysMap": {}},
    }


def known(cluster: MemoryCluster) -> KnownDefinitions:
    return KnownDefinitions(api=cluster, store=DefinitionStore(), now=NOW)


def test_a_file_is_merged_with_what_is_there_as_kubectl_does() -> None:
    cluster = MemoryCluster()
    last = {"metadata": {"labels": {"gone": "1", "kept": "1"}}}
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(last)}
    labels = {"gone": "1", "kept": "1", "of-another": "1"}
    cluster.create(DEFINITIONS, "shop", definition(labels=labels, annotations=applied))
    there = known(cluster)

    there.take_files({REF: definition(secret="moved", labels={"kept": "2", "new": "1"})})

    entry = there.store.get(REF)
    assert entry is not None
    assert dict(entry.definition.labels) == {"kept": "2", "of-another": "1", "new": "1"}
    assert entry.definition.secret_name == "moved"
    # The Secret of before is left behind.
    assert there.store.debts(REF) == [(entry.definition.uid, Ref("shop", "app"))]


@pytest.mark.parametrize("last", ["[]", "{", "[" * 5000, '{"metadata": 3}', '{"metadata": {"labels": []}}'])
def test_a_record_of_the_last_apply_that_is_none_does_no_harm(last: str) -> None:
    cluster = MemoryCluster()
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": last}
    cluster.create(DEFINITIONS, "shop", definition(labels={"a": "1"}, annotations=annotations))
    there = known(cluster)

    there.take_files({REF: definition()})

    entry = there.store.get(REF)
    assert entry is not None
    assert dict(entry.definition.labels) == {"a": "1"}


def test_what_is_new_is_younger_than_all_that_is_there() -> None:
    cluster = MemoryCluster()
    cluster.create(DEFINITIONS, "shop", definition("old"))
    there = known(cluster)

    there.take_files({Ref("shop", "b"): definition("b"), Ref("shop", "a"): definition("a")})

    assert [each.ref.name for each in there.store.wanting(Ref("shop", "app"))] == ["old", "b", "a"]


def test_secrets_that_a_definition_left_behind_are_found_by_their_owner_mark() -> None:
    cluster = MemoryCluster()
    cluster.create(DEFINITIONS, "shop", definition())
    there = known(cluster)
    there.take_all("shop")
    entry = there.store.get(REF)
    assert entry is not None
    owner = {"apiVersion": "secrets-manager.tuenti.io/v1alpha1", "kind": "SecretDefinition", "name": "app"}
    label = {"app.kubernetes.io/managed-by": "secrets-manager"}
    for name, uid in (("app", entry.definition.uid), ("left", entry.definition.uid), ("strange", "u")):
        metadata = {"name": name, "labels": label, "ownerReferences": [{**owner, "uid": uid}]}
        cluster.create(SECRETS, "shop", {"metadata": metadata})

    assert list(owned_beside(cluster, there.store, ["shop"])) == [Ref("shop", "left")]
