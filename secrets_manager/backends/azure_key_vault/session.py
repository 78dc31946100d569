"""One token for all threads: refreshed before it expires, and replaced when the vault refuses it.

To the SDK this is a credential. However many threads need a token, one login is made, and each thread waits
for it no longer than its own deadline. The session must not know how a login is made.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable
from typing import Protocol

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions

from secrets_manager.backends.azure_key_vault.telemetry import AzureTelemetry
from secrets_manager.backends.base import Clock
from secrets_manager.backends.kit.login_pace import REFUSED_PAUSES, LoginPace
from secrets_manager.backends.kit.login_watch import WatchLogin
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.backends.kit.shared_token import SharedToken
from secrets_manager.backends.kit.timed import Timed
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import AuthFailed, BackendFault
from secrets_manager.runtime.jitter import jitter

_LOG = logging.getLogger(__name__)

# The SDK's own rule: a token is renewed in its last five minutes, and not asked for more often than this.
_AHEAD = 300.0
_BETWEEN_REFRESHES = 30.0
_GRACE = 0.5
_SHORTEST_LIFE = 60.0
# The longest that Entra ID gives out have 28 hours.
_LONGEST_LIFE = 30 * 3600.0
# A token that the vault refuses so soon says that the next one would be refused too.
_FRESH = REFUSED_PAUSES[-1]


class TokenSource(Protocol):
    """Logs in."""

    def log_in(self, scope: str, *, claims: str = "", seconds: float) -> AccessTokenInfo:
        """A token; raises a BackendFault."""

    def forget(self) -> None:
        """Drop everything that was kept for the next login."""


class KeyVaultSession:
    """Holds the token. ``clock`` is monotonic; ``now`` is the wall clock, in which tokens are dated."""

    def __init__(  # noqa: PLR0913 - some are for tests
        self,
        giver: TokenSource,
        scope: str,
        telemetry: AzureTelemetry,
        *,
        login_seconds: float,
        time_left: Callable[[], float],
        clock: Clock = time.monotonic,
        now: Clock = time.time,
        jitter: Callable[[], float] = jitter,
        shown: Callable[[], bytes] = lambda: b"",
        watch: WatchLogin = contextlib.nullcontext,
        name: str = DEFAULT_BACKEND,
    ) -> None:
        """``time_left`` returns the seconds that the current SDK call of the calling thread still has.

        ``shown`` returns a digest of the current credentials; each login runs in a block of ``watch``.
        ``name`` is that of the backend in the settings.
        """
        self._watch = watch
        self._giver = giver
        self._scope = scope
        self._telemetry = telemetry
        self._login_seconds = login_seconds
        self._time_left = time_left
        self._clock = clock
        self._now = now
        self._token: SharedToken[AccessTokenInfo, tuple[str, AccessTokenInfo]] = SharedToken(
            name, LoginPace(clock, jitter, shown), telemetry, _LOG, clock
        )
        self._refreshed_at = float("-inf")
        self._got_with = 0, ""
        self._log = NamedLog(_LOG, name)

    @property
    def generation(self) -> int:
        """The number of the current or last token."""
        return self._token.generation

    # ── calls of the SDK ─────────────────────────────────────────────────────────────────────────────

    def get_token_info(self, *_scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """The token for a call; raises a BackendFault.

        It is for the vault's own domain, whatever is asked for: the SDK repeats what a vault once said, also
        when that was wrong, and remembers it for as long as the process lives.
        """
        claims = (options or {}).get("claims") or ""
        generation, token = self._token.current()
        if claims and self._got_with == (generation, claims):
            # Another login with these claims would give no better token; what came of this one is not known.
            claims = ""
        if claims or token is None or not self._alive(token):
            return self._join(claims, generation, self._time_left())
        if self._due(token):
            self._refresh_beside(generation)
        return token

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        """The same for the older protocol of the SDK."""
        claims = options.get("claims")
        info = self.get_token_info(*scopes, options={"claims": claims} if isinstance(claims, str) else None)
        return AccessToken(info.token, info.expires_on)

    def close(self) -> None:
        """Nothing to close."""

    # ── calls of the backend ─────────────────────────────────────────────────────────────────────────

    def ready(self) -> bool:
        """Whether a login ever worked, and there is a token or the next login may give one."""
        token = self._token.token
        return (token is not None and self._alive(token)) or self._token.may_get_token()

    def maintain(self) -> None:
        """Log in when there is no token and refresh the one that is due; raises a BackendFault."""
        generation, token = self._token.current()
        if token is None or not self._alive(token) or self._due(token):
            # Wait a little longer than the login itself may take, to learn why it failed.
            self._join("", generation, self._login_seconds + _GRACE)

    def retry_refused(self) -> bool:
        """Log in at once if the last login was refused and the credentials were replaced since.

        Returns whether there is a new token.
        """
        generation = self.generation
        return self._token.retry_login(lambda: self._join("", generation, self._login_seconds + _GRACE))

    def reject_token(self, generation: int, fault: AuthFailed) -> None:
        """The vault did not accept the token of ``generation``, says ``fault``: the next call gets another.

        If it refuses a new token as well, it will accept none of ours: then no login is made for a while.
        """
        held_for = self._token.drop(generation)
        if held_for is None:
            return
        self._giver.forget()
        if held_for < _FRESH:
            # The logins themselves work, so that they would come again and again.
            self._token.record_failure(fault, at_least=_FRESH)

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _alive(self, token: AccessTokenInfo) -> bool:
        return token.expires_on > self._now()

    def _due(self, token: AccessTokenInfo) -> bool:
        if self._clock() - self._refreshed_at < _BETWEEN_REFRESHES:
            return False
        now = self._now()
        return token.expires_on - now < _AHEAD or (token.refresh_on is not None and token.refresh_on <= now)

    def _refresh_beside(self, generation: int) -> None:
        with contextlib.suppress(BackendFault):
            self._token.check()
            self._join("", generation, 0.0)

    def _join(self, claims: str, generation: int, wait: float) -> AccessTokenInfo:
        def log_in() -> tuple[str, AccessTokenInfo]:
            with self._watch():
                return self._log_in(claims, generation)

        ends_at = self._clock() + wait
        while True:
            left = max(0.0, ends_at - self._clock())
            with_claims, token = self._token.join(log_in, wait=left)
            # The login that was running may have lacked the claims that the vault requires.
            if not claims or with_claims == claims:
                return token

    def _log_in(self, claims: str, replacing: int) -> tuple[str, AccessTokenInfo]:
        token = self._token.token
        if token is not None and self.generation > replacing and not claims:
            return "", token
        self._token.check()
        self._refreshed_at = self._clock()
        call = Timed(self._telemetry, "azure-kv", "login", self._clock)
        try:
            with call:
                token = self._giver.log_in(self._scope, claims=claims, seconds=self._login_seconds)
        except BackendFault as fault:
            self._token.record_failure(fault)
            raise
        finally:
            self._log.debug("requested a token", extra=call.log_fields())
        token = self._keep(token)
        self._got_with = self.generation, claims
        return claims, token

    def _keep(self, given: AccessTokenInfo) -> AccessTokenInfo:
        token = _with_sane_life(given, self._now())
        if token.expires_on < given.expires_on:
            # The SDK would give it out again for as long as it says.
            self._giver.forget()
        return self._token.take(lambda _generation: token, same=lambda held: held.token == token.token)


def _with_sane_life(token: AccessTokenInfo, now: float) -> AccessTokenInfo:
    """``token`` with an end that is not past yet, and comes one day.

    One that says it is over would be replaced at each call. Whether it is, the vault knows better: the clock
    of this machine may be wrong, and a token that the vault refuses is not asked for again and again.
    """
    ends = min(max(token.expires_on, math.ceil(now + _SHORTEST_LIFE)), math.floor(now + _LONGEST_LIFE))
    return AccessTokenInfo(token.token, ends, token_type=token.token_type, refresh_on=token.refresh_on)
