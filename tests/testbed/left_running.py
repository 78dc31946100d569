"""Threads that were started and not ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Set as AbstractSet

# A thread may need this long to end on a busy machine, in seconds.
_END_SECONDS = 10.0
# Names of threads without an end. The watchdog waits for calls to guard: a process has one, and without calls
# it does nothing. A proxy that several tests share opens its port again in one and closes it in another.
_ENDLESS = frozenset({"watchdog", "fault-proxy"})
# A connection lasts as long as its client keeps it; the server that took it has a thread of its own, and that
# is what counts.
_CONNECTION = "process_request_thread"


def left_running(before: AbstractSet[threading.Thread], seconds: float = _END_SECONDS) -> list[str]:
    """Threads that did not run `before` and do not end soon: their names, with their functions."""
    started = [thread for thread in threading.enumerate() if thread not in before and _counts(thread)]
    ends_at = time.monotonic() + seconds
    for thread in started:
        thread.join(max(0.0, ends_at - time.monotonic()))
    return sorted(_described(thread) for thread in started if thread.is_alive())


def _counts(thread: threading.Thread) -> bool:
    return thread.name not in _ENDLESS and not _body(thread).endswith(_CONNECTION)


def _described(thread: threading.Thread) -> str:
    return f"{thread.name} ({_body(thread)})"


def _body(thread: threading.Thread) -> str:
    target = getattr(thread, "_target", None)
    return f"{getattr(target, '__module__', '?')}.{getattr(target, '__qualname__', '?')}"
