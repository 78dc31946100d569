"""The contract between the sync engine and every backend.

A backend answers two questions: which source does a path of a definition name (``locate``), and what does
that source hold now (``read``). It logs in by itself and keeps its session alive when ``maintain`` is called.
It does not cache values, does not retry, and is called from many threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from secrets_manager.backends.reading import Exact, Reading, Source
from secrets_manager.backends.whole_path import WholePath
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.runtime.terms import Terms

__all__ = [
    "Backend",
    "BackendTelemetry",
    "Clock",
    "Exact",
    "Examinee",
    "Logins",
    "Neighbours",
    "Reading",
    "Relogin",
    "Remark",
    "SessionLife",
    "Source",
    "Survey",
    "Surveyor",
    "WholePath",
]


class Backend(Protocol):
    """A store of secrets. Every method may be called from any thread."""

    @property
    def name(self) -> str:
        """Its kind, as in flags and the label ``kind`` of metrics: ``vault``, ``azure-kv``, ``memory``."""

    def locate(self, path: str, version: str = "") -> Source:
        """The source that ``path`` of a definition names, and ``version`` of it; "" is the newest. No I/O.

        Raises InvalidPath for a path that must never be sent to the backend, and InvalidVersion for a version
        that it cannot have; a backend without versions does so for each. A plug-in may leave the argument
        out: then every version is refused before the call.
        """

    def domains(self, source: Source) -> tuple[str, ...]:
        """The parts of the backend that ``source`` lies in and that may fail by themselves.

        The widest comes first; the backend itself and the source are left out. Each name is unique within the
        backend, and equal for all sources of that part. Possible parts are named too: a name counts as a part
        only when all reads below it fail. Does no I/O.
        """

    def read(self, source: Source, terms: Terms) -> Reading:
        """Read ``source`` until the deadline of ``terms``, which covers the whole call.

        What is read of a source with a version is of that version, or SourceNotFound, SourceDeleted or
        SourceDestroyed says that it is not there.

        Raises a BackendFault when the backend, or the part that the source lies in, cannot serve; its
        ``reach`` says which of the two it is evidence about. Raises a SourceError when the backend answered
        and this source cannot be used, and NoAnswerYet when the read was left at its first try. It raises
        nothing else. A read in the background lets other calls go first.
        """

    def maintain(self) -> None:
        """Keep the session alive: log in, look up, renew. Called every `Plugin.maintain_every` seconds.

        Raises a BackendFault when that fails; the next call tries again.
        """

    def ready(self) -> bool:
        """Whether a login ever worked, and no login was refused since the token ended.

        An outage does not make it unready, since restarting the daemon would not help.
        """

    def close(self) -> None:
        """Close the connections. The backend is not used afterwards."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The result of one survey of the whole backend: the sources that have to be read again.

    The others have not changed since they were last read.
    """

    stale: frozenset[Source]


@runtime_checkable
class Surveyor(Protocol):
    """A backend that can find out which of many sources have changed, for less than one read each."""

    def survey(self, sources: Collection[Source]) -> Survey | None:
        """Compare each of ``sources`` with its last reading, within the time of one period.

        Returns None when the backend does not allow a survey (logged once): read each source instead. Raises
        a BackendFault when the backend cannot serve. ``sources`` are all sources in use; others are
        forgotten.
        """


@runtime_checkable
class Relogin(Protocol):
    """A backend that logs in with credentials which may be replaced in their files."""

    def retry_login(self) -> bool:
        """Log in at once if the last login was refused and its credentials were replaced since.

        Returns whether that worked. Called every second, and nearly free while no login is refused.
        Never raises.
        """


@runtime_checkable
class Logins(Protocol):
    """A backend that logs in, and may see other paths after each login."""

    def login_number(self) -> int:
        """The number of the login that is in use: another after each, also when the backend is asked again.

        What is absent after a login may only be hidden from it, so evidence of absence begins anew. Does no
        I/O.
        """


@runtime_checkable
class SessionLife(Protocol):
    """A backend that knows how long its session lasts."""

    def session_life(self) -> float | None:
        """Seconds that its token has left, as it was last told; None without one, and where it never ends.

        Does no I/O and never raises.
        """


@runtime_checkable
class Neighbours(Protocol):
    """A backend that can name paths near one that is not there, for a person who may have mistyped it."""

    def neighbours(self, source: Source, terms: Terms) -> Collection[str]:
        """The paths in the folder of ``source``, as definitions write them; none where no list is allowed.

        The daemon never calls it. Raises a BackendFault.
        """


class Remark(NamedTuple):
    """What a backend says of itself to a person: how it is (``level``), about what, and what to do.

    ``advice`` is "" where there is nothing to do. No text holds a value or a token.
    """

    level: Literal["ok", "warn", "fail"]
    subject: str
    found: str
    advice: str = ""


@runtime_checkable
class Examinee(Protocol):
    """A backend that can say how well its login suits what definitions read."""

    def examine(self, sources: Collection[Source], terms: Terms) -> Iterator[Remark]:
        """What there is to say about its login, and about the rights to read ``sources``; reads none of them.

        The daemon never calls it. Raises a BackendFault.
        """


class BackendTelemetry(Protocol):
    """Reports of a backend about each of its calls; implemented by the metrics of that backend."""

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        """One call ended: ``operation`` is read, list, login, lookup-self, renew-self or health.

        ``backend`` is its kind, and counts for nothing: each backend has a telemetry of its own.
        """


Clock = Callable[[], float]
