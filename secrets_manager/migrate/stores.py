"""Where foreign objects read: a server, who they are there, and who could use it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from secrets_manager.migrate.originals import Key, Original
from secrets_manager.migrate.remarks import Refused, Remark
from secrets_manager.migrate.results import Backend
from secrets_manager.migrate.surroundings import ALONE, Surroundings

__all__ = ["Reach", "Store", "Stores"]


@dataclass(frozen=True, slots=True)
class Reach:
    """Which namespaces could use a store.

    ``namespaces`` are names, or ``*`` alone for all. Where they are not known from files, ``users_only`` says
    that those which use it in the files stand for them: nobody reads more than before.
    """

    namespaces: tuple[str, ...] = ()
    users_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What a store says; ``backend`` is None where it is refused.

    Attributes:
        original: the object it comes from.
        login: its key where no object is the store, but objects that read with one login share it.
        backend: the table of the settings that reads the same.
        mount: the mount of a Vault that paths begin with, None where each path names its own.
        is_v2: whether that is version 2 of the key-value engine.
        paths: patterns of all that could be read with it.
        reach: who could.
        remarks: what is to be said of its fields.
        exact: nothing but its users says what could be read, so each namespace keeps the paths that it names.

    """

    original: Original
    login: Key | None = None
    backend: Backend | None = None
    mount: str | None = None
    is_v2: bool = True
    paths: tuple[str, ...] = ("*",)
    reach: Reach = field(default_factory=Reach)
    remarks: tuple[Remark, ...] = ()
    exact: bool = False

    @property
    def key(self) -> Key:
        """Kind, namespace and name."""
        return self.login or self.original.key


class Stores:
    """The stores of all files by key, the name of the backend of each, and what else is in the files."""

    def __init__(self, stores: Iterable[Store], surroundings: Surroundings = ALONE) -> None:
        first_last = sorted(stores, key=lambda store: store.original.key, reverse=True)
        self.all: Mapping[Key, Store] = {store.key: store for store in first_last}
        self.surroundings = surroundings
        self.names: Mapping[Key, str] = _names(self.all.values())

    def find(self, key: Key, path: str) -> tuple[Store, str]:
        """A store and the name of its backend. Raises Refused, about ``path``, where there is none."""
        store = self.all.get(key)
        if store is None:
            raise Refused(path, f"names {key}, which is not among the files; add the file that it is in")
        if store.backend is None:
            raise Refused(path, f"names {key}, which is refused itself")
        return store, self.names[key]

    def of_backend(self, name: str) -> tuple[Key, ...]:
        """The stores that are one backend."""
        return tuple(sorted(key for key, found in self.names.items() if found == name))

    def tables(self) -> dict[str, Backend]:
        """The backends by name, each once."""
        found = ((self.names[store.key], store.backend) for store in self.all.values() if store.backend)
        return dict(sorted(found, key=lambda pair: pair[0]))


def _names(stores: Iterable[Store]) -> dict[Key, str]:
    """The names of the backends; stores that are one backend share the name of the first by key."""
    names: dict[Key, str] = {}
    of_table: dict[tuple[object, ...], str] = {}
    for store in sorted(stores, key=lambda each: each.key):
        if store.backend is None:
            continue
        if store.backend.same not in of_table:
            of_table[store.backend.same] = _free_name(store.key, set(of_table.values()))
        names[store.key] = of_table[store.backend.same]
    return names


def _free_name(key: Key, taken: set[str]) -> str:
    """A name of a backend: lower-case letters, digits and single inner dashes, at most 63."""
    words = f"{key.namespace}-{key.name}".lower()
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in words)
    base = "-".join(word for word in plain.split("-") if word)[:_LONGEST].strip("-") or "backend"
    # `default` is the name of the backend of the flags.
    wanted, number = base if base != "default" else "default-store", 2
    while wanted in taken:
        wanted, number = f"{base}-{number}", number + 1
    return wanted


_LONGEST = 56
