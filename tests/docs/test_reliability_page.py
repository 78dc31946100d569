"""Every fault of docs/reliability.md has a test, and every test that it names exists."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.docs.named_tests import is_there
from tests.docs.pages import page, plain

PARTS = ("Kubernetes, the lead, the process", "Backends, settings, scope", "What a definition can ask for")
ROWS = range(1, 93)


def _table() -> list[list[str]]:
    shown = page("docs/reliability.md")
    rows = [row for part in PARTS for row in shown.rows(part)]
    return [row for row in rows if row[0] != "row"]


def _numbers() -> Counter[int]:
    return Counter(int(row[0]) for row in _table())


def test_every_fault_stands_on_the_reliability_page_once() -> None:
    numbers = _numbers()

    assert [row for row in ROWS if row not in numbers] == [], "without a row"
    assert [row for row, count in numbers.items() if count > 1] == [], "more than one row"
    assert set(numbers) <= set(ROWS)


def test_the_faults_on_the_reliability_page_are_in_order() -> None:
    for part in PARTS:
        numbers = [int(row[0]) for row in page("docs/reliability.md").rows(part) if row[0] != "row"]
        assert numbers == sorted(numbers), part


@pytest.mark.parametrize("row", _table(), ids=lambda row: row[0])
def test_every_fault_has_a_description_and_names_existing_tests(row: list[str]) -> None:
    _number, fault, what_we_do, tests = row
    assert fault
    assert what_we_do

    named = plain(tests)

    assert named, "name at least one test"
    for name in named:
        assert is_there(name), f"{name}: no such test; write it as tests/.../test_x.py::test_name"
