"""The folder in which programs are kept between runs: ${XDG_CACHE_HOME:-~/.cache}/secrets-manager-testbed.

Each folder below it is named by what its content is made of, so that a change never meets an old program; and
is filled by one run at a time. Knows nothing of the programs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.testbed.progress import say

__all__ = ["cache_root", "digest", "locked"]


def cache_root() -> Path:
    """The folder; it need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secrets-manager-testbed"


def digest(files: Iterable[Path], how: str = "") -> str:
    """Sixteen hexadecimal digits that stand for the content of the files, and for how they are used."""
    content = b"".join(path.read_bytes() for path in files)
    return hashlib.sha256(content + how.encode()).hexdigest()[:16]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder, made if need be, is this run's alone until the end of the block; others wait and say so."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run, which fills {folder}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
