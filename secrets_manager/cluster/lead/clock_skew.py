"""Notices that the clock of the replica that leads differs from ours.

The election trusts no clock of another machine, so nothing depends on this; but times in status, Events and
Lease are read by people, and a clock that is off breaks certificates and tokens sooner or later.
"""

from __future__ import annotations

import logging
from datetime import datetime

from secrets_manager.cluster.lead.lease import Sighting

log = logging.getLogger("cluster.election")

_REPORTED_FROM = 30.0
# Only a renewal between two looks that follow shortly on each other is known to be fresh.
_FRESH = 10.0


class ClockSkew:
    """Compares each sighting of the Lease with our clock, and logs a difference once per holder."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._seen_at = float("-inf")
        self._reported = ""

    def compare(self, before: Sighting | None, after: Sighting, *, now: float, wall: datetime) -> None:
        """Compare a sighting with the one ``before``; ``now`` is monotonic seconds, ``wall`` our clock."""
        fresh = before is not None and now - self._seen_at <= _FRESH
        self._seen_at = now
        record = after.record
        if not fresh or before is None or before.record == record or record.holder == self._identity:
            return
        seconds = behind(record.renew_time, wall)
        if seconds is None or not record.holder:
            return
        if abs(seconds) <= _REPORTED_FROM:
            self._reported = ""
        elif self._reported != record.holder:
            self._reported = record.holder
            log.warning(
                "the clock of the replica that leads differs from ours",
                extra={"holder": record.holder, "seconds": round(seconds)},
            )


def behind(renew_time: str, wall: datetime) -> float | None:
    """Seconds by which the clock that wrote ``renew_time`` is behind ``wall``; None if it is not a time."""
    try:
        return (wall - datetime.fromisoformat(renew_time)).total_seconds()
    except (ValueError, TypeError):
        return None
