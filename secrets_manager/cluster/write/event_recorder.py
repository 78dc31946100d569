"""Kubernetes Events about definitions, which the daemon can do without.

One thread of their own sends them, so that a slow API server never slows a reconcile. They are few: warnings
and normal Events each have a rate, for each namespace and for all together; Events beyond it are dropped and
counted, since the condition says the same. Namespaces take turns, so that none silences another. A cold start
of ten thousand definitions must not become ten thousand Events. Without the right to create Events none are
sent.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from secrets_manager.cluster.base import EVENTS, Json, KubernetesApi
from secrets_manager.cluster.client.optional_calls import OptionalCall
from secrets_manager.cluster.write import bodies
from secrets_manager.cluster.write.event_lane import EventLane, EventRate
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import Forbidden, SecretsManagerError
from secrets_manager.domain.secret import DEFINITION_KIND
from secrets_manager.domain.wording import one_line
from secrets_manager.runtime.heartbeat import Heartbeat

log = logging.getLogger("cluster.events")

# The most Events that wait in a lane.
_PENDING = 100
# In bytes of UTF-8.
_MAX_MESSAGE = 1024
_WARNINGS = EventRate(rate=1.0, burst=25)
_NORMAL = EventRate(rate=0.2, burst=10)
# Events that are older are of no use, in seconds.
_LONGEST_WAIT = 300.0
_BEAT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEvent:
    """An Event to post. ``warning`` is its type; ``reason`` is CamelCase.

    ``at`` is when it was seen, in RFC 3339.
    """

    about: Ref
    uid: str
    warning: bool
    reason: str
    message: str
    at: str


@dataclass(eq=False, kw_only=True)
class EventRecorder:
    """Queues reports and posts them as core/v1 Events. ``run`` is the body of its thread."""

    api: KubernetesApi
    controller: str
    instance: str
    clock: Callable[[], float]
    now: Callable[[], datetime]
    heartbeat: Heartbeat
    _warnings: EventLane[PendingEvent] = field(init=False)
    _normal: EventLane[PendingEvent] = field(init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _closing: bool = False
    _optional: OptionalCall = field(init=False)

    def __post_init__(self) -> None:
        self._optional = OptionalCall("Events are not written", self.clock)
        now = self.clock()
        self._warnings = EventLane(pace=_WARNINGS, capacity=_PENDING, longest=_LONGEST_WAIT, now=now)
        self._normal = EventLane(pace=_NORMAL, capacity=_PENDING, longest=_LONGEST_WAIT, now=now)

    @property
    def dropped(self) -> int:
        """Events not written since the start, since there were too many."""
        return self._warnings.dropped + self._normal.dropped

    def record(self, about: Definition, *, warning: bool, reason: str, message: str) -> None:
        """Queue an Event; returns at once and never raises."""
        namespace = about.ref.namespace
        if not self._optional.wanted(namespace):
            return
        event = PendingEvent(
            about=about.ref,
            uid=about.uid,
            warning=warning,
            reason=reason,
            message=one_line(message, _MAX_MESSAGE),
            at=bodies.rfc3339(self.now()),
        )
        with self._changed:
            self._lane(warning=warning).put(namespace, event, self.clock())
            self._changed.notify()

    def run(self) -> None:
        """Post recorded Events, until ``close``."""
        self.heartbeat.adopt()
        while True:
            self.heartbeat.beat()
            with self._changed:
                event = self._next()
                if event is None and self._closing:
                    self._closing = False
                    return
            if event is not None:
                self._post(event)

    def close(self) -> None:
        """End ``run`` once all pending Events are posted."""
        with self._changed:
            self._closing = True
            for lane in (self._warnings, self._normal):
                if len(lane) >= _PENDING:
                    lane.give_up_one()
            self._changed.notify()

    def _next(self) -> PendingEvent | None:
        """The next Event that may be posted, warnings first; waits for some seconds if there is none."""
        now = self.clock()
        for lane in (self._warnings, self._normal):
            event = lane.take(now, unpaced=self._closing)
            if event is not None:
                return event
        if not self._closing:
            pauses = (self._warnings.next_in(now), self._normal.next_in(now))
            self._changed.wait(min([_BEAT_SECONDS, *(pause for pause in pauses if pause is not None)]))
        return None

    def _lane(self, *, warning: bool) -> EventLane[PendingEvent]:
        return self._warnings if warning else self._normal

    def _post(self, event: PendingEvent) -> None:
        try:
            self.api.create(EVENTS, event.about.namespace, self._event(event))
        except Forbidden as error:
            self._optional.refused(event.about.namespace, error.message)
        except SecretsManagerError as error:
            log.debug("an Event could not be written", extra={"reason": error.reason})

    def _event(self, event: PendingEvent) -> Json:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "namespace": event.about.namespace,
                # What is cut off must leave a name: a dash or a dot does not stand before a dot.
                "generateName": f"{event.about.name[:200].rstrip('-.')}.",
            },
            "involvedObject": {
                "apiVersion": bodies.API_VERSION,
                "kind": DEFINITION_KIND,
                "namespace": event.about.namespace,
                "name": event.about.name,
                "uid": event.uid,
            },
            "type": "Warning" if event.warning else "Normal",
            "reason": event.reason,
            "message": event.message,
            "source": {"component": self.controller},
            "reportingComponent": self.controller,
            "reportingInstance": self.instance,
            "action": "Reconcile",
            "firstTimestamp": event.at,
            "lastTimestamp": event.at,
            "count": 1,
        }
