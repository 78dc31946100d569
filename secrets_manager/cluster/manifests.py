"""API dicts to domain values; pure.

Foreign input comes in here: an old CRD lets almost any spec through, so nothing is trusted, and a fault
becomes an InvalidSpec that names the field and the type found. Nothing raised here carries a Secret's value.
"""

from __future__ import annotations

import binascii
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secrets_manager.cluster.base import Json
from secrets_manager.cluster.specs import secret_spec
from secrets_manager.cluster.view.definition_store import DefinitionEntry
from secrets_manager.domain.abnormal import ABNORMAL_TYPES, UNLIKE_OURS, Abnormal
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.clash import FieldManager
from secrets_manager.domain.condition import Condition, Status
from secrets_manager.domain.definition import OPAQUE, Definition, Ref, SecretSpec, is_subdomain
from secrets_manager.domain.errors import ClusterUnavailable, DefinitionError
from secrets_manager.domain.lifecycle import OnDelete
from secrets_manager.domain.outcome import Overridden, SourceVersion
from secrets_manager.domain.secret import (
    Digester,
    ObservedSecret,
    Owner,
)

# For a value that is no base64: it equals no digest, so the next write replaces it.
_NO_DIGEST = b""

_READY = "Ready"
_OUR_CONDITIONS = (_READY, *ABNORMAL_TYPES)
_OUR_STATUS = frozenset({"conditions", "observedGeneration", "secretName", "sources", "overridden"})

# What the API server puts on an object that is deleted with propagation policy Orphan.
_ORPHAN = "orphan"


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


def require_version(raw: Json) -> None:
    """Raise ClusterUnavailable if the object to replace has no resourceVersion.

    A PUT without one overwrites any state.
    """
    if not version_of(raw):
        raise ClusterUnavailable(f"{ref_of(raw).name!r} came from the API server without a resourceVersion")


def definition(raw: Json, known: Definition | None = None) -> Definition:
    """The SecretDefinition in ``raw``; a spec that cannot be used becomes its ``spec`` error.

    ``known`` is the definition seen under its name before: with the same uid and generation it has the same
    spec, which is not parsed again. So annotating a large definition in a loop costs little.
    """
    metadata = _map(raw.get("metadata"))
    name = _map(raw.get("spec")).get("name")
    finalizers, deleting = _finalizers(metadata), metadata.get("deletionTimestamp") is not None
    uid, generation = str(metadata.get("uid", "")), _integer(metadata.get("generation"))
    same = known is not None and generation > 0 and (known.uid, known.generation) == (uid, generation)
    return Definition(
        ref=ref_of(raw),
        uid=uid,
        created=str(metadata.get("creationTimestamp", "")),
        generation=generation,
        secret_name=name if isinstance(name, str) and is_subdomain(name) else None,
        spec=known.spec if known is not None and same else _spec_or_error(raw.get("spec")),
        labels=_strings(metadata.get("labels")),
        annotations=_strings(metadata.get("annotations")),
        finalizers=finalizers,
        deleting=deleting,
        orphans=deleting and _ORPHAN in finalizers,
        # Any other word is refused, and until it is mended nothing must be deleted.
        retains=_map(raw.get("spec")).get("onDelete") not in (None, OnDelete.DELETE),
    )


def status(raw: Json) -> Status | None:
    """The status we wrote before, or None when there is none or it is not of our shape."""
    written = _map(raw.get("status"))
    conditions = written.get("conditions")
    entries = [_map(entry) for entry in conditions] if isinstance(conditions, list) else []
    found = next((entry for entry in entries if entry.get("type") == _READY), None)
    if found is None:
        return None
    ready = _condition(found)
    return Status(
        observed_generation=_integer(written.get("observedGeneration")),
        secret_name=str(written.get("secretName", "")),
        condition=ready,
        abnormal=_abnormal([entry for entry in entries if entry.get("type") in ABNORMAL_TYPES], ready),
        sources=_sources(written.get("sources")),
        overridden=_overridden(written.get("overridden")),
    )


def entry(wanting: Definition, raw: Json) -> DefinitionEntry:
    """The entry that the store keeps of a definition; ``raw`` is its state."""
    return DefinitionEntry(wanting, version_of(raw), status(raw), bool(status_of_others(raw)))


def status_of_others(raw: Json) -> Json:
    """The parts of the status from others: their fields, and conditions of other types; {} for none."""
    written = _map(raw.get("status"))
    found = {name: value for name, value in written.items() if name not in _OUR_STATUS}
    conditions = written.get("conditions")
    entries = conditions if isinstance(conditions, list) else []
    theirs = [e for e in entries if isinstance(e, dict) and e.get("type") not in _OUR_CONDITIONS]
    return {**found, "conditions": theirs} if theirs else found


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
        weight=_weight(raw.get("data")),
    )


def field_managers(raw: Json) -> list[FieldManager]:
    """The last writer of each field of any object, as the API server keeps it."""
    entries = _map(raw.get("metadata")).get("managedFields")
    listed = [_map(entry) for entry in entries] if isinstance(entries, list) else []
    return [
        FieldManager(
            name=str(entry.get("manager", "")),
            time=str(entry.get("time", "")),
            fields=_map(entry.get("fieldsV1")),
        )
        for entry in listed
    ]


def without_finalizer(raw: Json, finalizer: str) -> Json:
    """``raw`` less one finalizer; fields we do not know stay as they are."""
    metadata = dict(_map(raw.get("metadata")))
    metadata["finalizers"] = [name for name in _finalizers(metadata) if name != finalizer]
    return {**raw, "metadata": metadata}


def _spec_or_error(raw: object) -> SecretSpec | DefinitionError:
    try:
        return secret_spec(raw)
    except DefinitionError as error:
        return error.bare()


def _condition(raw: Json) -> Condition:
    return Condition(
        ready=raw.get("status") == "True",
        reason=sys.intern(str(raw.get("reason", ""))),
        message=str(raw.get("message", "")),
        observed_generation=_integer(raw.get("observedGeneration")),
        last_transition_time=str(raw.get("lastTransitionTime", "")),
    )


def _abnormal(entries: list[dict[str, Any]], ready: Condition) -> Abnormal | None:
    """The condition beside Ready, UNLIKE_OURS where it is not as we write it."""
    if not entries:
        return None
    found = _condition(entries[0])
    ours = replace(ready, ready=True, last_transition_time=found.last_transition_time)
    if len(entries) > 1 or ready.ready or found != ours:
        return UNLIKE_OURS
    return Abnormal(sys.intern(str(entries[0]["type"])), found.last_transition_time)


def _overridden(raw: object) -> tuple[Overridden, ...]:
    return tuple(
        Overridden(*(sys.intern(str(entry.get(name, ""))) for name in Overridden._fields))
        for entry in _maps(raw)
    )


def _sources(raw: object) -> tuple[SourceVersion, ...]:
    return tuple(
        SourceVersion(
            sys.intern(str(each.get("path", ""))),
            str(each.get("version", "")),
            sys.intern(str(each.get("backend", DEFAULT_BACKEND))),
        )
        for each in _maps(raw)
    )


def _digests(data: object, digester: Digester) -> dict[str, bytes]:
    values = data if isinstance(data, dict) else {}
    return {sys.intern(key): _digest(value, digester) for key, value in values.items()}


def _weight(data: object) -> int:
    values = data.values() if isinstance(data, dict) else ()
    return sum(len(value) for value in values if isinstance(value, str))


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


def _maps(value: object) -> list[dict[str, Any]]:
    return [_map(entry) for entry in value] if isinstance(value, list) else []


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
