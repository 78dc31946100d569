"""Calls at the end of the process, none of which may hold it up or change how it ends.

A backend that was installed beside this program, or the thread of the port, may hang or fail just then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from secrets_manager.sync.reading.upstream import Upstreams

log = logging.getLogger("daemon")


def call_within(seconds: float, calls: Mapping[str, Callable[[], object]]) -> None:
    """Make the named calls side by side, and wait for them for so many seconds in all.

    A call that fails, or for which no thread can be started, is logged by its name.
    """
    ends_at = time.monotonic() + seconds
    started = []
    for name, call in calls.items():
        thread = threading.Thread(target=partial(_guarded, name, call), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            _report(name, error)
        else:
            started.append(thread)
    for thread in started:
        thread.join(max(0.0, ends_at - time.monotonic()))


def backends_of(upstreams: Upstreams) -> dict[str, Callable[[], object]]:
    """The calls that close the connections to the backends, by name."""
    return {f"backend {name}": upstream.backend.close for name, upstream in upstreams.items()}


def _guarded(name: str, call: Callable[[], object]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - the process ends all the same
        _report(name, error)


def _report(name: str, error: Exception) -> None:
    # The text of an exception may hold a value.
    log.warning("a part could not be closed", extra={"part": name, "error": type(error).__name__})
