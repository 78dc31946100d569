"""The servers that the Kubernetes project builds for tests: fetched by checksum, quickly or not at all.

Nothing is run or kept that is not what its maintainers listed. Knows nothing of what uses the programs.
"""

from __future__ import annotations

import hashlib
import http.client
import platform
import shutil
import socket
import sys
import tarfile
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

from tests.testbed.progress import Progress, duration, say

__all__ = ["Archive", "ArchiveError", "Patience", "archive_for", "await_address", "fetch"]

_VERSION = "1.36.2"
_PLACE = "https://github.com/kubernetes-sigs/controller-tools/releases/download"
# From envtest-releases.yaml of kubernetes-sigs/controller-tools, in which its maintainers list each archive.
_SHA512 = {
    "linux-amd64": (
        "ea743186c8a799f5cf8faf16969f86189d003cb7d130e0ac4b58789f1e5748dc"
        "f30ebe91c837a10d5ac415383da3e10b9e64d65785c938c23e739781cfb76f08"
    ),
    "linux-arm64": (
        "2d72ee985a8e262a3c57dc9f7f0fd891f6a8c7bf7ebaa2db6dc6d8eac8ae2818"
        "1afe51c1f368b67756cdb40b10de9b205609e1726e5f27f7c6d824dd9c6649ac"
    ),
}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_PROGRAMS = ("etcd", "kube-apiserver", "kubectl")
_CHUNK = 256 * 1024
_MEGABYTE = 1_000_000
_MOST = 1000 * _MEGABYTE


class ArchiveError(Exception):
    """The archive cannot be had; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive of servers: where it is, and what it must be."""

    version: str
    url: str
    sha512: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the network may take, in seconds, before compiling is the better way.

    Attributes:
        answer: until the name is resolved, until the server answers, and between two pieces.
        whole: for all of it.
        judged: after so long, what is too slow to end within `whole` is given up.

    """

    answer: float = 5.0
    whole: float = 120.0
    judged: float = 10.0

    def too_slow(self, seconds: float, got: int, size: int) -> bool:
        """Whether ``got`` of ``size`` bytes after so many seconds is too little to wait for the rest."""
        return seconds > self.whole or (seconds >= self.judged and got * self.whole < size * seconds)


class _Reply(Protocol):
    headers: http.client.HTTPMessage

    def read1(self, size: int, /) -> bytes: ...


def archive_for(
    mirror: str = "", machine: str = platform.machine(), system: str = sys.platform
) -> Archive | None:
    """The archive for this kind of machine, from `mirror` if that is given; None: there is none."""
    kind = f"{system}-{_MACHINES.get(machine, machine)}"
    if kind not in _SHA512:
        return None
    url = f"{_PLACE}/envtest-v{_VERSION}/envtest-v{_VERSION}-{kind}.tar.gz"
    found = Archive(version=_VERSION, url=url, sha512=_SHA512[kind])
    return replace(found, url=mirror) if mirror else found


def fetch(archive: Archive, folder: Path, patience: Patience | None = None) -> None:
    """Make ``folder`` with the archive's programs, whole or not at all. Raises ArchiveError.

    The caller sees to it that nobody else does the same.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
        scratch = Path(name)
        file = scratch / "archive.tar.gz"
        with file.open("wb") as target:
            _download(archive, target, patience or Patience())
        (scratch / "programs").mkdir()
        _unpack(file, scratch / "programs")
        shutil.rmtree(folder, ignore_errors=True)
        (scratch / "programs").rename(folder)


def _download(archive: Archive, target: IO[bytes], patience: Patience) -> None:
    found = hashlib.sha512()
    try:
        await_address(archive.url, patience.answer)
        with urllib.request.urlopen(archive.url, timeout=patience.answer) as reply:
            for piece in _pieces(reply, patience):
                found.update(piece)
                target.write(piece)
    except urllib.error.HTTPError as error:
        with error:
            raise ArchiveError(f"{urlsplit(archive.url).netloc}: {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ArchiveError(f"{urlsplit(archive.url).netloc}: {_reason(error)}") from error
    if found.hexdigest() != archive.sha512:
        raise ArchiveError("what came is another file than its maintainers list (its SHA-512 differs)")


def _pieces(reply: _Reply, patience: Patience) -> Iterator[bytes]:
    """What the server sends, as it comes. Raises ArchiveError if it is too slow, too much, or not all."""
    size, got = int(reply.headers.get("Content-Length") or 0), 0
    say(f"fetching etcd and kube-apiserver ready built, {size / _MEGABYTE:.0f} MB")
    progress = Progress("megabytes fetched")
    while piece := reply.read1(_CHUNK):
        got += len(piece)
        if patience.too_slow(progress.seconds, got, size):
            raise ArchiveError(f"too slow: {_share(got, size)} after {duration(progress.seconds)}")
        if got > _MOST:
            raise ArchiveError(f"more than {_MOST / _MEGABYTE:.0f} MB came")
        progress.at(got // _MEGABYTE, size // _MEGABYTE)
        yield piece
    if got < size:
        raise ArchiveError(f"the transfer ended after {_share(got, size)}")


def _share(got: int, size: int) -> str:
    return f"{got / _MEGABYTE:.1f} of {size / _MEGABYTE:.1f} MB"


def await_address(url: str, seconds: float, resolve: Callable[[str], object] | None = None) -> None:
    """Raise TimeoutError if the address of the server is not known in time: no time-out of a socket is."""
    host = urlsplit(url).hostname
    if not host:
        return  # a file
    if urllib.request.getproxies().get(urlsplit(url).scheme) and not urllib.request.proxy_bypass(host):
        return  # The proxy knows it.
    look_up = resolve or (lambda name: socket.getaddrinfo(name, None))
    failed = list[OSError]()

    def ask() -> None:
        try:
            look_up(host)
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if thread.is_alive():
        raise TimeoutError(f"no address for {host} within {seconds:g} s")


def _unpack(file: Path, folder: Path) -> None:
    """Only the programs, by their names; the checksum has been found right."""
    with tarfile.open(file) as archive:
        for member in archive:
            name = Path(member.name).name
            source = archive.extractfile(member) if member.isfile() and name in _PROGRAMS else None
            if source is None:
                continue
            with (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)
            (folder / name).chmod(0o755)
    if absent := [name for name in _PROGRAMS if not (folder / name).exists()]:
        raise ArchiveError(f"the archive has no {absent[0]}")


def _reason(error: Exception) -> str:
    found = getattr(error, "reason", error)
    return str(getattr(found, "strerror", None) or found) or type(found).__name__
