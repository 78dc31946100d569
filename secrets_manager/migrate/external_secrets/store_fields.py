"""What becomes of each field of SecretStore and ClusterSecretStore, as data."""

from __future__ import annotations

from secrets_manager.migrate.external_secrets.fields import OPERATOR
from secrets_manager.migrate.fields import Field, Table, converted, idle, noted, one_of, refused

__all__ = ["OTHER_PROVIDERS", "store"]

OTHER_PROVIDERS = (
    "reads a provider that secrets-manager does not read; it reads Vault, OpenBao and Azure Key Vault"
)
_OWN_LOGIN = (
    "is for a token that External Secrets asks for; the daemon takes one that is mounted into its pod"
)
_ASSUMED = "assumes a role before it logs in; give the daemon's own service account that role"


def _ref(path: str) -> tuple[Field, ...]:
    """A reference to a key of a Secret."""
    return tuple(converted(f"{path}.{name}") for name in ("name", "key", "namespace"))


def _account(path: str) -> tuple[Field, ...]:
    """A reference to a service account."""
    return (
        converted(f"{path}.name"),
        converted(f"{path}.namespace"),
        converted(f"{path}.audiences[]"),
    )


def _user(path: str) -> tuple[Field, ...]:
    return (converted(f"{path}.path"), converted(f"{path}.username"), *_ref(f"{path}.secretRef"))


_VAULT = "spec.provider.vault"
_LOGIN = f"{_VAULT}.auth"
_AZURE = "spec.provider.azurekv"

_LOGINS: tuple[Field, ...] = (
    converted(f"{_LOGIN}.namespace"),
    *_ref(f"{_LOGIN}.tokenSecretRef"),
    converted(f"{_LOGIN}.appRole.path"),
    converted(f"{_LOGIN}.appRole.roleId"),
    *_ref(f"{_LOGIN}.appRole.roleRef"),
    *_ref(f"{_LOGIN}.appRole.secretRef"),
    converted(f"{_LOGIN}.kubernetes.mountPath"),
    converted(f"{_LOGIN}.kubernetes.role"),
    *_account(f"{_LOGIN}.kubernetes.serviceAccountRef"),
    *_ref(f"{_LOGIN}.kubernetes.secretRef"),
    *_user(f"{_LOGIN}.ldap"),
    *_user(f"{_LOGIN}.userPass"),
    converted(f"{_LOGIN}.jwt.path"),
    converted(f"{_LOGIN}.jwt.role"),
    *_ref(f"{_LOGIN}.jwt.secretRef"),
    *_account(f"{_LOGIN}.jwt.kubernetesServiceAccountToken.serviceAccountRef"),
    converted(f"{_LOGIN}.jwt.kubernetesServiceAccountToken.audiences[]"),
    idle(f"{_LOGIN}.jwt.kubernetesServiceAccountToken.expirationSeconds", _OWN_LOGIN),
    converted(f"{_LOGIN}.cert.path"),
    *_ref(f"{_LOGIN}.cert.clientCert"),
    *_ref(f"{_LOGIN}.cert.secretRef"),
    converted(f"{_LOGIN}.iam.path"),
    converted(f"{_LOGIN}.iam.region"),
    converted(f"{_LOGIN}.iam.vaultRole"),
    converted(f"{_LOGIN}.iam.vaultAwsIamServerID"),
    refused(f"{_LOGIN}.iam.role", _ASSUMED, ""),
    refused(f"{_LOGIN}.iam.externalID", _ASSUMED, ""),
    refused(f"{_LOGIN}.iam.secretRef.**", "holds AWS keys; set aws-credentials-file of the backend by hand"),
    *_account(f"{_LOGIN}.iam.jwt.serviceAccountRef"),
    converted(f"{_LOGIN}.gcp.path"),
    converted(f"{_LOGIN}.gcp.role"),
    idle(f"{_LOGIN}.gcp.projectID", "is found out by the daemon"),
    idle(f"{_LOGIN}.gcp.location", "is found out by the daemon"),
    refused(f"{_LOGIN}.gcp.secretRef.**", "holds a key of Google Cloud; set gcp-credentials-file by hand"),
    refused(f"{_LOGIN}.gcp.workloadIdentity.**", "is set up by hand: docs/vault-logins.md, Google Cloud"),
    *_account(f"{_LOGIN}.gcp.serviceAccountRef"),
)
_CA: tuple[str, ...] = ("type", "name", "key", "namespace")

_ROWS: tuple[Field, ...] = (
    noted(
        "spec.controller",
        "chose one of several controllers; every daemon reads all definitions it may see",
        "",
    ),
    idle("spec.retrySettings.**", "the daemon has its own pauses between tries"),
    idle("spec.refreshInterval", "says how often the store itself is looked at"),
    converted("spec.conditions[].namespaces[]"),
    converted("spec.conditions[].namespaceRegexes[]"),
    converted("spec.conditions[].namespaceSelector.**"),
    converted(f"{_VAULT}.server"),
    converted(f"{_VAULT}.path"),
    one_of(f"{_VAULT}.version", "v1", "v2"),
    converted(f"{_VAULT}.namespace"),
    converted(f"{_VAULT}.caBundle"),
    *(converted(f"{_VAULT}.caProvider.{name}") for name in _CA),
    *_ref(f"{_VAULT}.tls.certSecretRef"),
    *_ref(f"{_VAULT}.tls.keySecretRef"),
    refused(f"{_VAULT}.headers.**", "adds headers to requests, which the daemon does not"),
    noted(
        f"{_VAULT}.readYourWrites",
        "is about clusters of Vault Enterprise; the daemon reads again instead",
        False,
    ),
    noted(
        f"{_VAULT}.forwardInconsistent",
        "is about clusters of Vault Enterprise; the daemon reads again",
        False,
    ),
    idle(f"{_VAULT}.checkAndSet.**", "is about writing to Vault"),
    *_LOGINS,
    converted(f"{_AZURE}.vaultUrl"),
    converted(f"{_AZURE}.tenantId"),
    converted(f"{_AZURE}.authType"),
    converted(f"{_AZURE}.identityId"),
    converted(f"{_AZURE}.environmentType"),
    refused(f"{_AZURE}.customCloudConfig.**", "describes a cloud; set dns-suffix and authority-host by hand"),
    idle(f"{_AZURE}.useAzureSDK", "chose a library"),
    *_ref(f"{_AZURE}.authSecretRef.clientId"),
    *_ref(f"{_AZURE}.authSecretRef.tenantId"),
    *_ref(f"{_AZURE}.authSecretRef.clientSecret"),
    refused(
        f"{_AZURE}.authSecretRef.clientCertificate.**",
        "is a certificate; set client-certificate-file by hand",
    ),
    *_account(f"{_AZURE}.serviceAccountRef"),
    refused("spec.provider.**", OTHER_PROVIDERS),
)
_TABLE = Table(OPERATOR, _ROWS)


def store(_version: str) -> Table:
    """The table of SecretStore and ClusterSecretStore."""
    return _TABLE
