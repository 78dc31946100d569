"""One token for the life of the process: logged in once, then renewed, and replaced only when that is due.

Any number of workers use the token. If it is refused, one look-up finds out for all of them whether the token
is dead or a right is missing, and one login replaces it. The session must not know paths, engines or how
requests are sent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

from secrets_manager.backends.base import Clock
from secrets_manager.backends.kit.call_time import time_left
from secrets_manager.backends.kit.login_pace import LoginPace
from secrets_manager.backends.kit.login_watch import WatchLogin
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.backends.kit.shared_token import SharedToken
from secrets_manager.backends.kit.single_flight import SingleFlight
from secrets_manager.backends.vault.telemetry import VaultTelemetry
from secrets_manager.backends.vault.token_api import TokenApi, TokenRejected
from secrets_manager.backends.vault.token_life import (
    RenewalRule,
    Step,
    TokenLife,
    VaultToken,
    after_failed_renewal,
    after_renewal,
    misses_renewal,
    next_step,
)
from secrets_manager.backends.vault.token_replies import Grant, TokenFacts
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendTimeout, SessionExpired
from secrets_manager.runtime.jitter import jitter
from secrets_manager.runtime.reminder import Reminder
from secrets_manager.runtime.terms import Deadline

_LOG = logging.getLogger(__name__)

# The original's polls were 15 seconds apart; more frequent ones count no more often.
_REPORT_NOT_RENEWABLE_EVERY = 15.0
# A server that refuses so many tokens in a row, all younger than these seconds, would refuse the next too.
_YOUNG_DEATHS, _YOUNG = 5, 10.0


class VaultSession:
    """Holds the token for all threads."""

    def __init__(  # noqa: PLR0913 - two are for tests
        self,
        api: TokenApi,
        rule: RenewalRule,
        telemetry: VaultTelemetry,
        *,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = jitter,
        shown: Callable[[], bytes] = lambda: b"",
        watch: WatchLogin = nullcontext,
        refused_pause: float = 0.0,
        name: str = DEFAULT_BACKEND,
    ) -> None:
        """``shown`` returns a digest of the current credentials; each login runs in a block of ``watch``.

        Refused credentials are shown again after ``refused_pause`` seconds at the earliest. ``name`` is that
        of the backend in the settings.
        """
        self._refused_pause = refused_pause
        self._api = api
        self._watch = watch
        self._rule = rule
        self._telemetry = telemetry
        self._clock = clock
        pace = LoginPace(clock, jitter, shown)
        self._token: SharedToken[VaultToken, VaultToken] = SharedToken(name, pace, telemetry, _LOG, clock)
        self._look_ups: SingleFlight[tuple[int, bool]] = SingleFlight(f"{name}-lookup")
        self._server_known = False
        self._not_renewable_reported = (0, 0.0)
        self._died_young = 0
        self._reminder = Reminder(clock)
        self._log = NamedLog(_LOG, name)

    @property
    def generation(self) -> int:
        """The number of the current or last token."""
        return self._token.generation

    def ready(self) -> bool:
        """Whether a login ever worked, and there is a token or the next login may give one."""
        return self._current is not None or self._token.may_get_token()

    def life_left(self) -> float | None:
        """Seconds that the last login or renewal left; None without a token, and for one that never ends."""
        token = self._current
        if token is None or not token.expires:
            return None
        return max(0.0, token.granted - (self._clock() - token.granted_at))

    def current(self, deadline: Deadline) -> VaultToken:
        """The token to use; logs in when there is none. Raises a BackendFault when that fails."""
        generation, token = self._token.current()
        return token if token is not None else self._join_login(generation, time_left(deadline, "Vault"))

    def recover(self, refused: VaultToken, deadline: Deadline) -> VaultToken | None:
        """After a 403: another token to try with, or None when the token is alive and a right is missing.

        Raises a BackendFault when the state of the token could not be found out, or when the login failed.
        """
        token = self._current
        if token is not None and token.generation != refused.generation:
            return token
        if token is not None and self._is_alive(token, deadline):
            return None
        self._drop(refused.generation)
        return self._join_login(refused.generation, time_left(deadline, "Vault"))

    def maintain(self, wait: float) -> None:
        """Renew or replace the token if that is due; ``wait`` is how many seconds to wait for a login.

        Raises a BackendFault when that fails.
        """
        self._telemetry.max_token_ttl(self._rule.renew_below)
        self._learn_server()
        generation, token = self._token.current()
        if token is None:
            self._join_login(generation, wait)
            return
        try:
            life = self._life(token)
        except TokenRejected:
            self._announce("Vault no longer accepts the token")
            self._drop(token.generation)
            self._join_login(token.generation, wait)
            return
        try:
            self._look_after(token, life, wait)
        finally:
            self._follow(wait)

    def retry_refused(self, wait: float) -> bool:
        """Log in at once if the last login was refused and the credentials were replaced since.

        Waits ``wait`` seconds for it; returns whether there is a new token.
        """
        generation = self._token.generation
        return self._token.retry_login(lambda: self._join_login(generation, wait))

    # ── keeping a living token ──────────────────────────────────────────────────────────────────────

    def _look_after(self, token: VaultToken, life: TokenLife, wait: float) -> None:
        self._telemetry.token_ttl(life.ttl)
        decision = next_step(life, renew_below=self._rule.renew_below)
        if decision.step is Step.RENEW:
            self._renew(token, life, wait)
        if misses_renewal(life, decision, renew_below=self._rule.renew_below):
            self._report_not_renewable(token)
        if decision.step is Step.LOGIN:
            self._announce(decision.reason)
            self._join_login(token.generation, wait)

    def _follow(self, wait: float) -> None:
        """Take the token that files ask for by now; the old one is used until that works."""
        token = self._current
        if token is not None and self._api.superseded(token.value):
            self._announce("a file holds another token or certificate")
            self._join_login(token.generation, wait)

    def _report_not_renewable(self, token: VaultToken) -> None:
        """Count a token that cannot be renewed: once, and then as often as the original did."""
        generation, at = self._not_renewable_reported
        if generation != token.generation or self._clock() - at >= _REPORT_NOT_RENEWABLE_EVERY:
            self._not_renewable_reported = token.generation, self._clock()
            self._telemetry.renewal_failed("is-renewable", "VaultTokenNotRenewableError")

    def _renew(self, token: VaultToken, life: TokenLife, wait: float) -> None:
        try:
            grant = self._api.renew(token.value, self._rule.increment)
        except (BackendFault, TokenRejected) as error:
            self._renewal_failed(token, life, error, wait)
            return
        self._keep(token, grant)
        self._telemetry.token_ttl(grant.ttl)
        decision = after_renewal(life, renewed_to=grant.ttl, asked=self._rule.increment)
        if decision.step is Step.LOGIN:
            self._announce(decision.reason)
            self._join_login(token.generation, wait)

    def _renewal_failed(
        self, token: VaultToken, life: TokenLife, error: BackendFault | TokenRejected, wait: float
    ) -> None:
        refused = isinstance(error, TokenRejected)
        self._telemetry.renewal_failed(
            "renew-self", "BackendSecretForbiddenError" if refused else "UnknownError"
        )
        decision = after_failed_renewal(life, refused=refused)
        if decision.step is Step.LOGIN:
            self._announce(decision.reason)
            self._join_login(token.generation, wait)
        elif isinstance(error, BackendFault):
            raise error
        else:
            raise AuthFailed("the token's policies do not allow renew-self")

    def _life(self, token: VaultToken) -> TokenLife:
        if not token.can_look_up:
            left = max(0.0, token.granted - (self._clock() - token.granted_at))
            return TokenLife(
                expires=token.expires,
                ttl=left,
                granted=token.granted,
                full=token.granted,
                renewable=token.renewable,
            )
        facts = self._look_up(token.value)
        return TokenLife(
            expires=facts.expires,
            ttl=facts.ttl,
            granted=max(token.granted, facts.ttl),
            full=facts.full or token.granted,
            renewable=facts.renewable,
        )

    # ── replacing it ─────────────────────────────────────────────────────────────────────────────────

    def _is_alive(self, token: VaultToken, deadline: Deadline) -> bool:
        if not token.can_look_up:
            return not token.expires or self._clock() - token.granted_at < token.granted
        overdue = BackendTimeout("Vault did not answer in time whether the token is still valid")
        while True:
            asked_for, alive = self._look_ups.join(
                lambda: self._verdict(token), wait=time_left(deadline, "Vault"), overdue=overdue
            )
            # The look-up that was running may have been for the token before this one.
            if asked_for == token.generation:
                return alive

    def _verdict(self, token: VaultToken) -> tuple[int, bool]:
        try:
            self._look_up(token.value)
        except TokenRejected:
            return token.generation, False
        return token.generation, True

    def _look_up(self, token: str) -> TokenFacts:
        """Ask for the token's life; every look-up that fails is counted."""
        try:
            return self._api.look_up(token)
        except TokenRejected:
            self._telemetry.renewal_failed("lookup-self", "BackendSecretForbiddenError")
            raise
        except BackendFault:
            self._telemetry.renewal_failed("lookup-self", "UnknownError")
            raise

    def _drop(self, generation: int) -> None:
        """Drop a token that Vault does not accept; logins come seldom where each token dies at once."""
        held_for = self._token.drop(generation)
        if held_for is None:
            return
        self._died_young = self._died_young + 1 if held_for < _YOUNG else 0
        if self._died_young >= _YOUNG_DEATHS:
            fault = SessionExpired(
                "Vault does not accept the tokens that it gave a moment ago: its standbys lag behind, or"
                " somebody revokes them"
            )
            self._token.record_failure(fault, at_least=_YOUNG)

    def _join_login(self, replacing: int, wait: float) -> VaultToken:
        def log_in() -> VaultToken:
            with self._watch():
                return self._log_in(replacing)

        return self._token.join(log_in, wait=wait)

    def _log_in(self, replacing: int) -> VaultToken:
        token = self._current
        if token is not None and token.generation > replacing:
            return token
        self._token.check()
        try:
            return self._take(self._usable(self._api.log_in()))
        except BackendFault as fault:
            pause = self._refused_pause if isinstance(fault, AuthFailed) else 0.0
            self._token.record_failure(fault, at_least=pause)
            raise

    def _usable(self, grant: Grant) -> Grant:
        if grant.uses == 0:
            return grant
        self._api.revoke(grant.token)
        raise AuthFailed(
            "the role gives tokens with a limited number of uses, which one process cannot share;"
            " set token_num_uses of the role to 0"
        )

    def _take(self, grant: Grant) -> VaultToken:
        facts = self._first_look(grant)
        self._telemetry.token_ttl(grant.ttl)
        return self._token.take(
            lambda generation: VaultToken(
                generation=generation,
                value=grant.token,
                granted=grant.ttl,
                granted_at=self._clock(),
                renewable=grant.renewable,
                expires=facts.expires if facts is not None else grant.ttl > 0,
                can_look_up=facts is not None,
            ),
            # A file may still hold the token that is in use.
            same=lambda held: held.value == grant.token,
        )

    def _first_look(self, grant: Grant) -> TokenFacts | None:
        """Find out whether the token may look itself up: only then a refused look-up means a dead token."""
        unknown = TokenFacts(ttl=grant.ttl, full=grant.ttl, expires=grant.ttl > 0, renewable=grant.renewable)
        try:
            facts = self._look_up(grant.token)
        except TokenRejected:
            self._warn("the token's policies do not allow lookup-self")
            return None
        except BackendFault:
            return unknown
        if not facts.expires:
            self._warn("the token never expires; do not use a root token")
        return facts

    def _keep(self, token: VaultToken, grant: Grant) -> None:
        renewed = partial(replace, granted=grant.ttl, granted_at=self._clock(), renewable=grant.renewable)
        self._token.keep(token.generation, renewed)

    @property
    def _current(self) -> VaultToken | None:
        return self._token.token

    # ── what is learnt of the server, and said ───────────────────────────────────────────────────────

    def _learn_server(self) -> None:
        if self._server_known:
            return
        facts = self._api.health()
        if facts is not None:
            self._server_known = facts.serving
            self._telemetry.server(facts.version, facts.cluster_id, facts.cluster_name)
            if facts.ignores_namespace:
                self._warn("the server has no namespaces and ignores the one in the settings", "health")

    def _warn(self, message: str, operation: str = "lookup-self") -> None:
        if self._reminder.happened(message):
            self._log.warning(message, extra=_extra(operation, ""))

    def _announce(self, reason: str) -> None:
        # It would repeat at each poll, while logins are refused and the old token lives.
        if self._reminder.happened(reason):
            self._log.info("the token will be replaced", extra=_extra("login", reason))


def _extra(operation: str, reason: str) -> dict[str, str]:
    return {"operation": operation, "reason": reason}
