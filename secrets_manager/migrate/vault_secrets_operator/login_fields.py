"""What becomes of each field of VaultConnection and VaultAuth, as data."""

from __future__ import annotations

from secrets_manager.migrate.fields import Field, Table, converted, idle, noted, refused
from secrets_manager.migrate.vault_secrets_operator.fields import OPERATOR

__all__ = ["vault_auth", "vault_connection"]

_HEADERS = "adds headers to requests, which the daemon does not"
_OWN_TOKEN = "is for a token that the operator asks for; the daemon takes one that is mounted into its pod"  # noqa: S105 - words
_FOUND_OUT = "is found out by the daemon"

_CONNECTION = Table(
    OPERATOR,
    (
        converted("spec.address"),
        refused("spec.headers.**", _HEADERS),
        converted("spec.tlsServerName"),
        converted("spec.caCertSecretRef"),
        converted("spec.skipTLSVerify", bool),
        noted(
            "spec.timeout",
            "is a bound for each call of one connection; the daemon has one for all, -config.backend-timeout",
            "",
        ),
    ),
)


def _token(path: str) -> tuple[Field, ...]:
    """A service account, and the token that is asked for it."""
    return (
        converted(f"{path}.role"),
        converted(f"{path}.serviceAccount"),
        converted(f"{path}.audiences[]"),
        idle(f"{path}.tokenExpirationSeconds", _OWN_TOKEN),
    )


_AUTH = Table(
    OPERATOR,
    (
        converted("spec.vaultConnectionRef"),
        refused(
            "spec.vaultAuthGlobalRef.**",
            "takes fields of a VaultAuthGlobal; write them into the VaultAuth itself, and leave this out",
        ),
        converted("spec.namespace"),
        converted("spec.allowedNamespaces[]"),
        converted("spec.method"),
        converted("spec.mount"),
        refused("spec.params.**", "sends more with the login, which the daemon does not"),
        refused("spec.headers.**", _HEADERS),
        *_token("spec.kubernetes"),
        *_token("spec.jwt"),
        converted("spec.jwt.secretRef"),
        converted("spec.appRole.roleId"),
        converted("spec.appRole.secretRef"),
        converted("spec.aws.role"),
        converted("spec.aws.region"),
        converted("spec.aws.headerValue"),
        noted(
            "spec.aws.sessionName",
            "names the session, and the daemon has a name of its own; it matters to a role of Vault that is "
            "bound to that name",
            "",
        ),
        refused(
            "spec.aws.stsEndpoint",
            "asks an STS of its own; leave it out, and set aws-sts-url or aws-region of the backend by hand",
            "",
        ),
        idle("spec.aws.iamEndpoint", "the daemon asks STS alone"),
        refused(
            "spec.aws.secretRef",
            "holds keys of AWS; leave it out, and set aws-credentials-file of the backend by hand",
            "",
        ),
        converted("spec.aws.irsaServiceAccount"),
        converted("spec.gcp.role"),
        converted("spec.gcp.workloadIdentityServiceAccount"),
        idle("spec.gcp.region", _FOUND_OUT),
        idle("spec.gcp.clusterName", _FOUND_OUT),
        idle("spec.gcp.projectID", _FOUND_OUT),
        idle("spec.storageEncryption.mount", "is about a store of tokens, and the daemon writes none"),
        idle("spec.storageEncryption.keyName", "is about a store of tokens, and the daemon writes none"),
    ),
)


def vault_connection(_version: str) -> Table:
    """The table of VaultConnection."""
    return _CONNECTION


def vault_auth(_version: str) -> Table:
    """The table of VaultAuth."""
    return _AUTH
