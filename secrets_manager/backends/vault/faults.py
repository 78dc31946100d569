"""The meaning of a failed exchange with Vault: only here do transport errors and statuses become ours.

Messages are constant for one kind of fault (they hold no address, attempt or time), since they end in
conditions that must not change while the fault is the same. Text from the server is never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secrets_manager.backends.kit.no_reply import no_reply
from secrets_manager.domain.errors import (
    BackendFault,
    BackendThrottled,
    BackendUnavailable,
)
from secrets_manager.runtime.http.transport_errors import (
    TransportError,
)

_MEANINGS: dict[int, str] = {
    412: "Vault's standby has not caught up with the active node (412)",
    472: "Vault is a disaster recovery secondary, which serves no reads (472)",
    473: "Vault is a performance standby, which does not serve this call (473)",
    500: "Vault reports an internal error (500)",
    501: "Vault is not initialised (501)",
    502: "a proxy got no valid answer from Vault (502)",
    503: "Vault cannot serve requests now (503)",
    504: "a proxy got no answer from Vault in time (504)",
    530: "Vault is a standby that cannot reach the active node (530)",
}


class VaultRefused(Exception):
    """Vault answered with a status other than 2xx.

    ``reply`` is the body if it is a JSON map, otherwise None. It is read, never shown.
    """

    def __init__(self, status: int, reply: Mapping[str, Any] | None, retry_after: float | None) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.reply = reply
        self.retry_after = retry_after


def from_transport(error: TransportError) -> BackendFault:
    """The fault behind a call that got no reply."""
    return no_reply(error, "Vault")


def from_status(refused: VaultRefused) -> BackendFault:
    """The fault behind a status that says nothing about the path or the credentials."""
    if refused.status == 429:
        return BackendThrottled("Vault asked to slow down (429)", retry_after=refused.retry_after)
    meaning = _MEANINGS.get(refused.status, f"Vault answered with status {refused.status}")
    return BackendUnavailable(meaning, retry_after=refused.retry_after)


def not_vault(status: int) -> BackendFault:
    """The fault behind a reply that is not JSON: the page of a proxy, or a server other than Vault."""
    return BackendUnavailable(f"the reply is not from Vault: status {status}, and not a JSON object")
