"""How many definitions lie in how many namespaces, and which of these the daemon watches. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.plans import Plan, one_path_each

_FEW_EACH = 10
_WATCHED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How definitions are spread over namespaces.

    Attributes:
        namespaces: the number of namespaces for a number of definitions.
        named: whether the daemon gets their names, or watches the whole cluster.

    """

    namespaces: Callable[[int], int]
    named: bool = False

    def plan(self, prefix: str, definitions: int) -> Plan:
        """So many definitions, or a few less where they do not fit evenly, in namespaces of this prefix."""
        count = self.namespaces(definitions)
        return one_path_each([f"{prefix}-{number:04d}" for number in range(count)], definitions // count)

    def flags(self, plan: Plan) -> Sequence[str]:
        """The flags of a daemon that works on this plan."""
        return (f"-watch-namespaces={','.join(plan.namespaces)}",) if self.named else ()


LAYOUTS: Mapping[str, Layout] = {
    "one": Layout(namespaces=lambda _: 1),
    "many": Layout(namespaces=lambda definitions: max(1, definitions // _FEW_EACH)),
    "watched": Layout(namespaces=lambda definitions: min(_WATCHED, definitions), named=True),
}
