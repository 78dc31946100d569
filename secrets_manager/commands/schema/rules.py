"""The rules of the CRD that are written in CEL, in Python; pure.

They are found by their messages. A test compares the texts of the rules with those that were read for this
file, and others ask a real API server about the same objects.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from secrets_manager.commands.schema.faults import SchemaFault
from secrets_manager.commands.schema.structural import Schema, places
from secrets_manager.domain.lifecycle import LONGEST_REFRESH, SHORTEST_REFRESH
from secrets_manager.settings.go_literals import NANOSECONDS, GoSyntaxError, parse_duration

Spec = Mapping[str, Any]
Rule = Callable[[Any], bool]

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_DOTS = re.compile(r"(^|/)[.][.]?(/|\Z)")
_RESERVED_TYPE = re.compile(r"([^/]+[.])?(kubernetes[.]io|k8s[.]io|helm[.]sh)/")
_PERMITTED_TYPES = frozenset(
    f"kubernetes.io/{name}"
    for name in (
        *("basic-auth", "cephfs", "dockercfg", "dockerconfigjson", "glusterfs", "iscsi-chap", "rbd"),
        *("scaleio", "ssh-auth", "storageos", "tls"),
    )
)
_IDENTITY_TYPES = ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token")
_MARK = re.compile(r"([A-Za-z0-9][-A-Za-z0-9.]*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_OUR_PREFIXES = ("secrets-manager.tuenti.io/", "kubernetes.io/service-account.")
_OUR_MARKS = ("app.kubernetes.io/managed-by", "managedBy", "lastUpdatedAt")
_STATE_LABELS = ("tfstate", "tfstateSecretSuffix", "tfstateWorkspace")


def broken(schema: Schema, value: Any) -> Iterator[SchemaFault]:
    """The rules that a valid object breaks."""
    for path, below, found in places(schema, value):
        for rule in below.get("x-kubernetes-validations", ()):
            if not RULES[rule["message"]](found):
                yield SchemaFault(path, rule["message"])


# ── of the spec ──────────────────────────────────────────────────────────────────────────────────────


def _gives(spec: Spec, key: str) -> bool:
    return key in spec.get("keysMap", {}) or key in spec.get("template", {})


def _checks_known_keys(spec: Spec) -> bool:
    return "dataFrom" in spec or all(_gives(spec, key) for key in spec.get("checks", {}))


def _inputs_are_no_keys(spec: Spec) -> bool:
    return not spec.get("inputs", {}).keys() & spec.get("keysMap", {}).keys()


def _type_is_free(spec: Spec) -> bool:
    kind = spec.get("type", "")
    return not _RESERVED_TYPE.match(kind) or kind in _PERMITTED_TYPES


def _type_has(
    kind: str, keys: tuple[str, ...], how_many: Callable[[Iterator[bool]], bool], spec: Spec
) -> bool:
    return spec.get("type") != kind or "dataFrom" in spec or how_many(_gives(spec, key) for key in keys)


# ── of its parts ─────────────────────────────────────────────────────────────────────────────────────


def _is_duration(text: str) -> bool:
    try:
        return SHORTEST_REFRESH <= parse_duration(text) / NANOSECONDS <= LONGEST_REFRESH
    except GoSyntaxError:
        return False


def _are_data_keys(entries: Mapping[str, Any]) -> bool:
    return all(_DATA_KEY.fullmatch(key) and not key.startswith("..") and key != "." for key in entries)


def _no_contradiction(source: Mapping[str, Any]) -> bool:
    return not ("default" in source and source.get("optional"))


def _no_control(path: str) -> bool:
    return not any(unicodedata.category(letter) == "Cc" for letter in path)


def _are_free_marks(metadata: Mapping[str, Any]) -> bool:
    names = [*metadata.get("labels", {}), *metadata.get("annotations", {})]
    return all(
        _MARK.fullmatch(name) and not name.startswith(_OUR_PREFIXES) and name not in _OUR_MARKS
        for name in names
    )


def _is_no_state(labels: Mapping[str, str]) -> bool:
    return not any(name in labels for name in _STATE_LABELS) and labels.get("owner") not in {"helm", "tiller"}


KEYS_OF_TYPES: dict[str, tuple[str, ...]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
_OF_TYPES: dict[str, Rule] = {
    f"type {kind} needs the key{'s' if len(keys) > 1 else ''} {' and '.join(keys)} in keysMap or template": (
        partial(_type_has, kind, keys, all)
    )
    for kind, keys in KEYS_OF_TYPES.items()
}
RULES: Mapping[str, Rule] = {
    "needs keysMap, dataFrom or template": (
        lambda spec: any(part in spec for part in ("keysMap", "dataFrom", "template"))
    ),
    "checks names a key that neither keysMap nor template has": _checks_known_keys,
    "inputs has a name that is a key of keysMap; choose another name": _inputs_are_no_keys,
    "type is reserved for Secrets of Kubernetes or Helm; Secrets of this type are never written": (
        _type_is_free
    ),
    "name is reserved for releases of Helm; choose another name": (
        lambda spec: not spec["name"].startswith("sh.helm.release.")
    ),
    **_OF_TYPES,
    "type kubernetes.io/basic-auth needs the key username or password in keysMap or template": (
        partial(_type_has, "kubernetes.io/basic-auth", ("username", "password"), any)
    ),
    (
        "is not a valid Secret name: use lower case letters, digits, '-' and '.', and begin and end each "
        "part between dots with a letter or digit"
    ): lambda name: _SUBDOMAIN.fullmatch(name) is not None,
    "grants access to the cluster; Secrets of this type are never written": (
        lambda kind: kind not in _IDENTITY_TYPES
    ),
    "is not a duration from 1s to 168h, such as 90s, 15m or 1h30m": _is_duration,
    (
        "has a key that is not a valid data key: use 1 to 253 letters, digits, '-', '_' and '.'; not '.', "
        "and no '..' at the beginning"
    ): _are_data_keys,
    "has both optional and default; choose one of them": _no_contradiction,
    "has a '.' or '..' segment, which could leave the allowed paths; write it in full": (
        lambda path: not _DOTS.search(path)
    ),
    "has a control character, such as a line break or a tab": _no_control,
    "has the name data, by which a template has all names; choose another name": (
        lambda inputs: "data" not in inputs
    ),
    "has a default and no key; a whole path is a map, and a default is a text": (
        lambda source: "default" not in source or "key" in source
    ),
    "has a name that is not valid, or a mark by which the daemon or Kubernetes knows its own": (
        _are_free_marks
    ),
    "has a label by which Helm or Terraform knows its state": _is_no_state,
}
