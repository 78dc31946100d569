"""The heart: from a Secret as it should be and as it is to what is done, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain import marks
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    ImmutableTarget,
    NotOwned,
    TargetConflict,
    TargetError,
    TypeConflict,
)
from secrets_manager.domain.plan import Operation, Plan, plan
from secrets_manager.domain.secret import DesiredSecret, ObservedSecret
from tests.builders import OURS, UPDATED, desired, foreign, foreign_owner, observed, owner
from tests.unit.backends.tables import rows

SENIOR = Ref("team", "elder")


def replaced(reason: str, *changed_keys: str, recreate: bool = False) -> Plan:
    return Plan(operation=Operation.REPLACED, reason=reason, changed_keys=changed_keys, recreate=recreate)


@pytest.mark.parametrize(
    ("wanted", "found", "decision"),
    rows(
        {
            "a missing Secret is created with all its keys": (
                desired({"b": b"2", "a": b"1"}),
                None,
                Plan(operation=Operation.CREATED, reason="Missing", changed_keys=("a", "b")),
            ),
            "a missing Secret without keys is created": (
                desired({}),
                None,
                Plan(operation=Operation.CREATED, reason="Missing"),
            ),
            "a Secret in step is left alone": (
                desired(),
                observed(),
                Plan(operation=Operation.UNCHANGED, reason="InStep"),
            ),
            "an empty Secret in step is left alone": (
                desired({}),
                observed({}),
                Plan(operation=Operation.UNCHANGED, reason="InStep"),
            ),
            "keys added, changed and removed are named": (
                desired({"same": b"1", "new": b"2", "other": b"3"}),
                observed({"same": b"1", "old": b"2", "other": b"4"}),
                replaced("DataDiffers", "new", "old", "other"),
            ),
            "a copied label that is missing": (
                desired(labels={"team": "b"}),
                observed(),
                replaced("MetadataDiffers"),
            ),
            "an annotation that somebody changed": (
                desired(annotations={"note": "n"}),
                observed(annotations={**UPDATED, "note": "other"}),
                replaced("MetadataDiffers"),
            ),
            "our label that somebody removed": (
                desired(),
                observed(labels={}),
                replaced("MetadataDiffers"),
            ),
            "an owner mark that is missing": (desired(), observed(owners=()), replaced("MetadataDiffers")),
            "the owner mark of a definition that is gone": (
                desired(),
                observed(owners=(owner("gone"),)),
                replaced("MetadataDiffers"),
            ),
            "labels and owners of others are no difference": (
                desired(),
                observed(labels={**OURS, "x": "y"}, owners=(foreign_owner(), owner())),
                Plan(operation=Operation.UNCHANGED, reason="InStep"),
            ),
            "data and marks differ: the data is the reason": (
                desired({"user": b"bob"}),
                observed(labels={}),
                replaced("DataDiffers", "user"),
            ),
            "an immutable Secret in step is left alone": (
                desired(),
                observed(immutable=True),
                Plan(operation=Operation.UNCHANGED, reason="InStep"),
            ),
            "the marks of an immutable Secret can be changed": (
                desired(),
                observed(immutable=True, labels={}),
                replaced("MetadataDiffers"),
            ),
            "an immutable Secret is made anew where the author opted in": (
                desired({"user": b"bob"}, recreate=True),
                observed(immutable=True),
                replaced("ImmutableTarget", "user", recreate=True),
            ),
            "a Secret of another type is made anew where the author opted in": (
                desired(type="example.org/x", recreate=True),
                observed(),
                replaced("TypeConflict", recreate=True),
            ),
            "opting in changes nothing where a plain write will do": (
                desired({"user": b"bob"}, recreate=True, adopt=True),
                observed(),
                replaced("DataDiffers", "user"),
            ),
            "nor do the finalizers of others": (
                desired({"user": b"bob"}, recreate=True),
                observed(finalizers=("example.org/hold",)),
                replaced("DataDiffers", "user"),
            ),
        }
    ),
)
def test_the_secret_is_brought_to_what_the_definition_wants(
    wanted: DesiredSecret, found: ObservedSecret | None, decision: Plan
) -> None:
    assert plan(wanted, found) == decision


@pytest.mark.parametrize(
    ("wanted", "found", "refusal", "named"),
    rows(
        {
            "a foreign Secret": (desired(), foreign(), NotOwned, "'app'"),
            "a Secret of Helm": (
                desired(),
                foreign(labels={"app.kubernetes.io/managed-by": "Helm"}),
                NotOwned,
                "adopt",
            ),
            "a Secret owned by another definition, without our marks": (
                desired(),
                foreign(owners=(owner("other"),)),
                NotOwned,
                "adopt",
            ),
            "a foreign Secret, whatever else is wrong with it": (
                desired(type="x"),
                foreign(immutable=True),
                NotOwned,
                "'app'",
            ),
            "a Secret that an older definition keeps": (
                desired(senior=SENIOR),
                observed(owners=(owner("elder"),)),
                TargetConflict,
                "'elder'",
            ),
            "a Secret that an older definition wants and that is missing": (
                desired(senior=SENIOR),
                None,
                TargetConflict,
                "'elder'",
            ),
            "an older definition's Secret is not taken by adopting": (
                desired(senior=SENIOR, adopt=True, recreate=True),
                observed(),
                TargetConflict,
                "'elder'",
            ),
            "a Secret of another type": (
                desired(type="kubernetes.io/tls"),
                observed(),
                TypeConflict,
                "'Opaque'",
            ),
            "an immutable Secret with other data": (
                desired({"user": b"bob"}),
                observed(immutable=True),
                ImmutableTarget,
                "recreate",
            ),
            "an immutable Secret that others hold, though the author opted in": (
                desired({"user": b"bob"}, recreate=True),
                observed(immutable=True, finalizers=("example.org/hold",)),
                ImmutableTarget,
                "'example.org/hold'",
            ),
            "a Secret of another type that others hold, though the author opted in": (
                desired(type="x", recreate=True),
                observed(finalizers=("example.org/hold",)),
                TypeConflict,
                "'example.org/hold'",
            ),
            "of type and immutability the type is told": (
                desired({"user": b"bob"}, type="x"),
                observed(immutable=True),
                TypeConflict,
                "'x'",
            ),
        }
    ),
)
def test_a_plan_that_refuses_a_secret_says_why(
    wanted: DesiredSecret, found: ObservedSecret | None, refusal: type[TargetError], named: str
) -> None:
    decision = plan(wanted, found)

    assert decision.operation is Operation.REFUSED
    assert type(decision.refusal) is refusal
    assert decision.reason == refusal.__name__
    assert named in decision.refusal.message
    assert not decision.recreate


@pytest.mark.parametrize(
    "evidence",
    rows(
        {
            "our label": {"labels": OURS},
            "the label of release 1": {"labels": {"managedBy": "secrets-manager"}},
            "the original's annotation, the label being Helm's": {
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": UPDATED,
            },
            "an owner mark of this very definition": {"owners": (owner(),)},
            "our label with the owner mark of a definition that is gone": {
                "labels": OURS,
                "owners": (owner("gone"),),
            },
        }
    ),
)
def test_any_evidence_of_ours_is_enough_to_write(evidence: Mapping[str, Any]) -> None:
    assert plan(desired({"user": b"bob"}), foreign(**evidence)) == replaced("DataDiffers", "user")


def test_a_foreign_secret_is_taken_over_where_the_author_opted_in() -> None:
    assert plan(desired({"user": b"bob"}, adopt=True), foreign()) == replaced("DataDiffers", "user")


def test_taking_over_a_foreign_secret_with_the_same_data_marks_it() -> None:
    assert plan(desired(adopt=True), foreign()) == replaced("MetadataDiffers")


def test_adopting_does_not_change_a_type() -> None:
    assert plan(desired(adopt=True, type="x"), foreign()).reason == "TypeConflict"


def test_a_plan_shows_no_value() -> None:
    wanted, found = desired({"user": b"canary-1"}), observed({"user": b"canary-2"})

    assert "canary" not in repr(plan(wanted, found))


values = st.dictionaries(st.sampled_from("abc"), st.sampled_from([b"1", b"2"]))


@given(wanted=values, found=values, labels=st.dictionaries(st.sampled_from("xy"), st.just("1")))
def test_after_the_planned_write_nothing_is_left_to_do(
    wanted: dict[str, bytes], found: dict[str, bytes], labels: dict[str, str]
) -> None:
    wish, before = desired(wanted, labels=labels), observed(found)
    merged = marks.merge_metadata(wish, before)
    after = observed(wanted, labels=merged.labels, annotations=merged.annotations, owners=merged.owners)

    assert plan(wish, after).operation is Operation.UNCHANGED
    assert (plan(wish, before).operation is Operation.UNCHANGED) == (after == before)


@pytest.mark.parametrize("kind", ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"])
def test_credentials_of_others_are_not_taken_over_whatever_the_author_asks_for(kind: str) -> None:
    found = observed(labels={}, annotations={}, owners=(), type=kind)

    decision = plan(desired(adopt=True, recreate=True), found)

    assert decision.operation is Operation.REFUSED
    assert isinstance(decision.refusal, NotOwned)
    assert "never taken over" in decision.refusal.message


def test_a_secret_that_other_programs_trust_stays_its_owners_though_it_carries_our_mark() -> None:
    found = observed(type="kubernetes.io/service-account-token")

    assert isinstance(plan(desired(recreate=True), found).refusal, NotOwned)
