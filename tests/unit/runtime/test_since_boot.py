"""The clock that goes on while the machine sleeps."""

from __future__ import annotations

import time

import pytest

from secrets_manager.runtime.since_boot import clock_of, since_boot


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no such clock")
def test_since_boot_is_the_system_clock_that_counts_suspended_time() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)

    shown = since_boot()

    assert before <= shown <= time.clock_gettime(time.CLOCK_BOOTTIME)


@pytest.mark.parametrize("clock_id", [None, 9999], ids=["no such name", "a number that the kernel refuses"])
def test_without_a_boot_clock_the_monotonic_clock_serves(clock_id: int | None) -> None:
    assert clock_of(clock_id) is time.monotonic
