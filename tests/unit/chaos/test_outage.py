"""What an outage is judged by."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chaos.outage.findings import Finding, busiest, delay, freshness, knocking


def bad(findings: Sequence[Finding]) -> list[str]:
    return [finding.what for finding in findings if not finding.good]


def every(seconds: float, begin: float, end: float) -> list[float]:
    return [begin + seconds * number for number in range(int((end - begin) / seconds))]


def test_a_probe_a_second_for_a_minute_and_then_one_in_five_keeps_the_promise() -> None:
    moments = [*[0.1] * 30, *every(1.0, 1.0, 60.0), *every(5.0, 60.0, 180.0)]

    assert bad(knocking(moments, 180.0)) == []


def test_too_many_probes_at_first_are_bad() -> None:
    assert bad(knocking(every(0.5, 0.0, 60.0), 60.0)) == ["then, a second, in the first minute"]


def test_going_on_once_a_second_is_bad() -> None:
    assert bad(knocking(every(1.0, 0.0, 180.0), 180.0)) == ["after that, in five seconds"]


@pytest.mark.parametrize(("outage", "count"), [(5.0, 2), (30.0, 3), (180.0, 5)])
def test_an_outage_is_only_judged_by_what_it_lasted_for(outage: float, count: int) -> None:
    assert len(knocking([], outage)) == count


def test_the_busiest_stretch_is_found_wherever_it_is() -> None:
    assert busiest([1.0, 7.0, 7.5, 8.0, 11.9, 12.0, 30.0], 5.0) == 4
    assert busiest([], 5.0) == 0


def test_the_last_fresh_secret_counts() -> None:
    assert bad(freshness([3.0, 16.0, 1.0], 15.0)) == ["all fresh after"]
    assert bad(freshness([3.0, 14.0, 1.0], 15.0)) == []


def test_what_takes_more_than_a_tenth_longer_is_delayed() -> None:
    usual = [number / 100 for number in range(101)]

    assert bad(delay(usual, [1.09 * seconds for seconds in usual])) == []
    assert bad(delay(usual, [1.11 * seconds for seconds in usual])) == ["times as long"]


def test_a_finding_says_what_was_seen_and_what_is_allowed() -> None:
    assert Finding(what="logins", value=3, most=2).text() == "BAD   logins: 3  (at most 2)"
    assert Finding(what="fresh", value=3.25, unit=" s").text() == "good  fresh: 3.25 s"
