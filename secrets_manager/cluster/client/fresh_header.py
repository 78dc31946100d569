"""Decides when the credentials for the API server are read again; it does not know their source.

Token files are rotated, so they are read again every half minute of monotonic time (the official client uses
the wall clock, which may be set back), within a second of a change, and once the API server refuses their
content. A plugin is a program that may take seconds or hang, so its answer holds until it expires or is
refused, and it runs on a thread of its own, one at a time: no call waits for it for long.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from secrets_manager.domain.errors import ConfigError

_FRESH_SECONDS = 30.0
_REFUSAL_SECONDS = 1.0
_LOOK_SECONDS = 1.0
# The known header is good for a while yet: no need to wait longer.
_GLANCE_SECONDS = 0.5
# Well below the time that a call and the renewal of a Lease have.
LONGEST_WAIT_SECONDS = 3.0

log = logging.getLogger("cluster.api")


class HeaderSource(Protocol):
    """The source of the Authorization header."""

    def current(self) -> str:
        """The header as read last, renewed if it has expired; "" for none. Raises ConfigError."""

    def reread(self) -> str:
        """Read everything again and give the header; "" for none. Raises ConfigError."""

    @property
    def costly(self) -> bool:
        """Whether reading again is more than opening a file."""


class FreshHeader:
    """The Authorization header for the next call; safe to ask from many threads."""

    def __init__(
        self,
        source: HeaderSource,
        clock: Callable[[], float],
        *,
        changed: Callable[[], bool] = lambda: False,
        longest_wait: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        """Take the first header; raises ConfigError.

        ``changed`` says whether files have changed since they were read; ``longest_wait`` is the seconds that
        a call waits for a costly source after its identity was refused.
        """
        self._source = source
        self._clock = clock
        self._changed = changed
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._reading: threading.Event | None = None
        self._header = source.current()
        self._read_at = self._looked_at = clock()
        self._refused_at = -_REFUSAL_SECONDS
        self._complaint = ""

    def latest(self) -> str:
        """The header that was read last."""
        return self._header

    def header(self) -> str:
        """The header, or "" when the API server does not ask for one."""
        # If another thread is renewing the header, the known one is used.
        if self._is_due(self._clock()) and self._lock.acquire(blocking=False):
            try:
                waiting = self._renew()
            finally:
                self._lock.release()
            if waiting is not None:
                waiting.wait(min(self._longest_wait, _GLANCE_SECONDS))
        return self._header

    def refused(self, header: str) -> None:
        """The API server did not accept ``header``: read again, except if that just happened."""
        with self._lock:
            now, waiting = self._clock(), self._reading
            if header == self._header and now - self._refused_at >= _REFUSAL_SECONDS:
                self._refused_at = now
                waiting = self._read(self._source.reread)
        if waiting is not None:
            waiting.wait(self._longest_wait)

    def _is_due(self, now: float) -> bool:
        return now - self._read_at > _FRESH_SECONDS or now - self._looked_at >= _LOOK_SECONDS

    def _renew(self) -> threading.Event | None:
        now = self._clock()
        self._looked_at = now
        if self._changed():
            return self._read(self._source.reread)
        if now - self._read_at > _FRESH_SECONDS:
            return self._read(self._source.current if self._source.costly else self._source.reread)
        return None

    def _read(self, read: Callable[[], str]) -> threading.Event | None:
        """Read; for a costly source, return the event that is set afterwards."""
        if not self._source.costly:
            self._take(read)
            return None
        if self._reading is None:
            done = self._reading = threading.Event()
            thread = threading.Thread(target=self._beside, args=(read, done), name="credentials", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The machine has no more threads: the next call tries again.
                self._reading = None
                raise
        return self._reading

    def _beside(self, read: Callable[[], str], done: threading.Event) -> None:
        try:
            self._take(read)
        finally:
            self._reading = None
            done.set()

    def _take(self, read: Callable[[], str]) -> None:
        """Take the newest header; the known one stays in use if reading fails."""
        self._read_at = self._clock()
        try:
            self._header = read() or self._header
        except ConfigError as error:
            # A file that stays unusable is read each second and reported once.
            if error.message != self._complaint:
                log.warning("credentials could not be read again", extra={"error": error.message})
            self._complaint = error.message
        else:
            self._complaint = ""
