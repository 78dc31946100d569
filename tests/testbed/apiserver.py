"""kube-apiserver on loopback: RBAC, an admin token, service-account tokens, an audit log.

Knows nothing of what is stored in it.
"""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

import urllib3

from tests.testbed.binaries import program
from tests.testbed.growing_file import GrowingFile
from tests.testbed.pki import Authority, KeyPair, write_signing_key
from tests.testbed.processes import ServerProcess, free_port

__all__ = ["ApiServer", "AuditEntry"]

ISSUER = "https://kubernetes.default.svc"
_AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One finished (or for a watch: begun, then finished) call, as the API server saw it."""

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    user: str
    status: int
    stage: str


class ApiServer:
    """One kube-apiserver over an etcd; a restart keeps port, keys and tokens."""

    def __init__(self, folder: Path, *, etcd_url: str, authority: Authority) -> None:
        port = free_port()
        self.url = f"https://127.0.0.1:{port}"
        self.admin_token = secrets.token_urlsafe(24)
        self.signing_key = folder / "service-account.key"
        self._ca_file = authority.ca_file
        self._audit_file = folder / "audit.log"
        self._audit_log = GrowingFile(self._audit_file, _audit_entry)
        command = [
            str(program("kube-apiserver")),
            *self._flags(folder, port, etcd_url, authority.issue("127.0.0.1", "localhost")),
        ]
        self.process = ServerProcess("kube-apiserver", command, log=folder / "kube-apiserver.log")

    def start(self) -> None:
        """Return once /readyz says so."""
        self.process.launch()
        self.await_ready()

    def await_ready(self) -> None:
        """Return once /readyz of the launched process says so."""
        with urllib3.PoolManager(ca_certs=str(self._ca_file), retries=False, timeout=5) as http:
            self.process.await_ready(lambda: self._ready(http))

    def audit(self) -> list[AuditEntry]:
        """Every call so far, oldest first; a call that is still being written is left out."""
        return self._audit_log.rows()

    def _flags(self, folder: Path, port: int, etcd_url: str, serving: KeyPair) -> list[str]:
        write_signing_key(self.signing_key)
        tokens = folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f'{self.admin_token},admin,admin,"system:masters"\n')
        policy = folder / "audit-policy.yaml"
        policy.write_text(_AUDIT_POLICY)
        return [
            f"--etcd-servers={etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--token-auth-file={tokens}",
            f"--client-ca-file={self._ca_file}",
            "--authorization-mode=RBAC",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-signing-key-file={self.signing_key}",
            f"--service-account-key-file={self.signing_key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self._audit_file}",
            "--audit-log-maxsize=4000",
            "--shutdown-delay-duration=0s",
            "--shutdown-watch-termination-grace-period=1s",
        ]

    def _ready(self, http: urllib3.PoolManager) -> bool:
        try:
            answer = http.request(
                "GET", f"{self.url}/readyz", headers={"Authorization": f"Bearer {self.admin_token}"}
            )
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200


def _audit_entry(line: bytes) -> AuditEntry:
    event = json.loads(line)
    target = event.get("objectRef", {})
    # Most of the texts come thousands of times.
    return AuditEntry(
        verb=sys.intern(event["verb"]),
        resource=sys.intern(target.get("resource", "")),
        subresource=sys.intern(target.get("subresource", "")),
        namespace=sys.intern(target.get("namespace", "")),
        name=sys.intern(target.get("name", "")),
        user=sys.intern(event["user"].get("username", "")),
        status=event.get("responseStatus", {}).get("code", 0),
        stage=sys.intern(event["stage"]),
    )
