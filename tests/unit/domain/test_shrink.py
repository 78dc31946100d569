"""Which data keys an entry of dataFrom could give, and what is said of those that are lost."""

from __future__ import annotations

import itertools

import pytest

from secrets_manager.domain.data_from import Case, DataFrom, Rename
from secrets_manager.domain.data_keys import is_data_key
from secrets_manager.domain.shrink import Shrink

_NAMES = ["".join(letters) for size in range(4) for letters in itertools.product("aB_", repeat=size)]
_RULES = [
    Rename(),
    Rename(strip_prefix="a"),
    Rename(add_prefix="B_"),
    Rename(strip_prefix="a", add_prefix="a"),
    Rename(strip_prefix="aB", add_prefix="_"),
    Rename(case=Case.UPPER, add_prefix="_"),
    Rename(case=Case.LOWER, strip_prefix="B"),
    Rename(invalid="a"),
]
_GLOBS: list[tuple[tuple[str, ...], tuple[str, ...]]] = [((), ()), (("a*",), ()), (("*B", "_?"), ("a*",))]


@pytest.mark.parametrize("rename", _RULES, ids=str)
@pytest.mark.parametrize(("include", "exclude"), _GLOBS)
def test_every_data_key_that_an_entry_gives_it_could_give(
    rename: Rename, include: tuple[str, ...], exclude: tuple[str, ...]
) -> None:
    entry = DataFrom(path="app", include=include, exclude=exclude, rename=rename, optional=True)
    names = [name for name in _NAMES if is_data_key(rename.renamed(name))]
    given = {data_key for name in names for data_key in entry.select([name])}

    assert given
    assert entry.could_give(given) == given
    if rename.case is None and rename.invalid is None:
        others = set(_NAMES[:13]) - given - {""}
        assert entry.could_give(others) == frozenset()


@pytest.mark.parametrize(
    ("lost", "emptied", "said"),
    [
        (("a",), (), "the sources no longer give key 'a'"),
        (("a", "b"), (), "the sources no longer give keys 'a', 'b'"),
        (("a", "b", "c", "d", "e"), (), "the sources no longer give keys 'a', 'b', 'c' and 2 more"),
        ((), ("b",), "the sources give an empty value for key 'b'"),
        (("a",), ("b",), "the sources no longer give key 'a', and give an empty value for key 'b'"),
    ],
)
def test_it_is_said_in_one_sentence(lost: tuple[str, ...], emptied: tuple[str, ...], said: str) -> None:
    assert Shrink(lost, emptied).sentence() == said
    assert Shrink(lost, emptied)


def test_nothing_lost_is_no_shrink() -> None:
    assert not Shrink()


def test_of_many_keys_and_long_patterns_all_could_be_given_that_begin_as_they_must() -> None:
    excluded = tuple(f"*{'?' * 200}{number}" for number in range(8))
    entry = DataFrom(path="app", exclude=excluded, rename=Rename(add_prefix="k"))
    few, many = {"k" + "1" * 202}, {f"k{number:0250}" for number in range(2000)}

    assert entry.could_give(few) == frozenset()
    assert entry.could_give(many | {"other"}) == many
