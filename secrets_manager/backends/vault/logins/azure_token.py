"""Tokens of Entra ID for a login to Vault, made by the SDK of Azure over the calls of an errand.

A credential of the SDK lives for one login: it would keep a token that Vault has refused. This module must
not know what the token is for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from azure.core.credentials import SupportsTokenInfo
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.identity import ClientAssertionCredential, ManagedIdentityCredential

from secrets_manager.backends.kit import entra_faults
from secrets_manager.backends.kit.azure_sdk import NO_RETRIES, SdkResponse, body_of
from secrets_manager.backends.vault.logins.errand import Errand, Question
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendUnavailable
from secrets_manager.runtime.http.messages import Reply
from secrets_manager.settings.cloud_logins import AzureLogin

_TOKEN = re.compile(r"[\x21-\x7e]{1,32768}", re.ASCII)
_AUTHORITY = "login.microsoftonline.com"


def by_workload(azure: AzureLogin, federated: str, errand: Errand) -> str:
    """A token for the service account's own token, ``federated``. Raises a BackendFault."""
    transport = _ErrandTransport(errand, entra_faults.ENTRA)
    credential = ClientAssertionCredential(
        azure.tenant_id,
        azure.client_id,
        lambda: federated,
        authority=f"https://{azure.authority_host or _AUTHORITY}",
        # The operator sets the authority; asking the public cloud about it would fail in private clouds.
        disable_instance_discovery=True,
        **transport.options,
    )
    return _token(credential, azure, transport, entra_faults.from_login)


def by_machine(azure: AzureLogin, errand: Errand) -> str:
    """A token of a managed identity of this machine. Raises a BackendFault."""
    transport = _ErrandTransport(errand, entra_faults.MACHINE)
    # Exclude workload identity: in a pod that has it the SDK would silently use it instead.
    options: dict[str, Any] = {**transport.options, "_exclude_workload_identity_credential": True}
    if azure.managed_client_id:
        options["client_id"] = azure.managed_client_id
    return _token(ManagedIdentityCredential(**options), azure, transport, entra_faults.from_machine)


class _ErrandTransport(HttpTransport[HttpRequest, HttpResponse]):
    """Sends what the SDK asks, and remembers the last answer, since the SDK rewords it.

    Attributes:
        fault: why the last request got no reply, or None if it got one.
        reply: the last reply, or None.

    """

    def __init__(self, errand: Errand, server: str) -> None:
        self._errand = errand
        self.server = server
        self.fault: BackendFault | None = None
        self.reply: Reply | None = None
        self.options: dict[str, Any] = {"transport": self, **NO_RETRIES}

    def send(self, request: HttpRequest, **_options: Any) -> HttpResponse:
        """Send one request; raises ServiceRequestError when there is no reply."""
        question = Question(
            server=self.server,
            method=request.method,
            url=request.url,
            headers=dict(request.headers),
            body=body_of(request),
        )
        self.fault = self.reply = None
        try:
            self.reply = self._errand.ask(question)
        except BackendFault as fault:
            self.fault = fault
            raise ServiceRequestError("no reply") from None
        return SdkResponse(request, self.reply)

    def open(self) -> None:
        """Do nothing: connections are made when needed."""

    def close(self) -> None:
        """Do nothing: the connections are shared."""

    def __exit__(self, *_error: object) -> None:
        self.close()


def _token(
    credential: SupportsTokenInfo,
    azure: AzureLogin,
    transport: _ErrandTransport,
    meaning: Callable[[Reply], BackendFault],
) -> str:
    try:
        found: object = credential.get_token_info(f"{azure.resource}/.default").token
    except Exception:  # noqa: BLE001 - whatever the SDK makes of it; its text is not ours to show
        if transport.fault is not None:
            raise transport.fault from None
        if transport.reply is None:
            raise AuthFailed(
                f"{azure.table}.azure-tenant-id, {azure.table}.azure-client-id or"
                f" {azure.table}.azure-authority-host is wrong"
            ) from None
        raise meaning(transport.reply) from None
    if not isinstance(found, str) or not _TOKEN.fullmatch(found):
        raise BackendUnavailable(f"the reply is not from {transport.server}: it holds no token")
    return found
