"""How the backend's server is started: its command, and the file that configures it.

The products differ here: OpenBao's file names the audit device, which Vault takes only by its API; Vault with
the storage that is used here wants to be told that it does not lock its memory, and OpenBao never does. Vault
bounds each text and list of a request, which would keep the largest values of tests out of the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.testbed.pki import KeyPair
from tests.testbed.processes import free_port
from tests.testbed.vault_program import VaultProgram

__all__ = ["AUDIT_LOG", "Member", "dev_command", "durable_command", "standby_command"]

AUDIT_LOG = "audit.log"
_CONFIG = "server.hcl"
# Of a request's JSON, as far as one of the largest size can go. The depth stays as it is: Vault sets memory
# aside for all of it at each request, which would be gigabytes.
_LIMITS = ("string_value_length", "object_entry_count", "array_element_count", "token")
_UNBOUNDED = "".join(f"\n  max_json_{limit} = {32 * 1024 * 1024}" for limit in _LIMITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A server as others of its cluster see it: it listens on `port`, and they reach it at `reached_at`.

    It finds them by the URL of the `active` one.
    """

    port: int
    reached_at: str
    active: str


def dev_command(program: VaultProgram, folder: Path, *, port: int, root_token: str) -> list[str]:
    """A server in memory, unsealed, with KV2 at `secret/`; its files are in `folder`."""
    # What the dev mode listens on cannot be configured further: Vault gets a second port, which is used.
    dev_port = port if program.is_openbao else free_port()
    config = folder / _CONFIG
    config.write_text(_audit(folder) if program.is_openbao else _unbounded_listener(port))
    flags = ["-dev", f"-dev-root-token-id={root_token}", f"-dev-listen-address=127.0.0.1:{dev_port}"]
    return [str(program.path), "server", *flags, "-dev-no-store-token", f"-config={config}"]


def durable_command(program: VaultProgram, folder: Path, *, url: str, tls: KeyPair | None) -> list[str]:
    """A server that keeps its data in `folder`, to be initialised and unsealed; HTTPS if `tls` is given."""
    config = folder / _CONFIG
    limits = "" if program.is_openbao else _UNBOUNDED
    config.write_text(_storage(folder, url, _tls_words(tls) + limits) + _own_words(program, folder))
    return [str(program.path), "server", f"-config={config}"]


def standby_command(
    program: VaultProgram, folder: Path, *, url: str, member: Member, audited_in: Path
) -> list[str]:
    """A server that joins another one as its standby, without a vote, to be unsealed.

    All servers of a cluster must have one audit file, which is in `audited_in`.
    """
    config = folder / _CONFIG
    config.write_text(_joined_storage(folder, url, member) + _own_words(program, audited_in))
    return [str(program.path), "server", f"-config={config}"]


def _own_words(program: VaultProgram, folder: Path) -> str:
    return _audit(folder) if program.is_openbao else "disable_mlock = true\n"


def _audit(folder: Path) -> str:
    return f'audit "file" "file" {{\n  options {{ file_path = "{folder / AUDIT_LOG}" }}\n}}\n'


def _unbounded_listener(port: int) -> str:
    listener = f'address = "127.0.0.1:{port}"\n  tls_disable = true{_UNBOUNDED}'
    return f'listener "tcp" {{\n  {listener}\n}}\n'


def _tls_words(tls: KeyPair | None) -> str:
    if tls is None:
        return "tls_disable = true"
    return f'tls_cert_file = "{tls.certificate}"\n  tls_key_file = "{tls.key}"'


def _storage(folder: Path, url: str, listener: str) -> str:
    """One raft member: the only durable storage that needs no other server."""
    (folder / "data").mkdir()
    cluster = f"127.0.0.1:{free_port()}"
    return f"""\
storage "raft" {{
  path = "{folder / "data"}"
  node_id = "one"
  performance_multiplier = 1
}}
listener "tcp" {{
  address = "{url.partition("://")[2]}"
  cluster_address = "{cluster}"
  {listener}
}}
api_addr = "{url}"
cluster_addr = "https://{cluster}"
ui = false
"""


def _joined_storage(folder: Path, url: str, member: Member) -> str:
    (folder / "data").mkdir()
    return f"""\
storage "raft" {{
  path = "{folder / "data"}"
  node_id = "two"
  performance_multiplier = 1
  retry_join {{
    leader_api_addr = "{member.active}"
  }}
  retry_join_as_non_voter = true
}}
listener "tcp" {{
  address = "{url.partition("://")[2]}"
  cluster_address = "127.0.0.1:{member.port}"
  tls_disable = true
}}
api_addr = "{url}"
cluster_addr = "https://{member.reached_at}"
ui = false
"""
