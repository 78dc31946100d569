"""API dicts to domain values; pure.

Foreign input comes in here: an old CRD lets almost any spec through, so nothing is trusted, and what is wrong
becomes an InvalidSpec that names the field and the type found. Nothing raised here carries a Secret's value.
"""

from __future__ import annotations

import binascii
import sys
from collections.abc import Mapping
from typing import Any

from secrets_manager.cluster.base import Json
from secrets_manager.domain.condition import Condition, Status
from secrets_manager.domain.decoding import Encoding
from secrets_manager.domain.definition import OPAQUE, DataSource, Definition, Ref, SecretSpec, is_subdomain
from secrets_manager.domain.errors import DefinitionError, InvalidSpec
from secrets_manager.domain.outcome import SourceVersion
from secrets_manager.domain.secret import (
    Digester,
    ObservedSecret,
    Owner,
)

# For a value that is no base64: it equals no digest, so the next write replaces it.
_NO_DIGEST = b""

# What the API server puts on an object that is deleted with propagation policy Orphan.
_ORPHAN = "orphan"
_JSON_TYPES: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "list",
    dict: "map",
    type(None): "null",
}


def ref_of(raw: Json) -> Ref:
    """Namespace and name of any object."""
    metadata = _map(raw.get("metadata"))
    return Ref(sys.intern(str(metadata.get("namespace", ""))), str(metadata.get("name", "")))


def uid_of(raw: Json) -> str:
    """The uid of any object."""
    return str(_map(raw.get("metadata")).get("uid", ""))


def version_of(raw: Json) -> str:
    """The resourceVersion of any object."""
    return str(_map(raw.get("metadata")).get("resourceVersion", ""))


def definition(raw: Json) -> Definition:
    """The SecretDefinition in ``raw``; a spec that cannot be used becomes its ``spec`` error."""
    metadata = _map(raw.get("metadata"))
    name = _map(raw.get("spec")).get("name")
    finalizers, deleting = _finalizers(metadata), metadata.get("deletionTimestamp") is not None
    return Definition(
        ref=ref_of(raw),
        uid=str(metadata.get("uid", "")),
        created=str(metadata.get("creationTimestamp", "")),
        generation=_integer(metadata.get("generation")),
        secret_name=name if isinstance(name, str) and is_subdomain(name) else None,
        spec=_spec_or_error(raw.get("spec")),
        labels=_strings(metadata.get("labels")),
        annotations=_strings(metadata.get("annotations")),
        finalizers=finalizers,
        deleting=deleting,
        orphans=deleting and _ORPHAN in finalizers,
    )


def status(raw: Json) -> Status | None:
    """The status we wrote before, or None when there is none or it is not of our shape."""
    written = _map(raw.get("status"))
    conditions = written.get("conditions")
    entries = conditions if isinstance(conditions, list) else []
    ready = next((_map(entry) for entry in entries if _map(entry).get("type") == "Ready"), None)
    if ready is None:
        return None
    return Status(
        observed_generation=_integer(written.get("observedGeneration")),
        secret_name=str(written.get("secretName", "")),
        condition=_condition(ready),
        sources=_sources(written.get("sources")),
    )


def observed_secret(raw: Json, digester: Digester) -> ObservedSecret:
    """The Secret in ``raw`` with its values digested and dropped."""
    metadata = _map(raw.get("metadata"))
    return ObservedSecret(
        ref=ref_of(raw),
        uid=str(metadata.get("uid", "")),
        resource_version=str(metadata.get("resourceVersion", "")),
        type=sys.intern(str(raw.get("type") or OPAQUE)),
        immutable=raw.get("immutable") is True,
        digests=_digests(raw.get("data"), digester),
        labels=_strings(metadata.get("labels")),
        annotations=_strings(metadata.get("annotations")),
        owners=_owners(metadata.get("ownerReferences")),
        finalizers=_finalizers(metadata),
    )


def without_finalizer(raw: Json, finalizer: str) -> Json:
    """``raw`` less one finalizer; fields we do not know stay as they are."""
    metadata = dict(_map(raw.get("metadata")))
    metadata["finalizers"] = [name for name in _finalizers(metadata) if name != finalizer]
    return {**raw, "metadata": metadata}


def _spec_or_error(raw: object) -> SecretSpec | DefinitionError:
    try:
        return _spec(raw)
    except DefinitionError as error:
        return error.bare()


def _spec(raw: object) -> SecretSpec:
    if not isinstance(raw, dict):
        raise InvalidSpec(f"spec is {_found(raw)}, not a map")
    keys = raw.get("keysMap")
    if not isinstance(keys, dict):
        raise InvalidSpec(f"spec.keysMap is {_found(keys)}, not a map")
    return SecretSpec(
        secret_name=_string(raw, "name", "spec"),
        secret_type=sys.intern(_string(raw, "type", "spec", default="") or OPAQUE),
        keys={sys.intern(str(key)): _data_source(str(key), value) for key, value in keys.items()},
    )


def _data_source(key: str, raw: object) -> DataSource:
    where = f"spec.keysMap[{key}]"
    if not isinstance(raw, dict):
        raise InvalidSpec(f"{where} is {_found(raw)}, not a map")
    return DataSource(
        path=sys.intern(_string(raw, "path", where)),
        key=sys.intern(_string(raw, "key", where, default="")),
        encoding=_encoding(_string(raw, "encoding", where, default=""), where),
    )


def _encoding(word: str, where: str) -> Encoding:
    try:
        return Encoding(word)
    except ValueError:
        raise InvalidSpec(f"{where}.encoding is {word[:40]!r}; it may be text, base64 or absent") from None


def _string(raw: Json, name: str, where: str, default: str | None = None) -> str:
    value = raw.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise InvalidSpec(f"{where}.{name} is {_found(value)}, not a string")
    return value


def _found(value: object) -> str:
    return "missing" if value is None else f"a {_JSON_TYPES.get(type(value), 'value of another type')}"


def _condition(raw: Json) -> Condition:
    return Condition(
        ready=raw.get("status") == "True",
        reason=sys.intern(str(raw.get("reason", ""))),
        message=str(raw.get("message", "")),
        observed_generation=_integer(raw.get("observedGeneration")),
        last_transition_time=str(raw.get("lastTransitionTime", "")),
    )


def _sources(raw: object) -> tuple[SourceVersion, ...]:
    entries = [_map(entry) for entry in raw] if isinstance(raw, list) else []
    return tuple(
        SourceVersion(sys.intern(str(e.get("path", ""))), str(e.get("version", ""))) for e in entries
    )


def _digests(data: object, digester: Digester) -> dict[str, bytes]:
    values = data if isinstance(data, dict) else {}
    return {sys.intern(key): _digest(value, digester) for key, value in values.items()}


def _digest(value: object, digester: Digester) -> bytes:
    # The API server sends base64 of its own making; null stands for an empty value.
    if value is None:
        return digester.of(b"")
    if not isinstance(value, str):
        return _NO_DIGEST
    try:
        return digester.of(binascii.a2b_base64(value, strict_mode=True))
    except ValueError:
        return _NO_DIGEST


def _owners(raw: object) -> tuple[Owner, ...]:
    entries = [_map(entry) for entry in raw] if isinstance(raw, list) else []
    return tuple(
        Owner(
            api_version=sys.intern(str(entry.get("apiVersion", ""))),
            kind=sys.intern(str(entry.get("kind", ""))),
            name=str(entry.get("name", "")),
            uid=str(entry.get("uid", "")),
            controller=entry.get("controller"),
            block_owner_deletion=entry.get("blockOwnerDeletion"),
        )
        for entry in entries
    )


def _finalizers(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    listed = metadata.get("finalizers")
    return tuple(str(name) for name in listed) if isinstance(listed, list) else ()


def _strings(raw: object) -> dict[str, str]:
    return {sys.intern(str(k)): str(v) for k, v in raw.items()} if isinstance(raw, dict) else {}


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
