"""SecretStore and ClusterSecretStore: a backend, what could be read with it, and by whom. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from secrets_manager.migrate.external_secrets import store_azure, store_fields, store_vault, vault_paths
from secrets_manager.migrate.originals import Key, Original, dig
from secrets_manager.migrate.reading import items, text
from secrets_manager.migrate.remarks import Refused, Remark, note
from secrets_manager.migrate.stores import Reach, Store
from secrets_manager.migrate.surroundings import Surroundings
from secrets_manager.settings.checks import CONTROL, DNS_LABEL

__all__ = ["CLUSTER_WIDE", "convert", "of_namespaces"]

CLUSTER_WIDE = "ClusterSecretStore"
_CONDITIONS = "spec.conditions"
_BY_LABELS = (
    "chooses namespaces by labels or regular expressions, which no rule can; the rules name the namespaces "
    "that use the store in the files: take out those that it did not serve, and add a new one by hand"
)
_BY_EACH = (
    "names no namespace, so each namespace logs in with an object of its own; there is a backend for each "
    "that uses the store in the files"
)
_LITERAL = re.compile(r"\^([a-z0-9-]+)\$")
_EVERYWHERE = Reach(("*",))
_NOT_IN_RULES = (
    "has '*', '{', '}', a control character, or a blank at an end, which no rule of the policy can name"
)
# What is no letter in a pattern of a path.
_IN_PATTERNS = frozenset("*{}")


def convert(original: Original) -> Store:
    """What a store says; one that is refused has no backend."""
    remarks = list(store_fields.store(original.version).remarks(original))
    if any(remark.refuses for remark in remarks):
        return Store(original=original, remarks=tuple(remarks))
    try:
        return _converted(original, remarks)
    except store_vault.Referent as why:
        by_each = note(why.remark.path, _BY_EACH).at(original.line(why.remark.path.split(".")))
        return Store(original=original, remarks=(*remarks, by_each))
    except Refused as why:
        at = why.remark.at(original.line(why.remark.path.split(".")))
        return Store(original=original, remarks=(*remarks, at))


def of_namespaces(original: Original, surroundings: Surroundings) -> tuple[Store, ...]:
    """The stores that an ExternalSecret reads with where each namespace has a login of its own."""
    found: dict[Key, Store] = {}
    for namespace, name in _cluster_wide(original):
        shared = surroundings.objects.get(Key(CLUSTER_WIDE, "", name))
        if shared is None or not _serves(shared, namespace):
            continue
        try:
            _converted(shared, [])
        except store_vault.Referent:
            own = replace(shared, key=Key(CLUSTER_WIDE, namespace, name))
            found[own.key] = convert(own)
        except Refused:
            continue
    return tuple(found.values())


def _cluster_wide(original: Original) -> Iterator[tuple[str, str]]:
    """Each namespace and name of a ClusterSecretStore that an object names."""
    spec = dig(original.spec, "externalSecretSpec") or original.spec
    namespaces = _texts(original.spec, "namespaces") or [original.key.namespace]
    entries = [*items(spec, "data"), *items(spec, "dataFrom")]
    refs = [dig(spec, "secretStoreRef"), *(dig(each, "sourceRef", "storeRef") for each in entries)]
    for ref in refs:
        if text(ref, "kind") == CLUSTER_WIDE and text(ref, "name"):
            yield from ((namespace, text(ref, "name")) for namespace in namespaces)


def _serves(store: Original, namespace: str) -> bool:
    reach = _reach(store, [])
    return reach.users_only or "*" in reach.namespaces or namespace in reach.namespaces


def _converted(original: Original, remarks: list[Remark]) -> Store:
    reach = _reach(original, remarks)
    vault = dig(original.spec, "provider", "vault")
    if isinstance(dig(original.spec, "provider", "azurekv"), dict):
        made = store_azure.backend(original)
        return Store(original=original, backend=made, reach=reach, remarks=tuple(remarks))
    if not isinstance(vault, dict):
        raise Refused("spec.provider", "is missing")
    path = dig(vault, "path")
    mount = path if isinstance(path, str) and path.strip("/") else None
    if mount and (not _IN_PATTERNS.isdisjoint(mount) or CONTROL.search(mount) or mount != mount.strip()):
        raise Refused("spec.provider.vault.path", _NOT_IN_RULES)
    is_v2 = dig(vault, "version") != "v1"
    below = vault_paths.without_empty_parts(f"{mount}/data/*" if is_v2 else f"{mount}/*")
    return Store(
        original=original,
        backend=store_vault.backend(original),
        mount=mount,
        is_v2=is_v2,
        paths=("*",) if mount is None else (below,),
        reach=reach,
        remarks=tuple(remarks),
    )


def _reach(original: Original, remarks: list[Remark]) -> Reach:
    """Whoever may use it: its namespace, or those that meet one of its conditions."""
    if original.key.namespace:
        return Reach((original.key.namespace,))
    conditions = dig(original.spec, "conditions")
    if not isinstance(conditions, list) or not conditions:
        return _EVERYWHERE
    named: set[str] = set()
    unknown = False
    for condition in conditions:
        patterns = [_LITERAL.fullmatch(text) for text in _texts(condition, "namespaceRegexes")]
        named.update(_texts(condition, "namespaces"), (found[1] for found in patterns if found))
        unknown = unknown or None in patterns or bool(dig(condition, "namespaceSelector"))
    if unknown:
        _say(original, remarks, _BY_LABELS)
    meant = {name for name in named if DNS_LABEL.fullmatch(name)}
    if named - meant:
        _say(original, remarks, "has a name that no namespace can have, so it meets none and is left out")
    if not meant and not unknown:
        _say(original, remarks, "meets no namespace, so no rule lets one read what is read with the store")
    return Reach(tuple(sorted(meant)), users_only=unknown)


def _say(original: Original, remarks: list[Remark], says: str) -> None:
    remarks.append(note(_CONDITIONS, says).at(original.line(("spec", "conditions"))))


def _texts(condition: object, name: str) -> list[str]:
    found = dig(condition, name)
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
