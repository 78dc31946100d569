"""Where External Secrets reads in Vault, as a full API path. Pure.

The rules are those of buildPath in its provider for Vault (client_get.go): a store may name a mount, a key
may repeat it letter for letter, and for version 2 of the engine `data` comes between the two. The client of
Vault then leaves out what is empty between slashes.
"""

from __future__ import annotations

__all__ = ["full_path", "without_empty_parts"]


def full_path(key: str, mount: str | None, *, is_v2: bool) -> str:
    """The path of a key; ``mount`` is that of the store, None where it names none."""
    if mount is None:
        return without_empty_parts(_without_mount(key, is_v2=is_v2))
    rest = key
    if key.startswith(f"{mount}/"):
        rest = key.removeprefix(f"{mount}/")
        if is_v2:
            rest = rest.removeprefix("data/")
    return without_empty_parts("/".join((mount, *(("data",) if is_v2 else ()), rest)))


def without_empty_parts(path: str) -> str:
    """The path as the client of Vault sends it: one slash between two parts, and none around them."""
    return "/".join(part for part in path.split("/") if part not in {"", "."})


def _without_mount(key: str, *, is_v2: bool) -> str:
    # The first part is the mount, unless the key has all of it already.
    if not is_v2 or "/data/" in key:
        return key
    mount, slash, rest = key.partition("/")
    return f"{mount}/data{slash}{rest}"
