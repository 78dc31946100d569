"""What an outage is judged by."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chaos.outage.findings import Finding, attempt_findings, busiest, delay, freshness


def bad(findings: Sequence[Finding]) -> list[str]:
    return [finding.what for finding in findings if not finding.good]


def every(seconds: float, begin: float, end: float) -> list[float]:
    return [begin + seconds * number for number in range(int((end - begin) / seconds))]


USUAL = [number / 100 for number in range(101)]
AS_PROMISED = [*[0.1] * 30, *every(1.0, 1.0, 60.0), *every(5.0, 60.0, 180.0)]


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (attempt_findings(AS_PROMISED, 180.0), []),
        (attempt_findings(every(0.5, 0.0, 60.0), 60.0), ["then, a second, in the first minute"]),
        (attempt_findings(every(1.0, 0.0, 180.0), 180.0), ["after that, in five seconds"]),
        (freshness([3.0, 14.0, 1.0], 15.0), []),
        (freshness([3.0, 16.0, 1.0], 15.0), ["all fresh after"]),
        (delay(USUAL, [1.09 * seconds for seconds in USUAL]), []),
        (delay(USUAL, [1.11 * seconds for seconds in USUAL]), ["times as long"]),
    ],
)
def test_what_is_not_as_promised_is_named(found: Sequence[Finding], named: list[str]) -> None:
    assert bad(found) == named


def test_the_busiest_stretch_is_found_wherever_it_is_and_a_short_outage_has_few_stretches() -> None:
    assert busiest([1.0, 7.0, 7.5, 8.0, 11.9, 12.0, 30.0], 5.0) == 4
    assert [len(attempt_findings([], outage)) for outage in (5.0, 30.0, 180.0)] == [2, 3, 5]
