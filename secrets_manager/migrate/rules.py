"""Rules of the path policy that keep each namespace at what it could read before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secrets_manager.migrate.results import Made
from secrets_manager.migrate.stores import Store, Stores
from secrets_manager.settings.checks import DNS_LABEL

__all__ = ["Rule", "keeping"]


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """A rule that allows, as ``[[policy.rules]]`` has it."""

    backends: tuple[str, ...]
    namespaces: tuple[str, ...]
    paths: tuple[str, ...]


def keeping(stores: Stores, made: Iterable[Made]) -> tuple[Rule, ...]:
    """A rule for each backend and what could be read there; a store that nothing uses allows nothing."""
    users: dict[object, list[Made]] = {}
    for each in made:
        for key in each.stores:
            users.setdefault(key, []).append(each)
    paths: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for store in stores.all.values():
        if store.key in users and store.backend is not None:
            backend = stores.names[store.key]
            for who, found in _reached(store, backend, users[store.key]):
                if who:
                    paths.setdefault((backend, who), set()).update(found)
    # Namespaces that could read the same share a rule, since the daemon takes only so many.
    readers: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for (backend, who), found in paths.items():
        readers.setdefault((backend, _widest(found)), set()).update(who)
    rules = (Rule((backend,), _widest(who), found) for (backend, found), who in readers.items())
    return tuple(sorted(rules))


def _reached(
    store: Store, backend: str, users: Iterable[Made]
) -> Iterator[tuple[tuple[str, ...], Iterable[str]]]:
    """Namespaces and what they could read with a store."""
    if not store.exact:
        yield _namespaces(store, {each.ref.namespace for each in users}), store.paths
        return
    for each in users:
        yield (each.ref.namespace,), [path.strip("/") for named, path in each.reads if named == backend]


def _namespaces(store: Store, users: set[str]) -> tuple[str, ...]:
    found = {*store.reach.namespaces, *(users if store.reach.users_only else ())}
    # What is no name would be a pattern, which means more.
    return _widest({name for name in found if name == "*" or DNS_LABEL.fullmatch(name)})


def _widest(patterns: set[str]) -> tuple[str, ...]:
    return ("*",) if "*" in patterns else tuple(sorted(patterns))
