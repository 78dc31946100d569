"""What the exit code of a command says; the same for all of them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes. Those for an interruption and a reader that went away are the ones of a shell."""

    # Done, or the answer is yes: everything is well, nothing would change, the path is allowed.
    OK = 0
    # The answer is no: something is not well, would change, or is denied.
    NO = 1
    # The arguments, the files or the settings have a fault, or the answer could not be written.
    FAULT = 2
    # The cluster or a backend could not be asked, or refused the question.
    UNREACHED = 3
    # A fault of this program.
    INTERNAL = 70
    # Somebody interrupted it.
    INTERRUPTED = 130
    # The reader of standard output went away first, as in `... | head`.
    HUNG_UP = 141
