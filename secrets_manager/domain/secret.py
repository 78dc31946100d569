"""The Secret as it should be and as it is, and the names of our marks; ``marks`` decides which it carries.

Values are bytes that live for one reconcile and never show in a repr. Between reconciles only a digest per
data key is kept, keyed with a random key of this process: useless in a log or in a memory dump of another
process, and comparable within this one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from secrets_manager.domain import trusted
from secrets_manager.domain.definition import MAX_TYPE, OPAQUE, Ref
from secrets_manager.domain.wished_marks import WishedMarks

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "secrets-manager"
PREFIX = "secrets-manager.tuenti.io/"
LAST_UPDATE = PREFIX + "lastUpdateTime"
COPIED = PREFIX + "copied"
# The time of a change of the data for which workloads are still to be restarted.
RESTART_PENDING = PREFIX + "restart-pending"
# Releases 1.x marked their Secrets with these two labels.
LEGACY_LABEL = "managedBy"
LEGACY_LAST_UPDATE = "lastUpdatedAt"

DEFINITION_KIND = "SecretDefinition"
DEFINITION_GROUP = "secrets-manager.tuenti.io"

_DIGEST_BYTES = 16
# Bytes of memory of one Secret that are kept between reconciles; most take a twentieth of it.
_MOST_KEPT = 32 * 1024
_PER_PART = 100


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
    """A Secret as last seen, without its values: metadata and the keyed digest of each.

    ``weight`` is about how many bytes its values take in a reply of the API server. ``outline`` distinguishes
    the contents of Secrets that are kept in outline; it is None for a Secret that is kept whole.
    """

    ref: Ref
    uid: str
    resource_version: str
    type: str = OPAQUE
    immutable: bool = False
    digests: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    # Annotations of others may hold the values: `kubectl apply` keeps the whole Secret in one.
    annotations: Mapping[str, str] = field(default_factory=dict, repr=False)
    owners: tuple[Owner, ...] = ()
    finalizers: tuple[str, ...] = ()
    weight: int = field(default=0, compare=False, repr=False)
    outline: int | None = field(default=None, repr=False)

    @property
    def definition_owner(self) -> Owner | None:
        """The SecretDefinition whose owner mark the Secret carries, if any."""
        return next((owner for owner in self.owners if owner.is_definition), None)

    @property
    def is_trusted_by_others(self) -> bool:
        """Whether another program trusts this Secret as its own credential or state, so that it stays."""
        return trusted.is_trusted_type(self.type) or trusted.is_trusted_name(self.ref.name)

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


def compact(secret: ObservedSecret) -> ObservedSecret:
    """The part of a Secret that is kept: all of it, or an outline if it has very much beside its values.

    Everyone who may write Secrets can give many of them a megabyte of keys, annotations, owners or type. The
    outline keeps our marks and the definition that owns the Secret; the API server is asked for the rest.
    """
    if secret.outline is not None or _size(secret) <= _MOST_KEPT:
        return secret
    owner = secret.definition_owner
    # Python keys hashes of texts with a random key of each process.
    texts = tuple(tuple(sorted(each.items())) for each in (secret.labels, secret.annotations))
    content = (secret.type, texts, tuple(sorted(secret.digests.items())), secret.owners, secret.finalizers)
    return replace(
        secret,
        # Longer than any that a definition may want.
        type=secret.type[: MAX_TYPE + 1],
        digests={},
        labels=_only(secret.labels, (MANAGED_BY_LABEL, LEGACY_LABEL)),
        annotations=_only(secret.annotations, (LAST_UPDATE, RESTART_PENDING)),
        owners=(owner,) if owner and _weight(owner) <= _MOST_KEPT else (),
        finalizers=(),
        outline=hash(content),
    )


def _size(secret: ObservedSecret) -> int:
    """About how many bytes of memory it takes."""
    texts = sum(
        len(name) + len(text) for texts in (secret.labels, secret.annotations) for name, text in texts.items()
    )
    names = sum(map(len, secret.digests)) + sum(map(len, secret.finalizers))
    owners = len(secret.type) + sum(map(_weight, secret.owners))
    parts = len(secret.digests) + len(secret.labels) + len(secret.annotations) + len(secret.finalizers)
    return texts + names + owners + _PER_PART * parts


def _weight(owner: Owner) -> int:
    texts = (owner.api_version, owner.kind, owner.name, owner.uid)
    return sum(map(len, texts)) + 2 * _PER_PART


def _only(texts: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: texts[name][:_MOST_KEPT] for name in names if name in texts}


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredSecret:
    """A Secret as its definition wants it, values included.

    ``labels`` and ``annotations`` are those copied from the definition and those ``wished`` for, which win.
    ``senior`` is an older definition
    that wants the same Secret and therefore keeps it. ``adopt`` and ``recreate`` are the author's opt-ins.
    A Secret that is ``retained`` carries no owner mark, so that it outlives ``owner``. ``restarts`` says that
    workloads are restarted when its data changed.
    """

    ref: Ref
    type: str
    data: Mapping[str, bytes] = field(repr=False)
    digests: Mapping[str, bytes] = field(repr=False)
    owner: Owner
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    wished: WishedMarks = field(default_factory=WishedMarks)
    senior: Ref | None = None
    adopt: bool = False
    recreate: bool = False
    retained: bool = False
    restarts: bool = False
