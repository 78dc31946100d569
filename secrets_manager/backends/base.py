"""The contract between the sync engine and every backend.

A backend answers two questions: what is the one thing that a path of a definition names (``locate``), and
what does it hold now (``read``). It logs in by itself and keeps its session alive when ``maintain`` is
called. It does not cache values, does not retry, and is called from many threads at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import orjson

from secrets_manager.domain.errors import KeyNotFound, NotAString, SecretsManagerError

# Names of JSON types for messages: a person reads what the backend shows, not Python's words.
_JSON_TYPES: dict[type, str] = {bool: "bool", int: "number", float: "number", list: "list", dict: "map"}


class Source(NamedTuple):
    """What one call to a backend reads: two definitions with equal Sources share their readings.

    ``path`` is normalised by the backend; ``version`` is "" for the newest.
    """

    path: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of a backend: all keys of one source, from one version of it.

    ``version`` is the backend's own word for it, "" where it has none. ``caution`` is a sentence about a
    value that is handed out and should be looked at by a person (it is expired, say), "" for none.
    """

    source: Source
    version: str
    values: Mapping[str, object] = field(repr=False)
    caution: str = ""

    def pick(self, key: str) -> str:
        """The text under ``key``; raises KeyNotFound or NotAString."""
        value = self.values.get(key)
        if value is None:
            raise KeyNotFound(self.source.path, key)
        if not isinstance(value, str):
            raise NotAString(self.source.path, key, _JSON_TYPES.get(type(value), "value of another type"))
        return value

    def weight(self) -> int:
        """About how many bytes its texts take."""
        return sum(len(value) for value in self.values.values() if isinstance(value, str))

    def canonical(self) -> bytes:
        """The same bytes for the same content, version and caution, in whatever order it arrived."""
        try:
            return orjson.dumps((self.version, self.values, self.caution), option=orjson.OPT_SORT_KEYS)
        except TypeError:
            return self._canonical_texts()

    def _canonical_texts(self) -> bytes:
        # What orjson cannot write: maps in maps in maps, of which no text can be picked, and half characters.
        texts = {key: value if isinstance(value, str) else None for key, value in self.values.items()}
        return json.dumps((self.version, texts, self.caution), sort_keys=True).encode("ascii")


class Backend(Protocol):
    """A store of secrets. Every method may be called from any thread."""

    @property
    def name(self) -> str:
        """The word that flags, logs and metrics use: ``vault``, ``azure-kv``, ``memory``."""

    def locate(self, path: str) -> Source:
        """The source that ``path`` of a definition names. Does no I/O.

        Raises InvalidPath for what must never be asked of the backend.
        """

    def read(self, source: Source) -> Reading:
        """Read ``source`` within ``config.backend-timeout``, counted over the whole call.

        Raises a BackendFault when the backend as a whole cannot serve, a SourceError when it answered and
        this source cannot be used, and NoAnswerYet when the thread is `hurried` and there was no answer in
        that time. Nothing else escapes.
        """

    def maintain(self) -> None:
        """Look after the session: log in, look up, renew. Called every token polling period.

        Raises a BackendFault when that did not work; the next call tries again.
        """

    def ready(self) -> bool:
        """Whether the backend was logged in to, and has not refused the logins since our token died.

        An outage does not make it unready: nobody but the backend can help then.
        """

    def close(self) -> None:
        """Let go of connections. The backend is not used afterwards."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one look at the whole backend told: the sources that have to be read again.

    The others are as they were when they were last read.
    """

    stale: frozenset[Source]


@runtime_checkable
class Surveyor(Protocol):
    """A backend that can tell, for less than one read each, which of many sources have changed."""

    def survey(self, sources: Collection[Source]) -> Survey | None:
        """Compare every one of ``sources`` with what was last read of it, within the time of one period.

        None says that the backend does not let us look (said in the log once): read each source instead.
        Raises a BackendFault when the backend cannot serve. ``sources`` are all that are used; what is
        remembered of others is let go.
        """


class BackendTelemetry(Protocol):
    """What a backend tells about each of its calls; implemented by the metrics."""

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        """One call ended: ``operation`` is read, login, lookup-self, renew-self or health."""


class SilentTelemetry:
    """Tells nobody; for tests and for --once."""

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        """Ignore it."""


Clock = Callable[[], float]
