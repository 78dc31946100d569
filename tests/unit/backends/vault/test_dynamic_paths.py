"""Paths with leased credentials are remembered for a while, up to a limit."""

from __future__ import annotations

from secrets_manager.backends.vault.dynamic_paths import DynamicPaths
from tests.builders import Clock


def test_a_path_is_left_alone_until_the_pause_is_over() -> None:
    clock = Clock()
    paths = DynamicPaths(600.0, clock)
    paths.add("db/creds/a")
    clock.now += 599
    assert "db/creds/a" in paths
    assert "db/creds/b" not in paths
    clock.now += 1

    assert "db/creds/a" not in paths


def test_paths_whose_pause_is_over_are_forgotten() -> None:
    clock = Clock()
    paths = DynamicPaths(600.0, clock)
    for number in range(100):
        paths.add(f"db/creds/{number}")
    clock.now += 600
    paths.add("db/creds/new")

    assert len(paths) == 1


def test_the_memory_of_paths_is_bounded_and_the_newest_stay() -> None:
    paths = DynamicPaths(600.0, Clock())
    for number in range(10_100):
        paths.add(f"db/creds/{number}")

    assert len(paths) == 10_000
    assert "db/creds/10099" in paths
    assert "db/creds/99" not in paths
