"""The content of a file that the settings name, whatever stands at its path.

A pipe without a writer would block its reader for ever, and a device has no end. Both are refused, and so is
a file that is too large for its purpose. This module must not know what a file is for.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

# Credentials and keys take a few thousand bytes, all public authorities a few hundred thousand.
LARGEST_FILE = 1024 * 1024
LARGEST_BUNDLE = 4 * 1024 * 1024


class Unreadable(ValueError):
    """The file cannot be read; the message says why, in words that follow the name of the file."""


def content_of(path: str | Path, most: int = LARGEST_FILE) -> bytes:
    """All of a file; raises Unreadable if it cannot be opened, is not a file or is larger than ``most``."""
    try:
        # O_NONBLOCK opens a pipe at once, so that it can be recognised and refused.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return _all_of(descriptor, most)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or type(error).__name__}") from None
    except ValueError as error:
        if isinstance(error, Unreadable):
            raise
        # The name holds a NUL, or a character that no name may have.
        raise Unreadable("cannot be read: its name is not valid") from None


def path_of(name: str) -> Path:
    """The path that ``name`` means; a ~ that is nobody's home stays as it is, a file that is not there."""
    return Path(os.path.expanduser(name))  # noqa: PTH111 - that of Path raises RuntimeError


def refuse_irregular(path: str | Path) -> None:
    """Raise Unreadable for anything that exists and is not a file; a missing file passes."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a text will do
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode):
        raise Unreadable("is not a regular file")


def _all_of(descriptor: int, most: int) -> bytes:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise Unreadable("is not a regular file")
    content = b""
    while len(content) <= most and (more := os.read(descriptor, most + 1)):
        content += more
    if len(content) > most:
        raise Unreadable(f"is larger than {most // (1024 * 1024)} MiB")
    return content
