"""How many compilers run at once: as many as there are cores, and no more than a container may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed.go_thrift import at_once


@pytest.mark.parametrize(
    ("quota", "wanted"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("10000 100000\n", 1),
        ("1600000 100000\n", 8),
        ("", 8),
        ("100000 0\n", 8),
        ("0 100000\n", 1),
        ("-100000 100000\n", 1),
        ("nonsense\n", 8),
    ],
)
def test_the_quota_of_a_container_bounds_the_compilers(tmp_path: Path, quota: str, wanted: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota, encoding="ascii")

    assert at_once(8, file) == wanted


def test_without_a_quota_each_core_has_a_compiler(tmp_path: Path) -> None:
    assert at_once(8, tmp_path / "absent") == 8
    assert at_once(quota=tmp_path / "absent") >= 1
