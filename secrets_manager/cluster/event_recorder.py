"""Kubernetes Events about definitions: a courtesy, never a duty.

They are sent by one thread of their own, so that a slow API server never slows a reconcile, and few: a token
bucket each for warnings and for good news drops what goes beyond it, since the condition says the same. A
cold start of ten thousand definitions must not become ten thousand Events. Where the right is missing they
are silently done without.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from secrets_manager.cluster import bodies
from secrets_manager.cluster.base import EVENTS, Json, KubernetesApi
from secrets_manager.cluster.courtesy import Courtesy
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import Forbidden, SecretsManagerError
from secrets_manager.domain.secret import DEFINITION_KIND
from secrets_manager.runtime.heartbeat import Heartbeat
from secrets_manager.runtime.token_bucket import TokenBucket

log = logging.getLogger("cluster.events")

_PENDING = 100
_MAX_MESSAGE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing worth an Event. ``warning`` tells bad news from good; ``reason`` is CamelCase."""

    about: Ref
    uid: str
    warning: bool
    reason: str
    message: str


@dataclass(eq=False, kw_only=True)
class EventRecorder:
    """Queues happenings and posts them as core/v1 Events. ``run`` is the body of its thread."""

    api: KubernetesApi
    controller: str
    instance: str
    clock: Callable[[], float]
    now: Callable[[], datetime]
    heartbeat: Heartbeat
    dropped: int = 0
    _pending: queue.Queue[Happening | None] = field(default_factory=lambda: queue.Queue(_PENDING))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _buckets: dict[bool, TokenBucket] = field(default_factory=dict)
    _courtesy: Courtesy = field(init=False)

    def __post_init__(self) -> None:
        self._courtesy = Courtesy("Events are not written", self.clock)
        now = self.clock()
        self._buckets = {
            True: TokenBucket(rate=1.0, burst=25, now=now),
            False: TokenBucket(rate=0.2, burst=10, now=now),
        }

    def record(self, about: Definition, *, warning: bool, reason: str, message: str) -> None:
        """Take note of something; returns at once and never raises."""
        if not self._courtesy.wanted(about.ref.namespace):
            return
        if not self._has_room(warning=warning):
            self.dropped += 1
            return
        happening = Happening(
            about=about.ref, uid=about.uid, warning=warning, reason=reason, message=message[:_MAX_MESSAGE]
        )
        try:
            self._pending.put_nowait(happening)
        except queue.Full:
            self.dropped += 1

    def run(self) -> None:
        """Post what was recorded, until ``close``."""
        self.heartbeat.adopt()
        while True:
            self.heartbeat.beat()
            try:
                happening = self._pending.get(timeout=5.0)
            except queue.Empty:
                continue
            if happening is None:
                return
            self._post(happening)

    def close(self) -> None:
        """End ``run`` once what is pending has been posted."""
        try:
            self._pending.put_nowait(None)
        except queue.Full:
            # While others put and take: if there is no room even then, what is pending ends with the process.
            with contextlib.suppress(queue.Full, queue.Empty):
                self._pending.get_nowait()
                self._pending.put_nowait(None)

    def _has_room(self, *, warning: bool) -> bool:
        with self._lock:
            return self._buckets[warning].try_take(self.clock())

    def _post(self, happening: Happening) -> None:
        try:
            self.api.create(EVENTS, happening.about.namespace, self._event(happening))
        except Forbidden as error:
            self._courtesy.refused(happening.about.namespace, error.message)
        except SecretsManagerError as error:
            log.debug("an Event could not be written", extra={"reason": error.reason})

    def _event(self, happening: Happening) -> Json:
        now = bodies.rfc3339(self.now())
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "namespace": happening.about.namespace,
                "generateName": f"{happening.about.name[:200]}.",
            },
            "involvedObject": {
                "apiVersion": bodies.API_VERSION,
                "kind": DEFINITION_KIND,
                "namespace": happening.about.namespace,
                "name": happening.about.name,
                "uid": happening.uid,
            },
            "type": "Warning" if happening.warning else "Normal",
            "reason": happening.reason,
            "message": happening.message,
            "source": {"component": self.controller},
            "reportingComponent": self.controller,
            "reportingInstance": self.instance,
            "action": "Reconcile",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
