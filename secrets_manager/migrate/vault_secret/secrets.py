"""VaultSecret, to definitions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from secrets_manager.domain.definition import Ref
from secrets_manager.migrate import marks
from secrets_manager.migrate.go_template import VAULT_SECRET
from secrets_manager.migrate.go_values import Source, Templates
from secrets_manager.migrate.originals import Json, Original, dig
from secrets_manager.migrate.reading import flag, items, located, mapping, text, texts
from secrets_manager.migrate.remarks import Refused, Remark, note
from secrets_manager.migrate.results import Converted, Made, definition
from secrets_manager.migrate.single import converted
from secrets_manager.migrate.stores import Store, Stores
from secrets_manager.migrate.vault_secret import fields, logins
from secrets_manager.migrate.vault_secret.paths import Place, places

__all__ = ["convert"]

_SPECIAL = frozenset("*?[")
_WORKLOADS = ("Deployment", "StatefulSet")
_TAKEN_FOR_V2 = (
    "is taken for a path of version 2 of the engine, mounted under its first part; name a mount of version 1 "
    "with --kv1-mount, and one of several parts with --kv2-mount"
)
_BINARY = "is true, so each key has to be there as a text of base64; the operator passes over others"
_IN_ANOTHER = (
    "is below the namespace in which the operator logs in; the daemon has one for the login and the paths, "
    "so the login has to be possible there"
)


def convert(original: Original, stores: Stores) -> Converted:
    """The definition of a VaultSecret."""
    of_fields = fields.vault_secret(original.version).remarks(original)
    return converted(original, of_fields, _Conversion(original, stores))


@dataclass(frozen=True, slots=True)
class _Read:
    """A path, and the store and backend that it is read with."""

    place: Place
    store: Store
    backend: str


@dataclass(slots=True)
class _Conversion:
    """The conversion of one object, and what is to be said about it."""

    original: Original
    stores: Stores
    remarks: list[Remark] = field(default_factory=list)

    def made(self) -> Made:
        self._check()
        reads = [self._read(place) for place in places(self.original, self.stores.surroundings.options)]
        self._notes_of(reads)
        made: Json = {"name": self.original.key.name}
        if type_ := text(self.original.spec, "type"):
            made["type"] = type_
        made["backend"] = reads[0].backend
        made |= self._sources(reads) | self._restart()
        labels, annotations = (
            marks.kept(found, fields.OWN_MARKS) for found in (self.original.labels, self.original.annotations)
        )
        ref = Ref(self.original.key.namespace, self.original.key.name)
        return Made(
            manifest=definition(ref, made, labels, annotations),
            reads=frozenset((read.backend, read.place.path) for read in reads),
            stores=frozenset(read.store.key for read in reads),
        )

    def _note(self, path: str, says: str) -> None:
        self.remarks.append(located(self.original, note(path, says)))

    @property
    def _keys(self) -> list[str]:
        return [each for each in items(self.original.spec, "keys") if isinstance(each, str)]

    @property
    def _is_binary(self) -> bool:
        return flag(self.original.spec, "isBinary")

    def _check(self) -> None:
        engine = text(self.original.spec, "secretEngine")
        if engine == "pki":
            says = "has certificates issued; secrets-manager issues none, so use cert-manager for them"
            raise Refused("spec.secretEngine", says)
        if engine not in {"", "kv"}:
            raise Refused("spec.secretEngine", "is none that is known here; it may be kv")
        if text(self.original.spec, "reconcileStrategy") == "Merge":
            says = (
                "adds keys to a Secret that somebody else makes; a definition makes a Secret of its own, so "
                "name another object, or read all keys in one definition"
            )
            raise Refused("spec.reconcileStrategy", says)

    def _read(self, place: Place) -> _Read:
        store = logins.store_of(self.original, is_v1=place.is_v1)
        return _Read(place, store, self.stores.names[store.key])

    def _notes_of(self, reads: Sequence[_Read]) -> None:
        for read in reads:
            if not read.place.is_told:
                self._note(read.place.at, _TAKEN_FOR_V2)
        if text(self.original.spec, "vaultNamespace"):
            self._note("spec.vaultNamespace", _IN_ANOTHER)
        if self._is_binary:
            self._note("spec.isBinary", _BINARY)
        if self._version and any(read.place.is_v1 for read in reads):
            says = "is without effect there too for version 1 of the engine, which has no versions"
            self._note("spec.version", says)

    @property
    def _version(self) -> int:
        found = dig(self.original.spec, "version")
        return found if isinstance(found, int) and found > 0 else 0

    def _origin(self, read: _Read, usual: str) -> Json:
        made: Json = {"path": read.place.path}
        if self._version and not read.place.is_v1:
            made["version"] = str(self._version)
        if read.backend != usual:
            made["backend"] = read.backend
        return made

    def _sources(self, reads: Sequence[_Read]) -> Json:
        origins = tuple(self._origin(read, reads[0].backend) for read in reads)
        if mapping(self.original.spec, "templates"):
            return self._templates(origins)
        if self._is_binary:
            return {"keysMap": self._decoded(origins)}
        # The first path that has a key wins there, and the last one here.
        return {"dataFrom": [origin | self._include for origin in reversed(origins)]}

    @property
    def _include(self) -> Json:
        return {"include": [_literal(key) for key in self._keys]} if self._keys else {}

    def _decoded(self, origins: Sequence[Json]) -> Json:
        if not self._keys or len(origins) > 1:
            says = (
                "decodes all keys of a path; name them in spec.keys, with one path, since a definition "
                "decodes key by key"
            )
            raise Refused("spec.isBinary", says)
        (origin,) = origins
        more = {name: value for name, value in origin.items() if name != "path"}
        return {
            key: {"path": origin["path"], "key": key, "encoding": "base64"} | more
            for key in sorted(set(self._keys))
        }

    def _templates(self, origins: tuple[Json, ...]) -> Json:
        source = Source(
            origins=origins,
            through="b64decode" if self._is_binary else "text",
            only=self._keys or None,
            whole=not self._keys and not self._is_binary,
        )
        templates = Templates(source, replace(VAULT_SECRET, texts=self._known()))
        for key, template in sorted(texts(self.original.spec, "templates").items()):
            templates.add(key, template, f"spec.templates[{key!r}]")
        for remark in templates.remarks:
            self._note(remark.path, remark.says)
        return templates.spec

    def _known(self) -> dict[str, str]:
        """What templates may ask of the object itself."""
        kinds = {"Labels": self.original.labels, "Annotations": self.original.annotations}
        found = {f"{kind}.{name}": value for kind, marks in kinds.items() for name, value in marks.items()}
        own = {"Namespace": self.original.key.namespace, "Vault.Path": text(self.original.spec, "path")}
        return found | own

    def _restart(self) -> Json:
        wished = mapping(self.original.spec, "restartOnChange")
        if not wished:
            return {}
        kind = text(wished, "kind")
        if kind not in _WORKLOADS:
            says = f"is none that is restarted; it may be {' or '.join(_WORKLOADS)}"
            raise Refused("spec.restartOnChange.kind", says)
        return {"restart": {"workloads": [{"kind": kind, "name": text(wished, "name")}]}}


def _literal(key: str) -> str:
    """The pattern that fits this key alone."""
    return "".join(f"[{letter}]" if letter in _SPECIAL else letter for letter in key)
