"""The object that a reference of the Vault Secrets Operator means. Pure."""

from __future__ import annotations

from secrets_manager.migrate.originals import Key, Original
from secrets_manager.migrate.remarks import Refused
from secrets_manager.migrate.surroundings import Surroundings

__all__ = ["named"]

_DEFAULT = "default"


def named(kind: str, ref: str, namespace: str, at: str, surroundings: Surroundings) -> Original:
    """What ``ref`` names, which is `name`, `namespace/name` or "". Raises Refused, about the field ``at``.

    ``namespace`` is that of the object that has the reference.
    """
    key = _key(kind, ref, namespace, at, surroundings)
    found = surroundings.objects.get(key)
    if found is None:
        raise Refused(at, f"names {key}, which is not among the files; add the file that it is in")
    return found


def _key(kind: str, ref: str, namespace: str, at: str, surroundings: Surroundings) -> Key:
    if not ref:
        operator = surroundings.options.operator_namespace
        if not operator:
            says = (
                f"is absent, so the operator takes the {kind} {_DEFAULT} of its own namespace; name that "
                "namespace with --operator-namespace, and add the file that the object is in"
            )
            raise Refused(at, says)
        return Key(kind, operator, _DEFAULT)
    first, slash, second = ref.partition("/")
    if "/" in second or (slash and not (first and second)):
        raise Refused(at, "is no name of an object; it may be `name` or `namespace/name`")
    return Key(kind, first, second) if slash else Key(kind, namespace, first)
