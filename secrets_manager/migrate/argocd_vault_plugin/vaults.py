"""The Vault that the plug-in reads: no object says where it is, but settings of Argo CD. Pure."""

from __future__ import annotations

from secrets_manager.migrate.argocd_vault_plugin import placeholders
from secrets_manager.migrate.originals import Key, Original
from secrets_manager.migrate.results import Backend, Value
from secrets_manager.migrate.stores import Store
from secrets_manager.migrate.surroundings import Surroundings

__all__ = ["key_of", "kv_version", "logins"]

# Settings without an address do not start, and this one is nobody's (RFC 2606).
_UNKNOWN = "https://vault.invalid:8200"
_KIND = "argocd-vault-plugin's Vault"
_TODO = (
    "this holds if AVP_TYPE is vault; other services have no backend of this kind",
    "write VAULT_ADDR of the plug-in into url, and VAULT_NAMESPACE into namespace if there is one",
    "set the login that AVP_AUTH_TYPE names, by an identity of the daemon's own: docs/vault-logins.md",
)


def kv_version(original: Original) -> str:
    """The version of the key-value engine, that of the plug-in's usual settings if the object names none."""
    return original.annotations.get(placeholders.KV_VERSION, "2")


def key_of(original: Original) -> Key:
    """What the store that the object reads is called."""
    return Key(_KIND, "", "vault-kv1" if kv_version(original) == "1" else "vault")


def logins(original: Original, _surroundings: Surroundings) -> tuple[Store, ...]:
    """The store that the object reads."""
    is_v2 = kv_version(original) != "1"
    settings: dict[str, Value] = {"url": _UNKNOWN, **({} if is_v2 else {"engine": "kv1"})}
    backend = Backend(kind="vault", settings=settings, todo=_TODO)
    return (Store(original=original, login=key_of(original), backend=backend, is_v2=is_v2, exact=True),)
