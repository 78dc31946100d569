"""Where a VaultSecret reads in Vault. Pure.

The operator asks Vault for the mount of a path and its version of the engine. Nobody is asked here: a person
names mounts, and what is not named is taken for version 2, mounted under the first part of the path.
"""

from __future__ import annotations

from dataclasses import dataclass

from secrets_manager.migrate.originals import Original
from secrets_manager.migrate.reading import items, text
from secrets_manager.migrate.remarks import Refused
from secrets_manager.migrate.surroundings import Options

__all__ = ["Place", "places"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A path.

    Attributes:
        at: the field that names it.
        path: the full path of the API of Vault.
        is_v1: whether its engine is of version 1.
        is_told: whether a person named the mount.

    """

    at: str
    path: str
    is_v1: bool
    is_told: bool


def places(original: Original, options: Options) -> list[Place]:
    """The paths of a VaultSecret, the first first. Raises Refused."""
    found = [("spec.path", text(original.spec, "path"))]
    more = enumerate(items(original.spec, "paths"))
    found += [(f"spec.paths[{number}]", each) for number, each in more if isinstance(each, str)]
    made = [_place(at, path, options) for at, path in found if path]
    if not made:
        raise Refused("spec.path", "is missing, and so is paths: it reads nothing")
    return made


def _place(at: str, path: str, options: Options) -> Place:
    path = path.strip("/")
    told = [mount for mount in options.kv1_mounts | options.kv2_mounts if f"{path}/".startswith(f"{mount}/")]
    mount = max(told, key=len, default=path.partition("/")[0])
    rest = path[len(mount) :].strip("/")
    if not rest:
        raise Refused(at, "names a mount of Vault, and no secret in it")
    is_v1 = mount in options.kv1_mounts
    full = f"{mount}/{rest}" if is_v1 else f"{mount}/data/{rest}"
    return Place(at=at, path=full, is_v1=is_v1, is_told=bool(told))
