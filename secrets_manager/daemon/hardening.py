"""Makes the process a poor place to find secrets in.

It leaves no core dumps, other processes of the same user cannot attach to it, and the credentials that it was
started with are removed from its environment and its command line.

A credential is the value of an option that is secret. It is removed from the flags and from the environment
names that are ours or the backend's. Fall-backs such as HTTPS_PROXY stay, even with a password in the URL:
they are meant for every program of the user, plugins of a kubeconfig among them.

A step that fails (another system than Linux, a sandbox that refuses it) is logged, and the work goes on. This
module must not know what the credentials are for. Python cannot wipe its own memory: a value stays
there until it is overwritten by chance, so no other process may read that memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import resource
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from secrets_manager.backends.factory import plugin_named
from secrets_manager.daemon.config.options import options_with, plugin_from_outside
from secrets_manager.daemon.dumpable import forbid_attaching
from secrets_manager.settings.option import Option

log = logging.getLogger("hardening")

# The places in /proc/self/stat of where the arguments begin and the environment ends: fields 48 and 51.
_ARGUMENTS_BEGIN, _ENVIRONMENT_ENDS = 45, 48


def harden(environ: MutableMapping[str, str], backend: str, in_arguments: Sequence[str]) -> None:
    """Take every step, once the settings are read; ``environ`` is the process's own environment.

    ``in_arguments`` are the secrets on the command line. Well-known names of other backends than ``backend``
    are not ours, and stay.
    """
    options = options_with(plugin_from_outside(backend))
    in_environment = [environ.pop(name, "") for name in credential_names(backend, options)]
    texts = {os.fsencode(text) for text in (*in_environment, *in_arguments) if text}
    kept = {os.fsencode(name) for name in environ}
    _attempt("overwrite credentials in the arguments", lambda: _overwrite(texts, kept))
    _attempt("forbid core dumps", lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
    # Tried at the very start already; by now a failure can be logged.
    _attempt("forbid attaching", forbid_attaching)


def credential_names(backend: str, options: Iterable[Option]) -> list[str]:
    """Every environment name that may hold a credential of ours or of ``backend``."""
    secret = [option for option in options if option.secret]
    ours = [option.environment for option in secret]
    of_backend = [option.overriding for option in secret if option.overriding and option.table == backend]
    # This program does not read them; the backend's own tools do, so they are often set.
    foreign = plugin.foreign_credentials if (plugin := plugin_named(backend)) else ()
    return [*ours, *of_backend, *foreign]


def _attempt(what: str, step: Callable[[], object]) -> None:
    try:
        step()
    except (OSError, ValueError, AttributeError) as error:
        log.warning("the process could not be hardened", extra={"step": what, "reason": type(error).__name__})


def _overwrite(texts: AbstractSet[bytes], kept: AbstractSet[bytes]) -> None:
    """Put stars over ``texts`` in the block of memory that /proc shows as cmdline and environ.

    Taking a name out of the environment leaves that block, which the kernel filled at the start, as it is.
    Nothing points into the bytes that are changed: of arguments Python has copies, and the environment's
    names of these values are gone. The value of a name that is ``kept`` stays, whatever else has the same.
    """
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    begin, end = int(fields[_ARGUMENTS_BEGIN]), int(fields[_ENVIRONMENT_ENDS])
    block = ctypes.string_at(begin, end - begin)
    for text in texts:
        for at in _occurrences(block, text, kept):
            ctypes.memset(begin + at, ord("*"), len(text))


def _occurrences(block: bytes, value: bytes, kept: AbstractSet[bytes]) -> Iterator[int]:
    """Where ``value`` stands as a whole argument, or as the whole value of a name that is not ``kept``."""
    at = -1
    with contextlib.suppress(ValueError):
        while True:
            at = block.index(value + b"\0", at + 1)
            before, mark = block[:at], block[at - 1 : at]
            if mark == b"\0" or (mark == b"=" and before[before.rfind(b"\0") + 1 : -1] not in kept):
                yield at
