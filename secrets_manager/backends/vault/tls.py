"""Trust in Vault's certificate, built from files as Go's client builds it.

An authority may be a root, an intermediate or the server's own certificate, a folder needs no hashed names,
and the name must be in the certificate's alternative names. A fingerprint tells whether the files changed.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import VaultSettings

_PEM = b"-----BEGIN CERTIFICATE-----"

Fingerprint = tuple[tuple[str, int, int, int], ...]


def tls_context(settings: VaultSettings) -> ssl.SSLContext:
    """A context that trusts what ``settings`` say; raises ConfigError for files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    _trust_authorities(context, settings)
    _load_identity(context, settings)
    if settings.skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def fingerprint(settings: VaultSettings) -> Fingerprint:
    """Equal as long as no TLS file was replaced, added or removed; cheap enough for every poll."""
    paths = [Path(name) for name in (settings.ca_cert, settings.client_cert, settings.client_key) if name]
    if settings.ca_path and not settings.ca_cert:
        paths += _files(Path(settings.ca_path))
    return tuple(_stamp(path) for path in paths)


def _trust_authorities(context: ssl.SSLContext, settings: VaultSettings) -> None:
    if settings.ca_cert:
        _trust_file(context, Path(settings.ca_cert), "vault.ca-cert")
    elif settings.ca_path:
        _trust_folder(context, Path(settings.ca_path))
    else:
        context.load_default_certs()


def _trust_folder(context: ssl.SSLContext, folder: Path) -> None:
    found = [path for path in _files(folder) if _PEM in _content(path, "vault.ca-path")]
    if not found:
        raise ConfigError(f"vault.ca-path: folder {str(folder)!r} holds no PEM certificate")
    for path in found:
        _trust_file(context, path, "vault.ca-path")


def _trust_file(context: ssl.SSLContext, path: Path, setting: str) -> None:
    content = _content(path, setting)
    if _PEM not in content:
        raise ConfigError(f"{setting}: file {str(path)!r} holds no PEM certificate")
    try:
        # What is not ASCII stands in comments, and the library refuses it even there.
        context.load_verify_locations(cadata=content.decode("ascii", "replace").replace("\ufffd", "?"))
    except ssl.SSLError:
        raise ConfigError(f"{setting}: file {str(path)!r} holds a damaged certificate") from None


def _load_identity(context: ssl.SSLContext, settings: VaultSettings) -> None:
    if not settings.client_cert and not settings.client_key:
        return
    try:
        context.load_cert_chain(settings.client_cert, settings.client_key or None, password=_no_password)
    except (OSError, ssl.SSLError):
        raise ConfigError(
            f"vault.client-cert {settings.client_cert!r} and vault.client-key {settings.client_key!r}"
            " are not a readable PEM certificate and its unencrypted key"
        ) from None


def _no_password() -> str:
    # Without this the library would ask on the terminal.
    return ""


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _content(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{setting}: {str(path)!r} cannot be read: {error.strerror}") from None


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        seen = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), seen.st_mtime_ns, seen.st_size, seen.st_ino)
