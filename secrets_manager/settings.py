"""The settings of the whole program as frozen values, in small groups.

Every class of the program is handed the group it needs, or single fields of it, and nothing else: no
global, no environment, no file. This module knows the shape, the defaults and the units. It must not know
where a value comes from (flag, file or environment) nor how it is written there; that is
`secrets_manager.daemon.options` and `secrets_manager.daemon.configuration`.

Conventions: durations are `float` seconds; an absent text is `""`; a list is a tuple of trimmed, non-empty
texts. Whatever can hold a credential has no repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

BackendName = Literal["vault", "azure-kv"]
AuthMethod = Literal["approle", "kubernetes"]
Engine = Literal["kv1", "kv2"]
LogEncoder = Literal["json", "console"]
AzureCloud = Literal["public", "usgov", "china"]

SERVICE_ACCOUNT_TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """Where a server of ours listens.

    Attributes:
        host: name or address without brackets; `""` listens on every address of the machine.
        port: 0 to 65535; 0 lets the system choose a free one.

    """

    host: str = ""
    port: int = 8080

    def __str__(self) -> str:
        """Host and port as one text, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """What is reconciled, and how often.

    Attributes:
        name: the controller's name; the `controller` label of the metrics.
        reconcile_period: seconds between two looks at one source; above 0.
        watch_namespaces: namespaces to work in; empty means every namespace.
        exclude_namespaces: namespaces never touched; wins over `watch_namespaces`.
        workers: definitions reconciled at the same time; at least 1.
        resync_period: seconds between two full lists of the definitions, the safety net under the watch;
            above 0.

    """

    name: str = "SecretDefinition"
    reconcile_period: float = 5.0
    watch_namespaces: tuple[str, ...] = ()
    exclude_namespaces: tuple[str, ...] = ()
    workers: int = 16
    resync_period: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """The proxies on the way to the backend, as curl and Go read them.

    Attributes:
        http: URL of the proxy for http addresses; `""` is none. Hidden: it may carry a password.
        https: URL of the proxy for https addresses; `""` is none. Hidden: it may carry a password.
        no_proxy: hosts, domains, addresses and networks reached directly; `*` switches proxies off.

    """

    http: str = field(default="", repr=False)
    https: str = field(default="", repr=False)
    no_proxy: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """How to reach Vault or OpenBao, and who we are there.

    Attributes:
        url: http or https address; may carry a path prefix and a trailing slash.
        auth_method: how to log in.
        role_id: AppRole role id; `""` when it comes from `role_id_file`.
        secret_id: AppRole secret id; `""` when it comes from `secret_id_file`. Hidden.
        role_id_file: file with the role id, read at each login; wins over `role_id`.
        secret_id_file: file with the secret id, read at each login; wins over `secret_id`.
        kubernetes_role: role of the Kubernetes auth method.
        kubernetes_token_file: file with the service account's token, read at each login.
        max_token_ttl: seconds of remaining life below which the token is renewed.
        token_polling_period: seconds between two looks at the token; above 0.
        renew_ttl_increment: seconds of life asked for at a renewal.
        engine: version of the key-value engine.
        approle_path: mount of the AppRole auth method.
        kubernetes_path: mount of the Kubernetes auth method.
        namespace: Vault Enterprise or OpenBao namespace; `""` is the root.
        ca_cert: file of trusted certificates (PEM); `""` trusts the system's.
        ca_path: folder of which every file is trusted; `ca_cert` wins.
        client_cert: file of the client certificate (PEM); goes with `client_key`.
        client_key: file of the client's private key (PEM).
        tls_server_name: name expected in the server's certificate; `""` is the URL's host.
        skip_verify: accept any server certificate.
        redirect_hosts: hosts, besides the URL's own, to which a 307 or 308 is followed.
        max_requests_per_second: calls to Vault a second, logins and look-ups among them; at least 1.
        proxy: the proxies on the way.

    """

    url: str = "https://127.0.0.1:8200"
    auth_method: AuthMethod = "approle"
    role_id: str = ""
    secret_id: str = field(default="", repr=False)
    role_id_file: str = ""
    secret_id_file: str = ""
    kubernetes_role: str = ""
    kubernetes_token_file: str = SERVICE_ACCOUNT_TOKEN_FILE
    max_token_ttl: float = 300.0
    token_polling_period: float = 15.0
    renew_ttl_increment: float = 600.0
    engine: Engine = "kv2"
    approle_path: str = "approle"
    kubernetes_path: str = "kubernetes"
    namespace: str = ""
    ca_cert: str = ""
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    tls_server_name: str = ""
    skip_verify: bool = False
    redirect_hosts: tuple[str, ...] = ()
    max_requests_per_second: int = 1000
    proxy: ProxySettings = field(default_factory=ProxySettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureKvSettings:
    """Which Azure Key Vault, and who we are there.

    Attributes:
        name: the vault's name; its host follows from the cloud.
        url: https address of the vault; wins over `name`, `cloud` and `dns_suffix`.
        cloud: the Azure cloud that the vault is in.
        dns_suffix: domain of the vaults, for a cloud that is not listed; wins over that of `cloud`.
        authority_host: host of Entra ID; `""` is that of `cloud`.
        tenant_id: tenant of the service principal or of the workload identity.
        client_id: the service principal, or the workload identity.
        client_secret: its secret; `""` when it comes from `client_secret_file`. Hidden.
        client_secret_file: file with the secret, read at each login; wins over `client_secret`.
        client_certificate_file: file with its certificate and private key (PEM or PFX), read at each login.
        client_certificate_password_file: file with the password of that file; `""` when it has none.
        federated_token_file: file with the service account's token for a workload identity.
        managed_client_id: client id of a managed identity; wins over everything below.
        managed_resource_id: resource id of a managed identity; wins over the service principal.
        system_assigned_identity: use the identity of the machine itself; wins over the service principal.
        strict_expiry: refuse values that are expired or not yet valid, instead of saying so.
        max_requests_per_second: calls to Azure a second, logins among them; at least 1.
        ca_cert: file of trusted certificates (PEM); `""` trusts the system's.
        proxy: the proxies on the way.

    """

    name: str = ""
    url: str = ""
    cloud: AzureCloud = "public"
    dns_suffix: str = ""
    authority_host: str = ""
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_secret_file: str = ""
    client_certificate_file: str = ""
    client_certificate_password_file: str = ""
    federated_token_file: str = ""
    managed_client_id: str = ""
    managed_resource_id: str = ""
    system_assigned_identity: bool = False
    strict_expiry: bool = False
    max_requests_per_second: int = 200
    ca_cert: str = ""
    proxy: ProxySettings = field(default_factory=ProxySettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is logged, and in which form.

    Attributes:
        level: least `logging` level that is written: `logging.DEBUG`, `INFO` or `ERROR`, or any lower number.
        encoder: one JSON object per line, or text for people.
        development: the defaults of the others were those for development.
        stacktrace_level: least `logging` level whose lines carry the stack trace of their exception.

    """

    level: int = 20
    encoder: LogEncoder = "json"
    development: bool = False
    stacktrace_level: int = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """How to reach the API server.

    Attributes:
        kubeconfig: path of a kubeconfig, or several joined by the system's path separator; None tries the
            in-cluster service account first, then the user's own kubeconfig.
        request_timeout: total seconds for one call that is neither a watch nor about the Lease; above 0.

    """

    kubeconfig: str | None = None
    request_timeout: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectionSettings:
    """Leader election among replicas; needs `lease_duration > renew_deadline > 1.2 * retry_period > 0`.

    Attributes:
        enabled: whether only the holder of the Lease works.
        lease_name: name of the Lease.
        lease_namespace: namespace of the Lease; `""` is the pod's own, as its service account names it.
        lease_duration: seconds after which a Lease that nobody renews may be taken.
        renew_deadline: seconds after which a leader that could not renew steps down.
        retry_period: seconds between two tries.

    """

    enabled: bool = False
    lease_name: str = "5ac9a181.secrets-manager.tuenti.io"
    lease_namespace: str = ""
    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """Which backend paths a definition may name.

    Attributes:
        paths: patterns in which `{namespace}` is the definition's namespace and `*` is any text, slashes
            included; a path must match one of them. Empty means every path is allowed.

    """

    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the program was told, complete and checked.

    Attributes:
        backend: where the values come from.
        backend_timeout: total seconds for one call to the backend; above 0.
        metrics_addr: where /metrics, /healthz and /readyz are served; None serves nothing.
        once: reconcile every definition once and exit, instead of running on.
        notices: constant sentences about how the settings were given, to be logged as warnings at the start.

    """

    backend: BackendName = "vault"
    backend_timeout: float = 5.0
    metrics_addr: ListenAddress | None = field(default_factory=ListenAddress)
    once: bool = False
    notices: tuple[str, ...] = ()
    controller: ControllerSettings = field(default_factory=ControllerSettings)
    vault: VaultSettings = field(default_factory=VaultSettings)
    azure_kv: AzureKvSettings = field(default_factory=AzureKvSettings)
    logging: LogSettings = field(default_factory=LogSettings)
    kubernetes: KubernetesSettings = field(default_factory=KubernetesSettings)
    election: ElectionSettings = field(default_factory=ElectionSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
