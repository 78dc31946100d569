"""An auth method in front of a real OpenBao: a login that a double accepts gets a real token."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.testbed.fault_exchange import Exchange
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao

__all__ = ["AuthMethod"]

Json = Mapping[str, Any]


class AuthMethod:
    """Answers the logins at ``auth/MOUNT/login`` of a proxy; ``why_not`` says why one is refused, "" if not.

    Attributes:
        bodies: every login that was sent, accepted or not.

    """

    def __init__(
        self,
        proxy: FaultProxy,
        openbao: OpenBao,
        mount: str,
        *,
        policies: Sequence[str],
        why_not: Callable[[Json], str],
        **token: object,
    ) -> None:
        """``token`` has the options of the tokens that are given out, as in the API (`ttl`, `renewable`)."""
        self.mount = mount
        self.bodies: list[Json] = []
        self._openbao = openbao
        self._given: list[str] = []
        self._token = {"policies": list(policies), "no_parent": True, **token}
        self._why_not = why_not
        self._lock = threading.Lock()
        proxy.on("POST", f"/v1/auth/{mount}/login").act(self._login)

    def revoke_all(self) -> None:
        """Kill every token that was given out."""
        with self._lock:
            given, self._given = self._given, []
        for token in given:
            self._openbao.revoke(token)

    def _login(self, exchange: Exchange, _: threading.Event) -> None:
        body = json.loads(exchange.body)
        with self._lock:
            self.bodies.append(body)
        if why := self._why_not(body):
            # Vault says it like this, and its text may repeat what was sent.
            self._answer(exchange, 400, {"errors": [f"{why}: {body}"]})
            return
        auth = self._openbao.request("POST", "auth/token/create", self._token)["auth"]
        with self._lock:
            self._given.append(auth["client_token"])
        self._answer(exchange, 200, {"auth": auth})

    def _answer(self, exchange: Exchange, status: int, content: Json) -> None:
        exchange.reply(status, {"Content-Type": "application/json"}, json.dumps(content).encode())
