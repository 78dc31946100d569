"""The backend of a VaultSecret, of which the object says little: the operator logs in as its Deployment says.

A person has to write the address and the login. Pure.
"""

from __future__ import annotations

from secrets_manager.migrate.originals import Key, Original
from secrets_manager.migrate.reading import text
from secrets_manager.migrate.remarks import Refused
from secrets_manager.migrate.results import Backend, Value
from secrets_manager.migrate.stores import Reach, Store
from secrets_manager.migrate.surroundings import Surroundings
from secrets_manager.migrate.vault_secret.paths import places

__all__ = ["logins", "store_of"]

# No name below `invalid` is ever an address, so a table that is not finished reads nothing.
_UNKNOWN = "https://vault.invalid:8200"
_TODO = (
    "write the address of the Vault into url: VAULT_ADDRESS of the operator's Deployment",
    "name the certificates to trust as ca-cert, if the operator has VAULT_CACERT",
)
_LOGIN = (
    "write the login, VAULT_AUTH_METHOD of the operator: docs/vault-logins.md says which settings it needs"
)
_BINDING = "bind the role of Vault to the daemon's service account"
_MOUNT = "name the mount as kubernetes-path, if VAULT_KUBERNETES_PATH of the operator is not auth/kubernetes"
_NAMESPACE = (
    "put VAULT_NAMESPACE of the operator and a slash before the namespace, and make the login possible there"
)


def logins(original: Original, surroundings: Surroundings) -> tuple[Store, ...]:
    """The stores that a VaultSecret reads with, one for each version of the engine; none if it is refused."""
    try:
        found = places(original, surroundings.options)
    except Refused:
        return ()
    return tuple(store_of(original, is_v1=is_v1) for is_v1 in sorted({place.is_v1 for place in found}))


def store_of(original: Original, *, is_v1: bool) -> Store:
    """The store of one version of the engine. All objects with the same role and namespace share it."""
    role, namespace = (text(original.spec, name) for name in ("vaultRole", "vaultNamespace"))
    words = ["vault"]
    words += [f"role {role!r}"] if role else []
    words += [f"namespace {namespace!r}"] if namespace else []
    words += ["kv1"] if is_v1 else []
    return Store(
        original=original,
        login=Key("VaultSecrets with the login", "", " ".join(words)),
        backend=_backend(role, namespace, is_v1=is_v1),
        is_v2=not is_v1,
        # Which namespaces the operator looks at is said by its Deployment, too.
        reach=Reach(users_only=True),
    )


def _backend(role: str, namespace: str, *, is_v1: bool) -> Backend:
    found: dict[str, Value] = {"url": _UNKNOWN}
    todo = [*_TODO]
    if is_v1:
        found["engine"] = "kv1"
    if namespace:
        found["namespace"] = namespace.strip("/")
        todo.append(_NAMESPACE)
    if role:
        found |= {"auth-method": "kubernetes", "kubernetes-role": role}
        todo += [_BINDING, _MOUNT]
    else:
        todo.append(_LOGIN)
    return Backend(kind="vault", settings=found, todo=tuple(todo))
