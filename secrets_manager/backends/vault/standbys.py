"""Calls to a cluster whose standbys answer reads themselves, and may lag behind the active node.

Each call with a token asks for the newest state that a reply told of, that of the login among them. So a
server that does not have the token yet, or would answer with older values than another one did, says instead
that it lags: Vault Enterprise with 412, OpenBao with 429 and no error. The call is then made again, first
with the wish that the active node answers it, then after pauses. Servers that name no state notice nothing.

Sources: "Vault eventual consistency" in the documentation of Vault Enterprise, "Eventual consistency" in that
of OpenBao. This module must not know paths, tokens or how a call is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from secrets_manager.backends.base import Clock
from secrets_manager.backends.vault.faults import errors_in
from secrets_manager.backends.vault.seen_index import SeenIndex
from secrets_manager.backends.vault.transport import VaultAnswer, VaultCall

_TOKEN = "X-Vault-Token"  # noqa: S105 - the name of a header
_INDEX = "X-Vault-Index"
_INCONSISTENT = "X-Vault-Inconsistent"
_FORWARD = "forward-active-node"
# Before each further try, in seconds. Vault itself waits two seconds for a standby after a login.
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.0)
_HOPELESS_AFTER = 60.0


class Transport(Protocol):
    """Sends one call; see `secrets_manager.backends.vault.transport.VaultTransport`.

    ``name`` is that of the backend.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - above

    def send(self, call: VaultCall) -> VaultAnswer:
        """The answer to ``call``, whatever its status."""

    def refresh(self) -> bool:
        """Load new TLS files."""

    def close(self) -> None:
        """Close idle connections."""


class StandbyTransport:
    """A transport for one address and one Vault namespace, that makes calls again while a server lags."""

    def __init__(
        self, transport: Transport, clock: Clock, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.name = transport.name
        self._transport = transport
        self._seen = SeenIndex(clock)
        self._sleep = sleep
        # Vault refuses the wish unless its settings allow it (allow_forwarding_via_header).
        self._may_forward = True

    def send(self, call: VaultCall) -> VaultAnswer:
        """The answer to ``call``; where the server goes on lagging, one with status 412.

        Raises what the transport raises.
        """
        forward = False
        for pause in _PAUSES:
            asked = self._asked(call, forward=forward)
            answer = self._answer(asked)
            if is_behind(asked, answer):
                # The active node is never behind, so that call needs no pause.
                at_once = not forward and self._may_forward and _INDEX in asked.headers
                wait = 0.0 if at_once else _pause(pause, answer)
                if call.terms.deadline.left() <= wait:
                    return _lagging(answer)
                self._sleep(wait)
                forward = self._may_forward
            elif not self._gave_way(asked, answer):
                return answer
        return self._last_answer(self._asked(call, forward=forward))

    def refresh(self) -> bool:
        """Load new TLS files."""
        return self._transport.refresh()

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()

    def _asked(self, call: VaultCall, *, forward: bool) -> VaultCall:
        """``call`` with the state that it needs; a call without a token needs none."""
        index = self._seen.get() if _TOKEN in call.headers else ""
        if not index:
            return call
        wish = {_INCONSISTENT: _FORWARD} if forward and self._may_forward else {}
        return replace(call, headers={**call.headers, _INDEX: index, **wish})

    def _answer(self, asked: VaultCall) -> VaultAnswer:
        answer = self._transport.send(asked)
        if answer.index and not is_behind(asked, answer):
            self._seen.note(answer.index)
        return answer

    def _last_answer(self, asked: VaultCall) -> VaultAnswer:
        answer = self._answer(asked)
        if not is_behind(asked, answer):
            return answer
        self._seen.was_missed(asked.headers.get(_INDEX, ""))
        return _lagging(answer)

    def _gave_way(self, asked: VaultCall, answer: VaultAnswer) -> bool:
        """Whether the server refuses one of our headers, which is not sent from then on."""
        if answer.status != 400 or _INDEX not in asked.headers:
            return False
        errors = " ".join(errors_in(answer.content))
        if _INCONSISTENT in asked.headers and _INCONSISTENT in errors:
            self._may_forward = False
        elif _INDEX in errors:
            self._seen.forget(asked.headers[_INDEX])
        else:
            return False
        return True


class LongLag:
    """Whether no server has the state of a token for so long that it will hardly come.

    A token of Vault names the state that it needs by itself. After a promotion, or from a backup, that may be
    one which the cluster never gets; only another login helps then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None

    def goes_on(self) -> bool:
        """A server lags once more; returns whether that has lasted for a minute."""
        now = self._clock()
        self._since = now if self._since is None else self._since
        return now - self._since >= _HOPELESS_AFTER

    def is_over(self) -> None:
        """A server does not lag, or there is another token."""
        self._since = None


def is_behind(asked: VaultCall, answer: VaultAnswer) -> bool:
    """Whether the server says that it lags behind the state that it was asked for.

    A token of Vault may name a state by itself, so a 412 needs no header. The 429 of a quota names the quota.
    """
    if answer.content is None:
        return False
    if answer.status == 412:
        return True
    return answer.status == 429 and _INDEX in asked.headers and answer.content.get("errors") == []


def _lagging(answer: VaultAnswer) -> VaultAnswer:
    """The answer of either server as that of Vault, so that it is not taken for a quota."""
    return replace(answer, status=412)


def _pause(least: float, answer: VaultAnswer) -> float:
    return max(least, min(answer.retry_after or 0.0, _PAUSES[-1]))
