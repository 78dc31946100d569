"""Which definitions use which source, and what was last seen there.

Every reading counts: the result of each poll and each reconcile comes here, and the answer is which
definitions have to be reconciled again. A keyed digest is remembered of a reading, never a value.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendFault, SecretsManagerError, TemporaryError
from secrets_manager.domain.location import Location
from secrets_manager.domain.secret import Digester


class SourceLedger:
    """The users of each source, and what was last seen there; safe from many threads."""

    def __init__(self, digester: Digester) -> None:
        self._digester = digester
        self._lock = threading.Lock()
        self._users: dict[Source, set[Ref]] = {}
        self._uses: dict[Ref, frozenset[Source]] = {}
        self._seen: dict[Source, bytes] = {}
        self._suffering: set[Source] = set()
        # The paths of definitions that were not reconciled yet: it is not known yet where those lead.
        self._expected: dict[Ref, frozenset[str]] = {}
        self._mentions: Counter[str] = Counter()

    def assign(self, user: Ref, sources: Iterable[Source]) -> tuple[set[Source], set[Source]]:
        """Set the sources that a definition uses from now on.

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
        """Note what was read; return the definitions that have to be reconciled because of it.

        The first reading of a source concerns none: its users are being reconciled for another reason.
        A fault of the backend as a whole says nothing about the source, so the last reading of it stays.
        """
        with self._lock:
            if source not in self._users:
                return set()
            if isinstance(result, BackendFault):
                is_first = source not in self._suffering
                self._suffering.add(source)
                return set(self._users[source]) if is_first else set()
            if isinstance(result, TemporaryError):
                # An older version than before: the next polls show whether it is to be believed.
                return set()
            mark = self._mark(result)
            before = self._seen.get(source)
            recovered = source in self._suffering
            self._suffering.discard(source)
            self._seen[source] = mark
            if recovered or before not in (None, mark):
                return set(self._users[source])
            return set()

    def last_seen(self, source: Source) -> bytes | None:
        """The last reading, as a keyed digest or the reason of a fault; None before the first."""
        with self._lock:
            return self._seen.get(source)

    def sources_of(self, backend: str) -> frozenset[Source]:
        """The sources of one backend."""
        with self._lock:
            return frozenset(source for source in self._users if source.backend == backend)

    def sources_for(self, user: Ref) -> frozenset[Source]:
        """The sources that a definition uses."""
        return self._uses.get(user, frozenset())

    def users_of(self, backend: str) -> set[Ref]:
        """The definitions that use a backend."""
        with self._lock:
            return set().union(*(users for source, users in self._users.items() if source.backend == backend))

    def users(self, source: Source) -> set[Ref]:
        """The definitions that use a source."""
        with self._lock:
            return set(self._users.get(source, ()))

    def count_users(self, source: Source) -> int:
        """How many definitions use a source."""
        return len(self._users.get(source, ()))

    def is_new(self, source: Source) -> bool:
        """Whether it gave neither an answer nor a fault yet."""
        return source not in self._seen and source not in self._suffering

    def is_shared(self, source: Source) -> bool:
        """Whether several definitions use it, or will, judging by the texts of their paths."""
        mentions = self._mentions[_mention(*source)]
        return self.count_users(source) + mentions > 1

    def expect(self, user: Ref, locations: Iterable[Location]) -> None:
        """Set what a definition reads that will be reconciled soon."""
        with self._lock:
            self._unexpect(user)
            named = self._expected[user] = frozenset(_mention(*location) for location in locations)
            self._mentions.update(named)

    def drop_expected(self, user: Ref) -> None:
        """A definition is being reconciled: its sources are known from now on."""
        if user in self._expected:
            with self._lock:
                self._unexpect(user)

    def __len__(self) -> int:
        return len(self._users)

    def _unexpect(self, user: Ref) -> None:
        for path in self._expected.pop(user, ()):
            self._mentions[path] -= 1
            if not self._mentions[path]:
                del self._mentions[path]

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


def _mention(path: str, version: str, backend: str) -> str:
    """One text for the spellings of a source; for Key Vault, the version may be the end of the path."""
    plain = path.strip("/") if backend == DEFAULT_BACKEND else f"{backend}:/{path.strip('/')}"
    return f"{plain}/{version}" if version else plain
