"""What is no template is refused when it is read, with its line."""

from __future__ import annotations

import pytest

from secrets_manager.templates import vocabulary
from tests.unit.templates.words import CANARY, refusal, said

NOT_IN_THE_LANGUAGE = [
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block a %}{% endblock %}",
    "{% macro f(a) %}{% endmacro %}",
    "{% call f() %}{% endcall %}",
    "{% do f() %}",
    "{% autoescape true %}{% endautoescape %}",
    "{{ debug() }}",
    "{{ lipsum() }}",
    "{{ namespace(a=1) }}",
    "{{ cycler(1) }}",
    "{{ joiner() }}",
    "{{ dict(a=1) }}",
    "{{ now() }}",
    "{{ super() }}",
    "{{ self.a() }}",
    "{{ loop(a) }}",
    "{{ a | map('upper') }}",
    "{{ a | select('debug') }}",
    "{{ a | pprint }}",
    "{{ a | safe }}",
    "{{ a | random }}",
    "{% filter pprint %}{% endfilter %}",
    "{% set a | pprint %}{% endset %}",
    "{{ a is filter }}",
    "{{ a is not filter('x') }}",
    "{{ a.upper() }}",
    "{{ 'a'.format(b) }}",
    "{{ a['upper']() }}",
    "{{ (a)() }}",
    "{{ 'x' * 10 }}",
    "{{ 2 ** 9 }}",
    "{{ f(*a) }}",
    "{{ {a: 1} }}",
    "{{ {('a' ~ b): 1} }}",
    "{{ range }}",
    "{% for b in a %}{{ loop }}{% endfor %}",
    "{% for b in a %}{% set c = loop %}{{ c }}{% endfor %}",
    "{% for b in a %}{{ loop | string }}{% endfor %}",
    "{{ loop }}",
    "{{ a | upper.b }}",
]


@pytest.mark.parametrize("text", NOT_IN_THE_LANGUAGE)
def test_what_is_not_in_the_language_is_refused_with_its_line(text: str) -> None:
    said = refusal(f"a\n{{# {{{{ #}}\n{text}")

    assert said.startswith("spec.template[k], line 3: ")


@pytest.mark.parametrize(
    "text",
    [
        *("{{ a", "{{ 'a }}", "{% if a", "{# a", "{#}", "{% raw %}", "{{ (a }}", "{{ a) }}", "{{ [a} }}"),
        *("{% if a }}", "{{ é }}", "{{ a ; b }}", "{{ a b }}", "{% if a %}", "{% endif %}", "{{ }}", "{% %}"),
        *("{% for a %}{% endfor %}", "{{ 1 + }}", "{% set 1 = 2 %}", "{{ (a %} }}", "{{ a %}"),
    ],
)
def test_what_is_not_valid_is_refused(text: str) -> None:
    assert "line 2: " in refusal("\n" + text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{% raw %}{{ x }}{% include %}{% endraw %}", "{{ x }}{% include %}"),
        ("{%- raw -%} {{ x }} {%- endraw -%} a", "{{ x }}a"),
        ("{# {% include 'x' %} #}a", "a"),
        ("{{ '}}' ~ '%}' ~ \"{{\" ~ '\\'' }}", "}}%}{{'"),
        ("{{ {'a': {'b': 1}}['a']['b'] }}", "1"),
        ("a {{- 'b' -}} c", "abc"),
        ("{%+ if true -%} a {%- endif +%}\n", "a\n"),
        ("{% if true %}\na\n{% endif %}\n", "\na\n\n"),
        ("{{ 1 if true else 2 }}{{ 'x' if false }}", "1"),
        ("{{ false or (true and not (false)) }}{{ 1 in [1] }}{{ 1 not in (1, 2) }}", "TrueTrueFalse"),
        ("{{ '1' if (1 == 1) else (2) }}{{ none is none or (1) }}", "1True"),
        ("{{ [1, 2].0 }}{{ not true }}{{ -(1) }}", "1False-1"),
        ("}} %} #} { % } {", "}} %} #} { % } {"),
        ("%s %% %d", "%s %% %d"),
    ],
)
def test_tags_are_seen_where_jinja_sees_them(text: str, shown: str) -> None:
    assert said(text) == shown


def test_no_refusal_quotes_a_text_of_the_template() -> None:
    for text in (f"{{{{ '{CANARY}' b }}}}", f"{{{{ '{CANARY}", f"{{{{ 1 }}}}{{% include '{CANARY}' %}}"):
        assert CANARY not in refusal(text)


def test_a_word_that_is_refused_is_shown_up_to_a_length() -> None:
    assert len(refusal("{{ a | " + "x" * 5000 + " }}")) < 120


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("{{ " + "-" * 501 + "1 }}", "more than 500 words and signs"),
        ("{% if a %}" * 33 + "{% endif %}" * 33, "more than 32 blocks"),
        ("{{ " + "(" * 33 + "1" + ")" * 33 + " }}", "more than 32 brackets"),
        ("{% if a %}" + "{% elif a %}" * 101 + "{% endif %}", "more than 100 elif"),
        ("{% set b = [1] %}" + "{% set b = [b, b] %}" * 7, "made of others too often"),
        ("{% for b in [1] %}" + "{% for b in [b, b] %}" * 7 + "{% endfor %}" * 8, "made of others too often"),
        ("{% set b = 1 %}" + "{% set b = b, b %}" * 7, "made of others too often"),
        ("{% set b = 1 %}" + "{% set b = (b, b) %}" * 7, "made of others too often"),
        ("{% set b = 1 %}" + "{% set b = {'k': b, 'l': b} %}" * 7, "made of others too often"),
        ("{% set b = 1 %}" + "{% set b = x | d([b, b]) %}" * 7, "made of others too often"),
        ("{% set b = 1 %}" + "{% set b = x | d((b, b)) %}" * 7, "made of others too often"),
        ("{% with b = 1 %}" + "{% with b = b + b %}" * 7 + "{% endwith %}" * 8, "made of others too often"),
    ],
)
def test_size_and_depth_have_limits(text: str, limit: str) -> None:
    assert limit in refusal(text)


def test_the_words_of_the_language_are_known_to_minijinja() -> None:
    """An unknown filter or test is an error of its own, which each of them must not be."""
    for name in vocabulary.FILTERS - {"format"}:
        assert said(f"{{% if false %}}{{{{ a | {name} }}}}{{% endif %}}{{{{ '1' is defined }}}}") == "True"


def test_what_makes_no_lists_may_use_the_names_of_the_template_as_often_as_it_likes() -> None:
    steps = "{% set c = b[0] %}{% set c = '%s%s' | format(b, b) %}{% for k, b in m | items %}{% endfor %}"

    assert said("{% set b = 'x' %}" + steps * 9 + "{{ c }}", m={"k": "v"}) == "xx"
