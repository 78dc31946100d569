"""The key vaults that objects name: each a backend, whose login no object says. Pure."""

from __future__ import annotations

import re

from secrets_manager.migrate.originals import Key, Original, dig
from secrets_manager.migrate.results import Backend
from secrets_manager.migrate.stores import Store
from secrets_manager.migrate.surroundings import Surroundings

__all__ = ["key_of", "logins"]

_KIND = "key vault"
_NAME = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9]){2,23}")
_TODO = (
    "set the login, that of akv2k8s or better an identity of the daemon's own: docs/azure-key-vault.md",
    "set cloud, if this key vault is not in the public one",
)


def key_of(original: Original) -> Key | None:
    """What the key vault of an object is called, None where it names none."""
    name = dig(original.spec, "vault", "name")
    # A key vault ignores the case of its name.
    return Key(_KIND, "", name.lower()) if isinstance(name, str) and _NAME.fullmatch(name) else None


def logins(original: Original, _surroundings: Surroundings) -> tuple[Store, ...]:
    """The store of the key vault that the object names."""
    key = key_of(original)
    if key is None:
        return ()
    backend = Backend(kind="azure-kv", settings={"name": key.name}, todo=_TODO)
    return (Store(original=original, login=key, backend=backend, exact=True),)
