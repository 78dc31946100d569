"""What must hold between settings, once each of them makes sense by itself.

Each check looks at the complete settings and says what contradicts what, by the options' names. The checks
of files open them for reading and keep nothing. This module must not know where a value came from.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from secrets_manager.backends.azure_key_vault.identity import choose
from secrets_manager.settings import Settings, VaultSettings

JITTER = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Settings that do not go together.

    Attributes:
        names: the options concerned; the first is the one to look at.
        text: what is wrong and what would be right.
        exit_code: the status of a process that ends because of it.

    """

    names: tuple[str, ...]
    text: str
    exit_code: int = 2


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """Everything that does not go together, in the order of the options."""
    for check in CHECKS:
        yield from check(settings)


def vault_login(settings: Settings) -> Iterator[Contradiction]:
    """The chosen way to log in to Vault needs something to log in with."""
    vault = settings.vault
    if settings.backend != "vault":
        return
    if vault.auth_method == "kubernetes" and not vault.kubernetes_role:
        text = "missing: vault.auth-method kubernetes needs a role"
        yield Contradiction(
            names=("vault.kubernetes-role", "vault.auth-method", "backend"), text=text, exit_code=1
        )
    if vault.auth_method == "approle":
        yield from approle(vault)


def approle(vault: VaultSettings) -> Iterator[Contradiction]:
    """AppRole needs a role id and a secret id, each as a value or as a file."""
    if not (vault.role_id or vault.role_id_file):
        text = "missing: AppRole needs it; set VAULT_ROLE_ID, or vault.role-id-file to a file that holds it"
        yield Contradiction(
            names=("vault.role-id", "vault.role-id-file", "vault.auth-method", "backend"),
            text=text,
            exit_code=1,
        )
    if not (vault.secret_id or vault.secret_id_file):
        text = (
            "missing: AppRole needs it; set VAULT_SECRET_ID, or vault.secret-id-file to a file that holds it"
        )
        yield Contradiction(
            names=("vault.secret-id", "vault.secret-id-file", "vault.auth-method", "backend"),
            text=text,
            exit_code=1,
        )


def vault_tls(settings: Settings) -> Iterator[Contradiction]:
    """The files that TLS to Vault needs are there and are what they should be."""
    vault = settings.vault
    if settings.backend != "vault":
        return
    if vault.ca_cert and (text := certificates_fault(Path(vault.ca_cert))):
        yield Contradiction(names=("vault.ca-cert", "backend"), text=text)
    if vault.ca_path and not vault.ca_cert and (text := folder_fault(Path(vault.ca_path))):
        yield Contradiction(names=("vault.ca-path", "backend"), text=text)
    yield from client_certificate(vault)


def client_certificate(vault: VaultSettings) -> Iterator[Contradiction]:
    """A client certificate comes with its key, both readable."""
    files = {"vault.client-cert": vault.client_cert, "vault.client-key": vault.client_key}
    for name, path in files.items():
        other = next(key for key in files if key != name)
        if not path and files[other]:
            yield Contradiction(
                names=(name, other, "backend"), text=f"missing: {other} is given, and one needs the other"
            )
        elif path and (text := file_fault(Path(path))):
            yield Contradiction(names=(name, "backend"), text=text)


def file_fault(path: Path) -> str:
    """Why a file cannot be read, or nothing."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as exc:
        return f"file cannot be read: {exc.strerror or type(exc).__name__}"
    return ""


def certificates_fault(path: Path) -> str:
    """Why a file cannot be used as trusted certificates, or nothing."""
    if fault := file_fault(path):
        return fault
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError):  # ssl.SSLError is an OSError; a file of other content is either
        return "file holds no certificate in PEM form"
    return ""


def folder_fault(path: Path) -> str:
    """Why a folder cannot be listed, or nothing."""
    try:
        next(path.iterdir(), None)
    except OSError as exc:
        return f"folder cannot be read: {exc.strerror or type(exc).__name__}"
    return ""


def kubeconfig(settings: Settings) -> Iterator[Contradiction]:
    """Of the kubeconfig files named, at least one can be read."""
    named = [part for part in (settings.kubernetes.kubeconfig or "").split(os.pathsep) if part]
    faults = [file_fault(Path(part).expanduser()) for part in named]
    if faults and all(faults):
        yield Contradiction(names=("kubeconfig",), text=faults[0])


def azure_login(settings: Settings) -> Iterator[Contradiction]:
    """Azure Key Vault needs a vault, and an identity for which everything is there."""
    azure = settings.azure_kv
    if settings.backend != "azure-kv":
        return
    if not (azure.name or azure.url):
        text = "missing: backend azure-kv needs the vault's name, or azure-kv.url"
        yield Contradiction(names=("azure-kv.name", "backend"), text=text, exit_code=1)
    if choose(azure) is None:
        text = (
            "missing: backend azure-kv needs azure-kv.managed-client-id, azure-kv.managed-resource-id or "
            "azure-kv.system-assigned-identity; or all of azure-kv.tenant-id, azure-kv.client-id and one of "
            "azure-kv.client-secret (or its -file), azure-kv.client-certificate-file and "
            "azure-kv.federated-token-file"
        )
        yield Contradiction(names=("azure-kv.client-id", "backend"), text=text, exit_code=1)
    if azure.ca_cert and (text := certificates_fault(Path(azure.ca_cert))):
        yield Contradiction(names=("azure-kv.ca-cert", "backend"), text=text)


def election_times(settings: Settings) -> Iterator[Contradiction]:
    """A leader gives up before anybody else may take over, and has time for more than one try."""
    election = settings.election
    if election.lease_duration <= election.renew_deadline:
        text = "must be longer than election.renew-deadline"
        yield Contradiction(names=("election.lease-duration", "election.renew-deadline"), text=text)
    if election.renew_deadline <= JITTER * election.retry_period:
        text = f"must be longer than {JITTER} times election.retry-period"
        yield Contradiction(names=("election.renew-deadline", "election.retry-period"), text=text)


CHECKS: tuple[Callable[[Settings], Iterator[Contradiction]], ...] = (
    kubeconfig,
    vault_login,
    vault_tls,
    azure_login,
    election_times,
)


def notices(settings: Settings) -> Iterator[str]:
    """What a person should know about settings that are in order."""
    if settings.vault.skip_verify:
        yield "certificates of Vault are not verified: anybody on the way can read and change every secret"
    watched, excluded = set(settings.controller.watch_namespaces), set(settings.controller.exclude_namespaces)
    if watched and watched <= excluded:
        yield "every watched namespace is excluded: there is nothing to do"
