"""The Secret as it should be and as it is, and the marks by which we know our own.

Values are bytes that live for one reconcile and never show in a repr. What is kept between reconciles is a
digest per data key, keyed with a random key of this process: useless to whoever reads a memory dump of
another process or a log, and comparable within this one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from secrets_manager.domain.definition import OPAQUE, Ref

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "secrets-manager"
PREFIX = "secrets-manager.tuenti.io/"
LAST_UPDATE = PREFIX + "lastUpdateTime"
COPIED = PREFIX + "copied"
# Releases 1.x marked their Secrets with these two labels.
LEGACY_LABEL = "managedBy"
LEGACY_LAST_UPDATE = "lastUpdatedAt"

DEFINITION_KIND = "SecretDefinition"
DEFINITION_GROUP = "secrets-manager.tuenti.io"

_DIGEST_BYTES = 16


class Digester:
    """Digests that only this process can compare: BLAKE2b keyed with ``key`` (16 to 64 random bytes)."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, value: bytes) -> bytes:
        """The digest of one value, 16 bytes."""
        return hashlib.blake2b(value, digest_size=_DIGEST_BYTES, key=self._key).digest()

    def each(self, data: Mapping[str, bytes]) -> dict[str, bytes]:
        """The digest of each value, by data key."""
        return {key: self.of(value) for key, value in data.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One ownerReference, whole, so that those of others survive our writes.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
    """

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None

    @property
    def is_definition(self) -> bool:
        """Whether this points at a SecretDefinition, of whatever API version."""
        return self.kind == DEFINITION_KIND and self.api_version.split("/", 1)[0] == DEFINITION_GROUP


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedSecret:
    """A Secret as last seen, without its values: metadata and the keyed digest of each."""

    ref: Ref
    uid: str
    resource_version: str
    type: str = OPAQUE
    immutable: bool = False
    digests: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[Owner, ...] = ()
    finalizers: tuple[str, ...] = ()

    @property
    def definition_owner(self) -> Owner | None:
        """The SecretDefinition whose owner mark the Secret carries, if any."""
        return next((owner for owner in self.owners if owner.is_definition), None)

    @property
    def has_our_mark(self) -> bool:
        """Whether a release of this program, 1.x included, wrote this Secret.

        A definition of the original could carry a managed-by label of its own (Helm sets one), which then
        replaced ours on the Secret; the annotation was always written.
        """
        return (
            self.labels.get(MANAGED_BY_LABEL) == MANAGED_BY
            or self.labels.get(LEGACY_LABEL) == MANAGED_BY
            or LAST_UPDATE in self.annotations
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredSecret:
    """A Secret as its definition wants it, values included.

    ``labels`` and ``annotations`` are those copied from the definition. ``senior`` is an older definition
    that wants the same Secret and therefore keeps it. ``adopt`` and ``recreate`` are the author's opt-ins.
    """

    ref: Ref
    type: str
    data: Mapping[str, bytes] = field(repr=False)
    digests: Mapping[str, bytes] = field(repr=False)
    owner: Owner
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    senior: Ref | None = None
    adopt: bool = False
    recreate: bool = False
