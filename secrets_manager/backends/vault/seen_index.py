"""The newest state of a backend's storage that its replies told of, in the header X-Vault-Index.

A cluster whose standbys answer reads names a state in its replies; a call that carries the name is answered
only by a server that has that state. The name is text of the server, which is sent back to it, so it is
checked; it may hold an HMAC of the cluster, so it is never shown. This module must not know what a call is.

Sources: "Eventual consistency" in the documentation of Vault Enterprise (base64 of
``v1:cluster:local index:replicated index:HMAC``) and of OpenBao 2.7 (base64 of a JSON object with
``cluster``, ``namespace`` and ``value``, which servers call opaque).
"""

from __future__ import annotations

import base64
import json
import re
import threading

from secrets_manager.backends.base import Clock

# Both kinds of server send some 200 characters at the most.
_LONGEST = 1024
_SENDABLE = re.compile(r"[!-~]+", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,20}", re.ASCII)
# A standby that lags for longer will hardly catch up: rather a backup was restored, or a cluster promoted.
_GIVEN_UP_AFTER = 30.0


class SeenIndex:
    """Holds one index for one backend; safe from many threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._index = ""
        self._noted_at = 0.0

    def __repr__(self) -> str:
        return "SeenIndex(…)"

    def get(self) -> str:
        """The newest index that was noted; "" if there is none."""
        return self._index

    def note(self, index: str) -> None:
        """Keep ``index`` if it is no older than the one that is held; what cannot be sent back is ignored."""
        if index == self._index or not is_sendable(index):
            return
        with self._lock:
            if not self._index or not is_older(index, self._index):
                self._index, self._noted_at = index, self._clock()

    def forget(self, index: str) -> None:
        """Stop asking for ``index``, unless a newer one is held."""
        with self._lock:
            if index == self._index:
                self._index = ""

    def was_missed(self, index: str) -> None:
        """A server does not have ``index`` however often it was asked: one that is old enough is given up."""
        if index and self._clock() - self._noted_at >= _GIVEN_UP_AFTER:
            self.forget(index)


def is_sendable(index: str) -> bool:
    """Whether ``index`` may be sent in a header: visible ASCII and not too long."""
    return len(index) <= _LONGEST and _SENDABLE.fullmatch(index) is not None


def is_older(index: str, other: str) -> bool:
    """Whether ``index`` is an older state of one cluster than ``other``; False if that cannot be told."""
    mine, others = _state(index), _state(other)
    if mine is None or others is None or mine == others or mine[0] != others[0]:
        return False
    return all(count <= other for count, other in zip(mine[1], others[1], strict=True))


def _state(index: str) -> tuple[tuple[str, str], tuple[int, ...]] | None:
    """What an index counts in, and its counts; None for a form that is not known."""
    try:
        text = base64.b64decode(index, validate=True).decode()
    except ValueError:
        return None
    if text.startswith("{"):
        return _state_of_openbao(text)
    kind, *parts = text.split(":")
    if kind != "v1" or len(parts) != 4 or not all(map(_COUNT.fullmatch, parts[1:3])):
        return None
    return (kind, parts[0]), (int(parts[1]), int(parts[2]))


def _state_of_openbao(text: str) -> tuple[tuple[str, str], tuple[int, ...]] | None:
    try:
        named = json.loads(text)
    except (ValueError, RecursionError):
        return None
    value = named.get("value")
    if not isinstance(value, str) or not _COUNT.fullmatch(value):
        return None
    return (str(named.get("cluster")), str(named.get("namespace"))), (int(value),)
