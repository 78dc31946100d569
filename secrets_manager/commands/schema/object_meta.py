"""The metadata of an object, as the API server validates it; pure.

Source: apimachinery pkg/api/validation, ValidateObjectMeta; pkg/apis/meta/v1, ObjectMeta.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from secrets_manager.commands.schema.faults import Path, SchemaFault
from secrets_manager.commands.schema.structural import Schema, faults, unknown_fields
from secrets_manager.domain.definition import is_subdomain
from secrets_manager.settings.checks import DNS_LABEL

_MOST_ANNOTATION_BYTES = 256 * 1024
_LONGEST_PART = 63
_PART = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_NUMBER: Schema = {"type": "integer"}
_TEXTS: Schema = {"type": "object", "additionalProperties": _TEXT}
_OWNER: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _TEXT),
        **dict.fromkeys(("controller", "blockOwnerDeletion"), _FLAG),
    },
}
_METADATA: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"), _TEXT),
        **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), _TEXT),
        **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), _NUMBER),
        **dict.fromkeys(("labels", "annotations"), _TEXTS),
        "ownerReferences": {"type": "array", "items": _OWNER},
        "finalizers": {"type": "array", "items": _TEXT},
        "managedFields": {"type": "array", "items": {}},
    },
}


def metadata_faults(given: object) -> Iterator[SchemaFault]:
    """What the API server refuses of ``metadata``."""
    here: Path = ("metadata",)
    metadata = _without_nulls(given)
    yield from unknown_fields(_METADATA, metadata, here)
    wrong = list(faults(_METADATA, metadata, here))
    yield from wrong
    if not wrong and isinstance(metadata, dict):
        yield from (SchemaFault((*here, *path), message) for path, message in _contents(metadata))


def _without_nulls(given: object) -> object:
    """What Go makes of it: null is no value, and the empty text where there must be one."""
    if not isinstance(given, dict):
        return {} if given is None else given
    found = {name: value for name, value in given.items() if value is not None}
    for name in ("labels", "annotations"):
        if isinstance(found.get(name), dict):
            found[name] = {each: "" if text is None else text for each, text in found[name].items()}
    return found


def _contents(metadata: Mapping[str, Any]) -> Iterator[SchemaFault]:
    for check in (_names, _labels, _annotations, _owners, _finalizers, _times):
        yield from check(metadata)


def _names(metadata: Mapping[str, Any]) -> Iterator[SchemaFault]:
    name, prefix = metadata.get("name", ""), metadata.get("generateName", "")
    if not name and not prefix:
        yield SchemaFault(("name",), "is missing, and is required")
    elif name and not is_subdomain(name):
        yield SchemaFault(("name",), f"is no name of an object: {_DOMAIN_RULE}")
    elif not name and not is_subdomain(f"{prefix[:248]}xxxxx"):
        yield SchemaFault(("generateName",), f"is no beginning of a name: {_DOMAIN_RULE}")
    namespace = metadata.get("namespace", "")
    if namespace and not DNS_LABEL.fullmatch(namespace):
        yield SchemaFault(("namespace",), "is no name of a namespace: use lower case letters, digits and '-'")


def _labels(metadata: Mapping[str, Any]) -> Iterator[SchemaFault]:
    for name, value in metadata.get("labels", {}).items():
        if not _is_qualified(name):
            yield SchemaFault(("labels", name), f"is no name of a label: {_NAME_RULE}")
        if value and not _is_part(value):
            yield SchemaFault(("labels", name), f"has a value that no label may have: {_PART_RULE}")


def _annotations(metadata: Mapping[str, Any]) -> Iterator[SchemaFault]:
    annotations: Mapping[str, str] = metadata.get("annotations", {})
    for name in annotations:
        if not _is_qualified(name.lower()):
            yield SchemaFault(("annotations", name), f"is no name of an annotation: {_NAME_RULE}")
    size = sum(len(text.encode("utf-8", "replace")) for text in (*annotations, *annotations.values()))
    if size > _MOST_ANNOTATION_BYTES:
        yield SchemaFault(("annotations",), f"has {size} bytes, more than {_MOST_ANNOTATION_BYTES}")


def _owners(metadata: Mapping[str, Any]) -> Iterator[SchemaFault]:
    owners = metadata.get("ownerReferences", [])
    for number, owner in enumerate(owners):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield SchemaFault(("ownerReferences", number, name), "is missing, and is required")
    if sum(owner.get("controller") is True for owner in owners) > 1:
        yield SchemaFault(("ownerReferences",), "has more than one controller")


def _finalizers(metadata: Mapping[str, Any]) -> Iterator[SchemaFault]:
    for number, name in enumerate(metadata.get("finalizers", [])):
        if not _is_qualified(name):
            yield SchemaFault(("finalizers", number), f"is no name of a finalizer: {_NAME_RULE}")


def _times(metadata: Mapping[str, Any]) -> Iterator[SchemaFault]:
    for name in ("creationTimestamp", "deletionTimestamp"):
        if name in metadata and not _is_time(metadata[name]):
            yield SchemaFault((name,), "is no time as RFC 3339 writes it")


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_part(text: str) -> bool:
    return len(text) <= _LONGEST_PART and _PART.fullmatch(text) is not None


def _is_qualified(name: str) -> bool:
    domain, slash, part = name.rpartition("/")
    return _is_part(part) and (not slash or is_subdomain(domain))


_DOMAIN_RULE = (
    "use lower case letters, digits, '-' and '.', at most 253, and begin and end with a letter or digit"
)
_PART_RULE = "use at most 63 letters, digits, '-', '_' and '.', and begin and end with a letter or digit"
_NAME_RULE = f"{_PART_RULE}, and put only a domain and a slash before it"
_Check = Callable[[Mapping[str, Any]], Iterator[SchemaFault]]
