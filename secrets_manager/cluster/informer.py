"""List and watch one kind of object in one scope, for ever, and tell a sink what is there.

The shape is client-go's Reflector (tools/cache/reflector.go): a full list, then a watch from its version, a
new list whenever the version has become too old. Two things differ from what the Python client offers: a
watch that falls silent is noticed (the server is asked to end each watch after a minute, and bookmarks arrive
meanwhile), and reconnecting is paced: a watch that ends at once without a word counts as a fault, so a server
that closes every watch is asked ever more seldom.

An informer never decides anything, and works on standbys too, so that a new leader starts warm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import (
    Expired,
    Json,
    KubernetesApi,
    NotFound,
    Scope,
    WatchCutShort,
    WatchEvent,
)
from secrets_manager.domain.errors import ClusterFault, ClusterUnavailable, Forbidden, SecretsManagerError
from secrets_manager.runtime.chance import chance
from secrets_manager.runtime.heartbeat import Heartbeat

log = logging.getLogger("cluster.informer")

_MIN_PAUSE = 1.0
_MAX_PAUSE = 30.0
# One that does not answer: what waits for it is late by up to this when it is back.
_MAX_PAUSE_UNAVAILABLE = 8.0
# What fails for longer is an outage: others are told when it is over.
_OUTAGE_SECONDS = 10.0
# After this, a list is made first, which tells at once that it is over; a watch may be silent for a minute.
_LONG_OUTAGE_SECONDS = 60.0
# What makes a full list due: the start, a version too old, a right or a kind that came back, the period.
LIST_REASONS = ("start", "expired", "returned", "resync")


class Sink(Protocol):
    """Who is told. Calls come from the informer's thread, one at a time."""

    def listed(self, raw: Json) -> None:
        """One object of a full list that is under way."""

    def complete(self, resource_version: str) -> None:
        """The list is whole: what was not in it is not there."""

    def restart(self) -> None:
        """A list begins, possibly because the one before broke off: forget its objects."""

    def changed(self, raw: Json) -> None:
        """An object was added or modified."""

    def deleted(self, raw: Json) -> None:
        """An object was deleted; ``raw`` is its last state."""

    def denied(self) -> None:
        """We may not list or watch this scope."""


@dataclass
class Pace:
    """The pause before the next connection: a second, doubling while things fail up to half a minute.

    An API server that does not answer at all is asked more often, since all its changes wait for the answer.
    ``forbidden`` is the longest pause in seconds while we may not list at all. It is reached by doubling too,
    since an API server refuses everybody for a moment after its own start, before it has read the roles.
    """

    forbidden: float = _MAX_PAUSE
    jitter: Callable[[], float] = chance
    failures: int = 0

    def after_success(self) -> float:
        """Seconds to wait after a connection that worked."""
        self.failures = 0
        return _MIN_PAUSE

    def after_failure(self, error: SecretsManagerError) -> float:
        """Seconds to wait after ``error``: jittered, and what the server asked for if that is longer."""
        self.failures += 1
        pause = min(_MIN_PAUSE * 2.0 ** min(self.failures - 1, 10), self._longest(error))
        asked = error.retry_after or 0.0 if isinstance(error, ClusterFault) else 0.0
        return max(pause * (0.5 + self.jitter() / 2), asked, _MIN_PAUSE / 2)

    def _longest(self, error: SecretsManagerError) -> float:
        if isinstance(error, Forbidden):
            return self.forbidden
        if isinstance(error, ClusterUnavailable) and not isinstance(error, WatchCutShort):
            return _MAX_PAUSE_UNAVAILABLE
        return _MAX_PAUSE


@dataclass(eq=False)
class Informer:
    """Keeps a sink in step with one scope. ``run`` is the body of its thread.

    ``synced`` is set once a full list has been delivered, and cleared while the scope is denied to us;
    ``settled`` is set once either is known. ``fault`` is what is wrong just now, or None. ``lists`` counts
    the full lists by their reason, one of LIST_REASONS. A watch that told nothing and ended within
    ``shortest_watch`` seconds is taken for a fault; with 0 none is. ``watch_silence`` is how long the API
    client bears a watch that opens slowly and then says nothing. ``recovered`` is called when list and watch
    work again after an outage; it must not raise.
    """

    api: KubernetesApi
    scope: Scope
    sink: Sink
    heartbeat: Heartbeat
    pace: Pace = field(default_factory=Pace)
    clock: Callable[[], float] = time.monotonic
    shortest_watch: float = 0.0
    watch_silence: float = 85.0
    recovered: Callable[[], None] = lambda: None
    stop: threading.Event = field(default_factory=threading.Event)
    synced: threading.Event = field(default_factory=threading.Event)
    settled: threading.Event = field(default_factory=threading.Event)
    fault: SecretsManagerError | None = None
    lists: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(LIST_REASONS, 0)))
    _due: str = "start"
    _heard_at: float | None = None
    _version: str = ""
    _failing_since: float = 0.0
    _relist: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """List and watch until ``stop`` is set."""
        self.heartbeat.adopt()
        while not self.stop.is_set():
            self.heartbeat.beat()
            pause = self._turn()
            self._wait(pause)

    def request_relist(self) -> None:
        """Ask for a full list once the present watch ends, as a safety net."""
        self._relist.set()

    def failing_for(self) -> float:
        """Seconds since list or watch stopped to work; 0 while they do."""
        return self.clock() - self._failing_since if self.fault is not None else 0.0

    @property
    def relists(self) -> int:
        """How many full lists were delivered, the first included."""
        return self.lists.total()

    def silence(self) -> float:
        """Seconds since the API server last told us anything; 0 before it ever did."""
        return 0.0 if self._heard_at is None else self.clock() - self._heard_at

    def list_once(self) -> None:
        """Deliver one full list; raises what the API raises."""
        self._relist.clear()
        try:
            self._deliver()
        except SecretsManagerError:
            self._relist.set()
            raise

    def _deliver(self) -> None:
        self.sink.restart()
        version = ""
        for page in self.api.pages(self.scope):
            for raw in page.items:
                self.sink.listed(raw)
            version = page.resource_version
            # Not two pages in memory while the next one is on its way.
            page.items.clear()
            self._hear()
        self.sink.complete(version)
        self._version = version
        self.lists[self._due] += 1
        self._due = "resync"
        self.synced.set()
        self.settled.set()

    def _turn(self) -> float:
        try:
            if not self._version or self._relist.is_set():
                self.list_once()
                self._works()
            elif self.failing_for() >= _LONG_OUTAGE_SECONDS:
                self._due = "returned"
                self.list_once()
                self.recovered()
            self._watch()
        except Expired as error:
            self._begin_anew("expired")
            return self.pace.after_failure(error)
        except SecretsManagerError as error:
            return self._failed(error)
        self._works()
        return self.pace.after_success()

    def _watch(self) -> None:
        opened, told = self.clock(), False
        for event in self._awaited(self.api.watch(self.scope, self._version)):
            told = True
            self._hear()
            if event.type == "DELETED":
                self.sink.deleted(event.object)
            elif event.type in ("ADDED", "MODIFIED"):
                self.sink.changed(event.object)
            self._version = manifests.version_of(event.object) or self._version
            self.pace.failures = 0
            self._works()
            if self.stop.is_set():
                return
        if not told and self.clock() - opened < self.shortest_watch:
            raise WatchCutShort(f"the API server ends the watch at once: {self.scope}")

    def _awaited(self, events: Iterator[WatchEvent]) -> Iterator[WatchEvent]:
        """The events. Waiting for one is no sign of death, so that all else can be bounded closely."""
        while True:
            self.heartbeat.rest(self.watch_silence)
            try:
                event = next(events, None)
            finally:
                self.heartbeat.beat()
            if event is None:
                return
            yield event

    def _hear(self) -> None:
        self.heartbeat.beat()
        self._heard_at = self.clock()

    def _begin_anew(self, why: str) -> None:
        self._version = ""
        self._due = why

    def _failed(self, error: SecretsManagerError) -> float:
        if self.fault != error:
            log.warning(
                "cannot list or watch",
                extra={"scope": str(self.scope), "reason": error.reason, "error": error.message},
            )
        if self.fault is None:
            self._failing_since = self.clock()
        self.fault = error.bare()
        if isinstance(error, Forbidden | NotFound):
            # What was known may be stale from here on, and a list is due when the right or the kind is back.
            self._begin_anew("returned")
        if isinstance(error, Forbidden):
            self.synced.clear()
            self.sink.denied()
            self.settled.set()
        return self.pace.after_failure(error)

    def _works(self) -> None:
        if self.fault is not None:
            log.info("list and watch work again", extra={"scope": str(self.scope)})
            was_outage = self.failing_for() >= _OUTAGE_SECONDS
            self.fault = None
            if was_outage:
                self.recovered()

    def _wait(self, seconds: float) -> None:
        # In short steps, so that the thread is seen to live and a stop is heeded.
        remaining = seconds
        while remaining > 0 and not self.stop.wait(min(remaining, 5.0)):
            self.heartbeat.beat()
            remaining -= 5.0
