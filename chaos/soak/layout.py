"""Which definitions there are in a soak: healthy ones, on paths of their own and on shared ones, and poisoned
ones. Pure: counts in, manifests out.

Knows nothing of servers. `chaos.soak.estate` puts a layout on them and keeps it in motion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

Json = dict[str, Any]

KEYS = ("one", "two", "canary")
_SHARERS = 10


class Sort(Enum):
    """What kind of definition it is, and so what becomes of its Secret."""

    HEALTHY = "healthy"
    NO_PATH = "no path"
    NO_KEY = "no key"
    FORBIDDEN = "forbidden"
    NOT_BASE64 = "not base64"
    FOREIGN = "foreign Secret in the way"
    NOT_JSON = "not JSON"


POISONS = tuple(sort for sort in Sort if sort is not Sort.HEALTHY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One definition, which stays to the end. `path` is below the run's prefix, without mount."""

    name: str
    path: str
    sort: Sort = Sort.HEALTHY


def layout(count: int) -> list[Plot]:
    """So many definitions: a tenth poisoned, two tenths sharing paths, the rest each with its own path."""
    poisoned, sharing = count // 10, count // 5
    own = [Plot(name=f"own-{number}", path=f"own-{number}") for number in range(count - poisoned - sharing)]
    shared = [Plot(name=f"shared-{number}", path=f"shared-{number // _SHARERS}") for number in range(sharing)]
    sick = [
        Plot(name=f"sick-{number}", path="own-0", sort=POISONS[number % len(POISONS)])
        for number in range(poisoned)
    ]
    return [*own, *shared, *sick]


def paths(plots: Sequence[Plot]) -> list[str]:
    """All paths that hold values, each once."""
    return list(dict.fromkeys(plot.path for plot in plots))


def source_path(plot: Plot, prefix: str) -> str:
    """The path that the definition of a plot names."""
    mount = "secret/data/elsewhere" if plot.sort is Sort.FORBIDDEN else f"secret/data/{prefix}"
    return f"{mount}/{plot.path}{'-none' if plot.sort is Sort.NO_PATH else ''}"


def manifest(plot: Plot, prefix: str, *, key: str = "") -> Json:
    """The definition of a plot; with `key` its first data key is taken from that one."""
    path = source_path(plot, prefix)
    sources: dict[str, dict[str, str]] = {name: {"path": path, "key": name} for name in KEYS}
    if key or plot.sort is Sort.NO_KEY:
        sources["one"]["key"] = key or "none"
    if plot.sort is Sort.NOT_BASE64:
        sources["canary"]["encoding"] = "base64"
    kind = {}
    if plot.sort is Sort.NOT_JSON:
        kind = {"type": "kubernetes.io/dockerconfigjson"}
        sources = {".dockerconfigjson": sources["canary"]}
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": plot.name},
        "spec": {"name": plot.name, "keysMap": sources, **kind},
    }


def wanted(plots: Sequence[Plot], value: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """What each Secret has to hold, by name, when every path holds `value`; no foreign one among them."""
    return {plot.name: value for plot in plots if plot.sort is Sort.HEALTHY}
