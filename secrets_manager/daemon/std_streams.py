"""Standard input, output and error, which may be closed, full, or read by nobody.

A descriptor that is closed at the start would be given to the first socket, and log lines would then be sent
to a server. It loads next to nothing, since it comes before all else.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

_STANDARD = (0, 1, 2)


def hold_closed_descriptors() -> None:
    """Put something in the place of each standard descriptor that is closed, so that no socket gets it.

    It cannot be written to, so that what is written there is not taken for told.
    """
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest that is free, which is this one.
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDONLY)


def write_to_stdout(text: str) -> None:
    """Write all of a text to descriptor 1, past Python's buffers and their locks; raises OSError."""
    rest = text.encode(errors="backslashreplace")
    while rest:
        rest = rest[os.write(1, rest) :]


def say(text: str, stream: TextIO | None) -> bool:
    """Write to a stream of Python's that may be closed or full; returns whether all of it was written."""
    if stream is None:
        return False
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        return False
    return True


def flush_what_is_left() -> None:
    """Flush both streams, as far as they can be."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
