"""Lists in pages that fit into memory, whatever the objects weigh.

A Secret weighs between a few hundred bytes and more than a megabyte, and the API server cuts lists by number
only. So the number is fitted to the weight: it starts small, grows while the bytes of a page stay below the
target, and a page that turns out too large is asked for again with fewer objects. Few heavy pages are in
memory at a time, however many informers list; light ones do not wait for one another. A list that does not
get on, or has no end, is a fault of the API server.

How a page is fetched is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from secrets_manager.cluster.base import Json, Page, Scope
from secrets_manager.cluster.client.status_errors import ApiCall, call_of
from secrets_manager.cluster.client.wire import Limits, page, scope_path
from secrets_manager.domain.errors import ClusterUnavailable
from secrets_manager.runtime.byte_semaphore import ByteSemaphore
from secrets_manager.runtime.http.transport_errors import ReplyTooLarge

# Gets the reply to a path and its size in bytes; raises ReplyTooLarge, and what the port raises.
Fetch = Callable[[str, ApiCall], tuple[Json, int]]

_GROWTH = 4
_MIB = 1024 * 1024
# Bytes of pages in memory at a time, the size from which a page counts, and what an unknown one counts for.
_ROOM = 16 * _MIB
_LIGHT = _MIB // 4
_UNKNOWN = _MIB
# An API server forgets the version of a list after five minutes, and the list could not go on.
_LONGEST_SECONDS = 900.0


class Lists:
    """Fetches lists page by page; remembers for each scope how many of its objects make a good page."""

    def __init__(
        self,
        fetch: Fetch,
        limits: Limits,
        room: ByteSemaphore | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._limits = limits
        self._fitting: dict[Scope, int] = {}
        self._weights: dict[Scope, int] = {}
        self._room = room or ByteSemaphore(_ROOM, light=_LIGHT)

    def pages(self, scope: Scope) -> Iterator[Page]:
        """All pages of a list, as `KubernetesApi.pages`; the caller has finished with each when it asks for
        the next.
        """
        more, ends_at = "", self._clock() + _LONGEST_SECONDS
        while True:
            with self._room.hold(self._weights.get(scope, _UNKNOWN)):
                before = more
                found, more = self._next(scope, more)
                yield found
                del found
            if not more:
                return
            if more == before or self._clock() > ends_at:
                raise ClusterUnavailable(f"the list does not come to an end: {_call(scope)}")

    def _next(self, scope: Scope, more: str) -> tuple[Page, str]:
        call = _call(scope)
        while True:
            limit = self._fitting.get(scope, min(self._limits.first_page, self._limits.page_size))
            query = {"limit": str(limit), **({"continue": more} if more else {})}
            try:
                reply, size = self._fetch(scope_path(scope, query), call)
            except ReplyTooLarge as error:
                if limit == 1:
                    raise ClusterUnavailable(f"{error}: {call}") from None
                self._fitting[scope] = smaller(limit)
                continue
            except ClusterUnavailable:
                # Perhaps it took too long: the next list begins with less at a time.
                self._fitting[scope] = smaller(limit)
                raise
            found = page(reply, call)
            self._weights[scope] = size
            self._fitting[scope] = fitting(limit, objects=len(found[0].items), size=size, limits=self._limits)
            return found


def _call(scope: Scope) -> ApiCall:
    return call_of(scope.resource, "list", scope.namespace)


def smaller(limit: int) -> int:
    """The number of objects to ask for after ``limit`` were too many."""
    return max(1, limit // _GROWTH)


def fitting(limit: int, *, objects: int, size: int, limits: Limits) -> int:
    """The number of objects to ask for after ``limit`` brought ``objects`` of ``size`` bytes in total."""
    if not objects:
        return limit
    aimed_at = limits.page_bytes * objects // max(size, 1)
    return max(1, min(aimed_at, limit * _GROWTH, limits.page_size))
