"""A new event is logged at once, a repeated one seldom and with its count."""

from __future__ import annotations

from secrets_manager.runtime.reminder import Reminder
from tests.builders import Clock


def said(times: int, every: float) -> list[tuple[float, int]]:
    """When something was said that happened so often, and with which count."""
    clock = Clock()
    start, reminder, found = clock.now, Reminder(clock), []
    for _ in range(times):
        if count := reminder.happened("a"):
            found.append((clock.now - start, count))
        clock.now += every
    return found


def test_an_endless_event_is_logged_once_and_then_every_ten_minutes_with_its_count() -> None:
    assert said(1801, every=1) == [(0, 1), (600, 600), (1200, 600), (1800, 600)]


def test_a_seldom_event_counts_as_new_each_time() -> None:
    assert said(4, every=300) == [(0, 1), (300, 1), (600, 1), (900, 1)]


def test_an_event_that_repeats_now_and_then_is_not_logged_each_time() -> None:
    assert said(8, every=299) == [(0, 1), (897, 3), (1794, 3)]


def test_each_thing_is_said_by_itself() -> None:
    reminder = Reminder(Clock())

    assert [reminder.happened(key) for key in "abab"] == [1, 1, None, None]


def test_an_event_that_was_certainly_over_counts_as_new_when_it_happens_again() -> None:
    reminder = Reminder(Clock())
    reminder.happened("a")
    reminder.well("a")
    reminder.well("never heard of")

    assert reminder.happened("a") == 1


def test_the_number_of_remembered_events_is_bounded() -> None:
    reminder = Reminder(Clock())
    for number in range(5000):
        reminder.happened(number)

    assert len(reminder._logged) == 1000
    assert reminder.happened(4999) is None
    assert reminder.happened(0) == 1
