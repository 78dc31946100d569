"""What proves that a path is gone, in any sequence of readings, faults, logins and changes of the lead."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendFault,
    BackendThrottled,
    BackendUnavailable,
    PermissionDenied,
    Reach,
    SecretsManagerError,
    SourceDeleted,
    SourceNotFound,
    SourceOutdated,
)
from secrets_manager.sync.reading.absences import APART_SECONDS, OVER_SECONDS, READINGS, Absences
from tests.effort import share

APP = Ref("team", "app")
GONE = Source("one/app")
ABSENT = SourceNotFound("one/app")


def parts_of(source: Source) -> tuple[str, ...]:
    return (source.path.partition("/")[0],)


@dataclass
class Bench:
    logins: int = 1
    now: float = 1000.0
    absences: Absences = field(init=False)

    def __post_init__(self) -> None:
        self.absences = Absences(parts_of, lambda _: self.logins)
        self.absences.watch(APP, [GONE])

    def hear(
        self, result: Reading | SecretsManagerError, *, after: float = 5.0, of: Source = GONE
    ) -> set[Ref]:
        self.now += after
        return self.absences.heard(of, result, self.now)


def reading() -> Reading:
    return Reading(GONE, "1", {"user": "alice"})


def test_users_hear_once_when_the_path_is_surely_gone() -> None:
    bench = Bench()

    assert [bench.hear(ABSENT) for _ in range(6)] == [set(), set(), set(), {APP}, set(), set()]
    assert bench.absences.is_proven(GONE)


def test_absences_of_different_kinds_are_one_absence() -> None:
    bench = Bench()
    for error in (SourceDeleted("one/app", "3"), ABSENT, SourceDeleted("one/app", "3"), ABSENT):
        bench.hear(error)

    assert bench.absences.is_proven(GONE)


def test_readings_that_come_at_once_count_as_one() -> None:
    bench = Bench()
    for _ in range(100):
        bench.hear(ABSENT, after=0.1)
    assert not bench.absences.is_proven(GONE)

    bench = Bench()
    bench.hear(ABSENT)
    bench.hear(ABSENT, after=3600)
    bench.hear(ABSENT, after=0.1)
    assert not bench.absences.is_proven(GONE)


@pytest.mark.parametrize(
    ("of", "fault", "proven"),
    [
        ("one/app", BackendUnavailable("away"), False),
        ("one/other", BackendUnavailable("away"), False),
        ("two/other", BackendUnavailable("away"), True),
        ("two/other", BackendUnavailable("away", reach=Reach.ALL), False),
        ("two/other", BackendThrottled("slow down"), False),
        ("two/other", BackendUnavailable("not asked", reach=Reach.NOTHING), True),
        ("one/other", PermissionDenied("one/other"), True),
    ],
)
def test_a_fault_counts_where_it_says_something_about_the_path(
    of: str, fault: SecretsManagerError, *, proven: bool
) -> None:
    bench = Bench()
    for _ in range(5):
        bench.hear(ABSENT)
    bench.hear(fault, of=Source(of))

    assert bench.absences.is_proven(GONE) is proven


def test_a_login_after_the_last_reading_takes_the_proof_away() -> None:
    bench = Bench()
    for _ in range(5):
        bench.hear(ABSENT)
    bench.logins += 1
    assert not bench.absences.is_proven(GONE)

    assert [bench.hear(ABSENT) for _ in range(4)] == [set(), set(), set(), {APP}]


def test_another_backend_is_another_matter() -> None:
    bench = Bench()
    for _ in range(5):
        bench.hear(ABSENT)
    bench.hear(BackendUnavailable("away", reach=Reach.ALL), of=Source("one/app", backend="other"))

    assert bench.absences.is_proven(GONE)


def test_sources_that_nobody_watches_take_no_memory() -> None:
    bench = Bench()
    for number in range(100):
        bench.hear(BackendUnavailable("away"), of=Source(f"{number}/other"))
        bench.hear(ABSENT, of=Source(f"{number}/other"))

    assert len(bench.absences._watched) == 1
    assert len(bench.absences._parts) == 2


STEPS = st.one_of(
    st.just("absent"),
    st.just("absent"),
    st.just("absent"),
    st.sampled_from(["there", "refused", "older", "fault", "mount", "all", "login", "lead", "elsewhere"]),
)


@settings(max_examples=share(400))
@given(st.lists(st.tuples(STEPS, st.sampled_from([0.1, 1.0, 4.0, 5.0, 7.0, 60.0])), max_size=60))
def test_nothing_is_proven_without_three_absences_in_a_row_over_15_s(steps: list[tuple[str, float]]) -> None:
    bench = Bench()
    # The oracle: the times of absences since the last thing that says otherwise.
    times: list[float] = []
    for step, after in steps:
        _take(bench, step, after)
        if step == "absent":
            times.append(bench.now)
        elif step != "elsewhere":
            times = []
        counted: list[float] = []
        for at in times:
            if not counted or at - counted[-1] >= APART_SECONDS:
                counted.append(at)
        enough = len(counted) >= READINGS and counted[-1] - counted[0] >= OVER_SECONDS
        assert bench.absences.is_proven(GONE) is enough
        assert bench.absences._parts["default", ""].absent == (
            bench.absences._watched[GONE].sighting is not None
        )


def _take(bench: Bench, step: str, after: float) -> None:
    results: dict[str, Reading | SecretsManagerError] = {
        "absent": ABSENT,
        "there": reading(),
        "refused": PermissionDenied("one/app"),
        "older": SourceOutdated("one/app"),
        "fault": BackendUnavailable("away"),
    }
    others: dict[str, tuple[str, BackendFault]] = {
        "mount": ("one/other", BackendUnavailable("away")),
        "all": ("two/other", BackendUnavailable("away", reach=Reach.ALL)),
        "elsewhere": ("two/other", BackendUnavailable("away")),
    }
    if step in results:
        bench.hear(results[step], after=after)
    elif step in others:
        path, fault = others[step]
        bench.hear(fault, after=after, of=Source(path))
    elif step == "login":
        bench.logins += 1
    else:
        bench.absences.start_over()
