"""Doubles for the tests of the Vault backend: a clock, a scripted token API, and telemetry that records."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from secrets_manager.backends.vault.telemetry import RenewalError, RenewalOperation
from secrets_manager.backends.vault.token_api import TokenRejected
from secrets_manager.backends.vault.token_replies import Grant, ServerFacts, TokenFacts
from secrets_manager.domain.errors import AuthFailed, BackendFault, SecretsManagerError
from tests.builders import Clock
from tests.silent import SilentVault


@dataclass
class RecordedTelemetry(SilentVault):
    """Records every report."""

    calls: list[tuple[str, SecretsManagerError | None]] = field(default_factory=list)
    logins_failed: int = 0
    ttls: list[float] = field(default_factory=list)
    max_ttls: list[float] = field(default_factory=list)
    renewals_failed: list[tuple[str, str]] = field(default_factory=list)
    servers: list[tuple[str, str, str]] = field(default_factory=list)

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        self.calls.append((operation, error))

    def login_failed(self) -> None:
        self.logins_failed += 1

    def token_ttl(self, seconds: float) -> None:
        self.ttls.append(seconds)

    def max_token_ttl(self, seconds: float) -> None:
        self.max_ttls.append(seconds)

    def renewal_failed(self, operation: RenewalOperation, error: RenewalError) -> None:
        self.renewals_failed.append((operation, error))

    def server(self, version: str, cluster_id: str, cluster_name: str) -> None:
        self.servers.append((version, cluster_id, cluster_name))


@dataclass
class Tokens:
    """The token API of a server in memory: tokens live and die on the test's clock.

    Attributes:
        ttl, max_ttl, renewable, uses, can_look_up: what a login gives from now on.
        faults: by operation, raised instead of an answer.
        gate: a login waits for it.
        file: the token in the file, if a login takes it from there.
        slow_look_ups: each look-up takes one of them and waits for it.

    """

    clock: Clock
    ttl: float = 1200.0
    max_ttl: float = 1_000_000.0
    renewable: bool = True
    uses: int = 0
    expires: bool = True
    can_look_up: bool = True
    can_renew: bool = True
    server: ServerFacts | None = None
    calls: Counter[str] = field(default_factory=Counter)
    faults: dict[str, BackendFault] = field(default_factory=dict)
    file: str = ""
    gate: threading.Event = field(default_factory=threading.Event)
    slow_look_ups: list[threading.Event] = field(default_factory=list)
    ends: dict[str, float] = field(default_factory=dict)
    born: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gate.set()

    def log_in(self) -> Grant:
        self._called("login")
        assert self.gate.wait(10)
        token = self.file or f"token-{len(self.ends) + 1}"
        if token in self.ends:
            return self._known(token)
        self.born[token] = self.clock()
        self.ends[token] = self.clock() + self.ttl if self.expires else float("inf")
        return Grant(token=token, ttl=self.ttl, renewable=self.renewable, uses=self.uses)

    def superseded(self, token: str) -> bool:
        return self.file not in {"", token}

    def look_up(self, token: str) -> TokenFacts:
        self._called("lookup-self")
        if self.slow_look_ups:
            assert self.slow_look_ups.pop(0).wait(10)
        self._require(token, right=self.can_look_up)
        left = self.ends[token] - self.clock()
        return TokenFacts(
            ttl=left if self.expires else 0.0,
            full=self.ttl,
            expires=self.expires,
            renewable=self.renewable,
        )

    def renew(self, token: str, increment: float) -> Grant:
        self._called("renew-self")
        self._require(token, right=self.can_renew)
        cap = self.born[token] + self.max_ttl - self.clock()
        granted = min(increment, cap)
        self.ends[token] = self.clock() + granted
        return Grant(token=token, ttl=granted, renewable=True)

    def revoke(self, token: str) -> None:
        self._called("revoke-self")
        self.ends.pop(token, None)

    def health(self) -> ServerFacts | None:
        self._called("health")
        return self.server

    def kill_all(self) -> None:
        """Revoke every token that was given out."""
        self.ends.update(dict.fromkeys(self.ends, 0.0))

    def _known(self, token: str) -> Grant:
        left = self.ends[token] - self.clock()
        if left <= 0:
            raise AuthFailed("the token in the file is dead")
        return Grant(token=token, ttl=left, renewable=self.renewable)

    def _called(self, operation: str) -> None:
        self.calls[operation] += 1
        if operation in self.faults:
            raise self.faults[operation]

    def _require(self, token: str, *, right: bool) -> None:
        if not right or self.ends.get(token, 0.0) <= self.clock():
            raise TokenRejected
