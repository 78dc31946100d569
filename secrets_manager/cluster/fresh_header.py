"""When the credentials for the API server are read again; where they come from is not known here.

Token files are rotated, so what they held is read anew every half minute of monotonic time (the official
client goes by the wall clock, which may be set back), and once the API server refuses it. A plugin is a
program that may take seconds, so its answer holds until it expires or is refused.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from secrets_manager.domain.errors import ConfigError

_FRESH_SECONDS = 30.0
_REFUSAL_SECONDS = 1.0

log = logging.getLogger("cluster.api")


class HeaderSource(Protocol):
    """Where the Authorization header comes from."""

    def known(self) -> str:
        """The header by what was read last, renewed if that has expired; "" for none. Raises ConfigError."""

    def anew(self) -> str:
        """Read everything again and give the header; "" for none. Raises ConfigError."""

    @property
    def costly(self) -> bool:
        """Whether reading again is more than opening a file."""


class FreshHeader:
    """The Authorization header for the next call; safe to ask from many threads."""

    def __init__(self, source: HeaderSource, clock: Callable[[], float]) -> None:
        """Take the first header; raises ConfigError."""
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._header = source.known()
        self._read_at = clock()
        self._refused_at = -_REFUSAL_SECONDS

    def header(self) -> str:
        """The header, or "" when the API server does not ask for one."""
        # Whoever finds another thread at it goes on with what is known.
        if self._clock() - self._read_at > _FRESH_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._read(self._source.known if self._source.costly else self._source.anew)
            finally:
                self._lock.release()
        return self._header

    def refused(self, header: str) -> None:
        """The API server did not accept ``header``: read again, unless somebody just did."""
        with self._lock:
            now = self._clock()
            if header == self._header and now - self._refused_at >= _REFUSAL_SECONDS:
                self._refused_at = now
                self._read(self._source.anew)

    def _read(self, read: Callable[[], str]) -> None:
        """Take the newest; what is known stays in use when there is none to be had."""
        self._read_at = self._clock()
        try:
            self._header = read() or self._header
        except ConfigError as error:
            log.warning("credentials could not be read again", extra={"error": error.message})
