"""One set of credentials for all threads: replaced before it ends, and when the service refuses it.

However many threads need credentials, one login is made, and each thread waits for it no longer than its own
deadline. A login is over once the service accepted what was found. This module must not know how credentials
are found, nor how a call is made.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from secrets_manager.backends.base import BackendTelemetry, Clock
from secrets_manager.backends.kit.login_pace import REFUSED_PAUSES, LoginPace
from secrets_manager.backends.kit.login_watch import WatchLogin
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.backends.kit.shared_token import SharedToken
from secrets_manager.backends.kit.timed import Timed
from secrets_manager.domain.errors import AuthFailed, BackendFault
from secrets_manager_aws.credentials import Login
from secrets_manager_aws.signing import AccessKey

_LOG = logging.getLogger(__name__)
_AHEAD = 300.0
_BETWEEN_REFRESHES = 30.0
_GRACE = 0.5
# Credentials that the service refuses so soon say that the next ones would be refused too.
_FRESH = REFUSED_PAUSES[-1]


class _Uncounted:
    """A failed login is counted as a call of its own."""

    def login_failed(self) -> None:
        """Ignore it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSteps:
    """How a login is made.

    Attributes:
        find: finds credentials; raises a BackendFault.
        try_out: makes a call with them, which any right or none allows; raises a BackendFault.
        shown: a digest of the files that a login reads.
        watch: a block that is reported when it lasts too long.
        seconds: the longest time of a login.

    """

    find: Callable[[], Login]
    try_out: Callable[[AccessKey], None]
    shown: Callable[[], bytes] = lambda: b""
    watch: WatchLogin = contextlib.nullcontext
    seconds: float


class AwsSession:
    """Holds the credentials."""

    def __init__(
        self,
        steps: LoginSteps,
        telemetry: BackendTelemetry,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        name: str = "default",
    ) -> None:
        """``name`` is the backend's in the settings."""
        self._steps = steps
        self._telemetry = telemetry
        self._clock = clock
        pace = LoginPace(clock, jitter, steps.shown)
        self._token: SharedToken[Login, Login] = SharedToken(name, pace, _Uncounted(), _LOG, clock)
        self._log = NamedLog(_LOG, name)
        self._began_at = float("-inf")
        self._how = ""

    @property
    def generation(self) -> int:
        """The number of the credentials in use, or of the last ones."""
        return self._token.generation

    def key(self, wait: float) -> tuple[int, AccessKey]:
        """The number of the credentials, and the key; waits at most ``wait`` seconds for a login.

        Raises a BackendFault.
        """
        generation, login = self._token.current()
        if login is None or login.ends_within(0.0):
            login = self._join(generation, wait)
            return self._token.generation, login.key
        if self._is_due(login):
            self._refresh_beside(generation)
        return generation, login.key

    def maintain(self) -> None:
        """Log in when there are no credentials, and replace those that end soon; raises a BackendFault."""
        generation, login = self._token.current()
        if login is None or login.ends_within(0.0) or self._is_due(login):
            # A little longer than the login itself may take, to learn why it failed.
            self._join(generation, self._steps.seconds + _GRACE)

    def retry_refused(self) -> bool:
        """Log in at once if the last login was refused and its files were replaced since."""
        generation = self.generation
        return self._token.retry_login(lambda: self._join(generation, self._steps.seconds + _GRACE))

    def reject(self, generation: int, fault: AuthFailed) -> None:
        """The service did not accept the credentials of ``generation``: the next call gets others.

        If it refuses new ones as well, then no login is made for a while.
        """
        held_for = self._token.drop(generation)
        if held_for is not None and held_for < _FRESH:
            self._token.record_failure(fault, at_least=_FRESH)

    def ready(self) -> bool:
        """Whether a login ever worked, and there are credentials or the next login may find some."""
        login = self._token.token
        return (login is not None and not login.ends_within(0.0)) or self._token.may_get_token()

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _log_origin(self, how: str) -> None:
        """Say once where the credentials are from, and again when that changes."""
        if how != self._how:
            self._how = how
            self._log.info("credentials found", extra={"operation": "login", "reason": f"by {how}"})

    def _is_due(self, login: Login) -> bool:
        return self._clock() - self._began_at >= _BETWEEN_REFRESHES and login.ends_within(_AHEAD)

    def _refresh_beside(self, generation: int) -> None:
        with contextlib.suppress(BackendFault):
            self._token.check()
            self._join(generation, 0.0)

    def _join(self, generation: int, wait: float) -> Login:
        def log_in() -> Login:
            with self._steps.watch():
                return self._log_in(generation)

        return self._token.join(log_in, wait=max(0.0, wait))

    def _log_in(self, replacing: int) -> Login:
        held = self._token.token
        if held is not None and self.generation > replacing:
            return held
        self._token.check()
        self._began_at = self._clock()
        call = Timed(self._telemetry, "aws-sm", "login", self._clock)
        try:
            with call:
                found = self._steps.find()
                self._steps.try_out(found.key)
        except BackendFault as fault:
            self._token.record_failure(fault)
            raise
        finally:
            self._log.debug("looked for credentials", extra=call.log_fields())
        self._log_origin(found.how)
        return self._token.take(lambda _generation: found, same=lambda old: old.key == found.key)
