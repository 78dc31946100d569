"""`dataFrom`: whole paths, of which the keys are known only once they were read."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import Json
from secrets_manager.domain.checks import MAX_SECRET_BYTES
from secrets_manager.domain.definition import Ref
from tests.unit.sync.world import NOTHING, TEAM, World, wanting

APP = Ref(TEAM, "app")


def whole(*entries: Json, **spec: Any) -> Json:
    """A spec with these whole paths."""
    return {"name": "app", "dataFrom": list(entries), **spec}


def start(spec: Json, **paths: dict[str, Any]) -> World:
    world = World()
    for path, values in paths.items():
        world.backend.put(path, values)
    world.define(spec=spec)
    return world.start()


def test_each_key_of_the_path_becomes_a_key_of_the_secret() -> None:
    values = {"USER": "alice", "PORT": 5432, "TLS": True, "HOSTS": ["a", "b"], "MORE": {"b": 1, "a": "ü"}}
    world = start(whole({"path": "app"}), app={**values, "NULL": None, "EMPTY": ""})

    assert world.data() == {
        "USER": "alice",
        "PORT": "5432",
        "TLS": "true",
        "HOSTS": '["a","b"]',
        "MORE": '{"a":"ü","b":1}',
        "EMPTY": "",
    }
    assert world.condition() == ("True", "Synced")
    assert world.status()["sources"] == [{"path": "app", "version": "1"}]
    assert "overridden" not in world.status()


def test_keys_come_and_go_with_the_path_for_one_read_a_period() -> None:
    world = start(whole({"path": "app"}), app={"a": "1", "b": "2"})
    world.backend.put("app", {"b": "2", "c": "3"})
    world.pass_time()
    assert world.data() == {"b": "2", "c": "3"}

    with world.spending() as spent:
        world.pass_time()
    assert (spent.calls, spent.reads) == (NOTHING.calls, 1)


def test_a_later_path_wins_over_an_earlier_one_and_keysmap_over_both_and_the_status_says_so() -> None:
    keys = {"HOST": {"path": "own", "key": "host"}, "LEFT_OUT": {"path": "own", "key": "x", "optional": True}}
    world = start(
        whole({"path": "base"}, {"path": "stage"}, keysMap=keys),
        base={"HOST": "base", "USER": "base", "PORT": "1", "LEFT_OUT": "base"},
        stage={"HOST": "stage", "USER": "stage"},
        own={"host": "own"},
    )

    assert world.data() == {"HOST": "own", "USER": "stage", "PORT": "1", "LEFT_OUT": "base"}
    assert world.status()["overridden"] == [
        {"key": "HOST", "source": "dataFrom[0]", "by": "keysMap"},
        {"key": "HOST", "source": "dataFrom[1]", "by": "keysMap"},
        {"key": "USER", "source": "dataFrom[0]", "by": "dataFrom[1]"},
    ]
    with world.spending() as spent:
        world.pass_time(30)
        world.restarted().start()
    assert spent.calls == NOTHING.calls

    world.backend.put("stage", {"HOST": "stage"})
    world.pass_time()
    assert [each["key"] for each in world.status()["overridden"]] == ["HOST", "HOST"]


def test_one_path_may_be_taken_twice_with_other_names() -> None:
    world = start(
        whole(
            {"path": "db", "include": ["DB_*"], "rename": {"stripPrefix": "DB_", "addPrefix": "PG_"}},
            {"path": "/db", "exclude": ["*_OLD"], "rename": {"case": "lower", "invalid": "-"}},
        ),
        db={"DB_HOST": "h", "DB_USER_OLD": "u", "odd key": "o"},
    )

    assert world.data() == {"PG_HOST": "h", "PG_USER_OLD": "u", "db_host": "h", "odd-key": "o"}
    assert world.backend.reads("db") == 1


@pytest.mark.parametrize(
    ("values", "reason", "told"),
    [
        ({"a b": "1"}, "InvalidKey", "path 'app' has key 'a b', which is not a valid data key"),
        ({"..": "1"}, "InvalidKey", "has key '..'"),
        ({}, "NothingSelected", "path 'app' has no key"),
        ({"x": None}, "NothingSelected", "path 'app' has no key"),
        ({"a": "x" * MAX_SECRET_BYTES, "b": "y"}, "TooLarge", "data key 'b'"),
        ({f"k{number}": "" for number in range(16_385)}, "SourceTooLarge", "more than 16384 keys"),
        ({"a": {"deep": [[[[]]]] * 300_000}}, "TooLarge", "data key 'a'"),
    ],
    ids=["bad letter", "dots", "empty", "only null", "too large", "too many keys", "a huge list"],
)
def test_a_path_that_cannot_be_written_leaves_the_last_good_secret(
    values: dict[str, Any], reason: str, told: str
) -> None:
    world = start(whole({"path": "app"}), app={"a": "good"})
    world.backend.put("app", values)
    world.pass_time()

    assert world.condition() == ("False", reason)
    assert told in world.status()["conditions"][0]["message"]
    assert world.data() == {"a": "good"}


def test_keys_that_collide_are_both_named_and_nothing_is_written() -> None:
    entry = {"path": "app", "rename": {"case": "upper"}}
    world = start(whole(entry), app={"host": "1", "HOST": "2"})

    assert world.condition() == ("False", "InvalidKey")
    assert "keys 'HOST' and 'host'" in world.status()["conditions"][0]["message"]
    assert world.secret() is None


def test_a_whole_path_of_thousands_of_keys_is_written() -> None:
    world = start(whole({"path": "app"}), app={f"k{number}": str(number) for number in range(5000)})

    assert len(world.data() or {}) == 5000


def test_values_that_are_overridden_do_not_count_as_what_the_secret_holds() -> None:
    half = "x" * (MAX_SECRET_BYTES // 2)
    world = start(
        whole({"path": "a"}, {"path": "b"}, {"path": "c"}, keysMap={"X": {"path": "d", "key": "X"}}),
        a={"X": half, "Y": half},
        b={"X": half},
        c={"X": half, "Y": half},
        d={"X": half},
    )

    assert world.condition() == ("True", "Synced")


@pytest.mark.parametrize("lose", [MemoryBackend.soft_delete, MemoryBackend.destroy, MemoryBackend.delete])
def test_an_optional_path_may_go_and_come_and_any_other_may_not(lose: Any) -> None:
    entries = ({"path": "base"}, {"path": "extra", "optional": True})
    world = start(whole(*entries), base={"a": "1"})
    assert world.data() == {"a": "1"}

    world.backend.put("extra", {"b": "2"})
    world.pass_time()
    assert world.data() == {"a": "1", "b": "2"}

    lose(world.backend, "extra")
    world.pass_time()
    assert world.data() == {"a": "1"}

    lose(world.backend, "base")
    world.pass_time()
    assert world.condition()[0] == "False"
    assert world.data() == {"a": "1"}


def test_a_path_of_which_one_key_is_needed_may_not_be_absent() -> None:
    entry = {"path": "app", "optional": True}
    world = start(whole(entry, keysMap={"a": {"path": "app", "key": "a"}}))

    assert world.condition() == ("False", "SourceNotFound")


def test_a_check_holds_for_keys_of_whole_paths_and_one_that_went_fails_it() -> None:
    world = start(whole({"path": "app"}, checks={"a": "nonEmpty"}), app={"a": "1"})
    for values in ({"a": ""}, {"b": "2"}):
        world.backend.put("app", values)
        world.pass_time()
        assert world.condition() == ("False", "CheckFailed")
        assert world.data() == {"a": "1"}


def test_a_type_gets_its_keys_from_a_whole_path() -> None:
    spec = whole({"path": "app"}, type="kubernetes.io/tls")
    world = start(spec, app={"tls.crt": "c", "tls.key": "k", "note": "n"})
    assert world.condition() == ("True", "Synced")

    world.backend.put("app", {"tls.crt": "c"})
    world.pass_time()
    assert world.condition() == ("False", "InvalidForType")


def test_faults_of_whole_paths_are_counted_with_a_star_for_a_key() -> None:
    world = start(whole({"path": "app"}, {"path": "other"}), app={"a b": "1"}, other={"a": "1"})
    assert world.telemetry.failed_keys == [("app", "*", "InvalidKey")]

    world.backend.delete("other")
    world.pass_time()
    assert world.telemetry.failed_keys[-1] == ("other", "*", "SourceNotFound")


def test_no_value_of_a_whole_path_shows_in_a_condition_or_an_event() -> None:
    world = start(whole({"path": "app"}, checks={"a": "pem"}), app={"a": "canary", "b": ["canary"]})

    assert world.condition() == ("False", "CheckFailed")
    assert "canary" not in f"{world.definition()} {world.events} {world.outcomes}"


def test_a_definition_needs_keysmap_or_something_in_its_place() -> None:
    world = start({"name": "app", "dataFrom": []})
    assert world.condition() == ("False", "InvalidSpec")
    assert world.status()["conditions"][0]["message"] == "spec.keysMap is missing, not a map"

    world.respecify(APP, {**wanting(), "dataFrom": [{"path": "app", "include": ["*"] * 65}]})
    world.settle()
    assert world.status()["conditions"][0]["message"] == (
        "spec.dataFrom[0].include has 65 entries, more than 64"
    )


def test_keys_that_would_be_compared_with_patterns_for_minutes_are_refused_before_the_first_one() -> None:
    entries = [{"path": "app", "exclude": ["*" + "?" * 100 + letter for letter in "abcdefgh"]}] * 64
    world = start(whole(*entries), app={f"{number:0200}": "v" for number in range(500)})

    assert world.condition() == ("False", "SourceTooLarge")
    assert world.status()["conditions"][0]["message"] == (
        "path 'app' takes more than 268435456 comparisons with include and exclude"
    )

    world.respecify(APP, whole(*entries[:2]))
    world.settle()
    assert world.condition() == ("True", "Synced")


def test_many_keys_and_many_usual_patterns_are_compared() -> None:
    entries = [{"path": "app", "include": ["DB_*", "MAIL_*"], "exclude": ["*_OLD", "*_TMP"]}] * 10
    world = start(whole(*entries), app={f"DB_SETTING_{number}": "v" for number in range(3000)})

    assert world.condition() == ("True", "Synced")
    assert len(world.data() or {}) == 3000


def test_patterns_of_a_definition_are_bounded_together() -> None:
    entries = [{"path": "app", "include": ["x" * 253] * 64}] * 5
    world = start(whole(*entries), app={"a": "1"})

    assert world.condition() == ("False", "InvalidSpec")
    assert world.status()["conditions"][0]["message"] == (
        "spec.dataFrom has patterns of 80960 characters together, more than 65536"
    )


def test_keys_that_whole_paths_take_and_others_replace_have_a_bound_together() -> None:
    values = {f"k{number}": "v" for number in range(8193)}
    world = start(whole(*[{"path": "app"}] * 4), app=values)

    assert world.condition() == ("False", "SourceTooLarge")
    assert world.status()["conditions"][0]["message"] == (
        "path 'app' holds more than 32768 keys, with those of the other whole paths"
    )

    world.backend.put("app", dict.fromkeys(list(values)[:-1], "v"))
    world.pass_time()
    assert world.condition() == ("True", "Synced")
    assert len(world.data() or {}) == 8192


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (None, "spec.dataFrom[0] is missing, not a map"),
        ("app", "spec.dataFrom[0] is a string, not a map"),
        ({}, "spec.dataFrom[0].path is missing, not a string"),
        ({"path": "app", "include": "*"}, "spec.dataFrom[0].include is a string, not a list"),
        ({"path": "app", "include": ["a", 3]}, "spec.dataFrom[0].include[1] is a number, not a string"),
        (
            {"path": "app", "exclude": ["x" * 254]},
            "spec.dataFrom[0].exclude[0] has 254 characters, more than 253",
        ),
        ({"path": "app", "rename": []}, "spec.dataFrom[0].rename is a list, not a map"),
        (
            {"path": "app", "rename": {"addPrefix": 1}},
            "spec.dataFrom[0].rename.addPrefix is a number, not a string",
        ),
        ({"path": "app", "rename": {"case": "Title"}}, "rename.case is 'Title'; it may be upper, lower"),
        ({"path": "app", "optional": "yes"}, "spec.dataFrom[0].optional is a string, not a bool"),
    ],
)
def test_a_wrong_entry_is_named_by_its_place_and_type(entry: Any, told: str) -> None:
    world = start(whole(entry))

    assert world.condition() == ("False", "InvalidSpec")
    assert told in world.status()["conditions"][0]["message"]
