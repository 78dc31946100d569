"""Does a number of things spread evenly over a time, as users do, and not all at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def paced(things: Iterable[T], *, count: int, seconds: float) -> Iterator[T]:
    """Each of `count` things at its time: the first at once, the others after equal gaps.

    It ends after `seconds`. A caller that takes longer than a gap gets the next thing at once.
    """
    began = time.monotonic()
    for number, thing in enumerate(things):
        _sleep_until(began + number * seconds / count)
        yield thing
    _sleep_until(began + seconds)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
