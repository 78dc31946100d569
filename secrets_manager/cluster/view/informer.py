"""List and watch one kind of object in one scope, for ever, and pass what is there to a sink.

The shape is client-go's Reflector (tools/cache/reflector.go): a full list, then a watch from its version, a
new list whenever the version has become too old. Two things differ from what the Python client offers: a
watch that falls silent is noticed (the server is asked to end each watch after a minute, and bookmarks arrive
meanwhile), and reconnecting is paced: a watch that ends at once without an event counts as a fault, so a
server that closes every watch gets fewer and fewer of them, and is listed meanwhile (see `list_fallback`).

A list of Secrets may fail for good where each can be read: one that cannot be decrypted makes every list
fail. Then the sink must not trust what it has, as if lists were forbidden, until a list works again.

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
from secrets_manager.cluster.view.list_fallback import ListFallback
from secrets_manager.cluster.view.pace import ReconnectPace
from secrets_manager.cluster.view.store_index import is_older
from secrets_manager.domain.errors import Forbidden, SecretsManagerError
from secrets_manager.runtime.heartbeat import Heartbeat

log = logging.getLogger("cluster.informer")

# A longer failure is an outage, and its end is reported.
_OUTAGE_SECONDS = 10.0
# After this, a list comes first, which shows at once that it is over; a watch may be silent for a minute.
_LONG_OUTAGE_SECONDS = 60.0
# If a list fails for longer while others are answered, its content makes it fail.
_BLIND_SECONDS = 5.0
# The longest pause between two lists while their objects are read by name.
_MAX_PAUSE_BY_NAME = 15.0
# Lists that expire before they end: so many in a row are reported as a fault.
_EXPIRED_IN_A_ROW = 3
# What makes a full list due: the start, a version too old, a right or a kind that came back, the period,
# watches that do not work.
LIST_REASONS = ("start", "expired", "returned", "resync", "unwatched")


class Sink(Protocol):
    """Receives all that is seen. Calls come from the informer's thread, one at a time."""

    def listed(self, raw: Json) -> None:
        """One object of a full list that is under way."""

    def complete(self, resource_version: str) -> None:
        """The list is whole: objects that were not in it do not exist."""

    def restart(self) -> None:
        """A list begins, possibly because the one before broke off: forget its objects."""

    def changed(self, raw: Json) -> None:
        """An object was added or modified."""

    def deleted(self, raw: Json) -> None:
        """An object was deleted; ``raw`` is its last state."""

    def denied(self) -> None:
        """We may not list this scope, or cannot while others are answered: nothing more is known of it."""


@dataclass(eq=False)
class Informer:
    """Keeps a sink in step with one scope. ``run`` is the body of its thread.

    ``synced`` is set once a full list has been delivered, and cleared while the scope cannot be listed;
    ``settled`` is set once either is known. ``fault`` is what is wrong just now, or None. ``lists`` counts
    the full lists by their reason, one of LIST_REASONS. A watch that delivered nothing and ended within
    ``shortest_watch`` seconds counts as a fault; with 0 none does. ``watch_silence`` is how long the API
    client waits for a watch that opens slowly and is silent then. ``recovered`` is called when list and watch
    work again after an outage; it must not raise. ``others_answered`` returns whether the API server answers
    other lists, and is called when this scope cannot be listed; it is None if the objects cannot be read by
    name.
    """

    api: KubernetesApi
    scope: Scope
    sink: Sink
    heartbeat: Heartbeat
    pace: ReconnectPace = field(default_factory=ReconnectPace)
    clock: Callable[[], float] = time.monotonic
    shortest_watch: float = 0.0
    watch_silence: float = 85.0
    recovered: Callable[[], None] = lambda: None
    others_answered: Callable[[], bool] | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    synced: threading.Event = field(default_factory=threading.Event)
    settled: threading.Event = field(default_factory=threading.Event)
    fault: SecretsManagerError | None = None
    by_name: bool = False
    lists: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(LIST_REASONS, 0)))
    _due: str = "start"
    _heard_at: float | None = None
    _version: str = ""
    _failing_since: float = 0.0
    _list_fault: SecretsManagerError | None = None
    # Whether the API server accepted the current or last watch; and whether it refused the one before.
    _is_open: bool = False
    _refused: bool = False
    _dialling: ReconnectPace = field(init=False)
    _fallback: ListFallback = field(init=False)
    _relist: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        # Watches have a pace of their own: lists go on while watches are tried less and less often.
        self._dialling = ReconnectPace(jitter=self.pace.jitter)
        self._fallback = ListFallback(self.pace.jitter)

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
        """Seconds since list and watch stopped working; 0 while they work."""
        return self.clock() - self._failing_since if self.fault is not None else 0.0

    @property
    def unwatched(self) -> bool:
        """Whether full lists take the place of watches, since these do not work."""
        return self._fallback.active

    @property
    def cannot_list(self) -> bool:
        """Whether the last list that was tried failed."""
        return self._list_fault is not None

    @property
    def relists(self) -> int:
        """How many full lists were delivered, the first included."""
        return self.lists.total()

    def silence(self) -> float:
        """Seconds since the API server last sent anything; 0 before the first time."""
        return 0.0 if self._heard_at is None else self.clock() - self._heard_at

    def list_once(self) -> None:
        """Deliver one full list; raises what the API raises."""
        self._relist.clear()
        try:
            self._deliver()
        except SecretsManagerError:
            self._relist.set()
            raise

    def go_by_name(self) -> None:
        """Mark the scope as unknown for the sink: its objects have to be read by name."""
        self.by_name = True
        self.synced.clear()
        self.sink.denied()
        self.settled.set()

    def _deliver(self) -> None:
        log.debug("full list started", extra={"scope": str(self.scope), "reason": self._due})
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
        self.by_name = False
        self.synced.set()
        self.settled.set()

    # ── one turn ─────────────────────────────────────────────────────────────────────────────────────

    def _turn(self) -> float:
        """A list where one is due, a watch where one is worth a try; returns the seconds until the next."""
        if self._goes_on_with_the_watch():
            pause = self._follow()
            if self.fault is None:
                return pause
        why = self._why_list()
        if why is not None:
            refused = self._refresh(why)
            if refused is not None:
                return refused
        if not self._fallback.dials(self.clock()):
            return self._fallback.pause(self.clock())
        return self._follow()

    def _goes_on_with_the_watch(self) -> bool:
        """Whether a watch is tried before a list: after an outage it spares the API server the list."""
        in_outage = self._fallback.active and self.cannot_list and bool(self._version)
        is_short = self.failing_for() < _LONG_OUTAGE_SECONDS
        return in_outage and is_short and self._fallback.dials(self.clock())

    def _why_list(self) -> str | None:
        """Why a list is due; None when none is."""
        if not self._version:
            return self._due
        if self.failing_for() >= _LONG_OUTAGE_SECONDS:
            return "returned"
        if self._fallback.active:
            return "unwatched"
        # While the watch is in trouble, the list that checks on it can wait.
        return "resync" if self._relist.is_set() and self.fault is None else None

    def _refresh(self, why: str) -> float | None:
        """List; returns the seconds until the next turn if that failed and ends this one."""
        self._due = why
        began = self.clock()
        try:
            self.list_once()
        except SecretsManagerError as error:
            self._fallback.listed(began, self.clock())
            return self._list_failed(error, began)
        self._fallback.listed(began, self.clock())
        self.pace.failures = 0
        # Lists that work again do not show that watches do.
        watch_is_sick = self._fallback.active or not self.cannot_list
        self._list_fault = None
        if self.fault is not None and watch_is_sick:
            self._view_is_fresh()
        else:
            self._works()
        return None

    def _follow(self) -> float:
        """Watch; returns the seconds until the next turn."""
        began = self.clock()
        self._is_open = False
        try:
            self._watch()
        except SecretsManagerError as error:
            return self._watch_failed(error, began)
        self._watch_works()
        return self.pace.after_success()

    def _watch(self) -> None:
        opened, delivered = self.clock(), False
        for event in self._awaited(self.api.watch(self.scope, self._version, self._opened)):
            self._hear()
            if event.type == "DELETED":
                self.sink.deleted(event.object)
            elif event.type in ("ADDED", "MODIFIED"):
                self.sink.changed(event.object)
            newer, lasts = self._is_newer(event), self.clock() - opened >= self.shortest_watch
            # A bookmark at once, or an event that was known before, does not show that the watch works.
            if lasts or (newer and event.type != "BOOKMARK"):
                delivered = True
                self._watch_works()
            if newer:
                self._version = manifests.version_of(event.object)
            if self.stop.is_set():
                return
        if not delivered and self.clock() - opened < self.shortest_watch:
            raise WatchCutShort(f"the API server ends the watch at once: {self.scope}")

    def _opened(self) -> None:
        """Note that the API server accepted the watch. If it refused the one before, that is over already.

        It is no proof if watches were accepted before as well, and ended at once.
        """
        self._is_open = True
        if self._refused:
            self._works()

    def _is_newer(self, event: WatchEvent) -> bool:
        version = manifests.version_of(event.object)
        return version not in ("", self._version) and not is_older(version, self._version)

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

    # ── results ──────────────────────────────────────────────────────────────────────────────────────

    def _list_failed(self, error: SecretsManagerError, began: float) -> float | None:
        logged_before = self._list_fault == error
        self._list_fault = error.bare()
        if self._due == "resync" and not isinstance(error, Forbidden | NotFound | Expired):
            # The watch still works, so only its verification is lost.
            if not logged_before:
                log.warning("the full list that verifies the watch failed", extra=self._described(error))
            return None
        if isinstance(error, Forbidden | NotFound | Expired):
            # What was known may be stale from here on, and a list is due when the right or the kind is back.
            self._begin_anew("expired" if isinstance(error, Expired) else "returned")
        if not isinstance(error, Expired) or self.pace.failures >= _EXPIRED_IN_A_ROW:
            self._note(error, since=began)
        if isinstance(error, Forbidden):
            self.go_by_name()
        elif self._others_are_answered():
            log.warning("no list works; each Secret is read by name", extra=self._described(error))
            self._begin_anew("returned")
            self.go_by_name()
        asked_for_by_name = self.by_name and not isinstance(error, Forbidden)
        return self.pace.after_failure(error, _MAX_PAUSE_BY_NAME if asked_for_by_name else None)

    def _others_are_answered(self) -> bool:
        """Whether this scope has been unknown for a while, though the API server answers others."""
        blind = not self.by_name and self.failing_for() >= _BLIND_SECONDS
        return blind and self.others_answered is not None and self.others_answered()

    def _watch_failed(self, error: SecretsManagerError, began: float) -> float:
        self._refused = not self._is_open
        if isinstance(error, Expired | Forbidden | NotFound):
            # A list shows at once whether it is refused, too.
            self._begin_anew("expired" if isinstance(error, Expired) else "returned")
        pause = self._dialling.after_failure(error)
        was_active = self._fallback.active
        for_good = isinstance(error, Forbidden)
        self._fallback.watch_failed(began, self.clock(), pause, for_good=for_good)
        if not isinstance(error, Expired) or self._fallback.active:
            self._note(error, since=self.clock())
        if not self._fallback.active:
            return pause
        if not was_active:
            log.warning("no watch works; full lists replace watches", extra=self._described(error))
        return self._fallback.pause(self.clock())

    def _watch_works(self) -> None:
        self._dialling.failures = self.pace.failures = 0
        self._fallback.watch_worked()
        self._works()

    def _hear(self) -> None:
        self.heartbeat.beat()
        self._heard_at = self.clock()

    def _begin_anew(self, why: str) -> None:
        self._version = ""
        self._due = why

    def _note(self, error: SecretsManagerError, *, since: float) -> None:
        """Remember the fault, and log it if it changed."""
        if self.fault != error:
            log.warning("cannot list or watch", extra=self._described(error))
        if self.fault is None:
            self._failing_since = since
        self.fault = error.bare()

    def _view_is_fresh(self) -> None:
        """Note a complete list while no watch works: the view grows stale only from now on."""
        was_outage = self.failing_for() >= _OUTAGE_SECONDS
        self._failing_since = self.clock()
        if was_outage:
            self.recovered()

    def _works(self) -> None:
        if self.fault is not None:
            log.info("list and watch work again", extra={"scope": str(self.scope)})
            was_outage = self.failing_for() >= _OUTAGE_SECONDS
            self.fault = None
            if was_outage:
                self.recovered()

    def _described(self, error: SecretsManagerError) -> dict[str, str]:
        return {"scope": str(self.scope), "reason": error.reason, "error": error.message}

    def _wait(self, seconds: float) -> None:
        # In short steps, so that the thread is seen to live and a stop is heeded.
        remaining = seconds
        while remaining > 0 and not self.stop.wait(min(remaining, 5.0)):
            self.heartbeat.beat()
            remaining -= 5.0
