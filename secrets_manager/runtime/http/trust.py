"""The certificates that a TLS client trusts and shows, from files, in the same way for every server.

The rules are those of Go's client: an authority may be a root, an intermediate or the server's own
certificate, a folder needs no hashed names, the name must be in the certificate's alternative names, and
comments in a file may be in any encoding. Files are rotated at runtime: a stamp shows whether any of them
changed. A byte order mark is no part of a file, here as in files of credentials.
"""

from __future__ import annotations

import codecs
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.regular_file import LARGEST_BUNDLE, Unreadable, content_of

T = TypeVar("T")

Stamp = tuple[tuple[str, int, int, int], ...]

# By the state of the system's files; those that nobody uses any more are forgotten.
_of_the_system: WeakValueDictionary[Stamp, ssl.SSLContext] = WeakValueDictionary()
_making = threading.Lock()

_PEM = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths of PEM files, "" for none.

    Attributes:
        ca_file: certificates to trust, instead of the system's.
        ca_folder: the same as a folder; it counts only without ``ca_file``.
        certificate: the certificate that we show, with its chain.
        key: its unencrypted key; "" when it is in the same file.
        verify: whether the server's certificate is checked at all.
        named: the setting behind each of these fields, for messages.

    """

    ca_file: str = ""
    ca_folder: str = ""
    certificate: str = ""
    key: str = ""
    verify: bool = True
    named: dict[str, str]

    def contents(self) -> tuple[bytes, ...]:
        """The contents of all files that are used; raises ConfigError."""
        folder = self.named.get("ca_folder", "")
        named = ((self.ca_file, "ca_file"), (self.certificate, "certificate"), (self.key, "key"))
        fields = {Path(name): self.named[field] for name, field in named if name}
        return tuple(_content(path, fields.get(path, folder)) for path in self.paths())

    def paths(self) -> list[Path]:
        """All files that are used; raises ConfigError for a folder that cannot be listed."""
        paths = [Path(name) for name in (self.ca_file, self.certificate, self.key) if name]
        if self.ca_folder and not self.ca_file:
            paths += _files(Path(self.ca_folder), self.named["ca_folder"])
        return paths


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """A context that trusts and shows the current content of ``files``; raises ConfigError.

    It is not to be changed: all clients that trust the system's authorities and show no certificate share
    one, since it takes close to a MiB and a twentieth of a second.
    """
    if files == replace(files, ca_file="", ca_folder="", certificate="", key="", verify=True):
        return _trusting_the_system()
    context = _strict_context()
    if files.ca_file:
        _trust_file(context, Path(files.ca_file), files.named["ca_file"])
    elif files.ca_folder:
        _trust_folder(context, Path(files.ca_folder), files.named["ca_folder"])
    else:
        context.load_default_certs()
    _load_identity(context, files)
    if not files.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _strict_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    return context


def _trusting_the_system() -> ssl.SSLContext:
    places = ssl.get_default_verify_paths()
    seen = stamp_of(Path(place) for place in (places.cafile, places.capath) if place)
    with _making:
        context = _of_the_system.get(seen)
        if context is None:
            context = _of_the_system[seen] = _strict_context()
            context.load_default_certs()
        return context


def stamp_of(paths: Iterable[Path]) -> Stamp:
    """Equal as long as no file was replaced, added or removed, also behind links; cheap."""
    return tuple(_stamp(path) for path in paths)


class FileBacked(Generic[T]):
    """A value built from files, and built again when they change; safe to use from many threads.

    While the new files cannot be used (half written, for example) the old value stays in use, and each
    refresh tries again. A value that has been replaced is passed to ``retire``.
    """

    def __init__(
        self, paths: Callable[[], Iterable[Path]], build: Callable[[], T], retire: Callable[[T], None]
    ) -> None:
        """Build the first value; raises ConfigError."""
        self._paths = paths
        self._build = build
        self._retire = retire
        self._lock = threading.Lock()
        # Taken before the files are read: a change in between is then read once more.
        self._seen: Stamp = stamp_of(paths())
        self._reported: Stamp | None = None
        self.current: T = build()

    def newer_than(self, used: T, on_unusable: Callable[[ConfigError], None]) -> bool:
        """Refresh, then say whether the current value differs from ``used``, which did not work."""
        self.refresh(on_unusable)
        return self.current is not used

    def refresh(self, on_unusable: Callable[[ConfigError], None]) -> bool:
        """Build the value again if the files changed; returns whether a new one is in use.

        ``on_unusable`` is called once for files that cannot be used.
        """
        with self._lock:
            found: Stamp = ()
            try:
                found = stamp_of(self._paths())
                if found == self._seen:
                    return False
                fresh = self._build()
            except ConfigError as error:
                if found != self._reported:
                    self._reported = found
                    on_unusable(error)
                return False
            self._seen, self._reported = found, None
            old, self.current = self.current, fresh
        self._retire(old)
        return True


def _trust_folder(context: ssl.SSLContext, folder: Path, setting: str) -> None:
    found = [path for path in _files(folder, setting) if _PEM in _content(path, setting)]
    if not found:
        raise ConfigError(f"{setting}: folder {str(folder)!r} holds no PEM certificate")
    for path in found:
        _trust_file(context, path, setting)


def _trust_file(context: ssl.SSLContext, path: Path, setting: str) -> None:
    # The library passes over a certificate that a byte order mark stands before, as if it were a comment.
    content = _content(path, setting).replace(codecs.BOM_UTF8, b"")
    if _PEM not in content:
        raise ConfigError(f"{setting}: file {str(path)!r} holds no PEM certificate")
    try:
        # Characters outside ASCII are in comments, and the library refuses them even there.
        context.load_verify_locations(cadata=content.decode("ascii", "replace").replace("\ufffd", "?"))
    except ssl.SSLError:
        raise ConfigError(f"{setting}: file {str(path)!r} holds a damaged certificate") from None


def _load_identity(context: ssl.SSLContext, files: TlsFiles) -> None:
    if not files.certificate and not files.key:
        return
    for path, field in ((files.certificate, "certificate"), (files.key, "key")):
        if path:
            # The library opens the files by itself, and would wait for a pipe.
            _content(Path(path), files.named[field])
    try:
        context.load_cert_chain(files.certificate, files.key or None, password=_no_password)
    except (OSError, ssl.SSLError):
        raise ConfigError(
            f"{files.named['certificate']} {files.certificate!r} and {files.named['key']} {files.key!r}"
            " are not a readable PEM certificate and its unencrypted key"
        ) from None


def _no_password() -> str:
    # Otherwise the library would ask on the terminal.
    return ""


def _files(folder: Path, setting: str) -> list[Path]:
    try:
        return sorted(path for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        # No descriptors are left, or a folder in it may be listed and not entered.
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"{setting}: folder {str(folder)!r} cannot be read: {reason}") from None


def _content(path: Path, setting: str) -> bytes:
    try:
        return content_of(path, LARGEST_BUNDLE)
    except Unreadable as fault:
        raise ConfigError(f"{setting}: {str(path)!r} {fault}") from None


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        seen = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), seen.st_mtime_ns, seen.st_size, seen.st_ino)
