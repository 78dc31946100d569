"""Any template over any values: within bounds, always the same, and silent about the values."""

from __future__ import annotations

import copy
import json
import traceback
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain.errors import InvalidTemplate, PermanentError, TemplateFailed
from secrets_manager.templates import compile_templates, engine
from secrets_manager.templates.plain import plain_template
from secrets_manager.templates.scanning import scan
from tests.unit.templates.strategies import BARE, CANARY, NONSENSE, TEMPLATES, VALUES

Outcome = bytes | PermanentError


def outcome(text: str, values: dict[str, Any]) -> Outcome:
    """What a template gives, or the error of ours that it ends with."""
    try:
        return compile_templates({"k": text}).render(values)["k"]
    except (InvalidTemplate, TemplateFailed) as error:
        return error


def reordered(value: Any) -> Any:
    """An equal value whose maps were filled the other way round."""
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(part) for part in value] if isinstance(value, list) else value


@given(TEMPLATES | NONSENSE, VALUES)
def test_it_ends_in_bytes_or_in_an_error_that_holds_no_value(text: str, values: dict[str, Any]) -> None:
    before = copy.deepcopy(values)

    ended = outcome(text, values)

    assert values == before
    if isinstance(ended, PermanentError):
        assert CANARY not in "".join(traceback.format_exception(ended))
        assert len(ended.message) < 1000


@given(TEMPLATES, VALUES)
def test_equal_values_give_equal_bytes(text: str, values: dict[str, Any]) -> None:
    assert outcome(text, values) == outcome(text, reordered(values))


@given(TEMPLATES, VALUES)
def test_no_result_shows_an_object_of_python(text: str, values: dict[str, Any]) -> None:
    ended = outcome(text, values)

    assert isinstance(ended, PermanentError) or not any(
        word in ended for word in (b"object at 0x", b"<bound", b"unprintable", b"View", b"minijinja")
    )


@given(TEMPLATES | NONSENSE, VALUES)
def test_values_of_other_names_change_nothing(text: str, values: dict[str, Any]) -> None:
    try:
        compiled = compile_templates({"k": text})
    except InvalidTemplate:
        return
    names = scan(text).names

    assert compiled.names["k"] <= names
    assert outcome(text, values) == outcome(
        text, {name: value for name, value in values.items() if name in names}
    )


@given(BARE, VALUES)
def test_text_with_bare_fields_is_what_the_engine_makes_of_it(text: str, values: dict[str, Any]) -> None:
    fields = plain_template(text)
    if fields is None or (result := fields.render(values)) is None:
        return

    names = {path[0] for path in fields.fields}
    given_values = {name: values[name] for name in names}
    assert engine.check(text) == names
    assert engine.render(text, given_values).encode() == result


@given(st.text(max_size=40))
def test_what_has_no_tag_stays_as_it_is(text: str) -> None:
    try:
        expected = text.encode()
    except UnicodeEncodeError:
        return
    if not any(sign in text for sign in ("{{", "{%", "{#")):
        assert outcome(text, {}) == expected


@given(st.text(max_size=20))
def test_quote_is_read_back_by_json(text: str) -> None:
    written = outcome("{{ a | quote }}", {"a": text})

    assert isinstance(written, PermanentError) or json.loads(written) == text
