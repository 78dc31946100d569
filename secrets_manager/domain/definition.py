"""SecretDefinition: what a user wants in which Secret. Frozen, and valid once built.

A definition may exist in the cluster with a spec that cannot be used: an old CRD lets nearly anything in.
It still has an identity and can still be deleted, so identity (``Ref``, ``Identity``) and wish
(``SecretSpec``) are apart; ``Definition.spec`` is the wish, or the error that says why there is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from secrets_manager.domain.decoding import Encoding
from secrets_manager.domain.errors import DefinitionError, InvalidKey, InvalidSpec, TypeNotAllowed

OPAQUE = "Opaque"

# They make the control plane mint, or accept, credentials of other identities.
REFUSED_TYPES = frozenset({"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"})

# apimachinery pkg/util/validation: IsDNS1123Subdomain and IsConfigMapKey.
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_MAX_NAME = 253

ADOPT = "secrets-manager.tuenti.io/adopt"
RECREATE = "secrets-manager.tuenti.io/recreate"


class Ref(NamedTuple):
    """Namespace and name of an object: the key of queues, stores and metrics."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Where one data key of the Secret comes from: one entry of ``spec.keysMap``."""

    path: str
    key: str
    encoding: Encoding = Encoding.DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSpec:
    """The wish of a SecretDefinition: a Secret's name, type and the source of each data key.

    Raises InvalidSpec, InvalidKey or TypeNotAllowed when built from what no Secret can be made of.
    """

    secret_name: str
    secret_type: str = OPAQUE
    keys: Mapping[str, DataSource]

    def __post_init__(self) -> None:
        if not is_subdomain(self.secret_name):
            raise InvalidSpec(f"spec.name {self.secret_name!r} is not a legal name for a Secret")
        if self.secret_type in REFUSED_TYPES:
            raise TypeNotAllowed(self.secret_type)
        for key in self.keys:
            _check_data_key(key)

    @property
    def paths(self) -> tuple[str, ...]:
        """The distinct paths, as written, in the order of their first use."""
        return tuple(dict.fromkeys(source.path for source in self.keys.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One SecretDefinition as last seen in the cluster, without its status.

    Two definitions are equal when nothing that matters to the Secret differs. The resourceVersion and the
    status are kept elsewhere, so the echo of our own status write is no change. ``secret_name`` is
    ``spec.name`` where that is legal, whatever the rest of the spec is like. ``orphans`` says that whoever
    deletes it wants its Secret to stay.
    """

    ref: Ref
    uid: str
    created: str
    generation: int
    secret_name: str | None
    spec: SecretSpec | DefinitionError
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    deleting: bool = False
    orphans: bool = False

    @property
    def target(self) -> Ref | None:
        """The Secret this definition claims, or None when its spec names none that could exist.

        A spec that is wrong elsewhere still claims its Secret: the last good one must not pass to another.
        """
        return None if self.secret_name is None else Ref(self.ref.namespace, self.secret_name)

    @property
    def seniority(self) -> tuple[str, str]:
        """Orders definitions by age; of several with one target the smallest keeps it.

        ``created`` is RFC 3339 in UTC with whole seconds, so its text sorts by time; uid breaks ties.
        """
        return (self.created, self.uid)

    def opts_in(self, annotation: str) -> bool:
        """Whether the author set one of our opt-in annotations (ADOPT, RECREATE) to ``true``."""
        return self.annotations.get(annotation) == "true"


def is_subdomain(name: str) -> bool:
    """Whether ``name`` is a DNS-1123 subdomain, as names of Secrets must be."""
    return len(name) <= _MAX_NAME and _SUBDOMAIN.fullmatch(name) is not None


def _check_data_key(key: str) -> None:
    if len(key) > _MAX_NAME or not _DATA_KEY.fullmatch(key) or key == "." or key.startswith(".."):
        raise InvalidKey(f"spec.keysMap has key {key!r}, which is not a legal data key of a Secret")
