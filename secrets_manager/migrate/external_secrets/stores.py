"""SecretStore and ClusterSecretStore: a backend, what could be read with it, and by whom. Pure."""

from __future__ import annotations

import re

from secrets_manager.migrate.external_secrets import store_azure, store_fields, store_vault
from secrets_manager.migrate.originals import Original, dig
from secrets_manager.migrate.remarks import Refused, Remark, note
from secrets_manager.migrate.stores import Reach, Store

__all__ = ["CLUSTER_WIDE", "convert"]

CLUSTER_WIDE = "ClusterSecretStore"
_CONDITIONS = "spec.conditions"
_LITERAL = re.compile(r"\^([a-z0-9-]+)\$")
_EVERYWHERE = Reach(("*",))


def convert(original: Original) -> Store:
    """What a store says; one that is refused has no backend."""
    remarks = list(store_fields.store(original.version).remarks(original))
    if any(remark.refuses for remark in remarks):
        return Store(original=original, remarks=tuple(remarks))
    try:
        return _converted(original, remarks)
    except Refused as why:
        at = why.remark.at(original.line(why.remark.path.split(".")))
        return Store(original=original, remarks=(*remarks, at))


def _converted(original: Original, remarks: list[Remark]) -> Store:
    reach = _reach(original, remarks)
    vault = dig(original.spec, "provider", "vault")
    if isinstance(dig(original.spec, "provider", "azurekv"), dict):
        made = store_azure.backend(original)
        return Store(original=original, backend=made, reach=reach, remarks=tuple(remarks))
    if not isinstance(vault, dict):
        raise Refused("spec.provider", "is missing")
    path = dig(vault, "path")
    mount = path.strip("/") if isinstance(path, str) and path.strip("/") else None
    is_v2 = dig(vault, "version") != "v1"
    below = f"{mount}/data/*" if is_v2 else f"{mount}/*"
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
        remarks.append(
            note(
                _CONDITIONS,
                "chooses namespaces by labels or regular expressions, which no rule can; the rules name the "
                "namespaces that use the store in the files, and a new one has to be added by hand",
            ).at(original.line(("spec", "conditions")))
        )
    return Reach(tuple(sorted(named)), users_only=unknown)


def _texts(condition: object, name: str) -> list[str]:
    found = dig(condition, name)
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
