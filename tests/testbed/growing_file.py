"""A file of lines that grows: only new lines are read.

Tests read logs many times a second; to read all of a long log again each time takes seconds, in which the
program under test goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

R = TypeVar("R")


class Tail:
    """The lines of a growing file, each given once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def take(self) -> list[bytes]:
        """The whole lines written since the last take; one that is half written comes with the next."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            *lines, rest = file.read().split(b"\n")
            self._offset = file.tell() - len(rest)
        return lines


class GrowingFile(Generic[R]):
    """The lines of `path` as `parse` reads them; results are kept, except for None."""

    def __init__(self, path: Path, parse: Callable[[bytes], R | None]) -> None:
        self._tail = Tail(path)
        self._parse = parse
        self._lock = threading.Lock()
        self._rows: list[R] = []

    def rows(self) -> list[R]:
        """All rows so far, oldest first; a line that is still being written is left out."""
        with self._lock:
            self._rows += [row for line in self._tail.take() if (row := self._parse(line)) is not None]
            return self._rows.copy()
