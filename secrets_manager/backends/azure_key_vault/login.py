"""One login to Entra ID with azure-identity: what is shown, how, and what a refusal means.

Files are read at each login, so that a rotated secret is used at once. It must not know when a login is due;
that is the session's to say, and it makes one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from azure.core.credentials import AccessTokenInfo, SupportsTokenInfo, TokenRequestOptions
from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from secrets_manager.backends.azure_key_vault import faults
from secrets_manager.backends.azure_key_vault.identity import Way
from secrets_manager.backends.azure_key_vault.transport import Exchange, Transport
from secrets_manager.backends.base import Clock
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.domain.errors import AuthFailed, BackendFault, NoAnswerYet
from secrets_manager.settings import AzureKvSettings

# No retries but our own: the SDK would wait for minutes, 75 seconds for a 410 alone.
_NO_RETRIES: Mapping[str, Any] = {
    "retry_total": 0,
    "retry_connect": 0,
    "retry_read": 0,
    "retry_status": 0,
}
_MANAGED = {Way.MANAGED_CLIENT_ID, Way.MANAGED_RESOURCE_ID, Way.SYSTEM_ASSIGNED}


class Login:
    """Logs in one chosen way. One call at a time."""

    def __init__(
        self, settings: AzureKvSettings, way: Way, authority: str, transport: Transport, clock: Clock
    ) -> None:
        self._settings = settings
        self._way = way
        self._authority = authority
        self._transport = transport
        self._clock = clock
        self._shown: bytes = b""
        self._credential: SupportsTokenInfo | None = None

    def log_in(self, scope: str, *, claims: str = "", seconds: float) -> AccessTokenInfo:
        """A token for ``scope``, within ``seconds``; raises a BackendFault.

        ``claims`` is what the vault wants to see in a new token, "" when any will do. The tenant is the
        configured one, whatever the vault says.
        """
        shown = self._to_show()
        options: TokenRequestOptions = {"enable_cae": True}
        if claims:
            options["claims"] = claims
        server = faults.MACHINE if self._way in _MANAGED else faults.ENTRA
        with self._transport.within(Budget(seconds, self._clock, server)) as exchange:
            try:
                return self._credential_for(shown).get_token_info(scope, options=options)
            except Exception:  # noqa: BLE001 - whatever the SDK makes of it; its text is not ours to show
                self.forget()
                raise self._meaning(exchange) from None

    def forget(self) -> None:
        """Start afresh at the next login: no token and no answer that the SDK has kept is used again."""
        self._credential = None

    def _credential_for(self, shown: bytes) -> SupportsTokenInfo:
        if self._credential is None or shown != self._shown:
            self._credential, self._shown = _BUILDERS[self._way](self._settings, shown, self._common()), shown
        return self._credential

    def _common(self) -> dict[str, Any]:
        common: dict[str, Any] = {"transport": self._transport, **_NO_RETRIES}
        if self._way not in _MANAGED:
            # The authority is the operator's word; asking the public cloud about it fails in private ones.
            common |= {"authority": self._authority, "disable_instance_discovery": True}
        return common

    def _to_show(self) -> bytes:
        settings = self._settings
        if self._way is Way.CLIENT_SECRET:
            file = settings.client_secret_file
            return _content(file, "azure-kv.client-secret-file") if file else settings.client_secret.encode()
        if self._way is Way.CERTIFICATE:
            return _raw_content(settings.client_certificate_file, "azure-kv.client-certificate-file")
        if self._way is Way.WORKLOAD:
            return _content(settings.federated_token_file, "azure-kv.federated-token-file")
        return b""

    def _meaning(self, exchange: Exchange) -> BackendFault | NoAnswerYet:
        if exchange.fault is not None:
            return exchange.fault
        if exchange.reply is None:
            return AuthFailed(_UNUSABLE.get(self._way, "the login could not be prepared"))
        return (faults.from_machine if self._way in _MANAGED else faults.from_login)(exchange.reply)


_UNUSABLE = {
    Way.CERTIFICATE: (
        "azure-kv.client-certificate-file is not PEM or PFX with a certificate and its RSA key,"
        " or azure-kv.client-certificate-password-file does not open it"
    ),
    Way.CLIENT_SECRET: "azure-kv.tenant-id, azure-kv.client-id or the client secret cannot be right",
    Way.WORKLOAD: "azure-kv.tenant-id, azure-kv.client-id or the federated token cannot be right",
}


def _client_secret(settings: AzureKvSettings, shown: bytes, common: dict[str, Any]) -> ClientSecretCredential:
    return ClientSecretCredential(settings.tenant_id, settings.client_id, shown.decode(), **common)


def _certificate(settings: AzureKvSettings, shown: bytes, common: dict[str, Any]) -> CertificateCredential:
    file = settings.client_certificate_password_file
    password = _content(file, "azure-kv.client-certificate-password-file") if file else None
    return CertificateCredential(
        settings.tenant_id, settings.client_id, certificate_data=shown, password=password, **common
    )


def _workload(settings: AzureKvSettings, _shown: bytes, common: dict[str, Any]) -> WorkloadIdentityCredential:
    return WorkloadIdentityCredential(
        tenant_id=settings.tenant_id,
        client_id=settings.client_id,
        token_file_path=settings.federated_token_file,
        **common,
    )


def _managed(settings: AzureKvSettings, _shown: bytes, common: dict[str, Any]) -> ManagedIdentityCredential:
    # The exclusion: in a pod with workload identity the SDK would quietly use that instead.
    options: dict[str, Any] = {**common, "_exclude_workload_identity_credential": True}
    if settings.managed_client_id:
        return ManagedIdentityCredential(client_id=settings.managed_client_id, **options)
    if settings.managed_resource_id:
        return ManagedIdentityCredential(
            identity_config={"resource_id": settings.managed_resource_id}, **options
        )
    return ManagedIdentityCredential(**options)


_BUILDERS: Mapping[Way, Callable[[AzureKvSettings, bytes, dict[str, Any]], SupportsTokenInfo]] = {
    Way.MANAGED_CLIENT_ID: _managed,
    Way.MANAGED_RESOURCE_ID: _managed,
    Way.SYSTEM_ASSIGNED: _managed,
    Way.CLIENT_SECRET: _client_secret,
    Way.CERTIFICATE: _certificate,
    Way.WORKLOAD: _workload,
}


def _content(file: str, setting: str) -> bytes:
    content = _raw_content(file, setting).strip()
    if not content:
        raise AuthFailed(f"{setting}: file {file!r} is empty")
    return content


def _raw_content(file: str, setting: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError:
        raise AuthFailed(f"{setting}: file {file!r} cannot be read") from None
