"""The definitions of a run and the values that the backend holds for them. Pure.

Knows nothing of servers. `bench.corpus` puts a plan on them.
"""

from __future__ import annotations

import random
import secrets as random_source
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOUNT = "secret/"
_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A key at a backend path, and the encoding of its value there, if any."""

    path: str
    key: str
    encoding: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One definition; it wants a Secret of its own name, with these keys, of this type or the usual one.

    Where it says in another way where its values come from, ``spec`` is that part of it, and ``given`` is the
    data that the Secret has then.
    """

    namespace: str
    name: str
    keys: Mapping[str, Source]
    type: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """The first path it names; the only one in most plans."""
        return next(iter(self.keys.values())).path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Definitions, and the values by path and key that the backend holds."""

    wishes: Sequence[Wish]
    values: Mapping[str, Mapping[str, str]] = field(repr=False)

    @property
    def namespaces(self) -> Sequence[str]:
        """All namespaces that have definitions, each once."""
        return list(dict.fromkeys(wish.namespace for wish in self.wishes))

    def data(self, wish: Wish) -> Mapping[str, str]:
        """The values that the Secret of a definition must hold."""
        if wish.given is not None:
            return wish.given
        return {key: self.values[source.path][source.key] for key, source in wish.keys.items()}

    def some(self, count: int) -> Sequence[Wish]:
        """So many of the definitions in no order, the same each time; all of them if there are fewer."""
        # No order: a walk in step with the daemon's polls would meet each at the same point of its period.
        dice = random.Random(count)  # noqa: S311 - nothing hangs on their being unforeseeable
        return dice.sample(self.wishes, min(count, len(self.wishes)))

    def changed(self, values: Mapping[str, Mapping[str, str]]) -> Plan:
        """The same definitions when the backend holds these values at some paths."""
        return Plan(wishes=self.wishes, values={**self.values, **values})


def one_path_each(namespaces: Sequence[str], each: int) -> Plan:
    """In each namespace so many definitions of two keys from one path of their own."""
    wishes = [
        Wish(namespace=namespace, name=name, keys=_keys(path_of(namespace, name), ("username", "password")))
        for namespace in namespaces
        for name in (f"app-{number:05d}" for number in range(each))
    ]
    return Plan(wishes=wishes, values={wish.path: fresh_pair(wish.name) for wish in wishes})


def shared(namespace: str, *, definitions: int, paths: int, keys: int) -> Plan:
    """Definitions of so many keys, each key from another of a few paths that all share."""
    places = [path_of(namespace, f"shared-{number}") for number in range(paths)]
    wishes = [
        Wish(
            namespace=namespace,
            name=f"app-{number:05d}",
            keys={
                f"key-{key}": Source(path=places[(number + key) % paths], key=f"key-{key}")
                for key in range(keys)
            },
        )
        for number in range(definitions)
    ]
    return Plan(wishes=wishes, values={path: _values(keys) for path in places})


def many_keyed(namespace: str, *, definitions: int, keys: int) -> Plan:
    """Definitions of many small keys, all from one path of their own."""
    names = tuple(f"key-{key}" for key in range(keys))
    wishes = [
        Wish(namespace=namespace, name=name, keys=_keys(path_of(namespace, name), names))
        for name in (f"app-{number:05d}" for number in range(definitions))
    ]
    return Plan(wishes=wishes, values={wish.path: _values(keys) for wish in wishes})


def large(namespace: str, *, definitions: int, kib: int) -> Plan:
    """Definitions of one key with a value of so many KiB, no two alike."""
    filler = random_source.token_hex(kib * _KIB // 2)
    wishes = [
        Wish(namespace=namespace, name=name, keys=_keys(path_of(namespace, name), ("blob",)))
        for name in (f"app-{number:05d}" for number in range(definitions))
    ]
    values = {wish.path: {"blob": wish.name + filler[len(wish.name) :]} for wish in wishes}
    return Plan(wishes=wishes, values=values)


def fresh_pair(name: str) -> Mapping[str, str]:
    """Values for the two keys of a definition, never the same twice."""
    return {"username": f"user-of-{name}", "password": random_source.token_urlsafe(18)}


def path_of(namespace: str, name: str) -> str:
    """The KV2 API path that belongs to a name."""
    return f"{MOUNT}data/{namespace}/{name}"


def _keys(path: str, names: Sequence[str]) -> Mapping[str, Source]:
    return {name: Source(path=path, key=name) for name in names}


def _values(count: int) -> Mapping[str, str]:
    return {f"key-{key}": random_source.token_urlsafe(18) for key in range(count)}
