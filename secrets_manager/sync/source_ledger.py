"""Which definitions use which source, and what was last seen there.

Every reading teaches: whoever reads a source, a poll or a reconcile, shows the result here and learns which
definitions have to look again. What is remembered of a reading is a keyed digest, never a value.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendFault, SecretsManagerError, TemporaryError
from secrets_manager.domain.secret import Digester


class SourceLedger:
    """Users and last sight of each source; safe from many threads."""

    def __init__(self, digester: Digester) -> None:
        self._digester = digester
        self._lock = threading.Lock()
        self._users: dict[Source, set[Ref]] = {}
        self._uses: dict[Ref, frozenset[Source]] = {}
        self._seen: dict[Source, bytes] = {}
        self._suffering: set[Source] = set()

    def assign(self, user: Ref, sources: Iterable[Source]) -> tuple[set[Source], set[Source]]:
        """Say which sources a definition uses from now on.

        Returns the sources that gained their first user, and those that lost their last.
        """
        wanted = frozenset(sources)
        with self._lock:
            before = self._uses.get(user, frozenset())
            gained = {source for source in wanted - before if self._join(source, user)}
            lost = {source for source in before - wanted if self._leave(source, user)}
            if wanted:
                self._uses[user] = wanted
            else:
                self._uses.pop(user, None)
            return gained, lost

    def learn(self, source: Source, result: Reading | SecretsManagerError) -> set[Ref]:
        """Take note of what was read; returns the definitions for which that is news.

        The first sight of a source is news to nobody: whoever uses it is being reconciled for another reason.
        A fault of the backend as a whole says nothing about the source, so what was seen there stays.
        """
        with self._lock:
            if source not in self._users:
                return set()
            if isinstance(result, BackendFault):
                news = source not in self._suffering
                self._suffering.add(source)
                return set(self._users[source]) if news else set()
            if isinstance(result, TemporaryError):
                # An older version than before: the polls to come will tell whether that is to be believed.
                return set()
            mark = self._mark(result)
            before = self._seen.get(source)
            recovered = source in self._suffering
            self._suffering.discard(source)
            self._seen[source] = mark
            if recovered or before not in (None, mark):
                return set(self._users[source])
            return set()

    def sources(self) -> frozenset[Source]:
        """The sources that are used."""
        with self._lock:
            return frozenset(self._users)

    def users(self, source: Source) -> set[Ref]:
        """The definitions that use a source."""
        with self._lock:
            return set(self._users.get(source, ()))

    def is_shared(self, source: Source) -> bool:
        """Whether several definitions use it."""
        return len(self._users.get(source, ())) > 1

    def __len__(self) -> int:
        return len(self._users)

    def _mark(self, result: Reading | SecretsManagerError) -> bytes:
        if isinstance(result, Reading):
            return self._digester.of(result.canonical())
        return result.reason.encode()

    def _join(self, source: Source, user: Ref) -> bool:
        users = self._users.setdefault(source, set())
        users.add(user)
        return len(users) == 1

    def _leave(self, source: Source, user: Ref) -> bool:
        users = self._users.get(source, set())
        users.discard(user)
        if users:
            return False
        self._users.pop(source, None)
        self._seen.pop(source, None)
        self._suffering.discard(source)
        return True
