"""What a definition asks for of each of its locations. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from secrets_manager.domain.data_from import DataFrom
from secrets_manager.domain.definition import DataSource, Input, SecretSpec
from secrets_manager.domain.location import Location

# In metrics, the key of a fault that is about a path as a whole.
ALL_KEYS = "*"


@dataclass(slots=True)
class Asked:
    """Everything that a spec asks for of one location. Entries of dataFrom come with their places in it."""

    keys: list[tuple[str, DataSource]] = field(default_factory=list)
    wholes: list[tuple[int, DataFrom]] = field(default_factory=list)
    inputs: list[tuple[str, Input]] = field(default_factory=list)

    @property
    def may_be_absent(self) -> bool:
        """Whether the Secret can be made where nothing is there."""
        named: tuple[tuple[str, DataSource | Input], ...] = (*self.keys, *self.inputs)
        wholes = (entry.optional for _, entry in self.wholes)
        return all(source.may_be_absent for _, source in named) and all(wholes)

    def named_keys(self) -> Iterator[str]:
        """The keys that are asked for by name."""
        yield from (source.key for _, source in self.keys)
        yield from (source.key for _, source in self.inputs if source.key is not None)


def asked_of(spec: SecretSpec) -> Mapping[Location, Asked]:
    """Everything that a spec asks for, by location; data keys and inputs in the order of their names."""
    asked: defaultdict[Location, Asked] = defaultdict(Asked)
    for data_key, source in sorted(spec.keys.items()):
        asked[source.location].keys.append((data_key, source))
    for place, entry in enumerate(spec.data_from):
        asked[entry.location].wholes.append((place, entry))
    for name, wanted in sorted(spec.inputs.items()):
        asked[wanted.location].inputs.append((name, wanted))
    return asked


def asked_keys(spec: SecretSpec, locations: Collection[Location]) -> Iterator[tuple[Location, str]]:
    """What a spec asks for there, as metrics have it: location and key, or ALL_KEYS for a whole path."""
    named = ((source.location, source.key) for source in spec.keys.values())
    wholes = ((entry.location, ALL_KEYS) for entry in spec.data_from)
    inputs = ((each.location, ALL_KEYS if each.key is None else each.key) for each in spec.inputs.values())
    return ((place, key) for place, key in chain(named, wholes, inputs) if place in locations)
