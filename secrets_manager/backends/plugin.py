"""A backend as one value for the program: its settings, its checks, and how it is built and maintained.

Backends of this package and of other packages are the same kind of value. Another package names its value in
the entry point group `secrets_manager.backends`, under the backend's kind; docs/plug-ins.md shows how. This
module must not know any backend, nor its callers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from secrets_manager.backends.base import Backend, BackendTelemetry
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings.option import Contradiction

# Raised when a plug-in made for the previous number would no longer work.
CONTRACT = 1
# Seconds; the period of the original.
MAINTAIN_EVERY = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided:
    """The things that the program gives to a backend when it is built. Times are in seconds.

    Attributes:
        name: the backend's name in the settings, as logs and names of threads have it.
        timeout: the limit of one whole read.
        poll_period: the time between two polls of a source for which no definition wishes another.
        connections: the number of threads that may call the backend at once.
        telemetry: receives a report of each call.
        metrics: the value that `Plugin.metrics` returned.
        watchdog: ends calls of `secrets_manager.runtime.http.client` at their deadlines.

    """

    name: str = DEFAULT_BACKEND
    timeout: float
    poll_period: float
    connections: int
    telemetry: BackendTelemetry
    metrics: Any
    watchdog: Watchdog


def _nothing(_settings: Any) -> Iterator[Any]:
    """Yield nothing."""
    return iter(())


def _each_period(_settings: Any) -> float:
    """The usual period."""
    return MAINTAIN_EVERY


def _unlimited(_settings: Any) -> int | None:
    """No limit."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A kind of backend. Every function receives the settings of the backend, a value of ``settings``.

    Attributes:
        kind: the name for ``-backend``, for the table of its settings, and in logs and metrics.
        contract: the number of `CONTRACT` that it was written for.
        settings: a frozen dataclass whose fields are made by `secrets_manager.settings.option`.
        build: makes the backend. Makes no call and does not log in; raises ConfigError.
        contradictions: settings that do not go together, named without their table.
        notices: warnings for the log at the start, about settings that are accepted.
        maintain_every: seconds between two calls of ``maintain``.
        calls_per_second: the limit of the backend, None for no limit.
        metrics: makes metrics of its own on a ``prometheus_client.CollectorRegistry``.
        ignores_case: whether paths in capitals and small letters name the same; ``locate`` must then give
            them the same source, and patterns of the path policy match both.
        foreign_credentials: environment names from which the backend's own tools take credentials, and
            which no setting reads. They are removed at the start, like those of secret settings.

    """

    kind: str
    contract: int
    settings: type[Any]
    build: Callable[[Any, Provided], Backend]
    contradictions: Callable[[Any], Iterator[Contradiction]] = _nothing
    notices: Callable[[Any], Iterator[str]] = _nothing
    maintain_every: Callable[[Any], float] = _each_period
    calls_per_second: Callable[[Any], int | None] = _unlimited
    metrics: Callable[[Any, Any], Any] | None = None
    ignores_case: bool = False
    foreign_credentials: tuple[str, ...] = ()
