"""How much of its searches a run makes: all, or with EFFORT=0.25 a quarter, for an answer in a minute.

`make check` takes a share; `make test`, and so every change that is merged, takes all; `make fuzz` takes as
much as it is told to. What is checked is the same each time, and so is the order in which examples come.
Tests of very many objects take a share of them, too.
"""

from __future__ import annotations

import os

import hypothesis

_EFFORT = float(os.environ.get("EFFORT", "1"))


def share(count: int, effort: float = _EFFORT) -> int:
    """How many of `count` courses or examples this run makes, one at least."""
    return max(1, round(count * effort))


def choose_examples() -> None:
    """The same examples each time, so that a change fails for what it did. FUZZ=5000 tries so many others.

    How long an example takes says more of the machine than of the code: no deadline, no complaint.
    """
    wanted = int(os.environ.get("FUZZ", "0"))
    calm = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    hypothesis.settings.register_profile(
        "steady", calm, max_examples=share(100), derandomize=True, database=None
    )
    hypothesis.settings.register_profile("searching", calm, max_examples=max(1, wanted), print_blob=True)
    hypothesis.settings.load_profile("searching" if wanted else "steady")
