"""A text that is nested too deep is found without a parser that calls itself for each level."""

from __future__ import annotations

import json

import pytest

from secrets_manager.domain.nesting import is_too_deep


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]" * 10_000,
        json.dumps([{"a": [1, {}]}] * 5_000),
        "[" * 500 + "]" * 500,
        '"' + "[" * 10_000 + '"',
        json.dumps({'a"\\': "{[" * 1_000}),
        '"' + '\\"[' * 300_000,
    ],
)
def test_what_is_wide_or_only_looks_deep_is_not(text: str) -> None:
    assert not is_too_deep(text)


@pytest.mark.parametrize(
    "text",
    ["[" * 501, '{"a":' * 501, "[{" * 300 + "}]" * 300, '["x",' * 100_000, '"\\"' + '"' + "[" * 501],
)
def test_what_has_too_many_levels_is(text: str) -> None:
    assert is_too_deep(text)
