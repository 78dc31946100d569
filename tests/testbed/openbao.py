"""An OpenBao server, or the Vault that VAULT_BINARY names: in memory, or durable with seal, restart and TLS.

OpenBao is what runs unless somebody asks for Vault, so its name stands for both here: they have the same API.
This file is the server's life and its plain HTTP; what is set up inside it is in openbao_setup. Knows nothing
of `secrets_manager` and of hvac.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import urllib3

from tests.testbed.growing_file import GrowingFile
from tests.testbed.openbao_setup import OpenBaoSetup
from tests.testbed.pki import KeyPair
from tests.testbed.processes import ServerProcess, free_port
from tests.testbed.vault_launch import AUDIT_LOG, Member, dev_command, durable_command, standby_command
from tests.testbed.vault_program import VaultProgram, vault_program
from tests.testbed.waiting import wait_until

__all__ = ["AuditEntry", "BaoError", "OpenBao"]

Json = dict[str, Any]


class BaoError(Exception):
    """The server said no: HTTP `status` and its own `errors`."""

    def __init__(self, status: int, errors: list[str]) -> None:
        super().__init__(f"{status}: {'; '.join(errors)}")
        self.status = status
        self.errors = errors


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A request or, by `kind`, the response to one."""

    kind: str
    operation: str
    path: str
    failed: bool


class OpenBao(OpenBaoSetup):
    """One server on a port of its own; `dev` and `durable` make one that is ready to use."""

    def __init__(
        self, folder: Path, program: VaultProgram, command: list[str], *, url: str, ca_file: Path | None
    ) -> None:
        self.program = program
        self.url = url
        self.ca_file = ca_file
        self.root_token = ""
        self._unseal_key = ""
        self._audit_file = folder / AUDIT_LOG
        self._audit_log = GrowingFile(self._audit_file, _audit_entry)
        self._process = ServerProcess(
            str(program), command, log=folder / "server.log", env={"HOME": str(folder)}
        )
        self._http = urllib3.PoolManager(
            ca_certs=str(ca_file) if ca_file else None, retries=False, timeout=20
        )

    def __repr__(self) -> str:
        return f"OpenBao({self.url!r})"

    @classmethod
    def dev(cls, folder: Path) -> Self:
        """A server in memory, unsealed, KV2 at `secret/`; everything in it is lost when it stops."""
        folder.mkdir(parents=True, exist_ok=True)
        program, port = vault_program(), free_port()
        root_token = f"root-{secrets.token_hex(12)}"
        command = dev_command(program, folder, port=port, root_token=root_token)
        server = cls(folder, program, command, url=f"http://127.0.0.1:{port}", ca_file=None)
        server.root_token = root_token
        server.start()
        wait_until(server._holds_versions, what=f"the dev engine of {program} serves")
        server._begin_audit()
        return server

    @classmethod
    def durable(cls, folder: Path, *, tls: KeyPair | None = None, ca_file: Path | None = None) -> Self:
        """A server that keeps its data over `stop` and `start`; initialised, unsealed, KV2 at `secret/`.

        With `tls` it serves HTTPS with that certificate, whose authority is `ca_file`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        program, scheme = vault_program(), "https" if tls else "http"
        url = f"{scheme}://127.0.0.1:{free_port()}"
        command = durable_command(program, folder, url=url, tls=tls)
        server = cls(folder, program, command, url=url, ca_file=ca_file)
        server.start()
        server._initialise()
        server.unseal()
        server._begin_audit()
        server.enable_engine("secret", "kv", {"version": "2"})
        wait_until(server._holds_versions, what=f"the engine of {program} serves")
        return server

    @classmethod
    def standby(cls, folder: Path, active: OpenBao, member: Member) -> Self:
        """A server that joins `active`, a durable one of OpenBao, as a standby without a vote.

        Returns once it answers reads itself, as standbys of OpenBao do.
        """
        folder.mkdir(parents=True, exist_ok=True)
        url = f"http://127.0.0.1:{free_port()}"
        audited_in = active._audit_file.parent
        command = standby_command(active.program, folder, url=url, member=member, audited_in=audited_in)
        server = cls(folder, active.program, command, url=url, ca_file=None)
        server.root_token, server._unseal_key = active.root_token, active._unseal_key
        server.start()
        wait_until(server._joins, what="the standby unsealed")
        wait_until(server._answers_reads, what="the standby answers reads")
        return server

    def start(self) -> None:
        """Start, or start again on the same port; a durable server is sealed then."""
        self._process.start(self._answers, timeout=30)

    def stop(self) -> None:
        """Stop it in an orderly way."""
        self._process.stop(timeout=5)
        self._http.clear()

    def kill(self) -> None:
        """Stop it as a crash would."""
        self._process.kill()
        self._http.clear()

    def pause(self) -> None:
        """Freeze it: connections stay open, nothing is answered."""
        self._process.pause()

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._process.resume()

    def seal(self) -> None:
        """Seal it: every call but the health and seal ones is answered with 503."""
        self.request("PUT", "sys/seal")

    def unseal(self) -> None:
        """Unseal a durable server and return once it serves as the active one."""
        self.request("PUT", "sys/unseal", {"key": self._unseal_key}, token="")
        wait_until(self._active, what=f"{self.program} unsealed and active")

    def is_sealed(self) -> bool:
        """Whether it is sealed."""
        return bool(self.request("GET", "sys/seal-status", token="")["sealed"])

    def request(
        self,
        method: str,
        path: str,
        body: Json | bytes | None = None,
        *,
        token: str | None = None,
        namespace: str | None = None,
        wrap_ttl: str = "",
    ) -> Json:
        """Call the API path (without /v1/), as root unless a token is given; an empty reply is {}.

        With `wrap_ttl` the answer holds a wrapping token.
        A body of bytes is sent as it is.
        `token=""` sends none. Raises BaoError for 400 and above.
        """
        headers = {"X-Vault-Token": self.root_token if token is None else token}
        if namespace:
            headers["X-Vault-Namespace"] = namespace
        if wrap_ttl:
            headers["X-Vault-Wrap-TTL"] = wrap_ttl
        answer = self._http.request(
            method,
            f"{self.url}/v1/{path}",
            body=body if body is None or isinstance(body, bytes) else json.dumps(body).encode(),
            headers={name: value for name, value in headers.items() if value},
        )
        parsed: Json = json.loads(answer.data) if answer.data else {}
        if answer.status >= 400:
            raise BaoError(answer.status, parsed.get("errors", []))
        return parsed

    def audit(self) -> list[AuditEntry]:
        """Every request so far as the server's audit log shows it."""
        return self._audit_log.rows()

    def reads(self, path: str) -> int:
        """How often this API path was read, whatever the outcome."""
        return self.reads_of_each()[path]

    def reads_of_each(self) -> Counter[str]:
        """How often each API path was read, all counted at the same moment."""
        return Counter(
            entry.path for entry in self.audit() if entry.kind == "request" and entry.operation == "read"
        )

    def _initialise(self) -> None:
        # The listener opens a moment before the core takes the call.
        made = wait_until(self._try_initialise, what=f"{self.program} initialised")
        self._unseal_key, self.root_token = made["keys"][0], made["root_token"]

    def _begin_audit(self) -> None:
        """OpenBao audits from its start, as its file says; Vault from now on, restarts included."""
        if not self.program.is_openbao:
            options = {"file_path": str(self._audit_file)}
            self.request("PUT", "sys/audit/file", {"type": "file", "options": options})

    def _holds_versions(self) -> bool:
        """Whether the engine at `secret/` is mounted, and through with its upgrade."""
        try:
            self.request("GET", "secret/config")
        except BaoError:
            return False
        return True

    def _try_initialise(self) -> Json | None:
        try:
            return self.request("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}, token="")
        except BaoError:
            return None

    def _answers(self) -> bool:
        try:
            self.request("GET", "sys/seal-status", token="")
        except (BaoError, urllib3.exceptions.HTTPError):
            return False
        return True

    def _joins(self) -> bool:
        """Unseal it, once it has asked the active server how."""
        try:
            self.request("PUT", "sys/unseal", {"key": self._unseal_key}, token="")
        except BaoError:
            return False
        return not self.is_sealed()

    def _answers_reads(self) -> bool:
        """Whether it answers a read itself: it would redirect it if it could not."""
        headers = {"X-Vault-Token": self.root_token, "X-Vault-No-Request-Forwarding": "true"}
        url = f"{self.url}/v1/secret/config"
        return self._http.request("GET", url, headers=headers, redirect=False).status == 200

    def _active(self) -> bool:
        return self._http.request("GET", f"{self.url}/v1/sys/health").status == 200


def _audit_entry(line: bytes) -> AuditEntry:
    entry = json.loads(line)
    request = entry["request"]
    kind, operation, path = (
        sys.intern(text) for text in (entry["type"], request["operation"], request["path"])
    )
    return AuditEntry(kind, operation, path, failed=bool(entry.get("error")))
