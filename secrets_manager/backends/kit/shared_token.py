"""One token for all threads: however many need a new one, one login is made, at the pace that refusals allow.

Each token has a number, its generation: a caller whose token was refused names its generation, so that it
does not drop a newer token of another thread. This module must not know what a token is, nor how a login is
made.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from secrets_manager.backends.base import Clock
from secrets_manager.backends.kit.login_pace import LoginPace
from secrets_manager.backends.kit.single_flight import SingleFlight
from secrets_manager.domain.errors import BackendFault, SessionExpired

T = TypeVar("T")
R = TypeVar("R")


class LoginTelemetry(Protocol):
    """Receives reports about logins."""

    def login_failed(self) -> None:
        """A login was tried and returned no token."""


class SharedToken(Generic[T, R]):
    """Holds the token, if there is one; a login returns R.

    Attributes:
        token: None before the first login, and while one is due.
        generation: the number of the last token.

    """

    def __init__(
        self, backend: str, pace: LoginPace, telemetry: LoginTelemetry, log: logging.Logger, clock: Clock
    ) -> None:
        """``backend`` is its name in the settings, for logs and the names of threads."""
        self._backend = backend
        self._pace = pace
        self._telemetry = telemetry
        self._log = log
        self._clock = clock
        self._got_at = 0.0
        self._lock = threading.Lock()
        self._logins: SingleFlight[R] = SingleFlight(f"{backend}-login")
        self.token: T | None = None
        self.generation = 0

    def current(self) -> tuple[int, T | None]:
        """The generation, and the token if there is one."""
        with self._lock:
            return self.generation, self.token

    def may_get_token(self) -> bool:
        """Whether a login ever worked and the last one was not refused, so that a token may come."""
        return self.generation > 0 and not self._pace.was_refused()

    def join(self, log_in: Callable[[], R], *, wait: float) -> R:
        """The result of ``log_in``, or of the login that is running; raises its error.

        Waits at most ``wait`` seconds; the login goes on.
        """
        overdue = SessionExpired("there is no token yet; a login is under way")
        return self._logins.join(log_in, wait=wait, overdue=overdue)

    def check(self) -> None:
        """Return when a login may be tried now, otherwise raise the fault of the last one."""
        self._pace.check()

    def retry_login(self, join: Callable[[], object]) -> bool:
        """Log in if a login was refused and its credentials have changed; returns whether that worked."""
        if not self._pace.may_retry():
            return False
        try:
            join()
        except BackendFault:
            return False
        return True

    def take(self, made: Callable[[int], T], *, same: Callable[[T], bool] = lambda _: False) -> T:
        """Hold a token from a login; ``made`` builds it for its generation.

        A token that is the ``same`` as the current one does not count as new.
        """
        with self._lock:
            is_new = self.token is None or not same(self.token)
            if is_new:
                self.generation += 1
                self._got_at = self._clock()
            token = self.token = made(self.generation)
        self._pace.record_success()
        if is_new:
            self._log.info("logged in", extra=self._log_fields("a new token is in use"))
        return token

    def keep(self, generation: int, changed: Callable[[T], T]) -> None:
        """Replace the token of this generation by its changed form, unless there is a newer one."""
        with self._lock:
            if self.token is not None and generation == self.generation:
                self.token = changed(self.token)

    def drop(self, generation: int) -> float | None:
        """Drop the token of this generation; returns the seconds since it came, None if it is not current."""
        with self._lock:
            if generation != self.generation or self.token is None:
                return None
            self.token = None
            return self._clock() - self._got_at

    def record_failure(self, fault: BackendFault, *, at_least: float = 0.0) -> None:
        """Record that a login failed: the next one waits, at least ``at_least`` seconds."""
        self._telemetry.login_failed()
        if self._pace.record_failure(fault, at_least=at_least):
            self._log.warning("login failed", extra=self._log_fields(f"{fault.reason}: {fault.message}"))

    def _log_fields(self, reason: str) -> dict[str, Any]:
        return {"backend": self._backend, "operation": "login", "reason": reason}
