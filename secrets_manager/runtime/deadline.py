"""A total deadline for a network call, enforced from outside the call.

The timeout of a socket starts again with every byte, so a server that drips one byte a second holds a call
with a timeout of one second for ever. The Watchdog is one thread that shuts the socket of a call whose time
is up; the blocked read then ends at once. It cannot end a name look-up inside the C library: a look-up runs
on a thread of its own (``dialling``), and the call leaves it when its time is up.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time

from secrets_manager.runtime.terms import Deadline

_TICK_SECONDS = 0.1


class Guard:
    """One call under watch. ``expired`` says whether the watchdog ended it."""

    __slots__ = ("_lock", "_over", "_sock", "deadline", "expired")

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.expired = False
        self._sock: socket.socket | None = None
        self._over = False
        self._lock = threading.Lock()

    def attach(self, sock: socket.socket | None) -> None:
        """Set the socket that the call waits on now, or None when it no longer waits on one.

        After this returns, the end of the call does nothing to the socket that was set before.
        """
        with self._lock:
            self._sock = None if self._over else sock
            if self.expired and sock is not None:
                _shut(sock)

    def expire(self) -> None:
        """End the call: its pending and later reads and writes fail. A call that is over stays as it is."""
        # Shut under the lock: otherwise the socket could be released in between and serve another call.
        with self._lock:
            if self._over:
                return
            self.expired = True
            if self._sock is not None:
                _shut(self._sock)

    def end(self) -> None:
        """Release the call, which is over: the watchdog can no longer end any of it."""
        with self._lock:
            self._over = True
            self._sock = None


class _Watch:
    """The watched block. It is a class, since a generator took a tenth of the time of a short call."""

    __slots__ = ("_guard", "_guards", "_outer", "_wake")

    def __init__(self, guards: set[Guard], wake: threading.Event, guard: Guard) -> None:
        self._guards = guards
        self._wake = wake
        self._guard = guard

    def __enter__(self) -> Guard:
        # Adding to and discarding from a set are atomic in CPython; the watching thread copies it.
        self._guards.add(self._guard)
        if not self._wake.is_set():
            self._wake.set()
        self._outer: Guard | None = getattr(_current, "guard", None)
        _current.guard = self._guard
        return self._guard

    def __exit__(self, *_: object) -> None:
        _current.guard = self._outer
        self._guard.end()
        self._guards.discard(self._guard)


class Watchdog:
    """Ends guarded calls when their time is up. One thread, started by the first guard; precise to 0.1 s."""

    def __init__(self) -> None:
        self._guards: set[Guard] = set()
        self._wake = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def guard(self, deadline: Deadline) -> _Watch:
        """Watch over a block: at ``deadline`` its socket is shut and ``Guard.expired`` is true."""
        self._ensure_running()
        return _Watch(self._guards, self._wake, Guard(deadline))

    def overdue(self) -> float:
        """By how many seconds the most overdue call is late, whether it was ended or not; 0 when none is.

        Infinite when the thread that ends calls has died.
        """
        if self._thread is not None and not self._thread.is_alive():
            return math.inf
        late = (-guard.deadline.left() for guard in self._running())
        return max(0.0, max(late, default=0.0))

    def _ensure_running(self) -> None:
        if self._thread is not None:
            return
        with self._start:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                # Set it only once it runs: where no thread can be started, the next call tries again.
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        while True:
            if not self._guards:
                self._wake.clear()
                # A guard that was added meanwhile is seen here, or its block has already set the event again.
                if not self._guards:
                    self._wake.wait()
            time.sleep(_TICK_SECONDS)
            # No memory at the moment, say: the next turn is a tenth of a second later.
            with contextlib.suppress(Exception):
                self._expire_due()

    def _expire_due(self) -> None:
        for guard in self._running():
            if guard.deadline.left() <= 0 and not guard.expired:
                guard.expire()

    def _running(self) -> tuple[Guard, ...]:
        return tuple(self._guards)


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
    deadline = current_deadline()
    return None if deadline is None else deadline.left()


def current_deadline() -> Deadline | None:
    """When this thread's call is over, or None when it is not guarded."""
    guard: Guard | None = getattr(_current, "guard", None)
    return None if guard is None else guard.deadline


def _shut(sock: object) -> None:
    # TLS within TLS, through a proxy with TLS, is a wrapper and not a socket.
    while not isinstance(sock, socket.socket):
        sock = getattr(sock, "socket", None)
        if sock is None:
            return
    # Not sock.shutdown(): SSLSocket drops its TLS state first, while the other thread still reads.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


_current = threading.local()
