"""Definitions that wait for something other than time: the backend to come back, the lead to be ours.

Who set them aside, and what ends the wait, is not known here.
"""

from __future__ import annotations

import threading

from secrets_manager.domain.definition import Ref


class SetAside:
    """Names, each once; safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refs: set[Ref] = set()

    def add(self, ref: Ref) -> None:
        """Let it wait."""
        with self._lock:
            self._refs.add(ref)

    def discard(self, ref: Ref) -> None:
        """It need not wait any more."""
        with self._lock:
            self._refs.discard(ref)

    def take_all(self) -> set[Ref]:
        """All that wait; they do so no longer."""
        with self._lock:
            taken, self._refs = self._refs, set()
            return taken
