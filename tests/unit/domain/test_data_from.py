"""Which keys of a whole path become which data keys of the Secret."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain.data_from import Case, DataFrom, Rename
from secrets_manager.domain.data_keys import is_data_key
from secrets_manager.domain.errors import InvalidKey, NothingSelected

NAMES = ("DB_HOST", "DB_PASSWORD", "DB_PASSWORD_OLD", "MAIL_HOST", "note")


def test_all_keys_are_taken_as_they_are_when_nothing_else_is_said() -> None:
    assert DataFrom(path="app").select(NAMES) == {name: name for name in NAMES}


def test_a_key_is_taken_when_it_is_included_and_not_excluded() -> None:
    whole = DataFrom(path="app", include=("DB_*", "MAIL_*"), exclude=("*_OLD", "MAIL_?OST"))

    assert list(whole.select(NAMES)) == ["DB_HOST", "DB_PASSWORD"]


@pytest.mark.parametrize(
    ("glob", "name", "matches"),
    [
        ("*", "", True),
        ("DB_*", "db_host", False),
        ("DB_*", "xDB_a", False),
        ("a.c", "abc", False),
        ("a*c", "a\nc", True),
        ("[ab]x", "ax", True),
        ("[!ab]x", "ax", False),
        ("[", "[", True),
        ("a/*", "a/b/c", True),
    ],
)
def test_patterns_know_case_and_match_the_whole_name(glob: str, name: str, *, matches: bool) -> None:
    whole = DataFrom(path="app", include=(glob,), optional=True, rename=Rename(add_prefix="k", invalid="_"))

    assert list(whole.select([name]).values()) == ([name] if matches else [])


def test_a_pattern_of_many_stars_is_compared_in_a_moment() -> None:
    whole = DataFrom(path="app", exclude=("*a" * 126,))

    assert len(whole.select([f"{'a' * 125}{number}" for number in range(1000)])) == 1000


@pytest.mark.parametrize(
    ("rename", "name", "becomes"),
    [
        (Rename(strip_prefix="DB_"), "DB_HOST", "HOST"),
        (Rename(strip_prefix="DB_"), "MAIL_DB_", "MAIL_DB_"),
        (Rename(strip_prefix="DB_", add_prefix="PG_"), "DB_DB_HOST", "PG_DB_HOST"),
        (Rename(case=Case.UPPER), "db-host.a", "DB-HOST.A"),
        (Rename(case=Case.LOWER, add_prefix="Pre_"), "DB", "Pre_db"),
        (Rename(strip_prefix="db_", case=Case.UPPER), "DB_HOST", "DB_HOST"),
        (Rename(invalid="_"), "a b/c", "a_b_c"),
        (Rename(invalid=""), "a b", "ab"),
        (Rename(invalid="--"), "a:b", "a--b"),
        (Rename(add_prefix="a/", invalid="."), "b", "a.b"),
        # Some letters become two, and some of them are none that a data key may have.
        (Rename(case=Case.UPPER, invalid="_"), "straße", "STRASSE"),
        (Rename(case=Case.LOWER, invalid="_"), "K\u212a", "kk"),
        (Rename(invalid=r"\1"), "a b", r"a\1b"),
    ],
)
def test_a_key_is_stripped_then_of_one_case_then_prefixed_and_last_its_bad_letters_go(
    rename: Rename, name: str, becomes: str
) -> None:
    assert rename.renamed(name) == becomes


@pytest.mark.parametrize(
    ("name", "rename", "told"),
    [
        ("a b", Rename(), "path 'app' has key 'a b', which is not a valid data key of a Secret; exclude it"),
        ("", Rename(), "has key '', which is not"),
        (".", Rename(), "has key '.', which is not"),
        ("..a", Rename(), "has key '..a', which is not"),
        ("k" * 254, Rename(), "which is not a valid data key"),
        ("DB_", Rename(strip_prefix="DB_"), "has key 'DB_', which becomes '', not a valid data key"),
        ("a", Rename(add_prefix=".."), "has key 'a', which becomes '..a', not a valid"),
        ("é", Rename(invalid="é"), "has key 'é', which is not a valid"),
    ],
)
def test_a_key_that_a_secret_cannot_have_is_named_with_what_to_do(
    name: str, rename: Rename, told: str
) -> None:
    with pytest.raises(InvalidKey) as caught:
        DataFrom(path="app", rename=rename).select([name, "good"])

    assert told in caught.value.message
    assert "exclude it, or let rename.invalid say" in caught.value.message


def test_two_keys_that_become_one_are_both_named() -> None:
    whole = DataFrom(path="app", rename=Rename(case=Case.UPPER, invalid="_"))

    with pytest.raises(InvalidKey) as caught:
        whole.select(["a-b", "c", "a_b", "a b"])
    assert caught.value.message == "path 'app' has keys 'a b' and 'a_b', which both become data key 'A_B'"


def test_an_excluded_key_can_neither_be_invalid_nor_collide() -> None:
    whole = DataFrom(path="app", exclude=("* *",), rename=Rename(invalid="_"))

    assert whole.select(["a b", "a_b"]) == {"a_b": "a_b"}


def test_a_message_about_a_key_of_a_million_letters_is_short() -> None:
    with pytest.raises(InvalidKey) as caught:
        DataFrom(path="app", rename=Rename(case=Case.UPPER)).select(["x" * 1_000_000])

    assert len(caught.value.message) < 4096


def test_a_path_without_a_key_that_passes_is_an_error_unless_it_is_optional() -> None:
    with pytest.raises(NothingSelected, match=r"^path 'app' has no key; set optional to true"):
        DataFrom(path="app").select([])
    with pytest.raises(NothingSelected, match=r"has no key that passes include and exclude"):
        DataFrom(path="app", include=("x*",)).select(NAMES)

    assert DataFrom(path="app", optional=True).select([]) == {}
    assert DataFrom(path="app", exclude=("*",), optional=True).select(NAMES) == {}


_LETTERS = st.text(string.ascii_letters + "._- /é", max_size=6)
_PATTERNS = st.text("abAB*?._-", max_size=5)


def _matches(pattern: str, name: str) -> bool:
    """A slow oracle of patterns with stars and question marks."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(_matches(pattern[1:], name[at:]) for at in range(len(name) + 1))
    return bool(name) and pattern[0] in ("?", name[0]) and _matches(pattern[1:], name[1:])


def _renamed(rename: Rename, name: str) -> str:
    """A slow oracle of renaming, letter by letter."""
    if rename.strip_prefix and name[: len(rename.strip_prefix)] == rename.strip_prefix:
        name = name[len(rename.strip_prefix) :]
    cases: dict[Case | None, Callable[[str], str]] = {None: str, Case.UPPER: str.upper, Case.LOWER: str.lower}
    letters = rename.add_prefix + "".join(map(cases[rename.case], name))
    if rename.invalid is None:
        return letters
    good = string.ascii_letters + string.digits + "-._"
    return "".join(letter if letter in good else rename.invalid for letter in letters)


@given(
    names=st.sets(_LETTERS, max_size=6),
    include=st.lists(_PATTERNS, max_size=2),
    exclude=st.lists(_PATTERNS, max_size=2),
    affixes=st.tuples(_LETTERS, _LETTERS),
    case=st.sampled_from([None, *Case]),
    invalid=st.none() | st.sampled_from(["", "_", "/", "--"]),
)
def test_fuzz_what_is_taken_is_what_a_slow_oracle_takes(
    names: set[str],
    include: Sequence[str],
    exclude: Sequence[str],
    affixes: tuple[str, str],
    case: Case | None,
    invalid: str | None,
) -> None:
    rename = Rename(strip_prefix=affixes[0], add_prefix=affixes[1], case=case, invalid=invalid)
    whole = DataFrom(path="app", include=tuple(include), exclude=tuple(exclude), rename=rename)
    passing = [
        name
        for name in sorted(names)
        if (not include or any(_matches(each, name) for each in include))
        and not any(_matches(each, name) for each in exclude)
    ]
    data_keys = [_renamed(rename, name) for name in passing]

    if not passing:
        with pytest.raises(NothingSelected):
            whole.select(names)
    elif all(map(is_data_key, data_keys)) and len(set(data_keys)) == len(data_keys):
        assert list(whole.select(names).items()) == list(zip(data_keys, passing, strict=True))
    else:
        with pytest.raises(InvalidKey):
            whole.select(names)


def test_a_name_of_megabytes_is_refused_before_it_is_compared_with_patterns() -> None:
    # Patterns like these take seconds for it.
    slow = DataFrom(path="app", include=("*[ab]" * 50 + "b",), optional=True)

    with pytest.raises(InvalidKey, match="path 'app' has a key of more than 1024 letters") as caught:
        slow.select(["fine", "a" * 1024 * 1024])
    assert len(caught.value.message) < 200
    assert slow.select(["a" * 1024]) == {}


def test_the_effort_of_patterns_is_at_most_each_letter_after_a_star_at_each_letter_of_the_names() -> None:
    assert DataFrom(path="app").effort(["a" * 100] * 100) == 0
    assert DataFrom(path="app", include=("DB_*",), exclude=("*_OLD", "x?")).effort(["ab", "cde"]) == 22 + 30
