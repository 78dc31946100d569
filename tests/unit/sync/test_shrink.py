"""`onShrink` decides what becomes of a Secret whose sources lose keys or values."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from secrets_manager.cluster.base import SECRETS
from secrets_manager.domain.definition import Ref
from tests.unit.sync.doubles import Told
from tests.unit.sync.world import NOTHING, TEAM, World, wanting

APP = Ref(TEAM, "app")
FULL = {"user": "alice", "password": "CANARY-1", "region": "eu"}


def whole(word: str | None = "Refuse", **rest: Any) -> Any:
    spec = {"name": "app", "dataFrom": [{"path": "app"}], **rest}
    return spec if word is None else {**spec, "onShrink": word}


def with_secret(spec: Any) -> World:
    world = World()
    world.backend.put("app", FULL)
    world.define(spec=spec)
    return world.start()


def lose(world: World, *keys: str) -> None:
    world.backend.put("app", {key: value for key, value in FULL.items() if key not in keys})


def message(world: World) -> str:
    text: str = world.status()["conditions"][0]["message"]
    return text


def of_shrinking(world: World) -> list[Told]:
    return [event for event in world.events.told if event.reason == "Shrunk"]


def test_refuse_keeps_the_secret_whole_until_the_source_is_whole_again() -> None:
    world = with_secret(whole())
    before = world.secret()
    lose(world, "password", "user")
    world.backend.put("app", {"region": "us"})
    world.pass_time()

    assert world.secret() == before
    assert world.condition() == ("False", "WouldShrink")
    assert [each["type"] for each in world.status()["conditions"]] == ["Ready", "Stalled"]
    assert message(world) == (
        "the sources no longer give keys 'password', 'user', and spec.onShrink is Refuse: the Secret stays "
        "as it is; bring them back in the backend, or set spec.onShrink to Allow if that is right"
    )
    assert world.events.told[-1].reason == "WouldShrink"

    world.backend.put("app", {**FULL, "region": "us"})
    world.pass_time()
    assert world.data() == {**FULL, "region": "us"}
    assert world.condition() == ("True", "Synced")
    assert of_shrinking(world) == []


def test_a_refusal_costs_nothing_while_nothing_changes() -> None:
    world = with_secret(whole())
    lose(world, "user")
    world.pass_time()
    with world.spending() as spent:
        world.pass_time(60)

    assert spent.calls == NOTHING.calls


@pytest.mark.parametrize("word", ["Allow", "Warn"])
def test_another_word_ends_a_refusal_at_once(word: str) -> None:
    world = with_secret(whole())
    lose(world, "user")
    world.pass_time()
    world.respecify(APP, whole(word))
    world.settle()

    assert world.data() == {"password": "CANARY-1", "region": "eu"}
    assert world.condition() == ("True", "Synced")
    assert len(of_shrinking(world)) == (word == "Warn")


def test_a_refusal_survives_a_restart() -> None:
    world = with_secret(whole())
    lose(world, "user")
    for _ in range(2):
        world = world.restarted().start()
        assert world.data() == FULL
        assert world.condition() == ("False", "WouldShrink")


@pytest.mark.parametrize("word", ["Warn", None], ids=["warn", "absent"])
def test_warn_writes_and_names_the_keys_once(word: str | None, caplog: pytest.LogCaptureFixture) -> None:
    world = with_secret(whole(word))
    lose(world, "user")
    with caplog.at_level(logging.WARNING):
        world.pass_time(60)

    assert world.data() == {"password": "CANARY-1", "region": "eu"}
    assert world.condition() == ("True", "Synced")
    said = "Secret app has lost keys or values: the sources no longer give key 'user'"
    assert of_shrinking(world) == [Told("app", True, "Shrunk", said)]
    assert [record.getMessage() for record in caplog.records] == ["Secret has lost keys or values"]


def test_allow_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    world = with_secret(whole("Allow"))
    lose(world, "user")
    with caplog.at_level(logging.WARNING):
        world.pass_time()

    assert world.data() == {"password": "CANARY-1", "region": "eu"}
    assert of_shrinking(world) == []
    assert caplog.records == []


def test_a_value_that_becomes_empty_counts_and_no_value_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    world = with_secret(whole())
    world.backend.put("app", {**FULL, "password": ""})
    with caplog.at_level(logging.DEBUG):
        world.pass_time()

    assert world.data() == FULL
    assert "the sources give an empty value for key 'password'" in message(world)
    assert not any("CANARY" in str(said) for said in (*world.events.told, *caplog.records, world.status()))


def test_a_value_that_was_empty_before_is_no_loss() -> None:
    world = World()
    world.backend.put("app", {"user": "", "region": "eu"})
    world.define(spec=whole())
    world.start()
    world.backend.put("app", {"user": "", "region": "us"})
    world.pass_time()

    assert world.data() == {"user": "", "region": "us"}


def test_an_optional_key_that_vanishes_counts() -> None:
    optional = {"path": "extra", "key": "banner", "optional": True}
    spec = {**wanting(), "onShrink": "Refuse"}
    spec["keysMap"] = {**spec["keysMap"], "banner": optional}
    world = World()
    world.backend.put("app", FULL)
    world.backend.put("extra", {"banner": "hello"})
    world.define(spec=spec)
    world.start()
    world.backend.delete("extra")
    world.pass_time()

    assert world.data() == {"user": "alice", "banner": "hello"}
    assert world.condition() == ("False", "WouldShrink")


def test_a_default_in_the_place_of_a_value_is_no_loss_unless_it_is_empty() -> None:
    for default, expected in (("none", "Synced"), ("", "WouldShrink")):
        world = with_secret({**wanting(source={"default": default}), "onShrink": "Refuse"})
        lose(world, "user")
        world.pass_time()

        assert world.condition()[1] == expected


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([{"path": "app", "include": ["user"]}], id="include"),
        pytest.param([{"path": "app", "exclude": ["password", "region"]}], id="exclude"),
        pytest.param([{"path": "app", "include": ["user"], "rename": {"stripPrefix": "A_"}}], id="renamed"),
        pytest.param([], id="no entry"),
    ],
)
def test_what_an_author_takes_out_is_no_loss(entries: list[Any]) -> None:
    world = with_secret(whole())
    world.respecify(APP, whole(dataFrom=entries, keysMap={"user": {"path": "app", "key": "user"}}))
    world.settle()

    assert world.data() == {"user": "alice"}
    assert world.condition() == ("True", "Synced")
    assert of_shrinking(world) == []


def test_a_key_that_was_added_by_hand_is_repaired_and_never_becomes_permanent() -> None:
    world = with_secret(whole())
    world.edit_secret(**FULL, mine="made by hand")
    world.settle()
    assert world.data() == FULL
    assert world.events.told[-1].reason == "Restored"

    # The edit and a change of the source come together.
    world.edit_secret(**FULL, mine="made by hand")
    world.backend.put("app", {**FULL, "region": "us"})
    world.pass_time()
    assert world.data() == {**FULL, "region": "us"}
    assert of_shrinking(world) == []


def test_a_loss_that_comes_with_an_edit_by_hand_is_still_a_loss() -> None:
    world = with_secret(whole())
    world.edit_secret(**FULL, mine="made by hand")
    lose(world, "user")
    world.pass_time()

    data = world.data()
    assert data is not None
    assert data["user"] == "alice"
    assert "no longer give key 'user'," in message(world)


def test_a_key_that_was_added_while_no_daemon_ran_is_named_and_goes_when_it_is_taken_off() -> None:
    world = with_secret(whole())
    world.edit_secret(**FULL, mine="made by hand")
    world = world.restarted().start()
    assert "no longer give key 'mine'," in message(world)

    world.edit_secret(**FULL)
    world.settle()
    assert world.data() == FULL
    assert world.condition() == ("True", "Synced")


def test_a_secret_that_is_not_there_is_made_of_what_the_source_has() -> None:
    world = with_secret(whole())
    lose(world, "user")
    world.pass_time()
    world.delete(APP, SECRETS)
    world.settle()

    assert world.data() == {"password": "CANARY-1", "region": "eu"}
    assert world.condition() == ("True", "Synced")


def test_a_secret_of_others_that_is_taken_over_does_not_shrink() -> None:
    world = World()
    world.backend.put("app", FULL)
    world.make_secret(data={"other": "x"})
    world.define(spec=whole(), annotations={"secrets-manager.tuenti.io/adopt": "true"})
    world.start()

    assert world.data() == FULL
    assert of_shrinking(world) == []


def test_the_keys_of_another_secret_prove_nothing_about_this_one() -> None:
    world = with_secret(whole())
    marks = {"labels": {"app.kubernetes.io/managed-by": "secrets-manager"}}
    world.make_secret("other", {**FULL, "more": "x"}, metadata=marks)
    world.respecify(APP, {**whole(), "name": "other"})
    world.settle()

    assert world.condition() == ("False", "WouldShrink")
    assert "no longer give key 'more'," in message(world)


def test_many_and_long_names_make_no_long_message() -> None:
    world = World()
    many = {f"{number}{'k' * 250}": "x" for number in range(100, 200)}
    world.backend.put("app", {**many, "user": "alice"})
    world.define(spec=whole())
    world.start()
    world.backend.put("app", {"user": "alice"})
    world.pass_time()

    assert "and 97 more, and spec.onShrink is Refuse" in message(world)
    assert len(message(world)) <= 1024


def test_an_unknown_word_is_refused_and_nothing_is_lost() -> None:
    world = with_secret(whole("Refuse"))
    world.respecify(APP, whole("refuse"))
    world.settle()

    assert world.data() == FULL
    assert message(world) == "spec.onShrink is 'refuse'; it may be Warn, Refuse, Allow or absent"


def test_a_template_that_makes_nothing_any_more_is_a_loss() -> None:
    world = with_secret(
        {
            "name": "app",
            "onShrink": "Refuse",
            "inputs": {"user": {"path": "app", "key": "user"}},
            "template": {"line": "{{ user }}"},
        }
    )
    world.backend.put("app", {**FULL, "user": ""})
    world.pass_time()

    assert world.data() == {"line": "alice"}
    assert "the sources give an empty value for key 'line'" in message(world)


def test_another_name_of_the_secret_is_no_loss_and_the_old_one_goes_with_what_was_refused() -> None:
    world = with_secret(whole())
    lose(world, "region")
    world.pass_time()
    assert world.condition() == ("False", "WouldShrink")

    world.respecify(APP, whole(name="other"))
    world.settle()
    assert world.condition() == ("True", "Synced")
    assert (world.data("other"), world.data("app")) == ({"user": "alice", "password": "CANARY-1"}, None)
