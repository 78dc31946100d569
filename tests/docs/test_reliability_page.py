"""Every fault of docs/reliability.md has a test, and every test that it names is there."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.docs.named_tests import is_there
from tests.docs.pages import page, plain

HALVES = ("Kubernetes, the lead, the process", "Backends, settings, scope")
ROWS = range(1, 76)


def _table() -> list[list[str]]:
    shown = page("docs/reliability.md")
    rows = [row for half in HALVES for row in shown.rows(half)]
    return [row for row in rows if row[0] != "row"]


def _numbers() -> Counter[int]:
    return Counter(int(row[0]) for row in _table())


def test_every_fault_stands_in_the_page_once() -> None:
    numbers = _numbers()

    assert [row for row in ROWS if row not in numbers] == [], "without a row"
    assert [row for row, count in numbers.items() if count > 1] == [], "more than one row"
    assert set(numbers) <= set(ROWS)


def test_the_faults_stand_in_their_order() -> None:
    for half in HALVES:
        numbers = [int(row[0]) for row in page("docs/reliability.md").rows(half) if row[0] != "row"]
        assert numbers == sorted(numbers), half


@pytest.mark.parametrize("row", _table(), ids=lambda row: row[0])
def test_every_fault_says_what_we_do_and_names_tests_that_are_there(row: list[str]) -> None:
    _number, fault, what_we_do, tests = row
    assert fault
    assert what_we_do

    named = plain(tests)

    assert named, "name at least one test"
    for name in named:
        assert is_there(name), f"{name}: there is none; write it as tests/.../test_x.py::test_name"
