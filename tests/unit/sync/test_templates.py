"""`template` and `inputs`: keys of the Secret that are rendered from what was read."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import Json
from secrets_manager.domain.checks import MAX_SECRET_BYTES
from secrets_manager.domain.definition import Ref
from secrets_manager.sync import template_cache
from secrets_manager.templates import compile_templates
from tests.unit.sync.world import NOTHING, TEAM, World, wanting

APP = Ref(TEAM, "app")
USER = {"USER": {"path": "app", "key": "user"}}


def rendering(template: Json | None = None, **spec: Any) -> Json:
    """A spec with these templates and USER, unless told otherwise."""
    return {"name": "app", "keysMap": USER, "template": template or {}, **spec}


def start(spec: Json, **paths: dict[str, Any]) -> World:
    world = World()
    world.backend.put("app", {"user": "alice"})
    for path, values in paths.items():
        world.backend.put(path, values)
    world.define(spec=spec)
    return world.start()


def message(world: World) -> str:
    text: str = world.status()["conditions"][0]["message"]
    return text


def test_templates_have_the_names_of_inputs_keysmap_and_whole_paths() -> None:
    spec = rendering(
        {"url": "{{ scheme }}://{{ USER }}:{{ db.password }}@{{ HOST }}/{{ data['odd-key'] }}"},
        inputs={"db": {"path": "db"}, "scheme": {"path": "db", "key": "scheme"}},
        dataFrom=[{"path": "more"}],
    )
    world = start(spec, db={"password": "p", "scheme": "postgres"}, more={"HOST": "h", "odd-key": "o"})

    assert world.condition() == ("True", "Synced")
    assert world.data() == {
        "USER": "alice",
        "HOST": "h",
        "odd-key": "o",
        "url": "postgres://alice:p@h/o",
    }
    assert [each["path"] for each in world.status()["sources"]] == ["app", "more", "db"]


def test_inputs_are_read_once_polled_and_never_written() -> None:
    spec = rendering({"pw": "{{ db.password }}"}, keysMap=None, inputs={"db": {"path": "db"}})
    del spec["keysMap"]
    world = start(spec, db={"password": "one", "other": "x"})
    assert world.data() == {"pw": "one"}

    with world.spending() as spent:
        world.pass_time()
    assert (spent.calls, spent.reads) == (NOTHING.calls, 1)

    world.backend.put("db", {"password": "two", "other": "x"})
    world.pass_time()
    assert world.data() == {"pw": "two"}

    with world.spending() as spent:
        world.backend.put("db", {"password": "two", "other": "y"})
        world.pass_time()
    # The status names the version that was read; the Secret is what it was.
    assert spent.calls == {"update secretdefinitions/status": 1}


def test_a_template_wins_over_keysmap_and_whole_paths_and_may_use_what_it_replaces() -> None:
    spec = rendering(
        {"USER": "{{ USER | upper }}", "HOST": "{{ HOST }}.local"},
        dataFrom=[{"path": "more"}, {"path": "db"}],
    )
    world = start(spec, more={"HOST": "h", "USER": "bob"}, db={"HOST": "g"})

    assert world.data() == {"USER": "ALICE", "HOST": "g.local"}
    assert world.status()["overridden"] == [
        {"key": "HOST", "source": "dataFrom[0]", "by": "template"},
        {"key": "HOST", "source": "dataFrom[1]", "by": "template"},
        {"key": "USER", "source": "dataFrom[0]", "by": "template"},
        {"key": "USER", "source": "keysMap", "by": "template"},
    ]


def test_an_input_comes_as_what_it_is_and_a_key_as_its_text() -> None:
    spec = rendering(
        {"out": "{{ port + 1 }} {{ flags | join('-') }} {{ deep.a.b }} {{ PORT ~ 1 }}"},
        keysMap=None,
        dataFrom=[{"path": "more"}],
        inputs={
            "port": {"path": "db", "key": "port"},
            "flags": {"path": "db", "key": "flags"},
            "deep": {"path": "db", "key": "deep"},
        },
    )
    del spec["keysMap"]
    world = start(spec, db={"port": 5432, "flags": ["x", "y"], "deep": {"a": {"b": "c"}}}, more={"PORT": 1})

    assert (world.data() or {})["out"] == "5433 x-y c 11"


@pytest.mark.parametrize("lose", [MemoryBackend.soft_delete, MemoryBackend.destroy, MemoryBackend.delete])
def test_an_optional_input_is_not_defined_and_a_default_takes_its_place(lose: Any) -> None:
    spec = rendering(
        {"out": "{{ USER }}{% if extra is defined %} {{ extra.a }}{% endif %} {{ region }}"},
        inputs={
            "extra": {"path": "extra", "optional": True},
            "region": {"path": "extra", "key": "region", "default": "eu"},
        },
    )
    world = start(spec)
    assert (world.data() or {})["out"] == "alice eu"

    world.backend.put("extra", {"a": "more", "region": "us"})
    world.pass_time()
    assert (world.data() or {})["out"] == "alice more us"

    lose(world.backend, "extra")
    world.pass_time()
    assert (world.data() or {})["out"] == "alice eu"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ USER", "spec.template[out]"),
        ("line one\n{% if USER %}", "spec.template[out]"),
        ("{% include 'x' %}", "spec.template[out]"),
        ("{{ NOBODY }}", "NOBODY"),
    ],
)
def test_a_template_that_can_never_work_is_told_before_anything_is_read(template: str, told: str) -> None:
    world = start(rendering({"out": template}))

    assert world.condition() == ("False", "InvalidTemplate")
    assert told in message(world)
    assert world.backend.reads() == 0
    assert world.secret() is None


@pytest.mark.parametrize(
    "template",
    [
        "{{ USER.missing.deeper }}",
        "{{ USER | b64decode }}{{ USER + 1 }}",
        "{{ USER | indent(100000) }}{{ USER | int }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}.{% endfor %}{% endfor %}",
        "{{ db.nothing }}",
    ],
)
def test_a_template_that_fails_on_the_values_leaves_the_last_good_secret(template: str) -> None:
    world = start(rendering({"out": "{{ USER }}"}, inputs={"db": {"path": "app"}}))
    world.backend.put("app", {"user": "canary"})
    world.respecify(APP, rendering({"out": template}, inputs={"db": {"path": "app"}}))
    world.settle()

    assert world.condition() == ("False", "TemplateFailed")
    assert "spec.template[out]" in message(world)
    assert "canary" not in f"{world.definition()} {world.events} {world.outcomes}"
    assert world.data() == {"USER": "alice", "out": "alice"}


def test_what_is_rendered_counts_with_everything_else_that_the_secret_holds() -> None:
    half = "x" * (MAX_SECRET_BYTES // 2)
    world = start(
        rendering({"copy": "{{ BIG }}", "more": "y"}, keysMap={"BIG": {"path": "db", "key": "big"}}),
        db={"big": half},
    )

    assert world.condition()[0] == "False"
    assert "too long: 524288 of 1048576 bytes are left" in message(world)
    assert world.secret() is None


def test_inputs_may_have_as_much_as_a_secret_holds_and_no_more() -> None:
    inputs = {name: {"path": "db", "key": "big"} for name in ("one", "two", "three")}
    spec = rendering({"out": "{{ one | length }}"}, inputs=inputs)
    world = start(spec, db={"big": "x" * (MAX_SECRET_BYTES // 3 + 1)})
    assert world.condition() == ("False", "TooLarge")
    assert "spec.inputs" in message(world)

    world.backend.put("db", {"big": "x" * (MAX_SECRET_BYTES // 3)})
    world.pass_time()
    assert (world.data() or {})["out"] == str(MAX_SECRET_BYTES // 3)


def test_a_binary_value_can_be_encoded_and_never_printed() -> None:
    keys = {"BIN": {"path": "db", "key": "bin", "encoding": "base64"}}
    world = start(rendering({"out": "{{ BIN | b64encode }}"}, keysMap=keys), db={"bin": "/wA="})
    secret = world.secret()
    assert secret is not None
    assert secret["data"] == {"BIN": "/wA=", "out": "L3dBPQ=="}

    world.respecify(APP, rendering({"out": "{{ BIN }}"}, keysMap=keys))
    world.settle()
    assert world.condition() == ("False", "TemplateFailed")


def test_types_and_checks_see_what_was_rendered() -> None:
    dockerconfig = "{{ dockerconfig('registry.test', USER, 'canary') }}"
    spec = rendering({".dockerconfigjson": dockerconfig}, keysMap=None, checks={".dockerconfigjson": "json"})
    spec.update(type="kubernetes.io/dockerconfigjson", inputs={"USER": {"path": "app", "key": "user"}})
    del spec["keysMap"]
    world = start(spec)
    assert world.condition() == ("True", "Synced")

    spec["template"] = {".dockerconfigjson": "{{ USER }}"}
    world.respecify(APP, spec)
    world.settle()
    assert world.condition() == ("False", "InvalidForType")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"inputs": {"data": {"path": "app"}}}, "spec.inputs has 'data'"),
        ({"inputs": {"user": {"path": "app"}}}, "spec.inputs has 'user', which is a key of spec.keysMap"),
        ({"inputs": {"": {"path": "app"}}}, "spec.inputs has a name of 0 characters"),
        ({"inputs": {"x" * 254: {"path": "app"}}}, "spec.inputs has a name of 254 characters"),
        ({"inputs": {"db": {"path": "app", "default": "x"}}}, "spec.inputs[db] has a default and no key"),
        ({"inputs": {"db": {"key": "x"}}}, "spec.inputs[db].path is missing, not a string"),
        ({"inputs": {"db": "app"}}, "spec.inputs[db] is a string, not a map"),
        ({"inputs": []}, "spec.inputs is a list, not a map"),
        ({"template": []}, "spec.template is a list, not a map"),
        ({"template": {"a": 3}}, "spec.template[a] is a number, not a string"),
        ({"template": {"a/b": ""}}, "spec.template has key 'a/b', which is not a valid data key"),
        ({"checks": {"x": "json"}}, "spec.checks names 'x'"),
    ],
)
def test_a_spec_that_means_nothing_names_the_field(change: Json, told: str) -> None:
    world = start({**wanting(), **change})

    assert world.condition()[1] in ("InvalidSpec", "InvalidKey")
    assert told in message(world)


def test_a_restart_and_a_period_write_nothing_and_equal_readings_give_equal_bytes() -> None:
    template = {"out": "{% for key in data %}{{ key }}={{ data[key] }} {% endfor %}{{ db | tojson }}"}
    spec = rendering(template, dataFrom=[{"path": "more"}], inputs={"db": {"path": "more"}})
    world = start(spec, more={"b": "2", "a": "1", "c": {"y": 1, "x": 2}})
    before = world.data()
    world.backend.put("more", {"c": {"x": 2, "y": 1}, "a": "1", "b": "2"})
    world.pass_time()
    assert world.data() == before

    with world.spending() as spent:
        world.restarted().start()
    assert spent.calls == NOTHING.calls


def test_a_definition_that_loses_its_templates_loses_their_keys() -> None:
    world = start(rendering({"out": "{{ USER }}"}))
    world.respecify(APP, {**rendering(), "template": None})
    world.settle()

    assert world.data() == {"USER": "alice"}
    assert not world.workforce.reconciler._gatherer._templates._known


@pytest.mark.parametrize("template", ["{{ USER | upper }}", "{{ USER", "{{ NOBODY }}"])
def test_a_template_is_parsed_once_however_often_the_definition_is_annotated(
    template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[Any] = []

    def parse(texts: Any) -> Any:
        parsed.append(texts)
        return compile_templates(texts)

    monkeypatch.setattr(template_cache, "compile_templates", parse)
    world = start(rendering({"out": template}))
    before = world.condition()
    for number in range(10):
        world.annotate(APP, sync=str(number))
        world.settle()
        world.pass_time(60)

    assert world.condition() == before
    assert len(parsed) == 1

    world.respecify(APP, rendering({"out": "{{ USER }}"}))
    world.settle()
    assert world.data() == {"USER": "alice", "out": "alice"}
    assert len(parsed) == 2
