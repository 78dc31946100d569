"""The table of a backend for a store that reads Azure Key Vault. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from secrets_manager.migrate.external_secrets.store_vault import Referent
from secrets_manager.migrate.originals import Json, Original, dig
from secrets_manager.migrate.reading import text
from secrets_manager.migrate.remarks import Refused
from secrets_manager.migrate.results import Backend, Mounted, Value

__all__ = ["AT", "backend"]

AT = "spec.provider.azurekv"
_PUBLIC = ".vault.azure.net"
_FEDERATED = (
    "write the client id of the identity into client-id, and give it a federated credential for the service "
    "account of the daemon"
)
_CLOUDS = {"PublicCloud": "", "": "", "USGovernmentCloud": "usgov", "ChinaCloud": "china"}


def backend(original: Original) -> Backend:
    """The backend. Raises Refused."""
    vault = dig(original.spec, "provider", "azurekv")
    settings = _place(vault)
    if tenant := text(vault, "tenantId"):
        settings["tenant-id"] = tenant
    way = text(vault, "authType") or "ServicePrincipal"
    todo: tuple[str, ...] = ()
    match way:
        case "ServicePrincipal":
            settings |= _principal(vault, original)
            todo = ("write the client id of that Secret into client-id",)
        case "ManagedIdentity":
            identity = text(vault, "identityId")
            name = "managed-resource-id" if identity.startswith("/") else "managed-client-id"
            settings |= {name: identity} if identity else {"system-assigned-identity": True}
        case "WorkloadIdentity":
            settings["federated-token-file"] = "/var/run/secrets/azure/tokens/azure-identity-token"
            todo = (_FEDERATED,)
        case _:
            raise Refused(f"{AT}.authType", "is a login that is not known here")
    return Backend(kind="azure-kv", settings=settings, todo=todo)


def _place(vault: Json) -> dict[str, Value]:
    url = text(vault, "vaultUrl")
    host = urlsplit(url).hostname if _is_url(url) else None
    if not host:
        raise Refused(f"{AT}.vaultUrl", "is no address of a key vault")
    if host.endswith(_PUBLIC) and host.count(".") == _PUBLIC.count("."):
        return {"name": host.removesuffix(_PUBLIC)}
    kind = text(vault, "environmentType")
    if kind not in _CLOUDS:
        raise Refused(f"{AT}.environmentType", "is a cloud that is not known here; set dns-suffix by hand")
    return {"url": f"https://{host}", **({"cloud": _CLOUDS[kind]} if _CLOUDS[kind] else {})}


def _is_url(text: str) -> bool:
    try:
        return urlsplit(text).scheme == "https"
    except ValueError:
        return False


def _principal(vault: Json, original: Original) -> dict[str, Value]:
    ref = dig(vault, "authSecretRef", "clientSecret")
    namespace = text(ref, "namespace") or original.key.namespace
    name, key = text(ref, "name"), text(ref, "key")
    if name and key and not namespace:
        raise Referent(f"{AT}.authSecretRef.clientSecret", "names no namespace")
    if not (namespace and name and key):
        raise Refused(f"{AT}.authSecretRef.clientSecret", "names no key of a Secret of one namespace")
    return {"client-id": "", "client-secret-file": Mounted("Secret", namespace, name, key)}
