"""Kubeconfigs of every kind, and the servers that some of them need."""

from __future__ import annotations

import base64
import json
import select
import socket
import ssl
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.testbed.pki import Authority, KeyPair
from tests.unit.runtime.loopback import Connection, Loopback, Script

_PLUGIN = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
with (folder / "runs").open("a") as runs:
    runs.write("x")
answer = folder / "status.json"
if not answer.exists():
    print({complaint!r}, file=sys.stderr)
    sys.exit(1)
kind = {{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}}
print(json.dumps({{**kind, "status": json.loads(answer.read_text())}}))
"""


class Plugin:
    """An exec plugin of kubectl's kind: answers as the test sets it, counts its runs, and can fail."""

    def __init__(self, folder: Path, *, complaint: str = "") -> None:
        folder.mkdir()
        self._folder = folder
        self.program = folder / "plugin"
        self.program.write_text(
            _PLUGIN.format(python=sys.executable, folder=str(folder), complaint=complaint)
        )
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def say(self, status: Mapping[str, str]) -> None:
        """Answer with this status from now on."""
        (self._folder / "status.json").write_text(json.dumps(status))

    def fail(self) -> None:
        """Complain and fail from now on."""
        (self._folder / "status.json").unlink()

    @property
    def runs(self) -> int:
        """How often it was run."""
        told = self._folder / "runs"
        return len(told.read_text()) if told.exists() else 0

    @property
    def user(self) -> dict[str, Any]:
        """The user of a kubeconfig that asks this plugin."""
        return {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": str(self.program),
                "interactiveMode": "Never",
            }
        }


def kubeconfig(folder: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> str:
    """The path of a kubeconfig with one context."""
    path = folder / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{"name": "test", "cluster": dict(cluster)}],
                "users": [{"name": "test", "user": dict(user)}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            }
        )
    )
    return str(path)


def inline(path: Path) -> str:
    """A file as the ``-data`` fields of a kubeconfig hold it."""
    return base64.b64encode(path.read_bytes()).decode()


def mutual_tls(script: Script, pair: KeyPair, authority: Authority) -> Loopback:
    """A server that accepts only clients with a certificate of this authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.load_verify_locations(authority.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    server = Loopback(script)
    server._tls = context
    server.url = f"https://127.0.0.1:{server.port}"
    return server


def tunnel(connection: Connection) -> None:
    """The script of an HTTP proxy that takes CONNECT and nothing else."""
    request = connection.receive()
    if request is None or request.method != "CONNECT":
        connection.reply(405)
        return
    host, _, port = request.target.rpartition(":")
    with socket.create_connection((host, int(port))) as upstream:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        _pump(connection.sock, upstream)


def _pump(one: socket.socket, other: socket.socket) -> None:
    partner = {one: other, other: one}
    while True:
        readable, _, _ = select.select([one, other], [], [], 30)
        for sock in readable:
            chunk = sock.recv(65536)
            if not chunk:
                return
            partner[sock].sendall(chunk)


class Shown:
    """A client certificate that a kubeconfig presents in one of the possible ways, and its replacement."""

    def __init__(self, way: str, folder: Path, cluster: Mapping[str, Any]) -> None:
        self._way = way
        self._folder = folder
        self._cluster = cluster
        self._files = {"client-certificate": folder / "tls.crt", "client-key": folder / "tls.key"}
        self._plugin = Plugin(folder / "plugin")

    def show(self, pair: KeyPair) -> str:
        """Put the certificate in place; returns the path of the kubeconfig."""
        user: dict[str, Any] = {name: str(path) for name, path in self._files.items()}
        if self._way == "inline":
            user = {"client-certificate-data": inline(pair.certificate), "client-key-data": inline(pair.key)}
        elif self._way == "file":
            for path, content in zip(self._files.values(), (pair.certificate, pair.key), strict=True):
                path.write_bytes(content.read_bytes())
        elif self._way == "mounted":
            self._mount(pair)
        else:
            said = {
                "clientCertificateData": pair.certificate.read_text(),
                "clientKeyData": pair.key.read_text(),
            }
            self._plugin.say(said)
            user = self._plugin.user
        return kubeconfig(self._folder, self._cluster, user)

    def _mount(self, pair: KeyPair) -> None:
        """Write files as the kubelet does: behind a link to a folder, which is swapped as a whole."""
        version = self._folder / f"..{pair.certificate.stem}"
        version.mkdir()
        (version / "tls.crt").write_bytes(pair.certificate.read_bytes())
        (version / "tls.key").write_bytes(pair.key.read_bytes())
        link = self._folder / "..new"
        link.symlink_to(version.name)
        link.rename(self._folder / "..data")
        for path in self._files.values():
            if not path.is_symlink():
                path.symlink_to(f"..data/{path.name}")
