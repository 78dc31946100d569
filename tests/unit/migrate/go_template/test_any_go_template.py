"""Any text is translated to a template of ours, or refused, in a time that its length bounds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.migrate.go_template import (
    EXTERNAL_SECRETS,
    EXTERNAL_SECRETS_V1,
    VAULT_SECRET,
    VAULT_SECRETS_OPERATOR,
    Dialect,
    NotTranslatable,
    Translated,
    translate,
)
from secrets_manager.templates import compile_templates
from tests.unit.migrate.go_template.strategies import NONSENSE, SOUND_TEMPLATES, TEMPLATES

_DIALECTS = st.sampled_from([EXTERNAL_SECRETS, EXTERNAL_SECRETS_V1, VAULT_SECRET, VAULT_SECRETS_OPERATOR])


def outcome(text: str, dialect: Dialect) -> Translated | NotTranslatable:
    """What a text becomes, or why it cannot."""
    try:
        return translate(text, dialect)
    except NotTranslatable as refused:
        return refused


@given(TEMPLATES | SOUND_TEMPLATES | NONSENSE, _DIALECTS)
def test_it_is_a_template_of_ours_or_refused_at_a_place_that_is_there(text: str, dialect: Dialect) -> None:
    translated = outcome(text, dialect)

    if isinstance(translated, NotTranslatable):
        lines = text.split("\n")
        assert 1 <= translated.line <= len(lines)
        assert 1 <= translated.column <= len(lines[translated.line - 1]) + 1
        assert len(translated.what) < 60
        return
    compiled = compile_templates({"k": translated.source})
    assert compiled.names["k"] <= translated.names | {"data"}
    assert translated == translate(text, dialect)


@given(st.text(st.sampled_from(list("a \n{}%#-")), max_size=20))
def test_text_outside_of_actions_is_printed_as_it_is(text: str) -> None:
    template = re.sub(r"\{+", "{", text).rstrip("{")
    made = translate(template + "{{ `` }}" + template, EXTERNAL_SECRETS).source

    assert compile_templates({"k": made}).render({})["k"].decode() == template * 2


_LONG = 60_000


@pytest.mark.parametrize(
    "text",
    [
        "{{" + "(" * _LONG,
        "{{ " + "(" * 5000 + ".a" + ")" * 5000 + " }}",
        "{{ if .a }}" * 20_000,
        "{{ if .a }}{{ else if .b }}" + "{{ else if .c }}" * 10_000 + "{{ end }}",
        "{{ .a" + " | upper" * 20_000 + " }}",
        "{{ .a" + ' | trimSuffix "a"' * 1000 + " }}",
        "{{ .a" + ".b" * _LONG + " }}",
        "{{ eq .a" + " .b" * _LONG + " }}",
        "{{ list " + "(list " * 40 + ")" * 40 + " }}",
        "{{ $a := 1 }}" * 10_000 + "{{ if $a }}{{ end }}" * 5000,
        "{{ range splitList `,` .a }}{{ . }}{{ end }}" * 5000,
        "{{" * _LONG,
        "{{/*" * _LONG,
        '{{ "' + "\\" * _LONG,
        "{{ " + " " * _LONG + "-",
        "{{ .a }}" * 200_000,
        "{{/* c */}}" * 20_000,
        "{{ " + "9" * _LONG + " }}",
        " " * _LONG + "{{- " * 5000,
    ],
)
def test_a_text_that_is_large_or_deep_is_refused_or_done_at_once(text: str) -> None:
    made = outcome(text, EXTERNAL_SECRETS)

    assert isinstance(made, NotTranslatable) or len(made.source) <= len(text)
