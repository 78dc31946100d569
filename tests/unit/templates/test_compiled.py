"""Templates of a definition: what they say, and how they fail."""

from __future__ import annotations

import subprocess
import sys
import traceback
from typing import Any

import pytest

from secrets_manager.domain.errors import InvalidTemplate, TemplateFailed
from secrets_manager.templates import compile_templates
from tests.unit.templates.words import CANARY, failure, said

DB = {"host": "db", "password": "p/w", "port": 5432, "note": None, "items": "I", "hosts": ["a", "b"]}


def test_a_field_is_replaced_by_its_value_and_all_else_stays_as_written() -> None:
    assert said(" {{ user }}:{{db.password}}\r\n\n", user="u", db=DB) == " u:p/w\r\n\n"


def test_values_are_never_escaped_whatever_the_key_is_called() -> None:
    for key in ("x.html", "x.json", "x.yaml", "x.xml"):
        compiled = compile_templates({key: "{{ a }}{{ a | trim }}"})

        assert compiled.render({"a": "<&'\">"}) == {key: b"<&'\"><&'\">"}


def test_each_key_has_its_names_before_anything_is_read() -> None:
    compiled = compile_templates(
        {"a": "{{ user }}{{ db.x }}", "b": "{% for h in hosts %}{{ h }}{{ loop.index }}{% endfor %}", "c": ""}
    )

    assert compiled.names == {"a": {"user", "db"}, "b": {"hosts"}, "c": frozenset()}
    assert compile_templates({"a": "{{ data['a-b'] | upper }}"}).names["a"] == {"data"}


def test_functions_are_no_names() -> None:
    compiled = compile_templates({"a": "{{ range(3) | join }}{{ dockerconfig(r, 'u', 'p') }}"})

    assert compiled.names == {"a": {"r"}}


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("{{ nope }}", "'nope'"),
        ("{{ db.nope }}", "'db.nope'"),
        ("{{ db.nope.more }}", "'db.nope'"),
        ("{{ db['nope'] | upper }}", "'db.nope'"),
        ("{{ db.note }}", "'db.note'"),
        ("{{ db.host.more | upper }}", "'db.host.more'"),
        ("{{ db.host }}{{ nope | upper }}", "'nope'"),
    ],
)
def test_what_is_not_there_or_null_is_an_error_that_names_it(text: str, missing: str) -> None:
    assert failure("\n" + text, db=DB) == (
        f"spec.template[k], line 2: {missing} is not there, or null; the Secret stays as it is"
    )


def test_absence_can_be_asked_for_and_replaced() -> None:
    text = "{{ db.nope | default('d') }}{{ db.note is defined }}{% if db.host is defined %}y{% endif %}"

    assert said(text, db=DB) == "dFalsey"


def test_the_first_faulty_key_by_name_is_told() -> None:
    with pytest.raises(InvalidTemplate, match=r"^spec\.template\[a\], line 2: is not valid syntax$"):
        compile_templates({"b": "{% include 'x' %}", "a": "\n{{ 1 2 }}"})


def test_results_have_a_limit_together() -> None:
    compiled = compile_templates({"a": "{{ x }}", "b": "{{ x | trim }}"})

    assert len(compiled.render({"x": "x" * 50}, 100)) == 2
    with pytest.raises(TemplateFailed, match=r"\[b\]: is too long: 99 of 1048576 bytes"):
        compiled.render({"x": "x" * 50}, 99)


def test_texts_and_their_number_have_limits() -> None:
    with pytest.raises(InvalidTemplate, match="longer than 65536 letters together"):
        compile_templates({"a": "x" * 40_000, "b": "x" * 40_000})
    with pytest.raises(InvalidTemplate, match="more than 100 keys"):
        compile_templates({str(at): "" for at in range(101)})


def test_no_error_keeps_what_was_rendered() -> None:
    compiled = compile_templates({"a": "{{ x | fromjson }}", "b": "{{ x + 1 }}", "c": "{{ x | int }}"})
    for key in compiled.texts:
        with pytest.raises(TemplateFailed) as caught:
            compile_templates({key: compiled.texts[key]}).render({"x": CANARY})
        shown = "".join(traceback.format_exception(caught.value))

        assert CANARY not in shown
        assert caught.value.__cause__ is caught.value.__context__ is None


def test_nothing_of_the_templates_or_values_is_in_their_repr() -> None:
    assert CANARY not in repr(compile_templates({"a": CANARY + "{{ x }}"}))


def test_minijinja_is_loaded_when_a_template_needs_it_and_not_before() -> None:
    program = (
        "import sys; from secrets_manager.templates import compile_templates\n"
        "compile_templates({'a': 'x{{ y }}'}).render({'y': 'z'}); before = 'minijinja' in sys.modules\n"
        "compile_templates({'a': '{{ y|upper }}'}); sys.exit(before or 'minijinja' not in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_name_that_is_sliced_or_in_the_head_of_a_block_is_one_of_the_names() -> None:
    """MiniJinja 3.1 does not count them."""
    compiled = compile_templates(
        {
            "a": "{{ a[1:] }}{{ b.c[:2] }}",
            "d": "{% filter indent(d) %}{% endfilter %}",
            "e": "{{ e[1:] }}{% for e in f %}{{ e }}{% endfor %}",
        }
    )

    assert compiled.names["a"] | compiled.names["d"] == {"a", "b", "d"}
    assert compiled.wanted == {"a", "b", "d", "e", "f"}
    assert compiled.render({"a": "xy", "b": {"c": "abc"}, "d": 2, "e": "12", "f": "3"})["e"] == b"23"


def test_a_few_templates_of_a_definition_may_take_much_and_the_others_little() -> None:
    much = "{% for i in range(900) %}{{ i }}{% endfor %}"
    little = "{% for i in range(9) %}{{ i }}{% endfor %}"
    keys = [f"{at:02}" for at in range(20)]

    compiled = compile_templates({key: much if key < "08" else little for key in keys})
    assert set(compiled.render({})) == set(keys)
    with pytest.raises(
        TemplateFailed, match=r"\[08\]: is one more than 8 templates that take over 2000 steps"
    ):
        compile_templates({key: much if key < "09" else little for key in keys}).render({})


@pytest.mark.parametrize(
    "name", ["filter", "set", "with", "for", "include", "block", "call", "super", "recursive"]
)
def test_a_word_of_a_statement_may_be_the_name_of_a_value(name: str) -> None:
    assert said(f"{{{{ {name} }}}}{{{{ {name} | upper }}}}", **{name: "v"}) == "vV"


def test_a_word_of_the_syntax_is_had_from_the_map_of_all() -> None:
    assert (
        said(
            "{{ data['range'] }}{{ data['if'] }}{{ data.loop }}", data={"range": "a", "if": "b", "loop": "c"}
        )
        == "abc"
    )


def test_operators_are_no_names() -> None:
    assert compile_templates({"k": "{{ a and b or not c in d if e is none else f }}"}).names["k"] == set(
        "abcdef"
    )


def test_text_and_fields_that_are_too_long_are_never_made() -> None:
    compiled = compile_templates({"a": "x", "b": "{{ a }}" * 9_000})

    with pytest.raises(TemplateFailed, match=r"\[b\]: is too long: 1048576 of 1048576 bytes are left"):
        compiled.render({"a": "a" * 2**20})


@pytest.mark.parametrize("value", ["plain", "{{", "", 1, True, None, ["a"], {"b": 1}])
def test_a_field_as_text_is_the_same_whether_minijinja_renders_it_or_not(value: object) -> None:
    alone, beside = (compile_templates({"k": text}) for text in ("{{ a | text }}", "{{ a | text }}{{ '' }}"))

    assert outcome(alone, {"a": value}) == outcome(beside, {"a": value})


def outcome(templates: Any, values: dict[str, object]) -> object:
    try:
        return templates.render(values)
    except TemplateFailed as failed:
        return str(failed)
