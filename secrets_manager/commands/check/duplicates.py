"""Definitions that are in each other's way: of one name, or with one Secret. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from secrets_manager.commands.definitions import Examined
from secrets_manager.commands.problems import Problem, of_error, warning
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import TargetConflict
from secrets_manager.domain.wording import in_quotes


@dataclass(eq=False)
class Duplicates:
    """Remembers what it was shown; of two that clash the later one has the problem."""

    _named: dict[Ref, str] = field(default_factory=dict)
    _wanting: dict[Ref, tuple[Ref, str]] = field(default_factory=dict)

    def problems(self, examined: Examined) -> Iterator[Problem]:
        """Clashes with definitions before this one."""
        definition, place = examined.definition, _place(examined)
        first = self._named.setdefault(definition.ref, place)
        if first != place and definition.ref.name:
            yield warning(
                examined.manifest,
                examined.shown,
                ("metadata", "name"),
                "SameName",
                f"{first} has a definition of this name, too; of the two the one that is applied last counts",
            )
            return
        if definition.target is None:
            return
        holder, where = self._wanting.setdefault(definition.target, (definition.ref, place))
        if holder != definition.ref:
            yield of_error(
                examined.manifest,
                examined.shown,
                TargetConflict(
                    f"SecretDefinition {in_quotes(holder.name)} ({where}) wants Secret "
                    f"{in_quotes(definition.target.name)}, too; the older of the two keeps it"
                ),
                ("spec", "name"),
            )


def _place(examined: Examined) -> str:
    return f"{examined.manifest.file}:{examined.manifest.mark.line}"
