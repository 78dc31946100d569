"""Whether the server is sealed, asked once in a few seconds for all reads together.

A 503 may mean a seal, an overload or a standby without a leader, and only the server knows which. While it
answers 503 to every read, a question for each would double the calls to a server that is in trouble.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

from secrets_manager.backends.base import Clock

# Seconds for which an answer counts: a seal amid other trouble is reported at most this much later.
_KEPT = 5.0


class SealStatus:
    """Keeps the last answer of ``ask`` for a few seconds; many threads may call, and one of them asks."""

    def __init__(self, ask: Callable[[], Mapping[str, Any]], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._answer: Mapping[str, Any] = {}
        self._until = -math.inf

    def get(self) -> Mapping[str, Any]:
        """The answer of the server; {} if there is none."""
        with self._lock:
            if self._clock() >= self._until:
                self._answer = self._ask()
                self._until = self._clock() + _KEPT
            return self._answer
