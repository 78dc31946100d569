"""Paths of Vault that belong to the daemon itself, whose content must never end in a Secret. Pure.

A path may lead through any number of Vault namespaces before its mount, so its beginning says little. This
module must not know how paths are read.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from secrets_manager.backends.vault.percent import unfold
from secrets_manager.domain.errors import InvalidPath
from secrets_manager.settings import Engine

# Vault allows no key-value engine under these names. A cubbyhole belongs to its token.
_RESERVED = frozenset({"auth", "sys", "identity", "cubbyhole"})
_TOKENS = ("auth", "token")
# A signed token that proves the identity of the daemon to others.
_SIGNED = ("identity", "oidc", "token")
# The other calls of the daemon, besides logins and reads.
_CALLS = (("sys", "health"), ("sys", "seal-status"), ("sys", "leases", "revoke"))
# Each of those calls, each login and each signed token has one of these segments.
_NAMED = frozenset({"auth", "sys", "identity"})
_SEPARATORS = re.compile(r"[/\\]")
# Behind this segment of a version 2 path, users choose the names.
_USERS_OWN = "data"
# Percent signs are sent as such; this many proxies on the way may each decode them once too often.
_DECODED_TIMES = 3


def refuse_own(path: str, engine: Engine) -> None:
    """Raise InvalidPath for a path that could name the daemon's own token or calls.

    With version 2 of the engine everything behind ``data/`` is allowed; with version 1 a namespace cannot be
    told from a folder, so ``auth/token`` is refused anywhere in the path, and so is everything behind
    ``identity/oidc/token``.
    """
    if any(_is_own(_SEPARATORS.split(form), engine) for form in _forms(path)):
        raise InvalidPath(
            f"path {path!r} leads to the daemon's own token or calls; no definition may read them"
        )


def _forms(path: str) -> Iterator[str]:
    """The path as it is written, decoded several times, and decoded to the end."""
    if "%" not in path:
        yield path
        return
    decoded = path
    for _ in range(_DECODED_TIMES + 1):
        yield decoded
        decoded = unquote(decoded)
    yield unfold(path).decode("utf-8", "replace")


def _is_own(written: Sequence[str], engine: Engine) -> bool:
    # What decodes or turns separators on the way may also merge them.
    segments = [segment for segment in written if segment]
    if not segments:
        return False
    if segments[0] in _RESERVED:
        return True
    if engine == "kv2" and _USERS_OWN in segments[1:]:
        segments = segments[: segments.index(_USERS_OWN, 1)]
    if _NAMED.isdisjoint(segments):
        return False
    return (
        _TOKENS in itertools.pairwise(segments)
        or _SIGNED in zip(segments, segments[1:], segments[2:-1], strict=False)
        or any(_ends_with(segments, call) for call in _CALLS)
        or _is_login(segments)
    )


def _ends_with(segments: Sequence[str], call: Sequence[str]) -> bool:
    return tuple(segments[-len(call) :]) == tuple(call)


def _is_login(segments: Sequence[str]) -> bool:
    return segments[-1] == "login" and "auth" in segments[:-2]
