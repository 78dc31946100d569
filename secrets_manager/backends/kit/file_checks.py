"""Why a file or a folder of the settings cannot be used; opens it for reading, and keeps nothing.

Each result is the end of a sentence about the setting, "" when the file can be used.
"""

from __future__ import annotations

from pathlib import Path

from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.http.trust import TlsFiles, tls_context
from secrets_manager.runtime.regular_file import LARGEST_BUNDLE, Unreadable, content_of


def file_fault(path: Path) -> str:
    """Why a file cannot be read, or ""."""
    try:
        content_of(path, LARGEST_BUNDLE)
    except Unreadable as fault:
        return f"file {fault}"
    return ""


def certificates_fault(path: Path) -> str:
    """Why a file cannot be used as trusted certificates, or ""."""
    if fault := file_fault(path):
        return fault
    try:
        tls_context(TlsFiles(ca_file=str(path), named={"ca_file": ""}))
    except ConfigError:
        return "file holds no certificate in PEM form"
    return ""


def folder_fault(path: Path) -> str:
    """Why a folder cannot be listed, or ""."""
    try:
        next(path.iterdir(), None)
    except OSError as exc:
        return f"folder cannot be read: {exc.strerror or type(exc).__name__}"
    return ""
