"""Rules of the path policy that keep each namespace at what it could read before. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from secrets_manager.migrate.results import Made
from secrets_manager.migrate.stores import Store, Stores

__all__ = ["Rule", "keeping"]


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """A rule that allows, as ``[[policy.rules]]`` has it."""

    backends: tuple[str, ...]
    namespaces: tuple[str, ...]
    paths: tuple[str, ...]


def keeping(stores: Stores, made: Iterable[Made]) -> tuple[Rule, ...]:
    """A rule for each set of namespaces and backend; a store that nothing uses allows nothing."""
    users: dict[object, set[str]] = {}
    for each in made:
        for key in each.stores:
            users.setdefault(key, set()).add(each.ref.namespace)
    paths: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for store in stores.all.values():
        if store.key in users and store.backend is not None:
            who = _namespaces(store, users[store.key])
            paths.setdefault((stores.names[store.key], who), set()).update(store.paths)
    rules = (Rule((backend,), who, _widest(found)) for (backend, who), found in paths.items())
    return tuple(sorted(rules))


def _namespaces(store: Store, users: set[str]) -> tuple[str, ...]:
    found = {*store.reach.namespaces, *(users if store.reach.users_only else ())}
    return ("*",) if "*" in found else tuple(sorted(found))


def _widest(paths: set[str]) -> tuple[str, ...]:
    return ("*",) if "*" in paths else tuple(sorted(paths))
