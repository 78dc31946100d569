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
    Reach,
)
from secrets_manager.runtime.http.transport_errors import (
    TransportError,
)

_DR_SECONDARY = (
    "this Vault cluster is a disaster recovery secondary, which serves nothing until it is promoted: let"
    " the setting url name the primary"
)
_DISABLED = "replication DR secondary mode"
_NO_LEASES = "lease count quota exceeded"
# Each path would get the same answer from such a node.
_ABOUT_ALL = {473, 530}
_MEANINGS: dict[int, str] = {
    412: "a standby of Vault answers that has not caught up with the active node",
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
    if is_dr_secondary(refused):
        return BackendUnavailable(_DR_SECONDARY, retry_after=refused.retry_after, reach=Reach.ALL)
    if refused.status == 429:
        return BackendThrottled(_quota(refused), retry_after=refused.retry_after)
    meaning = _MEANINGS.get(refused.status, f"Vault answered with status {refused.status}")
    reach = Reach.ALL if refused.status in _ABOUT_ALL else None
    return BackendUnavailable(meaning, retry_after=refused.retry_after, reach=reach)


def is_dr_secondary(refused: VaultRefused) -> bool:
    """Whether the cluster is a disaster recovery secondary: a 472, or an error that says so.

    The 472 is of sys/health and of gateways that pass it on; other calls are answered with 400.
    """
    if refused.status == 472:
        return True
    return refused.status in {400, 503} and any(_DISABLED in error for error in errors_in(refused.reply))


def errors_in(reply: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The errors that Vault gives in a reply; they are read, never shown."""
    errors = reply.get("errors") if reply is not None else None
    return tuple(map(str, errors)) if isinstance(errors, list) else ()


def _quota(refused: VaultRefused) -> str:
    if any(_NO_LEASES in error for error in errors_in(refused.reply)):
        return "a lease count quota of Vault is used up (429): raise it, or end leases that nobody uses"
    return "Vault asked to slow down (429)"


def not_vault(status: int) -> BackendFault:
    """The fault behind a reply that is not JSON: the page of a proxy, or a server other than Vault."""
    return BackendUnavailable(f"the reply is not from Vault: status {status}, and not a JSON object")
