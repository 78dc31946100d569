"""What is done next about a Secret that changes hands, from what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from secrets_manager.cluster.base import Json
from secrets_manager.commands.diff.differences import Names
from secrets_manager.commands.migrate.comparing import Comparison, Sameness, not_compared
from secrets_manager.commands.migrate.takeover.deciding import (
    Bounds,
    Decide,
    Do,
    Step,
    adoption,
    finish,
    return_after_failure,
    way_back,
)
from secrets_manager.commands.migrate.takeover.hands import KINDS, kind_of, letting_go, put_back, taken_from
from secrets_manager.commands.migrate.takeover.state import Old, Ours, Snapshot, State
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import KeyNotFound
from secrets_manager.domain.secret import ObservedSecret, Owner

REF, SECRET = Ref("shop", "app"), Ref("shop", "app-secret")
EXTERNAL = KINDS[0]
US = Owner(api_version="secrets-manager.tuenti.io/v1alpha1", kind="SecretDefinition", name="app", uid="u")
MARKS = {"app.kubernetes.io/managed-by": "secrets-manager"}
EQUAL = Comparison(definition=REF, secret=SECRET.name, sameness=Sameness.EQUAL)
DIFFERS = replace(EQUAL, sameness=Sameness.DIFFERS, keys=Names(added=("k",)))


def secret(*owners: Owner, **fields: Any) -> ObservedSecret:
    made: dict[str, Any] = {"uid": "s", "resource_version": "1", "digests": {"a": b"1"}, **fields}
    return ObservedSecret(ref=SECRET, owners=owners, **made)


def ours(**fields: Any) -> Ours:
    made: dict[str, Any] = {
        "uid": "u",
        "version": "1",
        "spec_is_wished": True,
        "record": {},
        "released": {},
        "suspended": False,
        "deleting": False,
        "current": True,
        "ready": True,
        "reason": "Synced",
        "message": "",
        "adopts": True,
        **fields,
    }
    return Ours(**made)


def old(**fields: Any) -> Old:
    made: dict[str, Any] = {
        "kind": EXTERNAL,
        "resource": EXTERNAL.resource("v1"),
        "ref": REF,
        "raw": {},
        "uid": "o",
        "version": "1",
        "deleting": False,
        "finalizers": (),
        "change": None,
        "keeper": "",
        "maker": "",
        **fields,
    }
    return Old(**made)


THEIRS = secret()
TAKEN = secret(US, labels=MARKS)
NEW = State(compared=EQUAL, retained=False, suspended=False, ours=None, secret=THEIRS, olds=(old(),))
ADOPTED = replace(NEW, ours=ours(), secret=TAKEN)


def decided(decide: Decide, state: State, *, late: bool = False, anyway: bool = False, **before: Any) -> Step:
    snapshot = Snapshot(**{"uid": "s", "digests": {"a": b"1"}, **before})
    return decide(state, Bounds(before=snapshot, late=late, anyway=anyway))


# ── apply ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_that_is_equal_is_adopted_by_a_new_definition() -> None:
    assert decided(adoption, NEW) == Step(Do.CREATE)
    assert decided(adoption, replace(NEW, olds=())) == Step(Do.CREATE)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (replace(NEW, compared=DIFFERS), "differs"),
        (replace(NEW, compared=not_compared(REF, "s", KeyNotFound("p", "k"))), "cannot be compared"),
        (replace(NEW, secret=None), "there is no Secret"),
        (replace(NEW, suspended=True), "spec.suspend"),
        (
            replace(NEW, strangers=("VaultSecret app (ricoberger.de/v1alpha1)",)),
            "VaultSecret app (ricoberger.de",
        ),
        (replace(NEW, secret=secret(type="helm.sh/release.v1")), "other programs trust"),
        (replace(ADOPTED, ours=ours(deleting=True)), "being deleted"),
        (replace(ADOPTED, ours=ours(spec_is_wished=False)), "another spec"),
        (replace(ADOPTED, ours=ours(spec_is_wished=False, record=None)), "others made it: delete it"),
        (replace(NEW, ours=ours(record=None, adopts=False)), "others made it"),
    ],
)
def test_what_cannot_be_taken_over_is_left_alone_with_the_reason(state: State, why: str) -> None:
    step = decided(adoption, state)

    assert step.do is Do.LEAVE
    assert why in step.why


def test_other_data_is_taken_over_by_name_alone_but_not_what_nobody_could_read() -> None:
    unread = replace(NEW, compared=not_compared(REF, "s", KeyNotFound("p", "k")))

    assert decided(adoption, replace(NEW, compared=DIFFERS), anyway=True) == Step(Do.CREATE)
    assert decided(adoption, unread, anyway=True).do is Do.LEAVE


@pytest.mark.parametrize(
    "state",
    [
        replace(NEW, ours=ours(current=False)),
        replace(NEW, ours=ours(ready=False)),
        # The status may be of the moment before the Secret was written.
        replace(NEW, ours=ours()),
        replace(NEW, ours=ours(), secret=secret(replace(US, uid="another"), labels=MARKS)),
    ],
)
def test_a_definition_is_waited_for_and_taken_away_where_it_comes_to_nothing(state: State) -> None:
    assert decided(adoption, state) == Step(Do.WAIT)
    late = decided(adoption, state, late=True)
    assert (late.do, "was not Ready in time" in late.why) == (Do.GO_BACK, True)


def test_a_secret_that_is_ours_and_in_step_is_taken_over() -> None:
    assert decided(adoption, ADOPTED, late=True) == Step(Do.DONE)
    assert decided(adoption, replace(ADOPTED, ours=ours(record=None))) == Step(Do.DONE)


def test_a_secret_without_an_owner_mark_is_ours_where_the_definition_retains_it() -> None:
    bare = replace(ADOPTED, secret=secret(labels=MARKS))

    assert decided(adoption, bare).do is Do.WAIT
    assert decided(adoption, replace(bare, retained=True)).do is Do.DONE


@pytest.mark.parametrize("before", [{"digests": {"a": b"2"}}, {"uid": "another"}])
def test_a_secret_that_changed_meanwhile_ends_in_the_way_back(before: Mapping[str, Any]) -> None:
    assert decided(adoption, ADOPTED, **before).do is Do.GO_BACK
    # What others made is not taken away from them.
    assert decided(adoption, replace(ADOPTED, ours=ours(record=None)), **before).do is Do.LEAVE


def test_new_data_is_no_fault_where_it_was_wished_for_and_a_new_secret_is() -> None:
    assert decided(adoption, ADOPTED, anyway=True, digests={"a": b"2"}).do is Do.DONE
    assert decided(adoption, ADOPTED, anyway=True, uid="another").do is Do.GO_BACK


def test_a_way_back_that_was_interrupted_is_taken_up_as_the_way_there() -> None:
    assert decided(adoption, replace(NEW, ours=ours(suspended=True))) == Step(Do.RESUME)


# ── apply --finish ───────────────────────────────────────────────────────────────────────────────────


def test_the_object_lets_go_before_it_is_deleted_and_the_collector_is_waited_for() -> None:
    change = {"target": {"creationPolicy": "Orphan"}}
    holds, lets_go, goes = old(change=change), old(), old(deleting=True, finalizers=("f",))

    assert decided(finish, replace(ADOPTED, olds=(holds,))) == Step(Do.RELEASE, old=holds)
    assert decided(finish, replace(ADOPTED, olds=(lets_go,))) == Step(Do.TAKE_AWAY, old=lets_go)
    assert decided(finish, replace(ADOPTED, olds=(goes,))) == Step(Do.WAIT)
    assert decided(finish, replace(ADOPTED, olds=(), dangling=("ExternalSecret app",))) == Step(Do.WAIT)
    assert decided(finish, replace(ADOPTED, olds=())) == Step(Do.DISARM)
    assert decided(finish, replace(ADOPTED, olds=(), ours=ours(adopts=False))) == Step(Do.DONE)


def test_the_marks_of_the_operator_go_once_its_objects_are_gone() -> None:
    marked = secret(US, labels={**MARKS, "reconcile.external-secrets.io/created-by": "x"})

    assert decided(finish, replace(ADOPTED, secret=marked)).do is Do.TAKE_AWAY
    assert decided(finish, replace(ADOPTED, secret=marked, olds=())) == Step(Do.CLEAN)
    wished = frozenset({"reconcile.external-secrets.io/created-by"})
    assert decided(finish, replace(ADOPTED, secret=marked, olds=(), wished=wished)) == Step(Do.DISARM)
    annotated = secret(US, labels=MARKS, annotations={"secrets.hashicorp.com/x": "1"})
    assert decided(finish, replace(ADOPTED, secret=annotated, olds=())) == Step(Do.CLEAN)
    of_nobody = secret(US, labels={**MARKS, "not-external-secrets.io/x": "1", "team": "blue"})
    assert decided(finish, replace(ADOPTED, secret=of_nobody, olds=())) == Step(Do.DISARM)


def test_an_object_that_somebody_deletes_still_has_to_let_go_whatever_else_is_wrong() -> None:
    goes = old(deleting=True, change={"target": {"deletionPolicy": "Retain"}})
    state = replace(ADOPTED, olds=(goes,), compared=DIFFERS, ours=ours(ready=False))

    assert decided(finish, state) == Step(Do.RELEASE, old=goes)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (NEW, "run `migrate apply --yes` first"),
        (replace(ADOPTED, secret=THEIRS), "run `migrate apply --yes` first"),
        (replace(ADOPTED, ours=ours(ready=False)), "run `migrate apply --yes` first"),
        (replace(ADOPTED, secret=None), "the Secret is not there"),
        (replace(ADOPTED, compared=DIFFERS), "differs"),
        (
            replace(ADOPTED, strangers=("AzureKeyVaultSecret app (spv.no/v1)",)),
            "AzureKeyVaultSecret app (spv.no/v1)",
        ),
        (replace(ADOPTED, olds=(old(keeper="Argo CD"),)), "Argo CD applies ExternalSecret shop/app"),
        (replace(ADOPTED, olds=(old(maker="ClusterExternalSecret all"),)), "ClusterExternalSecret all makes"),
    ],
)
def test_what_cannot_be_finished_is_left_alone_with_the_reason(state: State, why: str) -> None:
    step = decided(finish, state)

    assert step.do is Do.LEAVE
    assert why in step.why


def test_a_finalizer_that_nobody_takes_off_is_named() -> None:
    stuck = replace(ADOPTED, olds=(old(deleting=True, finalizers=("example.test/f",)),))

    assert "waits for example.test/f; does External Secrets run?" in decided(finish, stuck, late=True).why
    collected = replace(ADOPTED, olds=(), dangling=("ExternalSecret app",))
    assert "garbage collector" in decided(finish, collected, late=True).why


def test_an_end_with_other_data_is_said() -> None:
    step = decided(finish, replace(ADOPTED, olds=()), digests={"a": b"2"})

    assert (step.do, "changed meanwhile" in step.why) == (Do.LEAVE, True)


# ── back ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_definition_is_quiet_before_its_marks_go_and_it_goes_last() -> None:
    quiet = ours(suspended=True, reason="Suspended", ready=False)

    assert decided(way_back, ADOPTED) == Step(Do.SUSPEND)
    heard = replace(ADOPTED, ours=ours(suspended=True, current=False))
    assert decided(way_back, heard) == Step(Do.WAIT)
    assert decided(way_back, heard, late=True) == Step(Do.UNMARK)
    assert decided(way_back, replace(ADOPTED, ours=quiet)) == Step(Do.UNMARK)
    bare = replace(ADOPTED, secret=secret(US))
    assert decided(way_back, replace(bare, ours=quiet)) == Step(Do.REMOVE)
    assert decided(way_back, replace(bare, ours=ours(deleting=True))) == Step(Do.WAIT)
    assert decided(way_back, replace(bare, ours=None)) == Step(Do.WAIT)
    assert decided(way_back, NEW) == Step(Do.DONE)


def test_marks_without_a_definition_are_taken_off() -> None:
    assert decided(way_back, replace(NEW, secret=secret(labels=MARKS))) == Step(Do.UNMARK)
    times = {"secrets-manager.tuenti.io/lastUpdateTime": "1"}
    assert decided(way_back, replace(NEW, secret=secret(annotations=times))) == Step(Do.UNMARK)
    assert decided(way_back, replace(NEW, secret=None)).do is Do.DONE


def test_an_object_that_was_told_to_let_go_gets_its_policies_back_first() -> None:
    released = old()
    state = replace(
        ADOPTED, olds=(released,), ours=ours(released={released.key: {"creationPolicy": "Owner"}})
    )

    assert decided(way_back, state) == Step(Do.RESTORE, old=released)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (replace(ADOPTED, olds=()), "apply its manifest again"),
        (replace(ADOPTED, olds=(old(deleting=True),)), "being deleted already"),
        (replace(ADOPTED, ours=ours(record=None)), "others made the definition"),
    ],
)
def test_what_cannot_go_back_is_left_alone_with_the_reason(state: State, why: str) -> None:
    step = decided(way_back, state)

    assert step.do is Do.LEAVE
    assert why in step.why


def test_a_hand_over_that_failed_is_undone_also_where_nobody_else_keeps_the_secret() -> None:
    assert decided(return_after_failure, replace(ADOPTED, olds=())) == Step(Do.SUSPEND)
    # An owner of a kind that is not known is somebody who keeps it.
    assert decided(way_back, replace(ADOPTED, olds=(), strangers=("X y",))) == Step(Do.SUSPEND)


@pytest.mark.parametrize("state", [replace(ADOPTED, ours=ours(deleting=True)), replace(ADOPTED, ours=None)])
def test_what_does_not_end_is_said_after_a_while(state: State) -> None:
    assert decided(return_after_failure, state).do is Do.WAIT
    assert decided(return_after_failure, state, late=True).do is Do.LEAVE


# ── how objects let go ───────────────────────────────────────────────────────────────────────────────


def made(**target: str) -> Json:
    return {"metadata": {"name": "app"}, "spec": {"target": target}}


def test_only_what_is_missing_is_changed_and_put_back_as_it_was() -> None:
    before = made(creationPolicy="Owner")
    now = made(creationPolicy="Orphan", deletionPolicy="Retain")

    assert letting_go(EXTERNAL, before) == {
        "target": {"creationPolicy": "Orphan", "deletionPolicy": "Retain"}
    }
    assert letting_go(EXTERNAL, now) is None
    assert taken_from(EXTERNAL, before) == {"creationPolicy": "Owner", "deletionPolicy": None}
    assert put_back(EXTERNAL, now, taken_from(EXTERNAL, before)) == {
        "target": {"creationPolicy": "Owner", "deletionPolicy": None}
    }


def test_what_somebody_set_since_stays_and_nothing_is_put_back_twice() -> None:
    noted = {"creationPolicy": "Owner", "deletionPolicy": "Delete"}

    assert put_back(EXTERNAL, made(creationPolicy="Merge", deletionPolicy="Delete"), noted) is None
    assert put_back(
        EXTERNAL, made(creationPolicy="Orphan", deletionPolicy="Retain"), {"creationPolicy": 7}
    ) == {"target": {"creationPolicy": None}}


def test_the_secret_of_an_object_is_the_one_it_names_or_the_one_of_its_name() -> None:
    assert EXTERNAL.secret_of(made(name="other")) == "other"
    assert EXTERNAL.secret_of(made()) == "app"
    assert EXTERNAL.secret_of({"metadata": {"name": "app"}, "spec": {"target": "text"}}) == "app"


def test_owners_are_known_by_group_and_kind_in_any_version() -> None:
    assert kind_of("external-secrets.io/v1beta1", "ExternalSecret") is EXTERNAL
    assert kind_of("external-secrets.io/v1", "PushSecret") is None
    assert kind_of("example.test/v1", "ExternalSecret") is None
