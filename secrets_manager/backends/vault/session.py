"""One token for the life of the process: logged in once, then renewed, replaced only when that is due.

Any number of workers use the token; however many of them see it refused, one look-up tells a dead token from
a missing right and one login replaces it. The session must not know paths, engines or how requests travel.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from secrets_manager.backends.base import Clock
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.backends.shared.login_pace import LoginPace
from secrets_manager.backends.shared.single_flight import SingleFlight
from secrets_manager.backends.vault.held import Held, RenewalRule
from secrets_manager.backends.vault.telemetry import VaultTelemetry
from secrets_manager.backends.vault.token_api import Grant, TokenApi, TokenFacts, TokenRejected
from secrets_manager.backends.vault.token_life import (
    Step,
    TokenLife,
    after_failed_renewal,
    after_renewal,
    next_step,
)
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendTimeout, SessionExpired
from secrets_manager.runtime.chance import chance

_LOG = logging.getLogger(__name__)


class Session:
    """Holds the token for all threads."""

    def __init__(
        self,
        api: TokenApi,
        rule: RenewalRule,
        telemetry: VaultTelemetry,
        *,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = chance,
    ) -> None:
        self._api = api
        self._rule = rule
        self._telemetry = telemetry
        self._clock = clock
        self._pace = LoginPace(clock, jitter)
        self._logins: SingleFlight[Held] = SingleFlight("vault-login")
        self._look_ups: SingleFlight[tuple[int, bool]] = SingleFlight("vault-lookup")
        self._lock = threading.Lock()
        self._held: Held | None = None
        self._generation = 0
        self._server_known = False

    def ready(self) -> bool:
        """Whether a login ever worked, and there is a token or hope for one."""
        return self._generation > 0 and (self._held is not None or not self._pace.refused())

    def current(self, budget: Budget) -> Held:
        """The token to use; logs in when there is none. Raises a BackendFault when that did not work."""
        held, generation = self._snapshot()
        return held if held is not None else self._join_login(generation, budget.left())

    def recover(self, refused: Held, budget: Budget) -> Held | None:
        """What to do about a 403: another token to try with, or None when the token is alive.

        None means that the right is missing. Raises a BackendFault when it could not be found out or when
        the login that followed did not work.
        """
        held = self._held
        if held is not None and held.generation != refused.generation:
            return held
        if held is not None and self._is_alive(held, budget):
            return None
        self._drop(refused)
        return self._join_login(refused.generation, budget.left())

    def maintain(self, patience: float) -> None:
        """Look after the token; ``patience`` is how many seconds to wait for a login.

        Raises a BackendFault when what was due did not work.
        """
        self._telemetry.max_token_ttl(self._rule.renew_below)
        self._learn_server()
        held, generation = self._snapshot()
        if held is None:
            self._join_login(generation, patience)
            return
        try:
            life = self._life(held)
        except TokenRejected:
            self._log("the token is dead")
            self._telemetry.renewal_failed("lookup-self", "BackendSecretForbiddenError")
            self._drop(held)
            self._join_login(held.generation, patience)
            return
        except BackendFault:
            self._telemetry.renewal_failed("lookup-self", "UnknownError")
            raise
        self._look_after(held, life, patience)

    # ── looking after a living token ─────────────────────────────────────────────────────────────────

    def _look_after(self, held: Held, life: TokenLife, patience: float) -> None:
        self._telemetry.token_ttl(life.ttl)
        decision = next_step(life, renew_below=self._rule.renew_below)
        if decision.step is Step.RENEW:
            self._renew(held, life, patience)
        elif decision.step is Step.LOGIN:
            self._telemetry.renewal_failed("is-renewable", "VaultTokenNotRenewableError")
            self._log(decision.reason)
            self._join_login(held.generation, patience)

    def _renew(self, held: Held, life: TokenLife, patience: float) -> None:
        try:
            grant = self._api.renew(held.token, self._rule.increment)
        except (BackendFault, TokenRejected) as error:
            self._renewal_failed(held, life, error, patience)
            return
        self._keep(held, grant)
        self._telemetry.token_ttl(grant.ttl)
        decision = after_renewal(life, renewed_to=grant.ttl, asked=self._rule.increment)
        if decision.step is Step.LOGIN:
            self._log(decision.reason)
            self._join_login(held.generation, patience)

    def _renewal_failed(
        self, held: Held, life: TokenLife, error: BackendFault | TokenRejected, patience: float
    ) -> None:
        refused = isinstance(error, TokenRejected)
        self._telemetry.renewal_failed(
            "renew-self", "BackendSecretForbiddenError" if refused else "UnknownError"
        )
        decision = after_failed_renewal(life, refused=refused)
        if decision.step is Step.LOGIN:
            self._log(decision.reason)
            self._join_login(held.generation, patience)
        elif isinstance(error, BackendFault):
            raise error
        else:
            raise AuthFailed("the token's policies do not let it renew itself")

    def _life(self, held: Held) -> TokenLife:
        if not held.can_look_up:
            left = max(0.0, held.granted - (self._clock() - held.granted_at))
            return TokenLife(
                expires=held.granted > 0,
                ttl=left,
                granted=held.granted,
                full=held.granted,
                renewable=held.renewable,
            )
        facts = self._api.look_up(held.token)
        return TokenLife(
            expires=facts.expires,
            ttl=facts.ttl,
            granted=max(held.granted, facts.ttl),
            full=facts.full or held.granted,
            renewable=facts.renewable,
        )

    # ── replacing it ─────────────────────────────────────────────────────────────────────────────────

    def _is_alive(self, held: Held, budget: Budget) -> bool:
        if not held.can_look_up:
            return held.granted <= 0 or self._clock() - held.granted_at < held.granted
        overdue = BackendTimeout("Vault did not say in time whether the token is alive")
        while True:
            asked_for, alive = self._look_ups.join(
                lambda: self._verdict(held), wait=budget.left(), overdue=overdue
            )
            # The look-up that was running may have been for the token before this one.
            if asked_for == held.generation:
                return alive

    def _verdict(self, held: Held) -> tuple[int, bool]:
        try:
            self._api.look_up(held.token)
        except TokenRejected:
            return held.generation, False
        return held.generation, True

    def _join_login(self, replacing: int, wait: float) -> Held:
        overdue = SessionExpired("there is no token yet; a login is under way")
        return self._logins.join(lambda: self._log_in(replacing), wait=wait, overdue=overdue)

    def _log_in(self, replacing: int) -> Held:
        held = self._held
        if held is not None and held.generation > replacing:
            return held
        self._pace.check()
        try:
            return self._take(self._usable(self._api.log_in()))
        except BackendFault as fault:
            self._telemetry.login_failed()
            if self._pace.failed(fault):
                _LOG.warning("login failed", extra=_extra("login", f"{fault.reason}: {fault.message}"))
            raise

    def _usable(self, grant: Grant) -> Grant:
        if grant.uses == 0:
            return grant
        self._api.revoke(grant.token)
        raise AuthFailed(
            "the role gives tokens with a limited number of uses, which one process cannot share;"
            " set token_num_uses of the role to 0"
        )

    def _take(self, grant: Grant) -> Held:
        facts = self._first_look(grant)
        with self._lock:
            self._generation += 1
            self._held = held = Held(
                generation=self._generation,
                token=grant.token,
                granted=grant.ttl,
                granted_at=self._clock(),
                renewable=grant.renewable,
                can_look_up=facts is not None,
            )
        self._pace.succeeded()
        self._telemetry.token_ttl(grant.ttl)
        _LOG.info("logged in", extra=_extra("login", "a new token is in use"))
        return held

    def _first_look(self, grant: Grant) -> TokenFacts | None:
        """Learn whether the token may look itself up: later a refused look-up means that it is dead."""
        unknown = TokenFacts(ttl=grant.ttl, full=grant.ttl, expires=grant.ttl > 0, renewable=grant.renewable)
        try:
            facts = self._api.look_up(grant.token)
        except TokenRejected:
            _LOG.warning("the token's policies do not allow lookup-self", extra=_extra("lookup-self", ""))
            return None
        except BackendFault:
            return unknown
        if not facts.expires:
            _LOG.warning("the token never expires; is it a root token?", extra=_extra("lookup-self", ""))
        return facts

    def _keep(self, held: Held, grant: Grant) -> None:
        with self._lock:
            if self._held is not None and self._held.generation == held.generation:
                self._held = replace(
                    self._held, granted=grant.ttl, granted_at=self._clock(), renewable=grant.renewable
                )

    def _drop(self, held: Held) -> None:
        with self._lock:
            if self._held is not None and self._held.generation == held.generation:
                self._held = None

    def _snapshot(self) -> tuple[Held | None, int]:
        with self._lock:
            return self._held, self._generation

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _learn_server(self) -> None:
        if self._server_known:
            return
        facts = self._api.health()
        if facts is not None:
            self._server_known = facts.serving
            self._telemetry.server(facts.version, facts.cluster_id, facts.cluster_name)

    def _log(self, reason: str) -> None:
        _LOG.info("the token is to be replaced", extra=_extra("login", reason))


def _extra(operation: str, reason: str) -> dict[str, str]:
    return {"backend": "vault", "operation": operation, "reason": reason}
