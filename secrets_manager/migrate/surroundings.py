"""What an object is converted with besides itself: the objects beside it, and what a person said. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from secrets_manager.migrate.originals import Key, Original

__all__ = ["ALONE", "NOTHING_SAID", "Options", "Surroundings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What no object says, so a person does.

    Attributes:
        operator_namespace: the namespace of the Vault Secrets Operator, whose objects named `default` stand
            for those that are not named; "" where that is not said.
        kv1_mounts: mounts of version 1 of the key-value engine, without slashes around them.
        kv2_mounts: mounts of version 2; one of a single part need not be said.

    """

    operator_namespace: str = ""
    kv1_mounts: frozenset[str] = frozenset()
    kv2_mounts: frozenset[str] = frozenset()


NOTHING_SAID = Options()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The objects of all files by their keys, and the options."""

    objects: Mapping[Key, Original] = field(default_factory=dict)
    options: Options = NOTHING_SAID


ALONE = Surroundings()
