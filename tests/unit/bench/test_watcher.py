"""When a Secret counts as right."""

from __future__ import annotations

from typing import Any

import pytest

from bench.corpus import encoded
from bench.watcher import Sighting


def sighting(at: float | None = None) -> Sighting:
    return Sighting(namespace="a", name="app", data=encoded({"password": "new"}), began=100.0, at=at)


def event(kind: str, data: dict[str, str] | None) -> dict[str, Any]:
    return {
        "type": kind,
        "object": {"metadata": {"name": "app"}, **({"data": encoded(data)} if data else {})},
    }


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED"])
def test_a_secret_with_the_data_waited_for_is_right(kind: str) -> None:
    assert sighting().fits(event(kind, {"password": "new"}))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("DELETED", {"password": "new"}),
        ("BOOKMARK", None),
        ("MODIFIED", None),
        ("MODIFIED", {"password": "old"}),
        ("MODIFIED", {"password": "new", "more": "x"}),
    ],
)
def test_anything_else_is_not(kind: str, data: dict[str, str] | None) -> None:
    assert not sighting().fits(event(kind, data))


def test_the_latency_is_the_time_from_wrong_to_right() -> None:
    assert sighting(at=100.25).latency == 0.25


def test_a_secret_that_was_not_seen_has_no_latency() -> None:
    with pytest.raises(AssertionError, match="Secret app was not seen to become right"):
        _ = sighting().latency


def test_values_do_not_show_in_what_is_printed() -> None:
    assert encoded({"password": "new"})["password"] not in repr(sighting())
