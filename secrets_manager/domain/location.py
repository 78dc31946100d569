"""What a definition reads: a path of the backend, and the version of it. Pure."""

from __future__ import annotations

from typing import NamedTuple

# No backend has longer ones.
MAX_VERSION = 64


class Location(NamedTuple):
    """A path as the definition writes it, and one version of it, or "" for the newest."""

    path: str
    version: str = ""
