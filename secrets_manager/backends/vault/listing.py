"""The folder that a path of a key-value engine is in, and the paths that its list names; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from secrets_manager.settings import Engine

# Names of one folder that are looked at.
_MOST = 10_000
_DATA, _METADATA = "data", "metadata"


class Folder(NamedTuple):
    """What to list, and what stands before a name to make it a path."""

    listed: str
    before: str


def folder_of(engine: Engine, path: str) -> Folder | None:
    """The folder of ``path``; None where the path does not show which it is."""
    *above, _ = path.split("/")
    if not above:
        return None
    before = "/".join(above)
    if engine == "kv1":
        return Folder(before, before)
    if _DATA not in above[1:]:
        return None
    place = above.index(_DATA, 1)
    return Folder("/".join([*above[:place], _METADATA, *above[place + 1 :]]), before)


def paths_in(folder: Folder, reply: Mapping[str, Any]) -> Collection[str]:
    """The paths that the reply to a list names, without folders."""
    data = reply.get("data")
    keys = data.get("keys") if isinstance(data, Mapping) else None
    names = keys[:_MOST] if isinstance(keys, list) else []
    return [f"{folder.before}/{name}" for name in names if isinstance(name, str) and not name.endswith("/")]
