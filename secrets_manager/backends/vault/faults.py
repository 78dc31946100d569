"""What a failed exchange with Vault means: the one place where transport errors and statuses become ours.

Messages are constant for one kind of fault (no address, attempt or time in them), since they end in
conditions that must not change while the fault is the same. What the server wrote is never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secrets_manager.domain.errors import (
    BackendFault,
    BackendThrottled,
    BackendTimeout,
    BackendTLS,
    BackendUnavailable,
)
from secrets_manager.runtime.transport_errors import TimedOut, TlsFailed, TransportError

_MEANINGS: dict[int, str] = {
    412: "Vault's standby has not caught up with the active node (412)",
    472: "Vault is a disaster recovery secondary and serves no reads (472)",
    473: "Vault is a performance standby that serves no such call (473)",
    500: "Vault failed inside (500)",
    501: "Vault is not initialised (501)",
    502: "no Vault behind the proxy answered (502)",
    503: "Vault cannot serve now (503)",
    504: "no Vault behind the proxy answered in time (504)",
    530: "Vault is a standby that cannot reach the active node (530)",
}


class Refused(Exception):
    """Vault answered with a status other than 2xx.

    ``reply`` is the body when it was a JSON map, else None. It is read, never shown.
    """

    def __init__(self, status: int, reply: Mapping[str, Any] | None, retry_after: float | None) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.reply = reply
        self.retry_after = retry_after


def from_transport(error: TransportError) -> BackendFault:
    """The fault behind a call that got no reply."""
    if isinstance(error, TimedOut):
        return BackendTimeout("Vault did not answer within the time allowed")
    if isinstance(error, TlsFailed):
        return BackendTLS(f"no trusted connection to Vault: {error}")
    return BackendUnavailable(f"Vault cannot be reached: {error}")


def from_status(refused: Refused) -> BackendFault:
    """The fault behind a status that says nothing about the path or the credentials."""
    if refused.status == 429:
        return BackendThrottled("Vault asked to slow down (429)", retry_after=refused.retry_after)
    meaning = _MEANINGS.get(refused.status, f"Vault answered with status {refused.status}")
    return BackendUnavailable(meaning, retry_after=refused.retry_after)


def not_vault(status: int) -> BackendFault:
    """The fault behind a reply that is not JSON: a proxy's page, or no Vault at all."""
    return BackendUnavailable(f"the reply is not Vault's: status {status} and no JSON map")
