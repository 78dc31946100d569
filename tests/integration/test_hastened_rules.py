"""Rules at a higher speed are the shipped ones: only times differ, all of them by the same factor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.integration.hastened_rules import SPEED, hastened

_SHIPPED = Path(__file__).parents[2] / "config/prometheus/rules.yaml"
SPEC: dict[str, Any] = yaml.safe_load(_SHIPPED.read_text(encoding="utf-8"))["spec"]
_NUMBER = re.compile(r"\[\d+[smhd]\]|> \d+\b")


def _rules(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in spec["groups"] for rule in group["rules"]]


def test_the_structure_of_each_expression_stays_and_so_do_names_labels_and_texts() -> None:
    for before, after in zip(_rules(SPEC), _rules(hastened(SPEC)), strict=True):
        assert _NUMBER.sub("N", after["expr"]) == _NUMBER.sub("N", before["expr"])
        assert {**after, "expr": "", "for": ""} == {**before, "expr": "", "for": ""}


def test_windows_and_lateness_shrink_and_counts_do_not() -> None:
    exprs = ["increase(a[5m])", "a[1d]", "max by (job) (a_late_seconds) > 60", "changes(a[1h]) > 2", "a > 60"]
    made = hastened({"groups": [{"rules": [{"record": "r", "expr": expr} for expr in exprs]}]})

    assert SPEED == 30
    assert [rule["expr"] for rule in _rules(made)] == [
        "increase(a[10s])",
        "a[2880s]",
        "max by (job) (a_late_seconds) > 2",
        "changes(a[120s]) > 2",
        "a > 60",
    ]


def test_no_alert_waits_longer_than_a_second_and_each_still_waits() -> None:
    assert {rule["for"] for rule in _rules(hastened(SPEC)) if "alert" in rule} == {"1s"}
