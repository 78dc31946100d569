"""Calls without a deadline are left at the deadline of their terms, and hold a bounded number of threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from secrets_manager.backends.kit.blocking import Blocking
from secrets_manager.domain.errors import BackendTimeout, NoAnswerYet, SourceNotFound
from secrets_manager.runtime.terms import Deadline, Terms

LONG = 30.0
SHORT = 0.05


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """What the calls wait for that hang; they end with the test."""
    release = threading.Event()
    yield release
    release.set()


def hang(blocking: Blocking, release: threading.Event, terms: Terms) -> None:
    blocking.call(lambda: release.wait(LONG), terms)


def test_a_blocking_call_returns_its_result_and_reports_its_duration() -> None:
    took: list[float] = []
    terms = Terms(deadline=Deadline.within(LONG), answered=took.append)

    assert Blocking(1, "test").call(lambda: "x", terms) == "x"
    assert len(took) == 1


def test_a_blocking_call_raises_its_error_and_counts_as_answered() -> None:
    took: list[float] = []

    def fail() -> str:
        raise SourceNotFound("p")

    with pytest.raises(SourceNotFound):
        Blocking(1, "test").call(fail, Terms(deadline=Deadline.within(LONG), answered=took.append))
    assert len(took) == 1


def test_a_call_that_hangs_is_left_at_its_deadline(hanging: threading.Event) -> None:
    took: list[float] = []
    terms = Terms(deadline=Deadline.within(SHORT), answered=took.append)

    with pytest.raises(BackendTimeout):
        hang(Blocking(1, "test"), hanging, terms)
    assert took == []


def test_a_first_try_that_hangs_is_left_sooner(hanging: threading.Event) -> None:
    with pytest.raises(NoAnswerYet):
        hang(Blocking(1, "test"), hanging, Terms(deadline=Deadline.within(LONG), first_try=SHORT))


def test_a_call_that_hangs_keeps_its_slot_until_it_ends(hanging: threading.Event) -> None:
    blocking = Blocking(1, "test")
    begun: list[str] = []
    with pytest.raises(BackendTimeout):
        hang(blocking, hanging, Terms.within(SHORT))
    with pytest.raises(BackendTimeout):
        blocking.call(lambda: begun.append("too many"), Terms.within(SHORT))
    hanging.set()

    blocking.call(lambda: begun.append("in its place"), Terms.within(LONG))
    assert begun == ["in its place"]


def test_a_call_that_fails_gives_its_place_back() -> None:
    blocking = Blocking(1, "test")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            blocking.call(lambda: 1 // 0, Terms.within(LONG))
