"""The program's own threads, and what happens when one of them dies.

A Python thread that dies of an exception leaves the process running and useless. Here a core thread that ends
before a stop was requested ends the process: Kubernetes restarts it, which is the one repair that always
works.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger("daemon.threads")


@dataclass(eq=False)
class CoreThreads:
    """Starts threads and notices when one ends too early: ``died`` is set, ``dead_thread`` is its name."""

    stopping: threading.Event = field(default_factory=threading.Event)
    died: threading.Event = field(default_factory=threading.Event)
    dead_thread: str = ""

    def start(self, name: str, body: Callable[[], None]) -> None:
        """Run ``body`` on a daemon thread; it must last until ``stopping`` is set.

        A thread that cannot be started counts as dead.
        """
        try:
            threading.Thread(target=self._run_watched, args=(name, body), name=name, daemon=True).start()
        except RuntimeError:
            log.critical("a core thread could not be started", extra={"thread_": name})
            self._mark_dead(name)

    def _run_watched(self, name: str, body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:  # noqa: BLE001 - whatever ended it, the process must know
            log.critical("a core thread failed", extra={"thread_": name, "error": type(error).__name__})
        finally:
            # Also where there is no memory left for the line.
            if not self.stopping.is_set():
                self._mark_dead(name)

    def _mark_dead(self, name: str) -> None:
        self.dead_thread = self.dead_thread or name
        self.died.set()
