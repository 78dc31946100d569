"""The arithmetic of the benchmark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Figure, Result, beside_both, latency_figures, percentile


@pytest.mark.parametrize(
    ("percent", "expected"), [(0.1, 1), (10, 1), (10.1, 2), (50, 5), (50.1, 6), (99, 10), (100, 10)]
)
def test_a_percentile_is_the_smallest_value_that_covers_enough(percent: float, expected: float) -> None:
    assert percentile([7, 1, 10, 2, 9, 3, 8, 4, 6, 5], percent) == expected


@given(values=st.lists(st.floats(0, 1e9), min_size=1), percent=st.floats(0.01, 100))
def test_a_percentile_is_a_value_that_no_more_than_the_rest_exceed(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)

    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9


@pytest.mark.parametrize("percent", [0, -1, 100.1, float("nan")])
def test_a_percentile_must_be_between_0_and_100(percent: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 100"):
        percentile([1.0], percent)


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_ratio_is_how_many_times_the_floor() -> None:
    assert Figure(name="CPU", value=3.0, unit="s", floor=2.0).ratio == 1.5


def test_of_two_floors_the_mean_counts() -> None:
    before = [Figure(name="CPU", value=3.0, floor=1.0), Figure(name="memory", value=5.0)]
    after = [Figure(name="CPU", value=3.0, floor=2.0), Figure(name="memory", value=5.0)]

    assert beside_both(before, after) == [
        Figure(name="CPU", value=3.0, floor=1.5),
        Figure(name="memory", value=5.0),
    ]


@pytest.mark.parametrize("floor", [None, 0.0])
def test_without_a_floor_there_is_no_ratio(floor: float | None) -> None:
    assert Figure(name="CPU", value=3.0, unit="s", floor=floor).ratio is None


def test_the_key_of_a_figure_is_its_name_and_unit_in_one_word() -> None:
    assert Figure(name="CPU of the servers, both", value=1, unit="MiB").key == "cpu_of_the_servers_both_mib"
    assert Figure(name="backend reads", value=1).key == "backend_reads"


def test_a_figure_is_found_by_its_key() -> None:
    reads, cpu = Figure(name="reads", value=1), Figure(name="CPU", value=2, unit="s")
    result = Result(scenario="cold", conditions={}, figures=(reads, cpu))

    assert result.figure("cpu_s") is cpu
    with pytest.raises(KeyError):
        result.figure("cpu")


def test_latencies_are_told_by_median_95th_percentile_and_maximum() -> None:
    figures = {
        each.key: each.value for each in latency_figures("repair", [each / 100 for each in range(1, 101)])
    }

    assert figures == {"repair_p50_s": 0.5, "repair_p95_s": 0.95, "repair_max_s": 1.0}
