"""The arithmetic of the benchmark, and the line that a result is kept in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Figure, Result, beside_both, latency_figures, percentile
from bench.report import json_line


@given(values=st.lists(st.floats(0, 1e9), min_size=1), percent=st.floats(0.01, 100))
def test_a_percentile_is_the_least_value_that_covers_enough(values: list[float], percent: float) -> None:
    found, enough = percentile(values, percent), len(values) * percent / 100

    assert sum(value <= found for value in values) >= enough - 1e-9
    assert found == min(values) or sum(value < found for value in values) < enough + 1e-9


@pytest.mark.parametrize(("floor", "ratio"), [(2.0, 1.5), (None, None), (0.0, None)])
def test_a_ratio_is_how_many_times_the_floor_where_there_is_one(
    floor: float | None, ratio: float | None
) -> None:
    assert Figure(name="CPU", value=3.0, floor=floor).ratio == ratio


def test_the_floor_is_the_mean_of_two_floors() -> None:
    before, after = (
        [Figure(name="CPU", value=3.0, floor=floor), Figure(name="memory", value=5.0)] for floor in (1.0, 2.0)
    )

    assert beside_both(before, after) == [Figure(name="CPU", value=3.0, floor=1.5), before[1]]


def test_latencies_are_reported_by_median_95th_percentile_and_maximum() -> None:
    found = latency_figures("repair", [each / 100 for each in range(1, 101)])

    values = {"repair_p50_s": 0.5, "repair_p95_s": 0.95, "repair_max_s": 1.0}
    assert {each.key: each.value for each in found} == values


def test_a_result_is_one_line_of_json_with_everything_in_it() -> None:
    step = Figure(name="all in step", value=4.25, unit="s", floor=2.0)
    figures = (step, Figure(name="reads per path", value=0.98765432))
    calls = {"watch secrets": 1, "create secrets": 10}
    conditions = {"definitions": 10, "period s": 30.0}
    cold = Result(scenario="cold", conditions=conditions, figures=figures, calls=calls, backend={"read": 10})
    line = json_line(cold, {"cores": 2})

    assert "\n" not in line
    found = json.loads(line)
    assert found.pop("figures") == {"all_in_step_s": 4.25, "reads_per_path": 0.9877}
    assert (found.pop("floor"), found.pop("ratio")) == ({"all_in_step_s": 2.0}, {"all_in_step_s": 2.125})
    assert (found.pop("calls"), found.pop("backend")) == (calls, {"read": 10})
    assert found == {"scenario": "cold", "definitions": 10, "period_s": 30.0, "machine": {"cores": 2}}
