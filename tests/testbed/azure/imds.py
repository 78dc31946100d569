"""The Instance Metadata Service of a machine with managed identities.

After https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.testbed.azure.entra import Entra
from tests.testbed.azure.wire import Answer, Call

__all__ = ["Imds"]

_PATH = "/metadata/identity/oauth2/token"


@dataclass(slots=True)
class Imds:
    """Gives out tokens of the identities that are assigned to the machine.

    Attributes:
        entra: their issuer.
        system_assigned: client id of the machine's own identity, or None.
        by_client_id: the user-assigned ones.
        by_resource_id: the same by resource id, to their client ids.

    """

    entra: Entra
    system_assigned: str | None = None
    by_client_id: set[str] = field(default_factory=set)
    by_resource_id: dict[str, str] = field(default_factory=dict)

    def answer(self, call: Call) -> Answer:
        """Serve a request."""
        if call.path != _PATH:
            return Answer(404, {"error": "Not found"})
        if call.headers.get("metadata") != "true":
            return _error("bad_request_102", "Required metadata header not specified")
        if call.query.get("api-version") != "2018-02-01" or not call.query.get("resource"):
            return _error("bad_request_102", "Required parameters not specified")
        client_id = self._identity(call)
        if client_id is None:
            return _error("invalid_request", "Identity not found")
        token = self.entra.issue(client_id, call.query["resource"], 86_399)
        return Answer(
            200,
            {
                "access_token": token.text,
                "client_id": client_id,
                "expires_in": "86399",
                "expires_on": str(int(token.expires_at)),
                "ext_expires_in": "86399",
                "not_before": str(int(token.expires_at) - 86_399),
                "resource": call.query["resource"],
                "token_type": "Bearer",
            },
        )

    def _identity(self, call: Call) -> str | None:
        if "client_id" in call.query:
            wanted = call.query["client_id"]
            return wanted if wanted in self.by_client_id else None
        resource_id = call.query.get("msi_res_id") or call.query.get("mi_res_id")
        if resource_id:
            return self.by_resource_id.get(resource_id)
        return self.system_assigned


def _error(word: str, text: str) -> Answer:
    return Answer(400, {"error": word, "error_description": text})
