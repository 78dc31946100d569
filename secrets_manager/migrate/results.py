"""What a conversion makes: definitions, backends and what each namespace could read. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Self

from secrets_manager.domain.definition import Ref
from secrets_manager.migrate.originals import Json, Key, Original
from secrets_manager.migrate.remarks import Remark

__all__ = [
    "API_VERSION",
    "KIND",
    "Backend",
    "Companion",
    "Converted",
    "Inline",
    "Made",
    "Mounted",
    "Value",
    "definition",
]

API_VERSION = "secrets-manager.tuenti.io/v1alpha1"
KIND = "SecretDefinition"


@dataclass(frozen=True, slots=True)
class Mounted:
    """The setting is the name of a file, whose content is the key of an object of the cluster.

    ``kind`` is Secret or ConfigMap. What a person has to mount where is told from it.
    """

    kind: str
    namespace: str
    name: str
    key: str

    def __str__(self) -> str:
        return f"key {self.key!r} of {self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Inline:
    """The setting is the name of a file, whose content stands in the object; ``digest`` tells two apart."""

    digest: str

    @classmethod
    def of(cls, content: str) -> Self:
        """That of this content, which is not kept."""
        return cls(sha256(content.encode(errors="surrogatepass")).hexdigest())


Value = str | bool | Mounted | Inline


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A table ``[backends.NAME]`` of the settings, in the order in which it is written.

    ``todo`` are sentences about what a person has to do before the daemon can log in with it.
    """

    kind: str
    settings: Mapping[str, Value]
    todo: tuple[str, ...] = ()

    @property
    def same(self) -> tuple[object, ...]:
        """What two tables have in common that are one backend."""
        return (self.kind, tuple(sorted(self.settings.items())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A definition, with the paths that it reads by backend, and the stores that it reads with."""

    manifest: Json = field(repr=False)
    reads: frozenset[tuple[str, str]]
    stores: frozenset[Key] = frozenset()

    @property
    def ref(self) -> Ref:
        """Its namespace and name."""
        metadata = self.manifest["metadata"]
        return Ref(metadata["namespace"], metadata["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """Another object out of which the same definition was made; what becomes of that becomes of it."""

    original: Original
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What one object became, with those that became the same. One that is refused made nothing."""

    original: Original
    made: tuple[Made, ...] = ()
    remarks: tuple[Remark, ...] = ()
    companions: tuple[Companion, ...] = ()

    def refused(self, why: Remark) -> Converted:
        """The same, with nothing made, for a reason that holds for each of the objects."""
        line = self.original.line(("spec",))
        others = tuple(
            replace(each, remarks=(*each.remarks, why.at(each.original.line(("spec",)))))
            for each in self.companions
        )
        return replace(self, made=(), remarks=(*self.remarks, why.at(line)), companions=others)


def definition(ref: Ref, spec: Json, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Json:
    """The manifest of a definition, without what is empty."""
    metadata: Json = {"namespace": ref.namespace, "name": ref.name}
    if labels:
        metadata["labels"] = dict(sorted(labels.items()))
    if annotations:
        metadata["annotations"] = dict(sorted(annotations.items()))
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
