"""The files that hold credentials: read at each login, so that a rotated one is used at once.

There is one reader for all of them, so that a byte order mark or another encoding means the same everywhere.
Errors name the setting, the file and the fault, and never show the content. This module must not know what a
credential is for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from secrets_manager.domain.errors import AuthFailed, ConfigError
from secrets_manager.runtime.regular_file import LARGEST_BUNDLE, LARGEST_FILE, Unreadable, content_of
from secrets_manager.settings.credential_text import NoCredential, credential_in, decode_text, has_mark


def read_credential(file: str, setting: str) -> str:
    """The credential in ``file``; raises AuthFailed that names ``setting`` when there is none."""
    try:
        found = credential_in(decode_text(_content(file)))
    except NoCredential as fault:
        raise _unusable(file, setting, str(fault)) from None
    if not found:
        raise _unusable(file, setting, "is empty")
    return found


def read_keys(file: str, setting: str) -> bytes:
    """Certificates and keys: PEM as UTF-8 without byte order mark, PFX as it is; raises AuthFailed."""
    try:
        content = _content(file)
        # A PFX has no byte order mark: it begins with the tag of a sequence.
        return decode_text(content).encode() if has_mark(content) else content
    except NoCredential as fault:
        raise _unusable(file, setting, str(fault)) from None


class Fingerprint:
    """A digest of some files, which changes when one of them does and reveals nothing else."""

    def __init__(self, files: Iterable[str], others: Callable[[], Iterable[str | Path]] = lambda: ()) -> None:
        """``files`` may be missing, and "" means none; ``others`` is called for more files each time, and may
        raise ConfigError.
        """
        self._files = tuple(file for file in files if file)
        self._others = others
        self._key = os.urandom(32)

    def __call__(self) -> bytes:
        """The digest of the current content."""
        digest = hashlib.blake2b(key=self._key)
        try:
            files = (*self._files, *self._others())
        except ConfigError as fault:
            digest.update(fault.message.encode())
            files = self._files
        for file in files:
            try:
                # Authorities may be among them, whose files are larger.
                content = b"+" + _content(file, LARGEST_BUNDLE)
            except NoCredential as fault:
                content = b"-" + str(fault).encode()
            digest.update(len(content).to_bytes(8) + content)
        return digest.digest()


def _content(file: str | Path, most: int = LARGEST_FILE) -> bytes:
    """All of a file; raises NoCredential if it cannot be read, is not a file or is too large."""
    try:
        return content_of(file, most)
    except Unreadable as fault:
        raise NoCredential(str(fault)) from None


def _unusable(file: str, setting: str, why: str) -> AuthFailed:
    return AuthFailed(f"{setting}: file {file!r} {why}")
