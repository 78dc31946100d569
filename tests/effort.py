"""How much of its searches a run makes: all, or with EFFORT=0.25 a quarter, for an answer in a minute.

`make check` takes a share; `make test`, and so every change that is merged, takes all; `make fuzz` takes as
much as it is told to. What is checked is the same each time, and so is the order in which examples come.
Tests of very many objects take a share of them, too.
"""

from __future__ import annotations

import os

_EFFORT = float(os.environ.get("EFFORT", "1"))


def share(count: int, effort: float = _EFFORT) -> int:
    """How many of `count` courses or examples this run makes, one at least."""
    return max(1, round(count * effort))
