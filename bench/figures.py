"""The results of a scenario, as values; and the arithmetic on them. Pure.

Knows nothing of servers, of processes, or of how results are shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes:
        name: in words, for the table; with the unit it makes the key of the JSON line.
        value: the number.
        unit: `s`, `MiB`, `%` or the like; empty for a plain count.
        floor: the same number for the bare loop that does the same calls, if it was measured.

    """

    name: str
    value: float
    unit: str = ""
    floor: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the floor; None without a floor to divide by."""
        return self.value / self.floor if self.floor else None

    @property
    def key(self) -> str:
        """The name as a key, with its unit: `cpu_to_sync_s`."""
        words = "".join(each if each.isalnum() else " " for each in f"{self.name} {self.unit}".lower())
        return "_".join(words.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one run of a scenario.

    Attributes:
        scenario: its name.
        conditions: its options, in order: definitions, period and the like.
        figures: the measurements, in the order to show them.
        calls: calls to the API server by "verb resource/subresource", made by the daemon's user.
        backend: requests to the backend by operation, made by the daemon's role.

    """

    scenario: str
    conditions: Mapping[str, str | int | float]
    figures: Sequence[Figure]
    calls: Mapping[str, int] = field(default_factory=dict)
    backend: Mapping[str, int] = field(default_factory=dict)

    def figure(self, key: str) -> Figure:
        """The figure of that key; KeyError when there is none."""
        return {each.key: each for each in self.figures}[key]


def beside_both(before: Sequence[Figure], after: Sequence[Figure]) -> Sequence[Figure]:
    """The same figures beside the mean of two floors, one measured before them and one after."""
    return [
        replace(first, floor=(first.floor + second.floor) / 2)
        if first.floor is not None and second.floor is not None
        else first
        for first, second in zip(before, after, strict=True)
    ]


def latency_figures(name: str, latencies: Sequence[float]) -> Sequence[Figure]:
    """Median, 95th percentile and maximum of seconds; ValueError when there are none."""
    return (
        Figure(name=f"{name}, p50", value=percentile(latencies, 50), unit="s"),
        Figure(name=f"{name}, p95", value=percentile(latencies, 95), unit="s"),
        Figure(name=f"{name}, max", value=max(latencies), unit="s"),
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that at least `percent` % of them do not exceed (nearest rank).

    `percent` is above 0 and at most 100. Raises ValueError for no values, or another `percent`.
    """
    if not values:
        raise ValueError("no values to take a percentile of")
    if not 0 < percent <= 100:
        raise ValueError(f"percent is {percent:g}; it must be above 0 and at most 100")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
