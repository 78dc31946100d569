"""`secrets-manager status` shows definitions, chooses among them, and ends with 1 where one is not ready."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from secrets_manager.cluster.base import DEFINITIONS, Expired, WatchEvent
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized, ClusterUnavailable
from tests.unit.commands.conftest import Desk


def test_a_line_for_each_definition_and_the_counts_below(desk: Desk) -> None:
    for name in ("b", "a"):
        desk.define(name)
        desk.report(name)
        desk.secret(f"{name}-secret")

    assert desk.run("status") == Exit.OK
    titles, first, second, empty, counts = desk.out.splitlines()
    assert titles.split()[:5] == ["NAMESPACE", "NAME", "SECRET", "READY", "REASON"]
    assert first.split()[:6] == ["shop", "a", "a-secret", "True", "Synced", "secret/data/a@7"]
    assert first.split()[6].endswith("d")
    assert second.split()[1] == "b"
    assert (empty, counts) == ("", "2 definitions: 2 ready")


@pytest.mark.parametrize("reason", ["SourceNotFound", None])
def test_one_that_is_not_ready_or_not_seen_makes_the_exit_code_1(desk: Desk, reason: str | None) -> None:
    desk.define("a")
    if reason:
        desk.report("a", reason)

    assert desk.run("status") == Exit.NO


def test_only_what_is_asked_for_is_shown_and_counts(desk: Desk) -> None:
    for name, reason in (("a", "Synced"), ("b", "KeyNotFound"), ("c", "SourceNotFound")):
        desk.define(name)
        desk.report(name, reason)

    def names(*words: str) -> list[str]:
        return [each["name"] for each in desk.json("status", *words)["definitions"]]

    assert names("--not-ready") == ["b", "c"]
    assert names("--reason", "keynotfound") == ["b"]
    assert names("--backend", "eu") == []
    assert names("c", "shop/a") == ["a", "c"]
    assert desk.run("status", "a") == Exit.OK
    assert desk.run("status", "--reason", "Synced") == Exit.OK


def test_all_namespaces_or_one(desk: Desk) -> None:
    desk.define("a")
    desk.define("a", namespace="other")

    assert len(desk.json("status", "-A")["definitions"]) == 2
    assert [each["namespace"] for each in desk.json("status", "-n", "other")["definitions"]] == ["other"]
    assert desk.run("status", "-A", "a") == Exit.FAULT


def test_who_may_not_list_secrets_does_not_know_when_they_changed(desk: Desk) -> None:
    desk.define("a")
    desk.report("a")
    desk.secret("a-secret")
    assert desk.json("status")["definitions"][0]["lastChange"] == "2026-01-02T00:00:00Z"
    desk.api.forbid("list", "secrets")

    assert desk.run("status") == Exit.OK
    assert desk.json("status")["definitions"][0]["lastChange"] is None


def test_a_secret_that_cannot_be_decrypted_hides_no_definition(desk: Desk) -> None:
    desk.define("a")
    desk.report("a")
    desk.api.fail_next("list", "secrets", ClusterUnavailable("the API server answered 500"))
    desk.api.fail_next("get", "secrets", ClusterUnavailable("the API server answered 500"))

    assert desk.json("status")["definitions"][0]["lastChange"] is None
    assert desk.json("status", "a")["definitions"][0]["lastChange"] is None


def test_one_by_name_is_read_by_name_with_its_secret(desk: Desk) -> None:
    desk.define("a")
    desk.report("a")
    desk.secret("a-secret")
    for verb, resource in (("list", "secrets"), ("list", "secretdefinitions")):
        desk.api.forbid(verb, resource)

    assert desk.json("status", "a")["definitions"][0]["lastChange"] == "2026-01-02T00:00:00Z"
    desk.api.forbid("get", "secrets")
    assert desk.json("status", "a")["definitions"][0]["lastChange"] is None


def test_what_is_not_there_is_named(desk: Desk) -> None:
    assert desk.run("status", "nope") == Exit.FAULT
    assert "there is no SecretDefinition 'nope' in namespace 'shop'" in desk.err


@pytest.mark.parametrize("word", ["../x", "a/b/c", "Shop/a", "", "shop/", "a\x1b[2J"])
def test_what_can_be_no_definition_is_refused_before_any_call(desk: Desk, word: str) -> None:
    assert desk.run("status", word) == Exit.FAULT
    assert "names no definition" in desk.err
    assert "\x1b" not in desk.err
    assert not desk.api.calls


def test_json_and_yaml_have_the_same_content(desk: Desk) -> None:
    desk.define("a")
    desk.report("a")
    desk.run("status", "-o", "yaml")
    by_yaml = yaml.safe_load(desk.out)
    by_json = desk.json("status")

    by_yaml.pop("at"), by_json.pop("at")
    assert by_yaml == by_json


def test_foreign_texts_break_no_line_and_send_no_control_code(desk: Desk) -> None:
    hostile = "x\n[red]y[/red]\x1b[2J\u202ez"
    desk.define("a", spec={"keysMap": {"A": {"path": hostile, "key": "k"}}})
    desk.report("a", "BackendUnavailable", hostile, sources=[{"path": hostile, "version": hostile}])

    desk.run("status", "-o", "wide")

    assert len(desk.out.splitlines()) == 4
    assert "[red]y[/red]" in desk.out
    assert not {"\x1b", "\u202e"}.intersection(desk.out)


def test_wide_has_every_source_and_the_message(desk: Desk) -> None:
    desk.define("a", spec={"refreshPeriod": "90s"})
    sources = [{"path": f"p{number}", "version": "1", "backend": "eu"} for number in range(3)]
    desk.report("a", message="all is well", sources=sources)

    desk.run("status")
    assert "eu:p0@1 +2" in desk.out
    assert "every 90s" in desk.out
    desk.run("status", "-o", "wide")
    assert "eu:p0@1 eu:p1@1 eu:p2@1" in desk.out
    assert "all is well" in desk.out


def test_a_list_that_grew_too_old_is_made_again(desk: Desk) -> None:
    desk.define("a")
    desk.api.fail_next("list", "secretdefinitions", Expired("too old"), Expired("too old"))

    assert len(desk.json("status")["definitions"]) == 1
    desk.api.fail_next("list", "secretdefinitions", *[Expired("too old")] * 3)
    assert desk.run("status") == Exit.UNREACHED


def test_ten_thousand_definitions_take_a_call_for_each_page(desk: Desk) -> None:
    for number in range(1200):
        desk.define(f"app-{number:04}")
    desk.api.calls.clear()

    desk.run("status")

    assert "1200 definitions" in desk.out
    assert desk.api.calls["list", "secretdefinitions"] == 3
    assert desk.api.calls["get", "secrets"] == 0


def test_a_refusal_of_the_cluster_ends_with_3(desk: Desk) -> None:
    desk.api.fail_next("list", "secretdefinitions", ClusterUnauthorized("no"))

    assert desk.run("status") == Exit.UNREACHED
    assert desk.err.count("\n") == 1


def interrupted(desk: Desk, monkeypatch: pytest.MonkeyPatch, *events: WatchEvent) -> None:
    """A watch tells these, and then the user presses Ctrl-C."""

    def watch(*_args: object, **_options: object) -> Iterator[WatchEvent]:
        yield from events
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.api, "watch", watch)


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_a_watch_shows_what_there_is_and_each_change_until_it_is_interrupted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    desk.define("a")
    before = desk.api.get(DEFINITIONS, Ref("shop", "a"))
    after = desk.report("a", "KeyNotFound")
    desk.api.replace(DEFINITIONS, Ref("shop", "a"), {**after, "status": {}}, subresource="status")
    interrupted(desk, monkeypatch, WatchEvent("MODIFIED", after), WatchEvent("DELETED", before))

    assert desk.run("status", "--watch", "-o", form) == Exit.INTERRUPTED
    # What click says to a terminal behind its ^C.
    assert desk.err == "\n"
    if form == "text":
        assert "1 definition: 0 ready, 1 not seen by a daemon as they are now\n" in desk.out
        assert [line.split()[3] for line in desk.out.splitlines()[-2:]] == ["False", "Deleted"]
        return
    said = map(json.loads, desk.out.splitlines()) if form == "json" else yaml.safe_load_all(desk.out)
    seen = [(each["change"], each["definition"]["reason"]) for each in said]
    assert seen == [("found", ""), ("changed", "KeyNotFound"), ("deleted", "KeyNotFound")]


def test_a_watch_of_those_that_are_not_ready_shows_how_one_comes_into_step(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        desk.define(name)
    ready = desk.report("b")
    bad = desk.report("a", "KeyNotFound")
    good = desk.report("a")
    desk.api.replace(DEFINITIONS, Ref("shop", "a"), {**good, "status": bad["status"]}, subresource="status")
    events = (WatchEvent("MODIFIED", good), WatchEvent("MODIFIED", {**ready, "status": ready["status"]}))
    interrupted(desk, monkeypatch, *events)

    desk.run("status", "--watch", "--not-ready", "-o", "json")

    seen = [(each["definition"]["name"], each["change"]) for each in map(json.loads, desk.out.splitlines())]
    assert seen == [("a", "found"), ("a", "changed")]


def test_a_watch_follows_names_of_one_namespace(desk: Desk) -> None:
    assert desk.run("status", "--watch", "shop/a", "other/b") == Exit.FAULT
    assert "the names are of other, shop" in desk.err
