"""Tables are tables to whoever renders the pages: no row stands apart from its heading."""

from __future__ import annotations

import pytest

from tests.docs.pages import Page, pages


@pytest.mark.parametrize("shown", pages(), ids=lambda shown: shown.name)
def test_every_block_of_rows_begins_with_a_heading_and_its_line(shown: Page) -> None:
    blocks = [block.splitlines() for block in shown.prose().split("\n\n")]
    tables = [lines for lines in blocks if any(line.startswith("|") for line in lines)]
    for lines in tables:
        rows = [line for line in lines if line.startswith("|")]
        assert set(rows[1] if len(rows) > 1 else "x") <= set("|-: "), rows[0]
