"""What an ExternalSecret reads: keys one by one and whole paths, as a definition names them. Pure."""

# ruff: noqa: SIM905 - words are read more easily than words in quotes

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from secrets_manager.migrate.external_secrets import azure_objects, renaming
from secrets_manager.migrate.external_secrets.vault_paths import full_path
from secrets_manager.migrate.originals import Json, Key, dig
from secrets_manager.migrate.remarks import Refused, Remark, note
from secrets_manager.migrate.stores import Store, Stores

__all__ = ["KeyRead", "Read", "WholeRead", "gather"]

# Ends of names of files, which keys often are; what else has a dot may be a way into JSON.
_FILES = frozenset(
    "cfg cert cer conf crt csv dockercfg dockerconfigjson env html ini jks js json key keystore license p12"
    " pem pfx properties pub sh sql toml txt xml yaml yml".split()
)
_JSON_PATH = frozenset("*?|#@!{[(\\")
_DECODED = "base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRead:
    """One value: ``key`` within the path, or None for the whole path as JSON text."""

    name: str
    at: str
    path: str
    backend: str
    key: str | None
    version: str = ""
    encoding: str | None = None

    def origin(self, usual_backend: str) -> Json:
        """Where it comes from, in the fields of a definition, without its encoding."""
        made: Json = {"path": self.path}
        if self.key is not None:
            made["key"] = self.key
        return made | _beside(self.version, self.backend, usual_backend)


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRead:
    """All keys of a path, renamed as ``rename`` says."""

    at: str
    path: str
    backend: str
    version: str = ""
    rename: Json = field(default_factory=dict)

    def origin(self, usual_backend: str) -> Json:
        """Where it comes from, in the fields of a definition, without how it is renamed."""
        return {"path": self.path} | _beside(self.version, self.backend, usual_backend)


@dataclass(slots=True)
class Read:
    """All that is read; ``backend`` is the one of `spec.secretStoreRef`, "" where that names none."""

    backend: str
    keys: list[KeyRead] = field(default_factory=list)
    wholes: list[WholeRead] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    stores: set[Key] = field(default_factory=set)

    @property
    def paths(self) -> frozenset[tuple[str, str]]:
        """Backend and path of each."""
        every: tuple[Reads, ...] = (*self.keys, *self.wholes)
        return frozenset((each.backend, each.path) for each in every)


Reads = KeyRead | WholeRead


def gather(spec: Json, at: str, namespace: str, stores: Stores) -> Read:
    """What the spec of an ExternalSecret reads; ``at`` is where it stands. Raises Refused."""
    return _Gathering(spec, at, namespace, stores).read()


@dataclass(slots=True)
class _Gathering:
    """Goes through one spec."""

    spec: Json
    at: str
    namespace: str
    stores: Stores

    def read(self) -> Read:
        usual = self._store(self.spec.get("secretStoreRef"), f"{self.at}.secretStoreRef")
        read = Read(backend=usual[1] if usual else "")
        for number, entry in enumerate(_list(self.spec, "dataFrom")):
            self._whole(read, entry, f"{self.at}.dataFrom[{number}]", usual)
        for number, entry in enumerate(_list(self.spec, "data")):
            self._key(read, entry, f"{self.at}.data[{number}]", usual)
        _take_the_last(read)
        if not read.keys and not read.wholes:
            raise Refused(f"{self.at}.data", "is missing, and so is dataFrom: it reads nothing")
        if not read.backend:
            # No entry takes the backend of the spec, so one of theirs may stand there.
            read.backend = min(backend for backend, _ in read.paths)
        return read

    def _store(self, ref: Any, at: str) -> tuple[Store, str] | None:
        name = dig(ref, "name")
        if not isinstance(name, str) or not name:
            return None
        kind = dig(ref, "kind") or "SecretStore"
        # One that is cluster-wide may have a login in each namespace.
        own = Key(str(kind), self.namespace, name)
        shared = Key(str(kind), "", name)
        return self.stores.find(own if kind == "SecretStore" or own in self.stores.all else shared, at)

    def _store_of(self, entry: Any, at: str, usual: tuple[Store, str] | None) -> tuple[Store, str]:
        own = self._store(dig(entry, "sourceRef", "storeRef"), f"{at}.sourceRef.storeRef")
        found = own or usual
        if found is None:
            raise Refused(f"{self.at}.secretStoreRef", "names no store, and this entry neither")
        return found

    def _key(self, read: Read, entry: Any, at: str, usual: tuple[Store, str] | None) -> None:
        store, backend = self._store_of(entry, at, usual)
        read.stores.add(store.key)
        remote = dig(entry, "remoteRef")
        name, key = dig(entry, "secretKey"), dig(remote, "key")
        if not isinstance(name, str) or not isinstance(key, str):
            raise Refused(at, "has no secretKey, or no remoteRef.key")
        path, inner = self._place(store, key, dig(remote, "property") or "", at, read)
        read.keys.append(
            KeyRead(
                name=name,
                at=at,
                path=path,
                backend=backend,
                key=inner,
                version=_version(store, remote, f"{at}.remoteRef", read),
                encoding=_encoding(dig(remote, "decodingStrategy"), inner, at),
            )
        )

    def _whole(self, read: Read, entry: Any, at: str, usual: tuple[Store, str] | None) -> None:
        store, backend = self._store_of(entry, at, usual)
        read.stores.add(store.key)
        extract = dig(entry, "extract") or entry
        key = dig(extract, "key")
        if not isinstance(key, str):
            raise Refused(at, "has no extract.key")
        if dig(extract, "property"):
            raise Refused(
                f"{at}.extract.property",
                "takes the members of a value apart; name them in keysMap, as '#/name/member'",
            )
        if (dig(extract, "decodingStrategy") or "None") != "None":
            raise Refused(
                f"{at}.extract.decodingStrategy", "decodes all keys; name them in keysMap with an encoding"
            )
        path, _ = self._place(store, key, "", at, read)
        rename, remarks = renaming.rename(entry, at)
        read.remarks.extend(remarks)
        version = _version(store, extract, f"{at}.extract", read)
        read.wholes.append(WholeRead(at=at, path=path, backend=backend, version=version, rename=rename))

    def _place(self, store: Store, key: str, prop: str, at: str, read: Read) -> tuple[str, str | None]:
        """The path, and the key within it."""
        assert store.backend is not None  # noqa: S101 - those without are never found
        if store.backend.kind != "vault":
            return azure_objects.place(key, prop, f"{at}.remoteRef")
        if _may_be_json_path(prop):
            read.remarks.append(
                note(
                    f"{at}.remoteRef.property",
                    "is taken for the name of a key; if it is a way into JSON, write it as '#/name/member'",
                )
            )
        return full_path(key, store.mount, is_v2=store.is_v2), prop or None


def _take_the_last(read: Read) -> None:
    """Of entries with one secretKey the last is written."""
    last = {each.name: each for each in read.keys}
    for each in read.keys:
        if each is not last[each.name]:
            says = f"is that of {last[each.name].at}, too, which is written in its place"
            read.remarks.append(note(f"{each.at}.secretKey", says))
    read.keys[:] = last.values()


def _version(store: Store, remote: Any, at: str, read: Read) -> str:
    """The version of a path, "" for the newest. Raises Refused."""
    version = str(dig(remote, "version") or "")
    if store.backend is None or store.backend.kind != "vault" or not version:
        return version
    if not store.is_v2:
        says = "is without effect there too: version 1 of the engine has only the newest values"
        read.remarks.append(note(f"{at}.version", says))
        return ""
    if not (version.isascii() and version.isdecimal()):
        raise Refused(f"{at}.version", "is no number, as the versions of Vault are")
    # To Vault, 0 is the newest.
    return version.lstrip("0")


def _encoding(strategy: object, key: str | None, at: str) -> str | None:
    """The encoding of a value: what is no text becomes JSON, and all of a secret of a key vault is a text."""
    if strategy == "Base64" and key is not None:
        return _DECODED
    if strategy not in {None, "", "None"}:
        says = "is none that a definition has: it decodes a key from base64, or nothing"
        raise Refused(f"{at}.remoteRef.decodingStrategy", says)
    return "json" if key else None


def _may_be_json_path(prop: str) -> bool:
    if _JSON_PATH.intersection(prop):
        return True
    first, dot, _ = prop.partition(".")
    return bool(first and dot) and prop.rpartition(".")[2].lower() not in _FILES


def _beside(version: str, backend: str, usual_backend: str) -> Json:
    made: Json = {}
    if version:
        made["version"] = version
    if backend != usual_backend:
        made["backend"] = backend
    return made


def _list(spec: Json, name: str) -> list[Any]:
    found = spec.get(name)
    return found if isinstance(found, list) else []
