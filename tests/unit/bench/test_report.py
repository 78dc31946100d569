"""How the benchmark shows what it found."""

from __future__ import annotations

import json

from bench.figures import Figure, Result
from bench.report import json_line, table

COLD = Result(
    scenario="cold",
    conditions={"definitions": 10, "period s": 30.0},
    figures=(
        Figure(name="all in step", value=4.25, unit="s", floor=2.0),
        Figure(name="backend reads", value=10),
        Figure(name="reads per path", value=0.98765432),
    ),
    calls={"watch secrets": 1, "create secrets": 10},
    backend={"read secret/": 10},
)


def test_a_result_is_one_line_of_json_with_everything_in_it() -> None:
    line = json_line(COLD, {"cores": 2})

    assert "\n" not in line
    assert json.loads(line) == {
        "scenario": "cold",
        "definitions": 10,
        "period_s": 30.0,
        "figures": {"all_in_step_s": 4.25, "backend_reads": 10, "reads_per_path": 0.9877},
        "floor": {"all_in_step_s": 2.0},
        "ratio": {"all_in_step_s": 2.125},
        "calls": {"create secrets": 10, "watch secrets": 1},
        "backend": {"read secret/": 10},
        "machine": {"cores": 2},
    }


def test_the_table_has_a_row_for_each_figure_and_each_kind_of_call() -> None:
    quiet = Result(scenario="quiet", conditions={}, figures=(Figure(name="CPU", value=0.5, unit="s"),))

    assert table([COLD, quiet]).splitlines() == [
        "scenario  figure                       value   floor  ratio",
        "--------  --------------------------  ------  ------  -----",
        "cold      definitions                     10",
        "cold      period s                      30.0",
        "cold      all in step                 4.25 s  2.00 s   2.12",
        "cold      backend reads                   10",
        "cold      reads per path                0.99",
        "cold      Kubernetes: create secrets      10",
        "cold      Kubernetes: watch secrets        1",
        "cold      backend: read secret/           10",
        "quiet     CPU                         0.50 s",
    ]


def test_the_table_of_nothing_is_its_head() -> None:
    assert table([]).splitlines()[0].split() == ["scenario", "figure", "value", "floor", "ratio"]
