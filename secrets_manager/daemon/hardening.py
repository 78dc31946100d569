"""Makes the process a poor place to find secrets in.

It leaves no core dumps, other processes of the same user cannot attach to it, and the credentials that it was
started with are removed from its environment and its command line.

A credential is the value of an option that is secret. It is removed from the flags and from the environment
names that are ours or of the kinds of backends in use. Fall-backs such as HTTPS_PROXY stay, even with a
password in the URL: they are meant for every program of the user, plugins of a kubeconfig among them.

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
from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping
from collections.abc import Set as AbstractSet
from itertools import chain
from pathlib import Path

from secrets_manager.backends.factory import plugin_named, plugin_of
from secrets_manager.daemon.config.named_options import NamedPlugin
from secrets_manager.daemon.config.options import Options, options_for, plugin_from_outside
from secrets_manager.daemon.dumpable import forbid_attaching
from secrets_manager.settings import Settings
from secrets_manager.settings.option import Option

log = logging.getLogger("hardening")

# The places in /proc/self/stat of where the arguments begin and the environment ends: fields 48 and 51.
_ARGUMENTS_BEGIN, _ENVIRONMENT_ENDS = 45, 48


def harden(environ: MutableMapping[str, str], settings: Settings) -> None:
    """Take every step, once the settings are read; ``environ`` is the process's own environment.

    Well-known names of kinds of backends that are not in use are not ours, and stay.
    """
    kinds = {each.kind for each in settings.backends}
    in_environment = [environ.pop(name, "") for name in credential_names(kinds, options_behind(settings))]
    texts = {os.fsencode(text) for text in (*in_environment, *settings.secrets_in_arguments) if text}
    kept = {os.fsencode(name) for name in environ}
    _attempt("overwrite credentials in the arguments", lambda: _overwrite(texts, kept))
    _attempt("forbid core dumps", lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
    # Tried at the very start already; by now a failure can be logged.
    _attempt("forbid attaching", forbid_attaching)


def options_behind(settings: Settings) -> Options:
    """The options that the settings were made of."""
    named = (NamedPlugin(name=each.name, plugin=plugin_of(each)) for each in settings.named)
    return options_for(plugin_from_outside(settings.backend), named)


def credential_names(kinds: Collection[str], options: Iterable[Option]) -> list[str]:
    """Every environment name that may hold a credential of ours or of backends of these ``kinds``."""
    secret = [option for option in options if option.secret]
    ours = [option.environment for option in secret]
    of_kinds = [option.overriding for option in secret if option.overriding and option.table in kinds]
    # This program does not read them; the backends' own tools do, so they are often set.
    plugins = [plugin for kind in sorted(kinds) if (plugin := plugin_named(kind))]
    foreign = chain.from_iterable(plugin.foreign_credentials for plugin in plugins)
    return [*ours, *of_kinds, *foreign]


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
