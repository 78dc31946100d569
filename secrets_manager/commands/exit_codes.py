"""What the exit code of a command says; the same for all of them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes. A command that was interrupted ends with 130, as a shell would have it."""

    # Done, or the answer is yes: everything is well, nothing would change, the path is allowed.
    OK = 0
    # The answer is no: something is not well, would change, or is denied.
    NO = 1
    # The arguments, the files or the settings have a fault.
    FAULT = 2
    # The cluster or a backend could not be asked, or refused the question.
    UNREACHED = 3
    INTERRUPTED = 130
