"""One token for all threads: got once, refreshed ahead of its end, replaced when the vault refuses it.

To the SDK this is a credential. However many threads want a token, one login is made, and who waits for it
waits no longer than its own call has time. The session must not know how a login is made.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions

from secrets_manager.backends.azure_key_vault.telemetry import AzureTelemetry
from secrets_manager.backends.base import Clock
from secrets_manager.backends.shared.login_pace import REFUSED_PAUSE, LoginPace
from secrets_manager.backends.shared.single_flight import SingleFlight
from secrets_manager.domain.errors import AuthFailed, BackendFault, SecretsManagerError, SessionExpired
from secrets_manager.runtime.chance import chance

_LOG = logging.getLogger(__name__)

# The SDK's own rule: a token is renewed in its last five minutes, and not asked for more often than this.
_AHEAD = 300.0
_BETWEEN_REFRESHES = 30.0
_GRACE = 0.5


class TokenGiver(Protocol):
    """Who logs in."""

    def log_in(self, scope: str, *, claims: str = "", seconds: float) -> AccessTokenInfo:
        """A token; raises a BackendFault."""

    def forget(self) -> None:
        """Keep nothing for the next login."""


class Session:
    """Holds the token. ``clock`` is monotonic, ``now`` the wall's, which is what tokens are dated in."""

    def __init__(  # noqa: PLR0913 - the last three are for tests
        self,
        giver: TokenGiver,
        scope: str,
        telemetry: AzureTelemetry,
        *,
        login_seconds: float,
        time_left: Callable[[], float],
        clock: Clock = time.monotonic,
        now: Clock = time.time,
        jitter: Callable[[], float] = chance,
    ) -> None:
        """``time_left`` tells a thread inside a call of the SDK how many seconds that call still has."""
        self._giver = giver
        self._scope = scope
        self._telemetry = telemetry
        self._login_seconds = login_seconds
        self._time_left = time_left
        self._clock = clock
        self._now = now
        self._pace = LoginPace(clock, jitter)
        self._logins: SingleFlight[tuple[str, AccessTokenInfo]] = SingleFlight("azure-login")
        self._lock = threading.Lock()
        self._token: AccessTokenInfo | None = None
        self._got_at = 0.0
        self._refreshed_at = float("-inf")
        self.generation = 0

    # ── what the SDK asks ────────────────────────────────────────────────────────────────────────────

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """The token for a call; raises a BackendFault."""
        claims = (options or {}).get("claims") or ""
        if scopes != (self._scope,):
            raise AuthFailed("the key vault asks for a token that is not for its own domain")
        generation, token = self._held()
        if claims or token is None or not self._alive(token):
            return self._join(claims, generation, self._time_left())
        if self._due(token):
            self._refresh_beside(generation)
        return token

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        """The same for callers that know no better."""
        claims = options.get("claims")
        info = self.get_token_info(*scopes, options={"claims": claims} if isinstance(claims, str) else None)
        return AccessToken(info.token, info.expires_on)

    def close(self) -> None:
        """Nothing to close."""

    # ── what the backend asks ────────────────────────────────────────────────────────────────────────

    def ready(self) -> bool:
        """Whether a login ever worked, and there is a token or hope for one."""
        _, token = self._held()
        held = token is not None and self._alive(token)
        return self.generation > 0 and (held or not self._pace.refused())

    def maintain(self) -> None:
        """Log in when there is no token and refresh the one that is due; raises a BackendFault."""
        generation, token = self._held()
        if token is None or not self._alive(token) or self._due(token):
            # A little longer than the login itself may take, to hear why it failed.
            self._join("", generation, self._login_seconds + _GRACE)

    def rejected(self, generation: int) -> None:
        """The vault did not accept the token of ``generation``: the next call gets another.

        A new one that is not accepted either means that no token of ours will be: then no login is made for
        a while.
        """
        with self._lock:
            if generation != self.generation or self._token is None:
                return
            self._token = None
            fresh = self._clock() - self._got_at < REFUSED_PAUSE
        self._giver.forget()
        if fresh:
            self._failed(
                AuthFailed("the key vault does not accept our token; is azure-kv.tenant-id the vault's?")
            )

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _alive(self, token: AccessTokenInfo) -> bool:
        return token.expires_on > self._now()

    def _due(self, token: AccessTokenInfo) -> bool:
        if self._clock() - self._refreshed_at < _BETWEEN_REFRESHES:
            return False
        now = self._now()
        return token.expires_on - now < _AHEAD or (token.refresh_on is not None and token.refresh_on <= now)

    def _held(self) -> tuple[int, AccessTokenInfo | None]:
        with self._lock:
            return self.generation, self._token

    def _refresh_beside(self, generation: int) -> None:
        with contextlib.suppress(BackendFault):
            self._pace.check()
            self._join("", generation, 0.0)

    def _join(self, claims: str, generation: int, wait: float) -> AccessTokenInfo:
        overdue = SessionExpired("there is no token yet; a login is under way")
        ends_at = self._clock() + wait
        while True:
            left = max(0.0, ends_at - self._clock())
            with_claims, token = self._logins.join(
                lambda: self._log_in(claims, generation), wait=left, overdue=overdue
            )
            # The login that was running may have been one without what the vault wants to see.
            if not claims or with_claims == claims:
                return token

    def _log_in(self, claims: str, replacing: int) -> tuple[str, AccessTokenInfo]:
        token = self._token
        if token is not None and self.generation > replacing and not claims:
            return "", token
        self._pace.check()
        started = self._clock()
        self._refreshed_at = started
        error: SecretsManagerError | None = None
        try:
            token = self._giver.log_in(self._scope, claims=claims, seconds=self._login_seconds)
        except BackendFault as fault:
            error = fault
            self._failed(fault)
            raise
        finally:
            self._telemetry.backend_call("azure-kv", "login", self._clock() - started, error)
        self._keep(token)
        return claims, token

    def _keep(self, token: AccessTokenInfo) -> None:
        with self._lock:
            news = self._token is None or self._token.token != token.token
            self._token = token
            if news:
                self.generation += 1
                self._got_at = self._clock()
        self._pace.succeeded()
        if news:
            _LOG.info("logged in", extra=_extra("a new token is in use"))

    def _failed(self, fault: BackendFault) -> None:
        self._telemetry.login_failed()
        if self._pace.failed(fault):
            _LOG.warning("login failed", extra=_extra(f"{fault.reason}: {fault.message}"))


def _extra(reason: str) -> dict[str, str]:
    return {"backend": "azure-kv", "operation": "login", "reason": reason}
