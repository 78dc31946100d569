"""What a soak is judged by, and what the witness holds against a Secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from chaos.soak.estate import differences
from chaos.soak.layout import PlannedDefinition, Sort, wanted
from chaos.soak.samples import Sample, parse, strays
from chaos.soak.verdict import CALM_LOOKS, Evidence, Limits, growth, judge
from chaos.witness import Judge
from tests.testbed.logbook import Logbook


def samples(resident: Sequence[float], **counts: Sequence[int]) -> list[Sample]:
    usual: Any = {"threads": 20, "descriptors": 30, "object_series": 100, "other_series": 200, "depth": 0.0}
    made: list[Sample] = []
    for at, mib in enumerate(resident):
        found = {what: each[at] for what, each in counts.items()}
        made.append(Sample(at=3.0 * at, resident=mib, **{**usual, **found}))
    return made


FLAT = samples([60.0] * 9)
GOOD = Evidence(
    samples=FLAT, faults=(), restarts=(), amiss=(), left_over=(), strays=(), logbook=Logbook(), exit_code=0
)


def bad(evidence: Evidence) -> list[str]:
    return [each.what for each in judge(evidence, Limits()) if not each.good]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"faults": ["own-1: went back from 4 to 3"]}, "Secrets that went back, in part or deleted"),
        ({"restarts": ["restarted for nothing"]}, "restarts too many or missing"),
        ({"amiss": ["own-1: missing"]}, "Secrets not in step at the end"),
        ({"left_over": ["churn-1"]}, "definitions that did not go"),
        ({"strays": ["churn-1"]}, "series of what is gone"),
        ({"logbook": Logbook(errors=["InternalError"])}, "unexpected errors in the log"),
        ({"logbook": Logbook(leaks=1)}, "canaries in the log"),
        ({"exit_code": 1}, "exit"),
        ({"samples": [*FLAT, *[replace(FLAT[-1], depth=3.0)] * CALM_LOOKS]}, "queue empty"),
        ({"samples": [*FLAT, replace(FLAT[-1], depth=None)]}, "queue empty"),
        ({"samples": [*FLAT, replace(FLAT[-1], other_series=5000)]}, "series about nothing in particular"),
        ({"samples": [*FLAT, replace(FLAT[-1], other_series=None)]}, "series about nothing in particular"),
    ],
)
def test_one_thing_that_is_wrong_is_named(changes: dict[str, Any], what: str) -> None:
    assert bad(GOOD) == []
    assert bad(replace(GOOD, **changes)) == [what]


@pytest.mark.parametrize(
    ("mib", "grown", "found"),
    [
        ([60.0 + number for number in range(30)], pytest.approx(10 / 74.5), ["memory after the first third"]),
        # What the first third needs to warm up does not count.
        ([20.0, 40.0, 55.0, *[60.0] * 6], 0.0, []),
        ([60.0, 60.0, 60.0, 60.0, 70.0, 60.0, 60.0, 70.0, 60.0], 0.0, []),
        # A moment of much memory is no growth but has a bound.
        ([60.0] * 7 + [301.0, 60.0], 0.0, ["memory at the most"]),
    ],
    ids=["rising", "warming up", "up and down", "a moment"],
)
def test_growth_of_memory_is_from_the_second_third_to_the_last(
    mib: list[float], grown: float, found: list[str]
) -> None:
    assert growth(samples(mib)) == grown
    assert bad(replace(GOOD, samples=samples(mib))) == found


@pytest.mark.parametrize("what", ["threads", "descriptors"])
def test_threads_and_descriptors_have_to_come_back_to_their_level_and_a_peak_is_good(what: str) -> None:
    leaking = samples([60.0] * 9, **{what: [10, 12, 12, 13, 14, 15, 16, 17, 18]})
    busy = samples([60.0] * 9, **{what: [10, 12, 12, 40, 40, 15, 12, 12, 12]})

    assert bad(replace(GOOD, samples=leaking)) == [what]
    assert bad(replace(GOOD, samples=busy)) == []


def test_a_key_that_waits_at_one_of_the_last_looks_is_a_poll_and_no_queue_that_stays() -> None:
    polled = [*FLAT[:-1], replace(FLAT[-1], depth=2.0)]

    assert bad(replace(GOOD, samples=polled)) == []


def test_secrets_that_are_missing_wrong_or_too_many_are_named_without_their_values() -> None:
    planned = [PlannedDefinition(name=name, path=name) for name in ("a", "b", "c")]
    sick = PlannedDefinition(name="d", path="a", sort=Sort.NO_KEY)
    found = {"a": {"k": "1"}, "b": {"k": "value"}, "d": {"k": "1"}}

    told = differences(found, dict(wanted([*planned, sick], {"k": "1"})))

    assert told == ["b: not what its definition says", "c: missing", "d: should not be there"]


PAGE = """\
# HELP secrets_manager_controller_last_sync_status 1 when in step
secrets_manager_controller_last_sync_status{namespace="team",name="app"} 1.0
secrets_manager_vault_read_secret_errors_total{path="secret/data/team/old",key="k",error="UnknownError"} 2.0
python_info{version="3.11 \\"x\\", {y}"} 1.0
process_open_fds 17.0
"""


def test_series_of_deleted_objects_are_strays_and_each_is_named_once() -> None:
    series = list(parse(PAGE))

    assert [each.value for each in series] == [1, 2, 1, 17]
    assert [each.about for each in series] == ["app", "secret/data/team/old", "", ""]
    assert strays([*series, *series], {"app"}) == ["secret/data/team/old"]


def judged(*numbers: int) -> Judge:
    """A judge who saw a Secret with these numbers in both its keys."""
    judge = Judge()
    for number in numbers:
        judge.see("app", {"one": str(number), "two": str(number)})
    return judge


def test_a_number_that_falls_is_a_fault_and_one_that_rises_or_stays_is_not() -> None:
    rising, fallen = judged(1, 2, 2, 5), judged(1, 5, 4)

    assert (rising.faults, rising.highest) == ([], {"app": 5})
    assert (fallen.faults, fallen.highest) == (["app: went back from 5 to 4"], {"app": 5})


@pytest.mark.parametrize("data", [{"one": "1", "two": "2"}, {"two": "1"}, {}])
def test_two_keys_that_differ_or_lack_are_a_fault(data: dict[str, str]) -> None:
    judge = judged()
    judge.see("app", data)

    assert judge.faults[0].startswith("app: partial")


def test_a_secret_that_goes_is_a_fault_unless_its_definition_goes() -> None:
    judge, doomed = judged(1), judged(1)
    assert judge.missing({"web"}) == ["app"]
    doomed.expect_deletion("app")
    for each in (judge, doomed):
        each.lost("app")

    assert (judge.faults, doomed.faults) == (["app: deleted"], [])
