"""The lines that an overview is made of, and the JSON that they become; pure.

What is not known from where the overview was made is None, and null in JSON: a command that reads the
cluster knows nothing of the daemon's queue, and a daemon nothing of definitions outside its scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Readiness(StrEnum):
    """The status of the condition Ready; unknown before the daemon saw the definition as it is now."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One path that a Secret is made of.

    Attributes:
        version: the backend's version of the path, "" where it has none.
        read_at: when it was last found to be that version.

    """

    backend: str
    path: str
    version: str
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionLine:
    """One definition.

    Attributes:
        secret: the name of its Secret.
        reason, message: those of the condition Ready, "" before there is one.
        since: when Ready last changed.
        last_change: when the data of the Secret was last written.
        refresh_period: seconds between two polls that the definition itself asks for.
        next_poll: when the next path is due.

    """

    namespace: str
    name: str
    secret: str
    ready: Readiness
    reason: str
    message: str
    suspended: bool
    sources: tuple[SourceLine, ...]
    since: datetime | None = None
    last_change: datetime | None = None
    refresh_period: float | None = None
    next_poll: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendLine:
    """One backend as the daemon sees it.

    Attributes:
        logged_in: whether there is a session that works.
        session_fault: the reason why the last check of the session failed, "" if it did not.
        down_for: seconds for which it has been down, with probes alone; None while it is up.
        parts_down: how many parts of it (mounts, paths) are down by themselves.
        overdue: by how many seconds the most overdue poll of it is late.
        token_life: seconds that its token has left.

    """

    name: str
    kind: str
    logged_in: bool
    session_fault: str
    down_for: float | None
    parts_down: int
    overdue: float
    token_life: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadLine:
    """Who leads. ``holder`` is "" where nobody holds the Lease, or there is no election."""

    holder: str
    is_this_one: bool
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """The daemon's work: keys that wait, the longest wait and the lateness of polls in seconds."""

    depth: int
    oldest_wait: float
    overdue: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesLine:
    """How many Secrets were written in each of some equal spans of time, the oldest first."""

    span: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What is known at one moment."""

    at: datetime
    definitions: tuple[DefinitionLine, ...]
    backends: tuple[BackendLine, ...] | None = None
    lead: LeadLine | None = None
    queue: QueueLine | None = None
    changes: ChangesLine | None = None
