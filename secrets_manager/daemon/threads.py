"""The program's own threads, and what happens when one of them dies.

A Python thread that dies of an exception leaves the process running and useless. Here a core thread that ends
before it was told to ends the process: Kubernetes restarts it, which is the one repair that always works.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger("daemon.threads")


@dataclass(eq=False)
class CoreThreads:
    """Starts threads and notices when one ends too early: ``died`` is set, ``casualty`` is its name."""

    stopping: threading.Event = field(default_factory=threading.Event)
    died: threading.Event = field(default_factory=threading.Event)
    casualty: str = ""

    def start(self, name: str, body: Callable[[], None]) -> None:
        """Run ``body`` on a daemon thread; it is to last until ``stopping`` is set.

        One that cannot even be started counts as dead.
        """
        try:
            threading.Thread(target=self._watched, args=(name, body), name=name, daemon=True).start()
        except RuntimeError:
            log.critical("a core thread could not be started", extra={"thread_": name})
            self._bury(name)

    def _watched(self, name: str, body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:  # noqa: BLE001 - whatever ended it, the process must know
            log.critical("a core thread failed", extra={"thread_": name, "error": type(error).__name__})
        if not self.stopping.is_set():
            self._bury(name)

    def _bury(self, name: str) -> None:
        self.casualty = self.casualty or name
        self.died.set()
