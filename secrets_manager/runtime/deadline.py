"""A total deadline for a network call, enforced from outside the call.

A timeout of a socket counts anew with every byte, so a server that drips one byte a second holds a call with
a timeout of one second for ever. The Watchdog is one thread that shuts the socket of a call whose time is
up; the blocked read then ends at once. What it cannot end is a name look-up inside the C library: that runs
on a thread of its own (``dialling``), and is left when there is no time any more.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

_TICK_SECONDS = 0.1


class Guard:
    """One call under watch. ``expired`` tells whether the watchdog ended it."""

    __slots__ = ("_clock", "_lock", "_sock", "ends_at", "expired")

    def __init__(self, ends_at: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.ends_at = ends_at
        self._clock = clock
        self.expired = False
        self._sock: socket.socket | None = None
        self._lock = threading.Lock()

    def remaining(self) -> float:
        """Seconds that the call has left; not more than 0 when its time is up."""
        return self.ends_at - self._clock()

    def attach(self, sock: socket.socket | None) -> None:
        """Name the socket that the call waits on now."""
        with self._lock:
            self._sock = sock
            late = self.expired
        if late and sock is not None:
            _shut(sock)

    def expire(self) -> None:
        """End the call: its pending and later reads and writes fail."""
        with self._lock:
            self.expired = True
            sock = self._sock
        if sock is not None:
            _shut(sock)


class Watchdog:
    """Ends guarded calls when their time is up. One thread, started by ``start``; precise to 0.1 s."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guards: set[Guard] = set()
        self._wake = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def guard(self, seconds: float) -> Iterator[Guard]:
        """Watch over the block: after ``seconds`` its socket is shut and ``Guard.expired`` is true."""
        self._ensure_running()
        guard = Guard(self._clock() + seconds, self._clock)
        # Adding to and discarding from a set are atomic in CPython; the watching thread copies it.
        self._guards.add(guard)
        self._wake.set()
        outer = getattr(_current, "guard", None)
        _current.guard = guard
        try:
            yield guard
        finally:
            _current.guard = outer
            self._guards.discard(guard)

    def overdue(self) -> float:
        """By how many seconds the call that should have been ended first is late; 0 when none is."""
        now = self._clock()
        late = (now - guard.ends_at for guard in tuple(self._guards) if not guard.expired)
        return max(0.0, max(late, default=0.0))

    def _ensure_running(self) -> None:
        if self._thread is not None:
            return
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            if not self._guards:
                self._wake.clear()
                # A guard added between the two lines above has set the event again or is seen here.
                if not self._guards:
                    self._wake.wait()
            time.sleep(_TICK_SECONDS)
            self._expire_due(self._clock())

    def _expire_due(self, now: float) -> None:
        for guard in tuple(self._guards):
            if guard.ends_at <= now and not guard.expired:
                guard.expire()


def attach_current(sock: socket.socket | None) -> None:
    """Hand the socket of this thread's call to its guard, if the call is guarded."""
    guard: Guard | None = getattr(_current, "guard", None)
    if guard is not None:
        guard.attach(sock)


def current_expired() -> bool:
    """Whether the watchdog has ended this thread's call."""
    guard: Guard | None = getattr(_current, "guard", None)
    return guard is not None and guard.expired


def current_remaining() -> float | None:
    """Seconds that this thread's call has left, or None when it is not guarded."""
    guard: Guard | None = getattr(_current, "guard", None)
    return None if guard is None else guard.remaining()


def _shut(sock: socket.socket) -> None:
    # Not sock.shutdown(): SSLSocket's drops its TLS state first, under the feet of the reading thread.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


_current = threading.local()
