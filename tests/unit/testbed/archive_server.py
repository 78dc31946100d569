"""A server of archives on loopback that answers as it is told: well, wrongly, slowly, or in part."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.testbed.envtest import Archive

PROGRAMS = {name: f"#!/bin/sh\necho {name}\n".encode() for name in ("etcd", "kube-apiserver", "kubectl")}


def packed(programs: Mapping[str, bytes] = PROGRAMS) -> bytes:
    """An archive as controller-tools makes it, with a file that nobody wants."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in {**programs, "../escaped": b"no"}.items():
            member = tarfile.TarInfo(f"controller-tools/envtest/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def archive(url: str, content: bytes) -> Archive:
    """What a user would pin of this content."""
    return Archive(version="1.2.3", url=url, sha512=hashlib.sha512(content).hexdigest())


@contextmanager
def served(content: bytes, *, sent: int | None = None, status: int = 200) -> Iterator[str]:
    """The address of the content, of which ``sent`` bytes come before the connection stands still, or all.

    -1: the connection ends in the middle.
    """
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if sent == -1 else content[:sent])
            if sent is not None and sent >= 0:
                self.wfile.flush()
                over.wait(30)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/archive"
        finally:
            over.set()
            server.shutdown()
            thread.join()
