"""VaultAuth with its VaultConnection: the backend that a VaultStaticSecret reads with, and who may. Pure.

A VaultAuth is no store by itself: the version of the engine is that of the object that reads, and so is the
namespace of the Secret that some logins need.
"""

from __future__ import annotations

from secrets_manager.migrate.originals import Key, Original
from secrets_manager.migrate.reading import items, located, mapping, text
from secrets_manager.migrate.remarks import Refused, Remark, note
from secrets_manager.migrate.results import Backend
from secrets_manager.migrate.stores import Reach, Store
from secrets_manager.migrate.surroundings import Surroundings
from secrets_manager.migrate.vault_secrets_operator import connections, login_fields, methods, refs

__all__ = ["KV1", "KV2", "logins", "remarks", "store_of"]

KV1 = "kv-v1"
KV2 = "kv-v2"
_REF = "spec.vaultAuthRef"
_CONNECTION = "spec.vaultConnectionRef"


def remarks(original: Original, surroundings: Surroundings) -> tuple[Remark, ...]:
    """What is to be said of a VaultAuth."""
    found = list(login_fields.vault_auth(original.version).remarks(original))
    try:
        _backend(original, original.key.namespace, surroundings, is_v1=False)
    except Refused as why:
        found.append(located(original, why.remark))
    method = text(original.spec, "method")
    unused = [name for name in methods.METHODS if name != method and mapping(original.spec, name)]
    says = "is not what spec.method names, so it is without effect"
    found += [located(original, note(f"spec.{name}", says)) for name in unused]
    return tuple(found)


def logins(original: Original, surroundings: Surroundings) -> tuple[Store, ...]:
    """The store that a VaultStaticSecret reads with, none where it is refused."""
    try:
        return (store_of(original, surroundings),)
    except Refused:
        return ()


def store_of(original: Original, surroundings: Surroundings) -> Store:
    """The store that a VaultStaticSecret reads with. Raises Refused, about one of its fields."""
    own = original.key.namespace
    auth = refs.named("VaultAuth", text(original.spec, "vaultAuthRef"), own, _REF, surroundings)
    reach = _reach(auth)
    if own not in reach.namespaces and "*" not in reach.namespaces:
        raise Refused(_REF, f"names {auth.key}, whose allowedNamespaces do not have {own}")
    if any(remark.refuses for remark in remarks(auth, surroundings)):
        raise Refused(_REF, f"names {auth.key}, which is refused itself")
    _check_namespace(original, auth)
    is_v1 = text(original.spec, "type") == KV1
    words = [auth.key.name, *(["kv1"] if is_v1 else [])]
    if methods.reads_a_secret(auth):
        reach = Reach((own,))
        words += [f"of {own}"] if own != auth.key.namespace else []
    return Store(
        original=original,
        login=Key("VaultAuth", auth.key.namespace, " ".join(words)),
        backend=_backend(auth, own, surroundings, is_v1=is_v1),
        is_v2=not is_v1,
        reach=reach,
    )


def _reach(auth: Original) -> Reach:
    """Its own namespace, and those that it allows."""
    allowed = [each for each in items(auth.spec, "allowedNamespaces") if isinstance(each, str)]
    if allowed == ["*"]:
        return Reach(("*",))
    return Reach(tuple(sorted({auth.key.namespace, *allowed} - {"*"})))


def _check_namespace(original: Original, auth: Original) -> None:
    """The daemon reads in the namespace of Vault in which it logs in."""
    read = text(original.spec, "namespace").strip("/")
    if read and read != text(auth.spec, "namespace").strip("/"):
        says = (
            f"is another one than that of {auth.key}; the daemon has one for the login and the paths, so "
            "make a VaultAuth that logs in there"
        )
        raise Refused("spec.namespace", says)


def _backend(auth: Original, namespace: str, surroundings: Surroundings, *, is_v1: bool) -> Backend:
    """The backend; ``namespace`` is that of the object that reads. Raises Refused, about the VaultAuth."""
    ref = text(auth.spec, "vaultConnectionRef")
    connection = refs.named("VaultConnection", ref, auth.key.namespace, _CONNECTION, surroundings)
    if any(remark.refuses for remark in connections.remarks(connection, surroundings)):
        raise Refused(_CONNECTION, f"names {connection.key}, which is refused itself")
    found = connections.settings(connection)
    if is_v1:
        found["engine"] = "kv1"
    if vault_namespace := text(auth.spec, "namespace").strip("/"):
        found["namespace"] = vault_namespace
    todo: list[str] = []
    found |= connections.trust(connection) | methods.login(auth, namespace, todo)
    return Backend(kind="vault", settings=found, todo=tuple(todo))
