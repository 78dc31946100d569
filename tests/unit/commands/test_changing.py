"""`sync`, `suspend` and `resume` change what is named, and nothing else of it."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, EVENTS, Json
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Conflict, Forbidden
from tests.unit.commands.conftest import Desk

SYNC = "secrets-manager.tuenti.io/sync"


def found(desk: Desk, name: str) -> Json:
    return desk.api.get(DEFINITIONS, Ref("shop", name))


def test_suspend_and_resume_touch_one_field(desk: Desk) -> None:
    before = desk.define("a")["spec"]

    assert desk.run("suspend", "a") == Exit.OK
    assert desk.out == "shop/a: suspended\n"
    assert found(desk, "a")["spec"] == {**before, "suspend": True}
    desk.run("suspend", "a")
    assert desk.out == "shop/a: suspended already\n"
    assert desk.run("resume", "shop/a") == Exit.OK
    assert desk.out == "shop/a: resumed\n"
    assert found(desk, "a")["spec"] == before
    desk.run("resume", "a")
    assert desk.out == "shop/a: not suspended\n"
    assert desk.api.calls["patch", "secretdefinitions"] == 2


def test_all_of_a_namespace_and_nothing_of_another(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.define(name)
    desk.define("a", namespace="other")

    assert desk.run("suspend", "--all") == Exit.OK
    assert [each["changed"] for each in desk.json("suspend", "--all")["definitions"]] == [False, False]
    assert "suspend" not in desk.api.get(DEFINITIONS, Ref("other", "a"))["spec"]


@pytest.mark.parametrize(
    "words", [("suspend",), ("suspend", "a", "--all"), ("sync",), ("sync", "a", "--all")]
)
def test_names_or_all_must_be_given_and_not_both(desk: Desk, words: tuple[str, ...]) -> None:
    desk.define("a")

    assert desk.run(*words) == Exit.FAULT
    assert "give --all with -n NAMESPACE" in desk.err


@pytest.mark.parametrize("command", ["suspend", "sync"])
def test_a_fault_of_one_stops_none_of_the_others(desk: Desk, command: str) -> None:
    desk.define("b")

    assert desk.run(command, "nope", "b") == Exit.FAULT
    assert desk.err == "shop/nope: there is no SecretDefinition 'nope' in namespace 'shop'\n"
    assert desk.out.startswith("shop/b: ")


def test_a_refusal_names_the_definition_and_ends_with_3(desk: Desk) -> None:
    desk.define("a")
    desk.api.fail_next("patch", "secretdefinitions", Forbidden("no"))

    assert desk.run("suspend", "a") == Exit.UNREACHED
    assert desk.err.startswith("shop/a: no; ask for that right")


def test_somebody_who_writes_at_the_same_time_is_not_overwritten(desk: Desk) -> None:
    desk.define("a")
    desk.api.fail_next("patch", "secretdefinitions", Conflict("changed"))

    assert desk.run("suspend", "a") == Exit.OK
    assert found(desk, "a")["spec"]["suspend"] is True
    desk.api.fail_next("patch", "secretdefinitions", *[Conflict("changed")] * 3)
    assert desk.run("resume", "a") == Exit.UNREACHED


def test_one_that_went_away_since_the_list_is_no_fault(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.define("a")
    desk.define("b")
    get = desk.api.get

    def gone(resource: Any, ref: Ref) -> Json:
        if ref.name == "a":
            desk.api.delete(DEFINITIONS, ref, {})
        return get(resource, ref)

    monkeypatch.setattr(desk.api, "get", gone)

    assert desk.run("suspend", "--all") == Exit.OK
    assert desk.out == "shop/b: suspended\n"


@pytest.mark.parametrize(
    ("metadata", "tool"),
    [
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}, "Flux"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD"),
        ({"annotations": {"meta.helm.sh/release-name": "x"}}, "Helm"),
    ],
)
def test_a_tool_that_applies_the_definition_is_named(desk: Desk, metadata: dict[str, Any], tool: str) -> None:
    desk.define("a", **metadata)

    desk.run("suspend", "a")

    assert desk.out == (
        f"shop/a: suspended; {tool} applies it, and undoes this if its manifest names spec.suspend\n"
    )


def test_a_sync_is_asked_for_by_a_text_that_is_new(desk: Desk) -> None:
    desk.define("a", annotations={"team": "x"})
    asked = []
    for _ in range(2):
        assert desk.run("sync", "a") == Exit.OK
        annotations = found(desk, "a")["metadata"]["annotations"]
        assert annotations["team"] == "x"
        asked.append(annotations[SYNC])

    assert desk.out == "shop/a: asked for; every path of it is read now\n"
    assert len(set(asked)) == 2


def test_nothing_is_asked_for_while_a_definition_is_suspended(desk: Desk) -> None:
    desk.define("a", spec={"suspend": True})

    assert desk.run("sync", "a") == Exit.NO
    assert "it is suspended" in desk.out
    assert SYNC not in found(desk, "a")["metadata"].get("annotations", {})


def test_a_cluster_that_does_not_answer_ends_with_3(desk: Desk) -> None:
    desk.api.fail_next("list", "secretdefinitions", ClusterUnavailable("refused"))

    assert desk.run("sync", "--all") == Exit.UNREACHED
    assert "--context" in desk.err


def answer(desk: Desk, name: str, asked: str) -> None:
    """The Event by which the daemon says that it did a sync."""
    event = {
        "kind": "Event",
        "metadata": {"generateName": "e.", "namespace": "shop"},
        "involvedObject": {"kind": "SecretDefinition", "name": name},
        "reason": "SyncDone",
        "message": f"the sync asked for at {asked} is done: Synced",
    }
    desk.api.create(EVENTS, "shop", event)


def daemon_at_the_first_pause(desk: Desk, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Syncs that are asked for are answered while the command waits."""

    def pause(_seconds: float) -> None:
        for name in names:
            answer(desk, name, found(desk, name)["metadata"]["annotations"][SYNC])

    monkeypatch.setattr("time.sleep", pause)


@pytest.mark.parametrize(
    ("reason", "code", "said"),
    [
        ("Synced", Exit.OK, "done, and it is in step: Synced"),
        ("KeyNotFound", Exit.NO, "done, and it is not in step: KeyNotFound"),
    ],
)
def test_a_sync_that_is_waited_for_ends_with_what_came_of_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, reason: str, code: int, said: str
) -> None:
    desk.define("a")
    desk.report("a", reason)
    answer(desk, "a", "2026-01-01T00:00:00Z")
    daemon_at_the_first_pause(desk, monkeypatch, "a")

    assert desk.run("sync", "a", "--wait") == code
    assert desk.out == f"shop/a: {said}\n"


def test_a_sync_that_nobody_answers_in_time_ends_with_3(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        desk.define(name)
        desk.report(name)
    daemon_at_the_first_pause(desk, monkeypatch, "a")

    assert desk.run("sync", "a", "b", "--wait", "--timeout", "50ms") == Exit.UNREACHED
    assert "shop/a: done" in desk.out
    assert "shop/b: no daemon answered in time" in desk.out


def test_only_a_few_are_waited_for(desk: Desk) -> None:
    assert desk.run("sync", "--all", "--wait") == Exit.FAULT
    assert desk.run("sync", *(f"a{number}" for number in range(9)), "--wait") == Exit.FAULT
    assert "8 at most" in desk.err


def test_who_may_not_list_events_is_told_so(desk: Desk) -> None:
    desk.define("a")
    desk.api.forbid("list", "events")

    assert desk.run("sync", "a", "--wait") == Exit.UNREACHED
    assert "'events'" in desk.err
