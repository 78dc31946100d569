"""Times of updates as Secrets and pod templates carry them: 2020-04-22T14.34.17Z, the original's layout.

In UTC and whole seconds, so that such texts sort by time. Pure.
"""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta

_LAYOUT = "%Y-%m-%dT%H.%M.%SZ"
_SHAPE = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\dZ")
# A time that is further ahead is not one of ours, or the clock was set back.
_AHEAD = timedelta(hours=1)


def update_time(now: datetime) -> str:
    """The time as an update of it is marked."""
    return now.astimezone(UTC).strftime(_LAYOUT)


def time_after(before: str, now: datetime) -> str:
    """The time of a write over one of the time ``before``: never the same one, even within a second.

    So a value that changed there and back can be told from one that did not change.
    """
    moment = now.astimezone(UTC).replace(microsecond=0)
    with contextlib.suppress(ValueError):
        last = moment_of(before)
        if moment <= last <= moment + _AHEAD:
            moment = last + timedelta(seconds=1)
    return update_time(moment)


def moment_of(text: str) -> datetime:
    """The moment that an update time stands for; raises ValueError."""
    return datetime.strptime(text, _LAYOUT).replace(tzinfo=UTC)


def believable(text: str, now: datetime) -> str:
    """The text if it is the time of an update that can have happened by now; else "".

    Everyone who may edit the object can write another text there.
    """
    return text if _SHAPE.fullmatch(text) and text <= update_time(now + _AHEAD) else ""


def shifted(text: str, seconds: float) -> str:
    """So many seconds later, or earlier; a text that is no time stays as it is."""
    try:
        return update_time(moment_of(text) + timedelta(seconds=seconds))
    except (ValueError, OverflowError):
        return text


def of_rfc3339(text: str) -> str:
    """A time of the API server, such as a creationTimestamp, in the layout of updates."""
    return text.replace(":", ".")
