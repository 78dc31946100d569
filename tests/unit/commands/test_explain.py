"""`secrets-manager explain` says in sentences what is known of a definition, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, EVENTS, SECRET_METADATA, SECRETS, Json, Resource
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable
from secrets_manager.overview.advice import advice_on
from tests.unit.commands.conftest import CANARY, Desk

LOGIN = {"VAULT_ROLE_ID": CANARY, "VAULT_SECRET_ID": CANARY}


def explained(desk: Desk, *words: str) -> dict[str, list[str]]:
    """The sentences by subject."""
    data = desk.json("explain", *words)
    return {section["about"]: section["sentences"] for section in data["sections"]}


def event(desk: Desk, name: str, reason: str, at: str, **about: Any) -> None:
    made = desk.api.get(DEFINITIONS, Ref("shop", name))
    involved = {"kind": "SecretDefinition", "name": name, "uid": made["metadata"]["uid"]}
    desk.api.create(
        EVENTS,
        "shop",
        {
            "kind": "Event",
            "metadata": {"generateName": "e.", "namespace": "shop"},
            "involvedObject": {**involved, **about},
            "type": "Warning",
            "reason": reason,
            "message": f"{reason} it was",
            "lastTimestamp": at,
        },
    )


def test_a_definition_in_step_is_told_with_its_secret_and_ends_with_0(desk: Desk) -> None:
    made = desk.define("a", labels={"team": "x"})
    desk.report("a")
    owner = {"kind": "SecretDefinition", "apiVersion": "secrets-manager.tuenti.io/v1alpha1", "name": "a"}
    wrote = {"manager": "secrets-manager", "fieldsV1": {"f:data": {".": {}, "f:A": {}}}}
    desk.secret(
        "a-secret", ownerReferences=[{**owner, "uid": made["metadata"]["uid"]}], managedFields=[wrote]
    )

    said = explained(desk, "a")

    assert desk.run("explain", "a") == Exit.OK
    assert desk.out.startswith(
        "SecretDefinition shop/a wants Secret a-secret.\n\nState\n  It has been in step for "
    )
    assert said["What it reads"] == ["Key A is the value of 'a' at path 'secret/data/a'."]
    assert said["What the backend answered last"] == ["The Secret holds version 7 of path 'secret/data/a'."]
    assert said["What is written"] == [
        "Secret a-secret of type Opaque gets key A.",
        "It has labels app.kubernetes.io/managed-by, team.",
        "It is deleted with the definition.",
    ]
    assert said["Whose the Secret is"][1:] == [
        "Its ownerReference names this definition.",
        "'secrets-manager' wrote key A.",
        "No other definition wants it.",
    ]
    assert "What to do" not in said


def test_everything_that_a_spec_can_read_has_a_sentence(desk: Desk) -> None:
    spec = {
        "keysMap": {
            "B": {"path": "Path/B", "key": "b", "encoding": "base64", "version": "3", "backend": "eu"},
            "C": {"path": "c", "key": "", "optional": True},
            "D": {"path": "c", "key": "d", "default": CANARY},
        },
        "dataFrom": [
            {"path": "Whole", "include": ["DB_*"], "exclude": ["*_OLD"], "rename": {"case": "lower"}},
            {"path": "other", "optional": True},
        ],
        "inputs": {"host": {"path": "c", "key": "h"}, "all": {"path": "c"}},
        "template": {"E": "{{ host }}" + CANARY},
        "checks": {"B": "pem"},
        "refreshPeriod": "5m",
        "onDelete": "Retain",
        "restart": {"workloads": [{"kind": "Deployment", "name": "web"}], "referencing": True},
    }
    desk.define("a", spec=spec)

    said = explained(desk, "a")

    assert said["What it reads"] == [
        "Key B is the value of 'b' at path 'Path/B', version 3 of backend eu, decoded from base64.",
        "Key C is the value of 'data' at path 'c'; it is left out where that is not there.",
        "Key D is the value of 'd' at path 'c'; where that is not there, the default text of the definition.",
        (
            "Each key of path 'Whole' that matches 'DB_*' and does not match '*_OLD', renamed as "
            "spec.dataFrom says, becomes a key."
        ),
        "Each key of path 'other' becomes a key; it may be absent.",
        "Templates find all of path 'c' under the name 'all'.",
        "Templates find the value of 'h' at path 'c' under the name 'host'.",
        "Key E is made by a template of spec.template.",
    ]
    assert said["What is written"][0] == (
        "Secret a-secret of type Opaque gets keys B, C, D, E and the keys that its whole paths have."
    )
    assert said["What is written"][-2:] == [
        "Before it is written, key B must pass spec.checks.",
        "It stays when the definition is deleted.",
    ]
    assert said["Restarts"] == [
        (
            "After a change of its data these are restarted: Deployment 'web', each workload whose pods use "
            "the Secret."
        )
    ]
    assert said["When it is read next"] == ["Within 5m, as spec.refreshPeriod says."]


def test_one_that_nobody_saw_ends_with_1_and_says_what_may_be_the_cause(desk: Desk) -> None:
    desk.define("a")

    assert desk.run("explain", "a") == Exit.NO
    assert "No daemon has written a status" in desk.out
    assert "There is no such Secret yet." in desk.out
    assert "Check that a daemon runs, and works in this namespace." in desk.out


def test_a_failure_comes_with_what_to_do(desk: Desk) -> None:
    desk.define("a")
    desk.report("a", "KeyNotFound", "path 'x' has no key 'y'")

    said = explained(desk, "a")

    assert said["State"][0].startswith("It has not been in step for ")
    assert said["State"][1] == "Path 'x' has no key 'y'."
    assert said["What to do"] == [advice_on("KeyNotFound")]


def test_a_spec_that_cannot_be_used_says_why(desk: Desk) -> None:
    desk.define("a", spec={"keysMap": 3})

    assert explained(desk, "a")["What it reads"] == [
        "Its spec cannot be used: spec.keysMap is a number, not a map."
    ]


def test_other_definitions_that_want_the_secret_are_named_with_the_eldest(desk: Desk) -> None:
    for name, created in (("a", "2026-01-03"), ("b", "2026-01-02"), ("c", "2026-01-01")):
        desk.define(name, spec={"name": "same" if name != "c" else "else"})
        ref = Ref("shop", name)
        desk.api._objects[DEFINITIONS, ref]["metadata"]["creationTimestamp"] = f"{created}T00:00:00Z"

    assert explained(desk, "a")["Whose the Secret is"][-1] == (
        "It is also wanted by definition b; the eldest keeps it, which is b."
    )
    assert explained(desk, "c")["Whose the Secret is"][-1] == "No other definition wants it."


def test_a_secret_of_others_is_called_so(desk: Desk) -> None:
    desk.define("a")
    desk.secret("a-secret", labels={}, annotations={})

    assert (
        "It has no mark of this program: it was made by others, and the daemon may not take it over."
        in explained(desk, "a")["Whose the Secret is"]
    )


def test_what_may_not_be_read_is_said_to_be_unknown(desk: Desk) -> None:
    desk.define("a")
    desk.report("a")
    for verb, resource in (("list", "events"), ("get", "secrets"), ("list", "secretdefinitions")):
        desk.api.forbid(verb, resource)

    said = explained(desk, "a")

    assert said["Whose the Secret is"] == [
        "Nothing is known of the Secret itself: RBAC does not grant you the verb 'get' on 'secrets'.",
        (
            "Whether other definitions want the same Secret is not known: RBAC does not grant you the verb "
            "'list' on 'secretdefinitions'."
        ),
    ]
    assert said["Events"] == ["They are not known: RBAC does not grant you the verb 'list' on 'events'."]


def test_a_secret_that_cannot_be_decrypted_hides_nothing_else(desk: Desk) -> None:
    desk.define("a")
    desk.report("a", "ClusterUnavailable", "the API server answered 500")
    desk.api.fail_next("get", "secrets", ClusterUnavailable("the API server answered 500"))

    said = explained(desk, "a")["Whose the Secret is"]

    assert said[0] == "Nothing is known of the Secret itself: the API server answered 500."


def test_the_newest_events_about_it_are_told_and_no_others(desk: Desk) -> None:
    desk.define("a")
    desk.define("b")
    for number in range(7):
        event(desk, "a", f"Reason{number}", f"2026-01-01T00:00:0{number}Z")
    event(desk, "b", "OfAnother", "2026-01-02T00:00:00Z")
    event(desk, "a", "OfAnEarlierOne", "2026-01-02T00:00:00Z", uid="another")

    assert explained(desk, "a")["Events"] == [
        f"2026-01-01T00:00:0{number}Z Warning Reason{number}: Reason{number} it was" for number in range(2, 7)
    ]


def test_the_policy_is_looked_at_where_settings_are_given(desk: Desk) -> None:
    desk.define(
        "a",
        spec={"keysMap": {"A": {"path": "x/y", "key": "k"}, "B": {"path": "z", "key": "k", "backend": "eu"}}},
    )

    assert "was not looked at" in explained(desk, "a")["Whether the policy lets it"][0]
    desk.environ |= LOGIN
    desk.run("explain", "a", "-o", "json", "--", "-policy.paths=x/*", "-reconcile-period=7s")
    assert "Path 'x/y' is allowed by policy.paths: 'x/*' names the path." in desk.out
    assert "The settings have no backend 'eu'." in desk.out
    assert "Within 7s, the period of backend default." in desk.out
    assert desk.run("explain", "a", "--", "-policy.paths=w/*", "-nope") == Exit.FAULT


def test_the_values_of_the_secret_are_not_asked_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.define("a")
    desk.secret("a-secret")
    get = desk.api.get

    def checked(resource: Any, ref: Ref) -> Any:
        assert resource != SECRETS
        return get(resource, ref)

    monkeypatch.setattr(desk.api, "get", checked)

    assert desk.run("explain", "a") == Exit.NO


def test_foreign_texts_stay_on_their_line(desk: Desk) -> None:
    desk.define("a", spec={"keysMap": {"A": {"path": "x\ny\x1b[2J[bold]", "key": "\u202e"}}})
    desk.report("a", "KeyNotFound", "a\nb\x1b[31m")
    event(desk, "a", "X\n", "\x1b[2J")

    desk.run("explain", "a")

    assert not {"\x1b", "\u202e"}.intersection(desk.out)
    assert "[bold]" in desk.out
    assert not any(line.startswith(("y", "b")) for line in desk.out.splitlines())


@pytest.mark.parametrize("form", [None, 1, True, "x", ["x"], {"x": 1}])
def test_marks_of_a_secret_that_are_of_no_legal_form_are_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, form: object
) -> None:
    desk.define("a")
    metadata = {"name": "a-secret", "namespace": "shop"}
    marks = ("labels", "annotations", "ownerReferences", "managedFields")
    get = desk.api.get

    def odd(resource: Resource, ref: Ref) -> Json:
        found = {"metadata": {**metadata, **dict.fromkeys(marks, form)}}
        return found if resource == SECRET_METADATA else get(resource, ref)

    monkeypatch.setattr(desk.api, "get", odd)

    assert explained(desk, "a")["Whose the Secret is"] == [
        "It has no mark of this program: it was made by others, and the daemon may not take it over.",
        "No other definition wants it.",
    ]
