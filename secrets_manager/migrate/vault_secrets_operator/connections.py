"""What a backend needs of a VaultConnection: the address, and whom to trust. Pure."""

from __future__ import annotations

from secrets_manager.migrate.originals import Original
from secrets_manager.migrate.reading import address, flag, located, text
from secrets_manager.migrate.remarks import Refused, Remark, note
from secrets_manager.migrate.results import Mounted, Value
from secrets_manager.migrate.surroundings import Surroundings
from secrets_manager.migrate.vault_secrets_operator import login_fields

__all__ = ["remarks", "settings", "trust"]

_CERTIFICATES = "ca.crt"
_UNVERIFIED = (
    "accepts any certificate, and so would the daemon: give it the certificates of the Vault instead"
)


def remarks(original: Original, _surroundings: Surroundings) -> tuple[Remark, ...]:
    """What is to be said of a VaultConnection."""
    found = list(login_fields.vault_connection(original.version).remarks(original))
    try:
        settings(original)
    except Refused as why:
        found.append(located(original, why.remark))
    if flag(original.spec, "skipTLSVerify"):
        found.append(located(original, note("spec.skipTLSVerify", _UNVERIFIED)))
    return tuple(found)


def settings(original: Original) -> dict[str, Value]:
    """The address. Raises Refused."""
    return {"url": address(text(original.spec, "address"), "spec.address")}


def trust(original: Original) -> dict[str, Value]:
    """The settings of TLS."""
    found: dict[str, Value] = {}
    if name := text(original.spec, "caCertSecretRef"):
        found["ca-cert"] = Mounted("Secret", original.key.namespace, name, _CERTIFICATES)
    if server := text(original.spec, "tlsServerName"):
        found["tls-server-name"] = server
    if flag(original.spec, "skipTLSVerify"):
        found["skip-verify"] = True
    return found
