from __future__ import annotations

import itertools

import pytest

from tests.testbed.waiting import wait_until


def test_what_became_true_is_returned() -> None:
    answers = iter([None, 0, "yes"])

    assert wait_until(lambda: next(answers), poll=0) == "yes"


def test_what_never_becomes_true_is_named() -> None:
    with pytest.raises(AssertionError, match=r"the door open: not within 0\.01 s"):
        wait_until(lambda: None, timeout=0.01, what="the door open", poll=0)


def test_it_is_asked_once_even_without_time() -> None:
    assert wait_until(lambda: "at once", timeout=0) == "at once"


def test_what_the_condition_raises_passes_through() -> None:
    counter = itertools.count()

    def fails_later() -> None:
        if next(counter) == 2:
            raise LookupError("gone")

    with pytest.raises(LookupError):
        wait_until(fails_later, poll=0)
