"""One login to Entra ID with azure-identity: its credentials, and the meaning of a refusal.

Files are read at each login, so that a rotated secret is used at once. This module must not know when a login
is due: the session decides that, and makes one login at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from azure.core.credentials import AccessTokenInfo, SupportsTokenInfo, TokenRequestOptions
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)

from secrets_manager.backends.azure_key_vault.identity import LoginMethod
from secrets_manager.backends.azure_key_vault.transport import KeyVaultTransport, SdkExchange
from secrets_manager.backends.kit import entra_faults
from secrets_manager.backends.kit.azure_sdk import NO_RETRIES
from secrets_manager.backends.kit.credential_files import read_credential, read_keys
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendUnavailable, NoAnswerYet
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import AzureKvSettings
from secrets_manager.settings.option import TABLE

# The credentials of a login: texts and bytes from files and settings.
_Shown = tuple[str | bytes | None, ...]
# As of a header's value, and far more than any token has: it goes out with every call.
_TOKEN = re.compile(r"[\x21-\x7e]{1,32768}", re.ASCII)
_MANAGED = {LoginMethod.MANAGED_CLIENT_ID, LoginMethod.MANAGED_RESOURCE_ID, LoginMethod.SYSTEM_ASSIGNED}


def credential_files(settings: AzureKvSettings, method: LoginMethod) -> tuple[str, ...]:
    """The files that a login with this method reads; "" means none."""
    if method is LoginMethod.CLIENT_SECRET:
        return (settings.client_secret_file,)
    if method is LoginMethod.CERTIFICATE:
        return settings.client_certificate_file, settings.client_certificate_password_file
    return (settings.federated_token_file,) if method is LoginMethod.WORKLOAD else ()


def server_of(method: LoginMethod) -> str:
    """Who gives the tokens in this way, for messages."""
    return entra_faults.MACHINE if method in _MANAGED else entra_faults.ENTRA


class Login:
    """Logs in with the chosen method. One call at a time."""

    def __init__(
        self, settings: AzureKvSettings, method: LoginMethod, authority: str, transport: KeyVaultTransport
    ) -> None:
        self._settings = settings
        self._method = method
        self._authority = authority
        self._transport = transport
        self._server = server_of(method)
        self._shown: _Shown = ()
        self._credential: SupportsTokenInfo | None = None

    def log_in(self, scope: str, *, claims: str = "", seconds: float) -> AccessTokenInfo:
        """A token for ``scope``, within ``seconds``; raises a BackendFault.

        ``claims`` are those that the vault requires in a new token, "" for none. The tenant is always the
        configured one, not one that the vault names.
        """
        shown = self._to_show()
        options: TokenRequestOptions = {"enable_cae": True}
        if claims:
            options["claims"] = claims
        with self._transport.on(Terms.within(seconds)) as exchange:
            try:
                token = self._credential_for(shown).get_token_info(scope, options=options)
            except Exception:  # noqa: BLE001 - whatever the SDK makes of it; its text is not ours to show
                self.forget()
                raise self._meaning(exchange) from None
        if not _is_usable(token):
            self.forget()
            raise BackendUnavailable(f"{self._server} gave a token that is no bearer token")
        return token

    def forget(self) -> None:
        """Drop the tokens and answers that the SDK has kept, so that the next login starts without them."""
        self._credential = None

    def _credential_for(self, shown: _Shown) -> SupportsTokenInfo:
        if self._credential is None or shown != self._shown:
            self._credential, self._shown = (
                _BUILDERS[self._method](self._settings, shown, self._common()),
                shown,
            )
        return self._credential

    def _common(self) -> dict[str, Any]:
        common: dict[str, Any] = {"transport": self._transport, **NO_RETRIES}
        if self._method not in _MANAGED:
            # The operator sets the authority; asking the public cloud about it would fail in private clouds.
            common |= {"authority": self._authority, "disable_instance_discovery": True}
        return common

    def _to_show(self) -> _Shown:
        settings = self._settings
        if self._method is LoginMethod.CLIENT_SECRET:
            file = settings.client_secret_file
            return (
                read_credential(file, f"{settings.table}.client-secret-file")
                if file
                else settings.client_secret,
            )
        if self._method is LoginMethod.CERTIFICATE:
            file = settings.client_certificate_password_file
            password = (
                read_credential(file, f"{settings.table}.client-certificate-password-file") if file else None
            )
            return read_keys(
                settings.client_certificate_file, f"{settings.table}.client-certificate-file"
            ), password
        if self._method is LoginMethod.WORKLOAD:
            return (read_credential(settings.federated_token_file, f"{settings.table}.federated-token-file"),)
        return ()

    def _meaning(self, exchange: SdkExchange) -> BackendFault | NoAnswerYet:
        if exchange.fault is not None:
            return exchange.fault
        if exchange.reply is None:
            text = _UNUSABLE.get(self._method, "the login could not be prepared")
            return AuthFailed(text.replace(TABLE, self._settings.table))
        return (entra_faults.from_machine if self._method in _MANAGED else entra_faults.from_login)(
            exchange.reply
        )


def _is_usable(token: AccessTokenInfo) -> bool:
    """Whether a token can be sent; the SDK hands on whatever stood in the reply."""
    text: object = token.token
    return (
        isinstance(text, str)
        and _TOKEN.fullmatch(text) is not None
        and str(token.token_type).lower() == "bearer"
    )


_UNUSABLE = {
    LoginMethod.CERTIFICATE: (
        "{table}.client-certificate-file is not PEM or PFX with a certificate and its RSA key,"
        " or {table}.client-certificate-password-file does not open it"
    ),
    LoginMethod.CLIENT_SECRET: "{table}.tenant-id, {table}.client-id or the client secret is not valid",
    LoginMethod.WORKLOAD: "{table}.tenant-id, {table}.client-id or the federated token is not valid",
}


def _client_secret(
    settings: AzureKvSettings, shown: _Shown, common: dict[str, Any]
) -> ClientSecretCredential:
    (secret,) = shown
    return ClientSecretCredential(settings.tenant_id, settings.client_id, str(secret), **common)


def _certificate(settings: AzureKvSettings, shown: _Shown, common: dict[str, Any]) -> CertificateCredential:
    content, password = shown
    return CertificateCredential(
        settings.tenant_id, settings.client_id, certificate_data=content, password=password, **common
    )


def _workload(settings: AzureKvSettings, shown: _Shown, common: dict[str, Any]) -> ClientAssertionCredential:
    # Not WorkloadIdentityCredential: it reads the file by itself, and keeps the content for minutes.
    (token,) = shown
    return ClientAssertionCredential(settings.tenant_id, settings.client_id, lambda: str(token), **common)


def _managed(settings: AzureKvSettings, _shown: _Shown, common: dict[str, Any]) -> ManagedIdentityCredential:
    # Exclude workload identity: in a pod that has it the SDK would silently use it instead.
    options: dict[str, Any] = {**common, "_exclude_workload_identity_credential": True}
    if settings.managed_client_id:
        return ManagedIdentityCredential(client_id=settings.managed_client_id, **options)
    if settings.managed_resource_id:
        return ManagedIdentityCredential(
            identity_config={"resource_id": settings.managed_resource_id}, **options
        )
    return ManagedIdentityCredential(**options)


_BUILDERS: Mapping[LoginMethod, Callable[[AzureKvSettings, _Shown, dict[str, Any]], SupportsTokenInfo]] = {
    LoginMethod.MANAGED_CLIENT_ID: _managed,
    LoginMethod.MANAGED_RESOURCE_ID: _managed,
    LoginMethod.SYSTEM_ASSIGNED: _managed,
    LoginMethod.CLIENT_SECRET: _client_secret,
    LoginMethod.CERTIFICATE: _certificate,
    LoginMethod.WORKLOAD: _workload,
}
