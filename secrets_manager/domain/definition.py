"""SecretDefinition: the Secret that a user wants, and its sources. Frozen, and valid once built.

A definition may exist in the cluster with a spec that cannot be used: an old CRD lets nearly anything in.
It still has an identity and can still be deleted, so identity (``Ref``, ``Identity``) and wish
(``SecretSpec``) are apart; ``Definition.spec`` is the wish, or the error that says why there is none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from secrets_manager.domain import trusted
from secrets_manager.domain.data_from import MAX_GLOB_LETTERS, DataFrom
from secrets_manager.domain.data_keys import is_data_key
from secrets_manager.domain.decoding import Encoding
from secrets_manager.domain.errors import DefinitionError, InvalidKey, InvalidSpec, TypeNotAllowed
from secrets_manager.domain.lifecycle import OnShrink, OnSourceGone
from secrets_manager.domain.location import MAX_BACKENDS, Location, Origin, check_length, check_location
from secrets_manager.domain.restart_wish import MAX_WORKLOADS, RestartWish
from secrets_manager.domain.value_checks import Check
from secrets_manager.domain.wished_marks import WishedMarks
from secrets_manager.domain.wording import in_quotes

OPAQUE = "Opaque"

# Bounds in characters, above everything that ever worked or that people and programs write: parts of a spec
# appear in messages and metrics.
MAX_KEYS = 16_384
MAX_SOURCE_KEY = 4096
MAX_TYPE = 1024

# apimachinery pkg/util/validation: IsDNS1123Subdomain.
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_NAME = 253

# The name by which a template has the map of all names.
ALL_NAMES = "data"

ADOPT = "secrets-manager.tuenti.io/adopt"
RECREATE = "secrets-manager.tuenti.io/recreate"
# A text that is new there asks for a reconcile, as any change of the annotations does.
SYNC = "secrets-manager.tuenti.io/sync"


class Ref(NamedTuple):
    """Namespace and name of an object: the key of queues, stores and metrics."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueOrigin(Origin):
    """A path of which a value is wanted, and what holds where that is not there.

    Where the backend says that there is no such key or path, what is ``optional`` is left out, and
    ``default`` is the text that takes its place.
    """

    default: str | None = field(default=None, repr=False)

    @property
    def may_be_absent(self) -> bool:
        """Whether the Secret can be made where the backend has no such key or path."""
        return self.optional or self.default is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource(ValueOrigin):
    """Where one data key of the Secret comes from: one entry of ``spec.keysMap``."""

    key: str
    encoding: Encoding = Encoding.DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(ValueOrigin):
    """What a template may use under one name: one entry of ``spec.inputs``.

    It is the value under ``key``, or the whole path, a map, where ``key`` is None. One that is left out is
    not defined.
    """

    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSpec:
    """The wish of a SecretDefinition: a Secret's name, type and where its data comes from.

    ``templates`` are data keys with the texts that give their values; they win over ``keys``, and those over
    ``data_from``, of which the last wins. ``inputs`` are read for templates alone. ``wished`` are the labels
    and annotations that the Secret gets beside those of the definition. The sources are read
    every ``refresh_period`` seconds; None is the period of the daemon.

    Raises InvalidSpec, InvalidKey or TypeNotAllowed for values that no Secret can have.
    """

    secret_name: str
    secret_type: str = OPAQUE
    keys: Mapping[str, DataSource]
    data_from: tuple[DataFrom, ...] = ()
    inputs: Mapping[str, Input] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    suspended: bool = False
    on_shrink: OnShrink = OnShrink.WARN
    restart: RestartWish | None = None
    wished: WishedMarks = field(default_factory=WishedMarks)
    refresh_period: float | None = None
    on_source_gone: OnSourceGone = OnSourceGone.KEEP

    def __post_init__(self) -> None:
        if not is_subdomain(self.secret_name):
            raise InvalidSpec(f"spec.name {in_quotes(self.secret_name)} is not a valid Secret name")
        if trusted.is_trusted_name(self.secret_name):
            raise InvalidSpec(
                f"spec.name {self.secret_name!r} is reserved for another program; choose another name"
            )
        if len(self.secret_type) > MAX_TYPE:
            raise InvalidSpec(f"spec.type has {len(self.secret_type)} characters, more than {MAX_TYPE}")
        if why := trusted.why_refused(self.secret_type):
            raise TypeNotAllowed(self.secret_type, why)
        self._check_sources()
        _check_restart(self.restart)
        known = self.keys.keys() | self.templates.keys()
        if not self.data_from and (strange := min(self.checks.keys() - known, default=None)):
            raise InvalidSpec(
                f"spec.checks names {in_quotes(strange)}, which is no key of spec.keysMap or spec.template"
            )

    def _check_sources(self) -> None:
        for where, named in (("keysMap", self.keys), ("inputs", self.inputs), ("template", self.templates)):
            if len(named) > MAX_KEYS:
                raise InvalidSpec(f"spec.{where} has {len(named)} keys, more than {MAX_KEYS}")
        for key, source in self.keys.items():
            _check_data_key("keysMap", key)
            _check_source(f"spec.keysMap[{key}]", source)
        for key in self.templates:
            _check_data_key("template", key)
        for number, whole in enumerate(self.data_from):
            check_location(f"spec.dataFrom[{number}]", whole.location)
        _check_globs(self.data_from)
        for name, asked in self.inputs.items():
            _check_input_name(name, self.keys)
            _check_source(f"spec.inputs[{name}]", asked)
        if len(backends := {source.backend for source in self._sources()}) > MAX_BACKENDS:
            raise InvalidSpec(f"spec names {len(backends)} backends, more than {MAX_BACKENDS}")

    @property
    def may_lack(self) -> frozenset[str]:
        """The data keys that the Secret may be without."""
        return frozenset(key for key, source in self.keys.items() if source.optional)

    def could_give(self, data_keys: Collection[str]) -> frozenset[str]:
        """Those data keys that some part of the spec gives, or would if its source had them."""
        named = (self.keys.keys() | self.templates.keys()).intersection(data_keys)
        return frozenset(named).union(*(entry.could_give(data_keys) for entry in self.data_from))

    @property
    def locations(self) -> tuple[Location, ...]:
        """The distinct paths, as written, with their versions, in the order of their first use."""
        return tuple(dict.fromkeys(source.location for source in self._sources()))

    @property
    def required(self) -> frozenset[Location]:
        """The paths without which there is no Secret."""
        return frozenset(source.location for source in self._sources() if not source.may_be_absent)

    def _sources(self) -> tuple[Origin, ...]:
        return (*self.keys.values(), *self.data_from, *self.inputs.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One SecretDefinition as last seen in the cluster, without its status.

    Two definitions are equal when nothing that matters to the Secret differs. The resourceVersion and the
    status are kept elsewhere, so the echo of our own status write is no change. ``secret_name`` is
    ``spec.name`` where that is legal, whatever the rest of the spec is like. ``orphans`` says that it is
    deleted with propagation policy Orphan, so its Secret stays; ``retains``, that no Secret of it is ever
    deleted, as ``spec.onDelete`` wishes.
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
    retains: bool = False

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


def _check_globs(data_from: tuple[DataFrom, ...]) -> None:
    letters = sum(len(glob) for entry in data_from for glob in entry.globs)
    if letters > MAX_GLOB_LETTERS:
        raise InvalidSpec(
            f"spec.dataFrom has patterns of {letters} characters together, more than {MAX_GLOB_LETTERS}"
        )


def _check_restart(wish: RestartWish | None) -> None:
    workloads = wish.workloads if wish is not None else ()
    if len(workloads) > MAX_WORKLOADS:
        raise InvalidSpec(f"spec.restart.workloads has {len(workloads)} entries, more than {MAX_WORKLOADS}")
    for number, workload in enumerate(workloads):
        if not is_subdomain(workload.name):
            where = f"spec.restart.workloads[{number}].name"
            raise InvalidSpec(f"{where} is {in_quotes(workload.name)}, which no workload can have")


def is_subdomain(name: str) -> bool:
    """Whether ``name`` is a DNS-1123 subdomain, as names of Secrets must be."""
    return len(name) <= _MAX_NAME and _SUBDOMAIN.fullmatch(name) is not None


def _check_data_key(where: str, key: str) -> None:
    if not is_data_key(key):
        raise InvalidKey(f"spec.{where} has key {in_quotes(key)}, which is not a valid data key of a Secret")


def _check_input_name(name: str, keys: Mapping[str, DataSource]) -> None:
    if not 0 < len(name) <= _MAX_NAME:
        raise InvalidSpec(f"spec.inputs has a name of {len(name)} characters; it may have 1 to {_MAX_NAME}")
    if name == ALL_NAMES:
        raise InvalidSpec(f"spec.inputs has {name!r}, by which a template has all names; choose another name")
    if name in keys:
        raise InvalidSpec(f"spec.inputs has {name!r}, which is a key of spec.keysMap; choose another name")


def _check_source(where: str, source: DataSource | Input) -> None:
    if source.optional and source.default is not None:
        raise InvalidSpec(f"{where} has both optional and default; choose one of them")
    check_location(where, source.location)
    check_length(f"{where}.key", source.key or "", MAX_SOURCE_KEY)
