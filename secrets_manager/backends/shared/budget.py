"""How much time one call of the backend still has, all its requests and waits together.

Nothing here waits or ends anything; each step asks what is left and passes that on.
"""

from __future__ import annotations

from secrets_manager.backends.base import Clock
from secrets_manager.domain.errors import BackendTimeout


class Budget:
    """``seconds`` from now on, shared by the steps of one call; ``server`` is who is waited for."""

    __slots__ = ("_clock", "_ends_at", "_server")

    def __init__(self, seconds: float, clock: Clock, server: str = "the backend") -> None:
        self._clock = clock
        self._ends_at = clock() + seconds
        self._server = server

    def left(self) -> float:
        """Seconds that are left, always above 0; raises BackendTimeout when none are."""
        seconds = self._ends_at - self._clock()
        if seconds <= 0:
            raise BackendTimeout(f"{self._server} did not answer within the time allowed")
        return seconds
