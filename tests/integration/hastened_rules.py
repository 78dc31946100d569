"""The shipped rules at thirty times their speed, so that a test sees within seconds what takes half an hour.

Only numbers change, and only those that are times in which Prometheus looks back or waits; metrics, labels,
operators and the structure of each expression stay. Scrapes come each second here, where they are half a
minute apart otherwise, so that a window holds as many of them as it does in reality.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["SPEED", "hastened"]

Json = dict[str, Any]

SPEED = 30
_SECONDS = {"m": 60, "h": 3600, "d": 86400}
_WINDOW = re.compile(r"\[(\d+)([mhd])\]")
# Lateness is the one threshold for which a fault would have to last as long as it says.
_LATENESS = re.compile(r"(_seconds\)) > (\d+)\b")
# Whether `for` is right is a matter of promtool's cases; one second still takes two evaluations in a row.
_FOR = "1s"


def hastened(spec: Mapping[str, Any]) -> Json:
    """The content of a file of rules, made of the `spec` of a PrometheusRule."""
    made: Json = copy.deepcopy(dict(spec))
    for rule in (rule for group in made["groups"] for rule in group["rules"]):
        rule["expr"] = _LATENESS.sub(_sooner, _WINDOW.sub(_shorter, rule["expr"]))
        if "for" in rule:
            rule["for"] = _FOR
    return made


def _shorter(window: re.Match[str]) -> str:
    return f"[{int(window[1]) * _SECONDS[window[2]] // SPEED}s]"


def _sooner(compared: re.Match[str]) -> str:
    return f"{compared[1]} > {int(compared[2]) // SPEED}"
