"""Tables of cases whose names are sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def rows(table: Mapping[str, Any]) -> list[ParameterSet]:
    """The cases of `table` for parametrize: a tuple is a row of several arguments."""
    return [
        pytest.param(*(row if isinstance(row, tuple) else (row,)), id=sentence)
        for sentence, row in table.items()
    ]
