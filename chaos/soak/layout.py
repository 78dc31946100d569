"""The definitions of a soak: healthy ones, on paths of their own and on shared ones, and poisoned
ones. Pure: counts in, manifests out.

Knows nothing of servers. `chaos.soak.estate` puts a layout on them and keeps it in motion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from chaos.shapes import Json, Shape, data_of, shape_of

KEYS = ("one", "two", "canary")
# Definitions of all shapes whose Secrets one workload uses.
USED = ("own-0", "own-1", "own-2")
_SHARERS = 10


class Sort(Enum):
    """The kind of a definition, which decides what its Secret is in the end."""

    HEALTHY = "healthy"
    NO_PATH = "no path"
    NO_KEY = "no key"
    FORBIDDEN = "forbidden"
    NOT_BASE64 = "not base64"
    FOREIGN = "foreign Secret in the way"
    NOT_JSON = "not JSON"


POISONS = tuple(sort for sort in Sort if sort is not Sort.HEALTHY)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDefinition:
    """One definition, which stays to the end. `path` is below the run's prefix, without mount."""

    name: str
    path: str
    sort: Sort = Sort.HEALTHY
    shape: Shape = Shape.KEYS_MAP


def layout(count: int) -> list[PlannedDefinition]:
    """So many definitions: a tenth poisoned, two tenths sharing paths, the rest each with its own path.

    The healthy ones are of all shapes in turn.
    """
    poisoned, sharing = count // 10, count // 5
    own = [
        PlannedDefinition(name=f"own-{number}", path=f"own-{number}", shape=shape_of(number))
        for number in range(count - poisoned - sharing)
    ]
    shared = [
        PlannedDefinition(
            name=f"shared-{number}", path=f"shared-{number // _SHARERS}", shape=shape_of(number)
        )
        for number in range(sharing)
    ]
    sick = [
        PlannedDefinition(name=f"sick-{number}", path="own-0", sort=POISONS[number % len(POISONS)])
        for number in range(poisoned)
    ]
    return [*own, *shared, *sick]


def paths(planned: Sequence[PlannedDefinition]) -> list[str]:
    """All paths that hold values, each once."""
    return list(dict.fromkeys(item.path for item in planned))


def source_path(item: PlannedDefinition, prefix: str) -> str:
    """The path that a planned definition names."""
    mount = "secret/data/elsewhere" if item.sort is Sort.FORBIDDEN else f"secret/data/{prefix}"
    return f"{mount}/{item.path}{'-none' if item.sort is Sort.NO_PATH else ''}"


def manifest(item: PlannedDefinition, prefix: str, *, key: str = "") -> Json:
    """The manifest of a planned definition; with `key` its first data key is taken from that one."""
    path = source_path(item, prefix)
    data = data_of(item.shape, path, KEYS, first=key or ("none" if item.sort is Sort.NO_KEY else ""))
    if item.sort is Sort.NOT_BASE64:
        data["keysMap"]["canary"]["encoding"] = "base64"
    if item.sort is Sort.NOT_JSON:
        canary = {".dockerconfigjson": {"path": path, "key": "canary"}}
        data = {"type": "kubernetes.io/dockerconfigjson", "keysMap": canary}
    restart = {"restart": {"referencing": True}} if item.name in USED else {}
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": item.name},
        "spec": {"name": item.name, **data, **restart},
    }


def wanted(planned: Sequence[PlannedDefinition], value: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """The expected data of each Secret, by name, if every path holds `value`; foreign ones are left out."""
    return {item.name: value for item in planned if item.sort is Sort.HEALTHY}
