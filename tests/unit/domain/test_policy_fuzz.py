"""Patterns of paths match as their definition says, in time that does not explode."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain.errors import PathNotAllowed
from secrets_manager.domain.policy import PathPolicy

ALPHABET = st.sampled_from(["a", "b", "/", "*", "{namespace}", "ns"])
PATTERNS = st.lists(ALPHABET, max_size=7).map("".join)
PATHS = st.lists(st.sampled_from(["a", "b", "/", "ns", "\n"]), max_size=9).map("".join)


def allowed(pattern: str, path: str) -> bool:
    try:
        PathPolicy((pattern,)).check("ns", path)
    except PathNotAllowed:
        return False
    return True


def matches(pattern: str, path: str) -> bool:
    """The definition of a star, letter by letter."""

    @cache
    def rest(at: int, upto: int) -> bool:
        if at == len(pattern):
            return upto == len(path)
        if pattern[at] == "*":
            return rest(at + 1, upto) or (upto < len(path) and rest(at, upto + 1))
        return upto < len(path) and pattern[at] == path[upto] and rest(at + 1, upto + 1)

    return rest(0, 0)


@given(PATTERNS, PATHS)
def test_a_star_stands_for_any_text_and_everything_else_for_itself(pattern: str, path: str) -> None:
    concrete = pattern.replace("{namespace}", "ns").lstrip("/")

    assert allowed(pattern, path) == matches(concrete, path)


def test_many_stars_do_not_take_long() -> None:
    assert not allowed("*a" * 40 + "b", "a" * 4000)
