"""A Go template and what it is translated to make the same, by Go's own engine and by the daemon's.

Where they do not, a note of the translation says so, and of the very case.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain.errors import TemplateFailed
from secrets_manager.migrate.go_template import (
    EXTERNAL_SECRETS,
    EXTERNAL_SECRETS_V1,
    VAULT_SECRET,
    VAULT_SECRETS_OPERATOR,
    NotTranslatable,
    notes,
    translate,
)
from secrets_manager.migrate.go_template.functions import REFUSED, TABLES
from secrets_manager.templates import compile_templates
from tests.testbed.go_templates_asked import GoTemplates, go_templates
from tests.unit.migrate.go_template import real
from tests.unit.migrate.go_template.strategies import FULL_VALUES, SOUND_TEMPLATES, TEMPLATES, VALUES

Values = Mapping[str, Any]


@pytest.fixture(scope="module")
def go() -> Iterator[GoTemplates]:
    with go_templates() as program:
        yield program


def ours(source: str, values: Values) -> str | None:
    """What the daemon makes of a template, None where it fails."""
    try:
        return compile_templates({"k": source}).render({**values, "data": dict(values)})["k"].decode()
    except TemplateFailed:
        return None


def letters(value: object) -> Iterator[str]:
    """All letters of the texts in a value."""
    if isinstance(value, Mapping):
        for part in (*value, *value.values()):
            yield from letters(part)
    elif isinstance(value, str):
        yield from value


def holds_no_text(value: object) -> bool:
    """Whether something in it is neither a text, nor a list or map of such."""
    if isinstance(value, dict):
        return any(map(holds_no_text, value.values()))
    return any(map(holds_no_text, value)) if isinstance(value, list) else not isinstance(value, str)


def parsed(values: Values) -> list[Any]:
    """What the values are as JSON, as far as they are JSON."""
    found: list[Any] = []
    for value in values.values():
        try:
            found.append(json.loads(value) if isinstance(value, str) else value)
        except ValueError:
            continue
    return found


class Case:
    """A template with its values, and what both engines made: None where they failed."""

    def __init__(self, template: str, values: Values, by_go: str | None, by_us: str | None) -> None:
        self.template = template
        self.values = values
        self.by_go = by_go
        self.by_us = by_us
        self.lacks_a_key = False

    @property
    def fails_here(self) -> bool:
        """Whether ours alone fails."""
        return self.by_us is None

    def has(self, test: Callable[[str], bool]) -> bool:
        """Whether a letter of template or values is such."""
        return any(map(test, [*self.template, *letters(self.values)]))


# When a note excuses a difference.
EXCUSES: dict[str, Callable[[Case], bool]] = {
    notes.NO_ENTRY: lambda case: case.fails_here,
    notes.EMPTY_ENTRY: lambda case: case.lacks_a_key,
    notes.LAZY: lambda case: case.by_go is None,
    notes.OUT_OF_JSON: lambda case: (
        case.fails_here
        or case.by_go is None
        or any(map(holds_no_text, [*parsed(case.values), *case.values.values()]))
    ),
    notes.TAKEN_FOR_A_LIST: lambda case: any(isinstance(value, dict) for value in parsed(case.values)),
    notes.TAKEN_FOR_A_MAP: lambda case: case.fails_here,
    notes.BAD_JSON: lambda case: case.fails_here,
    notes.BAD_BASE64: lambda case: case.fails_here or case.has(str.isspace),
    notes.SPACES_IN_BASE64: lambda case: case.fails_here or case.has(str.isspace),
    notes.CASE: lambda case: case.has(lambda letter: not letter.isascii()),
    notes.LETTERS: lambda case: case.has(lambda letter: not letter.isascii()),
    notes.QUOTED: lambda case: case.has(lambda letter: not letter.isprintable()) or "\\" in case.template,
    notes.YAML: lambda case: yaml.safe_load(case.by_go or "") == yaml.safe_load(case.by_us or ""),
    notes.ALL_NAMES: lambda case: False,
    notes.EMPTY_LIST: lambda case: case.fails_here or "null" in (case.by_go or ""),
    notes.RAW_JSON: lambda case: case.has(lambda letter: letter in "\u2028\u2029"),
}
MODES = {
    "sprig": EXTERNAL_SECRETS,
    "bytes": EXTERNAL_SECRETS_V1,
    "any": VAULT_SECRETS_OPERATOR,
    "plain": VAULT_SECRET,
}


def compare(
    go: GoTemplates,
    template: str,
    values: Values,
    mode: str = "sprig",
    delims: tuple[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
) -> str:
    """How it went: equal, failed, noted or refused. Fails for a difference that no note speaks of."""
    dialect = replace(MODES[mode], texts=texts or {}, delims=delims or MODES[mode].delims)
    rendered = go.render(template, values, mode, dialect.delims)
    try:
        translated = translate(template, dialect)
    except NotTranslatable:
        return "refused"
    made = ours(translated.source, values)
    assert rendered.parsed, (template, translated.source, rendered.error)
    if made == rendered.output:
        return "equal" if made is not None else "failed"
    # Letters that are escaped in the one are seen in the other.
    case = Case(template + translated.source, values, rendered.output, made)
    case.lacks_a_key = not translated.names <= set(values)
    assert any(EXCUSES[note](case) for note in translated.notes), (
        template,
        translated,
        values,
        rendered,
        made,
    )
    return "noted"


def test_every_note_has_a_case_that_it_is_tested_by() -> None:
    said = {value for name, value in vars(notes).items() if name.isupper()}

    assert said == set(EXCUSES)


@pytest.mark.parametrize("kind", real.REAL)
def test_a_template_such_as_people_have_makes_the_same(kind: str, go: GoTemplates) -> None:
    values = dict.fromkeys(real.NAMES, "a,b") | {
        "json": '{"user":"u","db":{"host":"h"},"hosts":["x","y"]}',
        "password": "p/w&1 <+>\"'",
        "key": "c2hvcA==",
    }

    assert compare(go, real.REAL[kind], values) == "equal"


@given(st.sampled_from(sorted(real.REAL)), real.VALUES)
def test_it_makes_the_same_of_any_values(go: GoTemplates, kind: str, values: Values) -> None:
    compare(go, real.REAL[kind], values)


def test_any_template_makes_the_same_and_few_are_refused(go: GoTemplates) -> None:
    seen: Counter[str] = Counter()

    @given(SOUND_TEMPLATES, FULL_VALUES)
    def search(template: str, values: Values) -> None:
        seen[compare(go, template, values)] += 1

    search()

    assert seen["equal"] > seen.total() / 2
    assert seen["refused"] < seen.total() / 4


@given(TEMPLATES, VALUES)
def test_a_template_that_mostly_fails_never_makes_something_else(
    go: GoTemplates, template: str, values: Values
) -> None:
    compare(go, template, values)


def test_every_function_of_sprig_is_translated_or_refused_for_a_reason_of_its_own(go: GoTemplates) -> None:
    known = (go.render("", {}, "names").output or "").split()

    assert len(known) > 200
    assert set(known) - {"hello", "get"} <= {*TABLES["sprig"], *REFUSED}


BYTES = {
    "text": "{{ .user | toString }}:{{ .password | toString | upper }}",
    "base64": "{{ .user | base64encode | toString }}{{ .user | base64decode | toString }}",
    "json": '{"user":"{{ .user | toString | toBytes | toString }}","raw":{{ .user | toJSON }}}',
    "json of a text": "{{ .user | toString | toJSON }}",
    "json key": "{{ (.list | fromJSON).a }}",
    "printf": '{{ printf "%s:%q" .user .password }}',
    "condition": '{{ if .user }}{{ .user | toString }}{{ else if eq (.host | toString) "a" }}x{{ end }}',
    "url": "{{ .user | toString | urlquery }}",
}


@given(st.sampled_from(sorted(BYTES)), VALUES | FULL_VALUES)
def test_a_template_of_the_first_engine_of_external_secrets_makes_the_same(
    go: GoTemplates, kind: str, values: Values
) -> None:
    assert compare(go, BYTES[kind], values, "bytes") != "refused"


ANYTHING = {
    "field": "{{ .Secrets.user }}",
    "get": '{{ get .Secrets "a-b" }}',
    "printf": '{{ printf "%s:%s" .Secrets.user .Secrets.password | b64enc }}',
    "label": "{{ .Labels.app }}-{{ .Secrets.host | upper }}",
    "condition": '{{ if hasKey .Secrets "user" }}{{ .Secrets.user }}{{ end }}',
    "all": "{{ .Secrets | toJson }}",
    "each": "{{ range $k, $v := .Secrets }}{{ $k }}={{ $v }};{{ end }}",
    "deep": '{{ .Secrets.list.a }}{{ index .Secrets.list "a" }}',
    "default": '{{ .Secrets.user | default "x" }}',
    "either": "{{ or .Secrets.user .Secrets.host }}{{ if and .Secrets.user .Secrets.host }}both{{ end }}",
    "with": "{{ with .Secrets.user }}{{ . }}{{ end }}{{ with $u := .Secrets.host }}{{ $u }}{{ end }}",
    "variable": "{{ $u := .Secrets.user }}{{ if $u }}x{{ end }}",
    "equal": '{{ if eq .Secrets.user "" }}empty{{ end }}{{ if ne .Secrets.host "a" }}b{{ end }}',
}
_VAULT_HAS = st.recursive(
    st.text(max_size=4) | st.integers(0, 99) | st.booleans(),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=3,
)


@given(
    st.sampled_from(sorted(ANYTHING)),
    FULL_VALUES | st.dictionaries(st.sampled_from(["user", "password", "host", "list", "a-b"]), _VAULT_HAS),
)
def test_a_template_of_the_vault_secrets_operator_makes_the_same(
    go: GoTemplates, kind: str, values: Values
) -> None:
    assert compare(go, ANYTHING[kind], values, "any", texts={"Labels.app": "shop"}) != "refused"


def in_field(template: str) -> str:
    """The same template for values that are in a field of the dot."""
    return (
        template.replace("index $ ", "index $.Secrets ")
        .replace("$.", "$.Secrets.")
        .replace("Secrets.Secrets", "Secrets")
    )


@given(SOUND_TEMPLATES.map(in_field), VALUES | FULL_VALUES, st.sampled_from(["any", "plain"]))
def test_any_template_makes_the_same_where_a_key_that_is_not_there_is_no_error(
    go: GoTemplates, template: str, values: Values, mode: str
) -> None:
    compare(go, template, values, mode, delims=("{{", "}}"))


PLAIN = {
    "field": "{% .Secrets.user %}:{% .Secrets.password %}",
    "text of Helm": "{{ .Values.x }} {% .Secrets.user | b64enc %} {%- /* no */ -%} {#",
    "namespace": '{% .Namespace %}/{% index .Secrets "a-b" %}',
    "condition": '{% if eq .Secrets.user "shop" %}yes{% else %}{% .Secrets.user | quote %}{% end %}',
    "default": '{% .Secrets.user | default "x" %}{% with .Secrets.host %}{% . %}{% end %}',
    "either": "{% or .Secrets.user .Secrets.host %}{% $u := .Secrets.list %}{% $u %}",
    "not equal": '{% if ne .Secrets.user "" %}x{% end %}{% not .Secrets.user %}',
    "empty": "{% ternary 1 2 (empty .Secrets.host) %}",
}


@given(st.sampled_from(sorted(PLAIN)), VALUES | FULL_VALUES)
def test_a_template_of_a_vault_secret_makes_the_same(go: GoTemplates, kind: str, values: Values) -> None:
    assert compare(go, PLAIN[kind], values, "plain", texts={"Namespace": "team"}) != "refused"
