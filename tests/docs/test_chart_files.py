"""What the chart repeats of other files is what these say now."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.chart import ROOT, wanted

WANTED = wanted()


@pytest.mark.parametrize("path", WANTED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_of_the_chart_that_is_made_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == WANTED[path], "run `make chart`, and commit what it writes"
