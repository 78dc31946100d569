"""Definitions that can never become a Secret, each in a way of its own, among others that can. Pure.

Only definitions that the CRD of today accepts: refused ones never reach the daemon. Knows nothing of servers;
`bench.sickbed` puts an estate on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bench.plans import MOUNT, Plan, Source, Wish, fresh_pair, path_of

_OVER_HALF_A_SECRET = 600_000
# All definitions of too large values share one path, to spare the servers.
_LARGE_PATH = path_of("shared", "too-large")
_LARGE_EVERY, _LARGE_AT = 100, 9


class Undoing(StrEnum):
    """The removal of a path after it was written."""

    NOTHING = "nothing"
    DELETED = "soft-deleted"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """One way to be sick.

    Attributes:
        reason: the expected reason of the Ready condition.
        path: the definition's path, with places for its namespace and name.
        keys: the data keys of the Secret; each is `value` at the path.
        encoding: of every key.
        type: of the Secret.
        stored: the values that are written at the path first; None for none.
        undoing: the removal of the path after that.

    """

    reason: str
    path: str = path_of("{namespace}", "{name}")
    keys: Sequence[str] = ("value",)
    encoding: str = ""
    type: str = ""
    stored: Mapping[str, object] | None = field(default=None, repr=False)
    undoing: Undoing = Undoing.NOTHING


_DOCKER = "kubernetes.io/dockerconfigjson"
POISONS = (
    Poison(reason="SourceNotFound"),
    Poison(reason="KeyNotFound", stored={"other": "x"}),
    Poison(reason="NotAString", stored={"value": 7}),
    Poison(reason="DecodeError", encoding="base64", stored={"value": "no base64!"}),
    Poison(reason="SourceDeleted", stored={"value": "x"}, undoing=Undoing.DELETED),
    Poison(reason="SourceDestroyed", stored={"value": "x"}, undoing=Undoing.DESTROYED),
    # Below the engine's mount, and not in the policy of the daemon.
    Poison(reason="PermissionDenied", path=f"{MOUNT}private/{{namespace}}/{{name}}"),
    Poison(reason="InvalidForType", type=_DOCKER, keys=(".dockerconfigjson",), stored={"value": "no JSON"}),
    # The CRD takes an empty segment; no backend is asked for it.
    Poison(reason="InvalidPath", path=f"{MOUNT}data//{{namespace}}/{{name}}"),
)
TOO_LARGE = Poison(
    reason="TooLarge",
    path=_LARGE_PATH,
    keys=("one", "two"),
    stored={"value": "x" * _OVER_HALF_A_SECRET},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sick:
    """A definition and its poison."""

    wish: Wish
    poison: Poison


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """Healthy definitions, and sick ones beside them."""

    healthy: Plan
    sick: Sequence[Sick] = ()

    @property
    def wishes(self) -> Sequence[Wish]:
        """All definitions, by namespace and name, as a list shows them."""
        wishes = [*self.healthy.wishes, *(each.wish for each in self.sick)]
        return sorted(wishes, key=lambda wish: (wish.namespace, wish.name))

    @property
    def namespaces(self) -> Sequence[str]:
        """All namespaces that have definitions, each once."""
        return list(dict.fromkeys(wish.namespace for wish in self.wishes))

    @property
    def stored(self) -> Mapping[str, Mapping[str, object]]:
        """The values of the sick definitions in the backend, by path, before any removal."""
        return {each.wish.path: each.poison.stored for each in self.sick if each.poison.stored is not None}

    def undone(self, undoing: Undoing) -> Sequence[str]:
        """The paths to which this is done."""
        return [each.wish.path for each in self.sick if each.poison.undoing is undoing]


def healthy_only(namespaces: Sequence[str], definitions: int) -> Estate:
    """So many healthy definitions, dealt out to the namespaces in turn."""
    return mixed(namespaces, definitions, sick_every=0)


def mixed(namespaces: Sequence[str], definitions: int, *, sick_every: int) -> Estate:
    """So many definitions, dealt out to the namespaces in turn; every so manieth is sick, none for 0."""
    places = [(namespaces[number % len(namespaces)], _name(number)) for number in range(definitions)]
    ill = range(sick_every - 1, definitions, sick_every) if sick_every else range(0)
    well = [place for number, place in enumerate(places) if number not in ill]
    return Estate(
        healthy=_healthy(well),
        sick=[_sick(*places[number], turn=turn) for turn, number in enumerate(ill)],
    )


def beside(first: Estate, second: Estate) -> Estate:
    """Both, which have no definition in common."""
    plan = Plan(
        wishes=[*first.healthy.wishes, *second.healthy.wishes],
        values={**first.healthy.values, **second.healthy.values},
    )
    return Estate(healthy=plan, sick=[*first.sick, *second.sick])


def poison_of(turn: int) -> Poison:
    """The poison of the sick definition of this number: each in turn, and too large a few of them."""
    return TOO_LARGE if turn % _LARGE_EVERY == _LARGE_AT else POISONS[turn % len(POISONS)]


def _healthy(places: Sequence[tuple[str, str]]) -> Plan:
    wishes = [_wish(namespace, name) for namespace, name in places]
    return Plan(wishes=wishes, values={wish.path: fresh_pair(wish.name) for wish in wishes})


def _wish(namespace: str, name: str) -> Wish:
    path = path_of(namespace, name)
    keys = {key: Source(path=path, key=key) for key in ("username", "password")}
    return Wish(namespace=namespace, name=name, keys=keys)


def _sick(namespace: str, name: str, *, turn: int) -> Sick:
    poison = poison_of(turn)
    path = poison.path.format(namespace=namespace, name=name)
    source = Source(path=path, key="value", encoding=poison.encoding)
    keys = dict.fromkeys(poison.keys, source)
    return Sick(wish=Wish(namespace=namespace, name=name, keys=keys, type=poison.type), poison=poison)


def _name(number: int) -> str:
    return f"app-{number:05d}"
