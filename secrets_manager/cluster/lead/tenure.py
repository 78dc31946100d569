"""How long a leader leads; pure.

No other process should write a Lease that we hold. If one did, a standby may have seen anything, and may be
about to take it (``lease_view``). So a renewal that found foreign writes grants no time, nor do those that
follow, until the Lease was ours and untouched for so long that each standby must have seen it so. Time that
was granted before stays: one foreign write costs nothing, endless ones cost the lead in the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(eq=False, kw_only=True)
class Tenure:
    """Seconds of the election's clock.

    ``deadline`` is what a renewal grants, ``untouched`` how long there must be no foreign write for that.
    """

    deadline: float
    untouched: float
    held_until: float = -math.inf
    _ours_since: float = -math.inf

    def begin(self, sent: float) -> None:
        """The Lease was taken by a write that was sent then."""
        self._ours_since = -math.inf
        self.held_until = sent + self.deadline

    def renewed(self, sent: float) -> None:
        """A renewal that was sent then came right after our last write."""
        if self.alone(sent):
            self.held_until = sent + self.deadline

    def regained(self, answered: float) -> None:
        """Another process had written or deleted the Lease, and it is ours again since then."""
        self._ours_since = answered

    def alone(self, now: float) -> bool:
        """Whether there was no foreign write for long enough."""
        return now >= self._ours_since + self.untouched

    def end(self) -> None:
        """We do not lead any more."""
        self.held_until = -math.inf
