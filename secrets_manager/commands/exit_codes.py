"""What the exit code of a command says; the same for all of them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes. Those for an interruption and a reader that went away are the ones of a shell."""

    OK = 0
    NO = 1
    FAULT = 2
    UNREACHED = 3
    INTERNAL = 70
    INTERRUPTED = 130
    HUNG_UP = 141


# As `secrets-manager help` and the pages about commands show it.
MEANINGS: dict[Exit, str] = {
    Exit.OK: "Done; or the answer is yes: all is in step, nothing would change, the path is allowed.",
    Exit.NO: (
        "The answer is no: a definition is not ready or is suspended, something is wrong or would change, "
        "the path is denied."
    ),
    Exit.FAULT: (
        "The arguments, the files or the settings have a fault, what is named is not there, or the answer "
        "could not be written."
    ),
    Exit.UNREACHED: "The cluster, a backend or the daemon did not answer, or refused the question.",
    Exit.INTERNAL: "A fault of this program; the message says where.",
    Exit.INTERRUPTED: "Ctrl-C.",
    Exit.HUNG_UP: "The reader of standard output went away, as in `... | head`.",
}
