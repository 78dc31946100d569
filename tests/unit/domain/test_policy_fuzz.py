"""Patterns of paths match as their definition says, in time that does not explode."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from secrets_manager.domain.errors import PathNotAllowed
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.settings.checks import runs_over

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


PARTS = st.sampled_from(["/", "/", "*", "{namespace}", "{namespace}", "-", "a"])
PATTERNS_OF_PARTS = st.lists(PARTS, min_size=1, max_size=7).map("".join)


@settings(max_examples=300)
@given(PATTERNS_OF_PARTS)
def test_a_policy_pattern_causes_a_warning_exactly_if_two_namespaces_can_share_a_path_by_it(
    pattern: str,
) -> None:
    of_a = pattern.lstrip("/").replace("{namespace}", "a")
    of_others = (pattern.lstrip("/").replace("{namespace}", name) for name in most_alike(of_a))

    assert runs_over(pattern) == any(have_a_path_in_common(of_a, one) for one in of_others if one != of_a)


def most_alike(of_a: str) -> list[str]:
    """Names that could be taken for ``a`` in a pattern for it.

    They go on as it does up to its first star, or end as it does behind its last.
    """
    first, last = of_a.partition("*")[0].rpartition("/")[2], of_a.rpartition("*")[2].partition("/")[0]
    beginnings = [first[at:] for at in range(len(first) + 1)]
    ends = [last[:at] for at in range(len(last) + 1)]
    names = {f"{begin}{middle}{end}" for begin in beginnings for middle in ("", "a") for end in ends}
    return sorted({"b", *(name for name in names if name and name.strip("-") == name)})


def have_a_path_in_common(one: str, other: str) -> bool:
    """Whether some text matches both patterns."""

    @cache
    def meet(i: int, j: int) -> bool:
        if i == len(one) and j == len(other):
            return True
        if i < len(one) and one[i] == "*":
            return meet(i + 1, j) or (j < len(other) and meet(i, j + 1))
        if j < len(other) and other[j] == "*":
            return meet(i, j + 1) or (i < len(one) and meet(i + 1, j))
        return i < len(one) and j < len(other) and one[i] == other[j] and meet(i + 1, j + 1)

    return meet(0, 0)
