"""What a soak is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chaos.soak.logbook import Logbook
from chaos.soak.samples import Sample
from chaos.soak.verdict import Evidence, Limits, growth, judge


def samples(
    resident: Sequence[float], *, threads: Sequence[int] = (), descriptors: Sequence[int] = ()
) -> list[Sample]:
    return [
        Sample(
            at=3.0 * number,
            resident=mib,
            threads=threads[number] if threads else 20,
            descriptors=descriptors[number] if descriptors else 30,
            object_series=100,
            other_series=200,
            depth=0.0,
        )
        for number, mib in enumerate(resident)
    ]


FLAT = samples([60.0] * 9)
GOOD = Evidence(samples=FLAT, faults=(), amiss=(), left_over=(), strays=(), logbook=Logbook(), exit_code=0)


def bad(evidence: Evidence) -> list[str]:
    return [each.what for each in judge(evidence, Limits()) if not each.good]


def test_a_run_in_which_nothing_moved_is_good() -> None:
    assert bad(GOOD) == []


@pytest.mark.parametrize(
    ("evidence", "what"),
    [
        (
            replace(GOOD, faults=["own-1: went back from 4 to 3"]),
            "Secrets that went back, in part or deleted",
        ),
        (replace(GOOD, amiss=["own-1: missing"]), "Secrets not in step at the end"),
        (replace(GOOD, left_over=["churn-1"]), "definitions that did not go"),
        (replace(GOOD, strays=["churn-1"]), "series of what is gone"),
        (replace(GOOD, logbook=Logbook(errors=["InternalError"])), "unexpected errors in the log"),
        (replace(GOOD, logbook=Logbook(leaks=1)), "canaries in the log"),
        (replace(GOOD, exit_code=1), "exit"),
        (replace(GOOD, samples=[*FLAT, replace(FLAT[-1], depth=3.0)]), "queue empty"),
        (replace(GOOD, samples=[*FLAT, replace(FLAT[-1], depth=None)]), "queue empty"),
        (
            replace(GOOD, samples=[*FLAT, replace(FLAT[-1], other_series=5000)]),
            "series about nothing in particular",
        ),
        (
            replace(GOOD, samples=[*FLAT, replace(FLAT[-1], other_series=None)]),
            "series about nothing in particular",
        ),
    ],
)
def test_one_thing_that_is_wrong_is_named(evidence: Evidence, what: str) -> None:
    assert bad(evidence) == [what]


def test_memory_that_rises_and_rises_is_bad() -> None:
    assert bad(replace(GOOD, samples=samples([60.0 + number for number in range(30)]))) == [
        "memory after the first third"
    ]


def test_what_the_first_third_needs_to_warm_up_does_not_count() -> None:
    assert bad(replace(GOOD, samples=samples([20.0, 40.0, 55.0, *[60.0] * 6]))) == []


def test_memory_that_goes_up_and_down_again_is_good() -> None:
    wave = [60.0, 60.0, 60.0, 60.0, 70.0, 60.0, 60.0, 70.0, 60.0]

    assert bad(replace(GOOD, samples=samples(wave))) == []


def test_growth_is_from_the_second_third_to_the_last() -> None:
    assert growth(samples([50.0] * 3 + [100.0] * 3 + [106.0] * 3)) == pytest.approx(0.06)


def test_a_moment_of_much_memory_is_no_growth_but_has_a_bound() -> None:
    moment = samples([60.0] * 7 + [301.0, 60.0])

    assert growth(moment) == 0
    assert bad(replace(GOOD, samples=moment)) == ["memory at the most"]


def test_a_run_too_short_for_thirds_has_not_grown() -> None:
    assert growth(samples([60.0])) == 0


@pytest.mark.parametrize("what", ["threads", "descriptors"])
def test_threads_and_descriptors_have_to_come_back_to_their_level(what: str) -> None:
    leaking = samples([60.0] * 9, **{what: [10, 12, 12, 13, 14, 15, 16, 17, 18]})

    assert bad(replace(GOOD, samples=leaking)) == [what]


@pytest.mark.parametrize("what", ["threads", "descriptors"])
def test_a_peak_that_is_over_is_good(what: str) -> None:
    busy = samples([60.0] * 9, **{what: [10, 12, 12, 40, 40, 15, 12, 12, 12]})

    assert bad(replace(GOOD, samples=busy)) == []


def test_slack_is_allowed_where_it_was_granted() -> None:
    leaking = replace(GOOD, samples=samples([60.0] * 3, threads=[10, 11, 12]))

    assert [each.what for each in judge(leaking, Limits(threads=2)) if not each.good] == []
