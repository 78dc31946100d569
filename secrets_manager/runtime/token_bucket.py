"""How much may be done now at a steady rate with bursts; pure except for its state.

The caller gives the times, in seconds of any clock that does not go back. Nothing here waits or locks: code
that shares a bucket among threads must lock it.
"""

from __future__ import annotations


class TokenBucket:
    """Gains ``rate`` tokens a second and keeps at most ``burst`` of them; it starts full."""

    __slots__ = ("_burst", "_rate", "_seen", "_tokens")

    def __init__(self, *, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._seen = now

    def wait(self, now: float, *, leaving: float = 0.0) -> float:
        """Seconds until there is a token in addition to ``leaving`` others; 0 when there is one now."""
        self._fill(now)
        return max(0.0, (1.0 + leaving - self._tokens) / self._rate)

    def take(self, now: float) -> None:
        """Take a token, in advance if there is none yet; ``wait`` says how long that one takes."""
        self._fill(now)
        self._tokens -= 1.0

    def try_take(self, now: float) -> bool:
        """Take a token if there is one."""
        if self.wait(now) > 0:
            return False
        self.take(now)
        return True

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
