"""A regular expression becomes patterns that choose the same keys, or is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain.data_from import DataFrom
from secrets_manager.domain.errors import InvalidKey, NothingSelected
from secrets_manager.migrate.remarks import Refused
from secrets_manager.migrate.vault_secrets_operator.filters import globs

LETTERS = ("a", "B", "_", "-", "7", "/", r"\.", r"\*", r"\?", r"\[")
SETS = (".", ".*", ".+", "[ab]", "[^a]", "[a-z]", "[A-Z0-9]", r"\d", r"\w", "(a|B7)", "(?:a|b-|)")
PARTS = st.sampled_from((*LETTERS, *SETS))
BRANCHES = st.builds(
    lambda start, parts, end: start + "".join(parts) + end,
    st.sampled_from(["", "^"]),
    st.lists(PARTS, max_size=5),
    st.sampled_from(["", "$"]),
)
EXPRESSIONS = st.lists(BRANCHES, min_size=1, max_size=3).map("|".join)
NAMES = st.text(alphabet="aBbz7_-.*?[/é", min_size=1, max_size=6)


def chosen(patterns: tuple[str, ...], name: str) -> bool:
    """Whether the daemon takes the key with these patterns."""
    try:
        return bool(DataFrom(path="a", include=patterns).select([name]))
    except NothingSelected:
        return False
    except InvalidKey:
        return True


@given(EXPRESSIONS, st.lists(NAMES, min_size=1, max_size=8))
def test_the_patterns_choose_what_the_expression_chooses_anywhere_in_a_name(
    expression: str, names: list[str]
) -> None:
    patterns = globs(expression, "spec.includes[0]")
    entry = [re.sub(r"[^-._a-zA-Z0-9]", "_", name) for name in names]

    for name in entry:
        # Sets and \w mean the same to Go for these letters; \d is ASCII there.
        assert chosen(patterns, name) == bool(re.search(expression, name, re.ASCII)), (expression, patterns)


@pytest.mark.parametrize(
    ("expression", "patterns"),
    [
        ("", ("*",)),
        (".*", ("*",)),
        ("^.*$", ("*",)),
        ("password", ("*password*",)),
        ("^password$", ("password",)),
        ("^DB_", ("DB_*",)),
        (r"\.crt$", ("*.crt",)),
        ("^a$|^b$", ("a", "b")),
        ("^(a|b)$", ("a", "b")),
        ("^x.y$", ("x?y",)),
        ("^x.+$", ("x?*",)),
        ("^[a-c]1$", ("[a-c]1",)),
        ("^[^a]$", ("[!a]",)),
    ],
)
def test_anchors_say_whether_a_pattern_has_stars_at_its_ends(
    expression: str, patterns: tuple[str, ...]
) -> None:
    assert globs(expression, "spec.includes[0]") == patterns


@pytest.mark.parametrize(
    "expression",
    [
        "a*",
        "a+",
        "a?",
        "a{2}",
        "(?i)a",
        "(a",
        "a)",
        "(a(b))",
        "(a|b)*",
        r"\d+",
        r"\bx",
        r"a\\$",
        "a^b",
        "a$b",
        "[[:alpha:]]",
        r"[\d]",
        "[z-a]",
        "é",
        "(a|b|c|d)(a|b|c|d)(a|b|c|d)(a|b|c|d)",
        "a" * 3 + "\n",
    ],
)
def test_what_no_pattern_says_is_refused_at_its_field(expression: str) -> None:
    with pytest.raises(Refused) as caught:
        globs(expression, "spec.includes[3]")

    assert str(caught.value).startswith("spec.includes[3] is a regular expression that no pattern")
