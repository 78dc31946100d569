"""Makes the process a poor place to find secrets in.

It leaves no core dumps, nobody of the same user attaches to it, and the credentials that it was started with
are gone from its environment and its command line.

What cannot be had (another system than Linux, a sandbox that says no) is logged, and the work goes on. This
module must not know what the credentials are for. Python cannot wipe its own memory: what is handled there
stays until it is overwritten by chance, which is why nobody should get to look.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import resource
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path

from secrets_manager.daemon.flags import ExitRequest, parse_flags
from secrets_manager.daemon.options import BY_NAME

log = logging.getLogger("hardening")

CREDENTIALS = ("vault.role-id", "vault.secret-id", "azure-kv.client-secret")
# Not read by this program, and found in the environment of people who use the backends' own tools.
FOREIGN_NAMES = ("VAULT_TOKEN", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD")

_PR_SET_DUMPABLE = 4
# The places in /proc/self/stat of where the arguments begin and the environment ends: fields 48 and 51.
_ARGUMENTS_BEGIN, _ENVIRONMENT_ENDS = 45, 48


def harden(argv: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Do all of it; ``argv`` is without the program's name, ``environ`` the process's own environment.

    The settings must have been read by then.
    """
    texts = [*_in_environment(environ), *_in_arguments(argv)]
    for name in names():
        environ.pop(name, None)
    _attempt("overwrite credentials in the arguments", lambda: _overwrite(texts))
    _attempt("forbid core dumps", lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
    # Last, since it takes away the right to look at oneself in some ways.
    _attempt("forbid attaching", _forbid_attaching)


def names() -> list[str]:
    """Every environment name that may hold a credential of ours."""
    options = [BY_NAME[name] for name in CREDENTIALS]
    ours = [name for option in options for name in (option.overriding, option.environment) if name]
    return [*ours, *FOREIGN_NAMES]


def _in_environment(environ: Mapping[str, str]) -> Iterator[str]:
    return (environ[name] for name in names() if environ.get(name))


def _in_arguments(argv: Sequence[str]) -> Iterator[str]:
    flags = parse_flags(argv)
    if not isinstance(flags, ExitRequest):
        yield from (str(flags.values[name]) for name in CREDENTIALS if flags.values.get(name))


def _attempt(what: str, step: Callable[[], object]) -> None:
    try:
        step()
    except (OSError, ValueError, AttributeError) as error:
        log.warning("the process could not be hardened", extra={"step": what, "reason": type(error).__name__})


def _forbid_attaching() -> None:
    """Not dumpable: no ptrace, no reading of our memory or environment but by root."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _overwrite(texts: Iterable[str]) -> None:
    """Put stars over ``texts`` in the block of memory that /proc shows as cmdline and environ.

    Taking a name out of the environment leaves that block, which the kernel filled at the start, as it is.
    Nothing points into the bytes that are changed: of arguments Python has copies, and the environment's
    names of these values are gone.
    """
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    begin, end = int(fields[_ARGUMENTS_BEGIN]), int(fields[_ENVIRONMENT_ENDS])
    block = ctypes.string_at(begin, end - begin)
    for text in set(texts):
        for at in _occurrences(block, os.fsencode(text)):
            ctypes.memset(begin + at, ord("*"), len(os.fsencode(text)))


def _occurrences(block: bytes, value: bytes) -> Iterator[int]:
    """Where ``value`` stands as a whole value or argument."""
    at = -1
    with contextlib.suppress(ValueError):
        while True:
            at = block.index(value + b"\0", at + 1)
            if at > 0 and block[at - 1 : at] in {b"=", b"\0"}:
                yield at
