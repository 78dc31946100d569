"""The settings of the whole program as frozen values, in small groups whose fields describe themselves.

Every class of the program is handed the group it needs, or single fields of it, and nothing else: no
global, no environment, no file. This module knows the shape, the defaults and the units, and the option of
each field (`secrets_manager.settings.option`). It must not know where a value came from;
`secrets_manager.daemon.config` finds that out.

The order of the fields is the order of the documentation. Durations are `float` seconds; an absent text is
`""`; a list is a tuple of trimmed, non-empty texts. A field that can hold a credential is `secret`, and
has no repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, cast, get_args

from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.policy_rules import Rule
from secrets_manager.settings import checks
from secrets_manager.settings import login_checks as login
from secrets_manager.settings.checks import ListenAddress
from secrets_manager.settings.cloud_logins import AwsLogin, AzureLogin, GcpLogin
from secrets_manager.settings.kinds import ADDRESS, LOOSE_LIST, OPTIONAL_TEXT, PATTERNS, TABLES, WHOLE_SECONDS
from secrets_manager.settings.option import group, option, own_table
from secrets_manager.settings.policy_rules import path_rules

# The backends whose settings are below; other packages may bring more.
BACKENDS = ("vault", "azure-kv")

AuthMethod = Literal[
    "approle", "kubernetes", "token", "jwt", "userpass", "ldap", "cert", "aws", "azure", "gcp"
]
Engine = Literal["kv1", "kv2"]
LogEncoder = Literal["json", "console"]
AzureCloud = Literal["public", "usgov", "china"]

SERVICE_ACCOUNT_TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path

_period = partial(option, check=checks.period)
_path = partial(option, "", check=checks.plain)
_sent = partial(option, "", check=login.plain)
_credential = partial(option, "", check=login.credential, secret=True, exit_code=1)
_proxy = partial(option, "", check=login.proxy_address, secret=True)
_http_proxy = partial(_proxy, name="http-proxy", fallbacks=("HTTP_PROXY", "http_proxy"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """Which definitions are reconciled, and how often."""

    reconcile_period: float = _period(5.0, help="Time between two reads of the same source.")
    min_refresh_period: float = _period(
        1.0,
        help="Shortest refreshPeriod that definitions get, where that is less than reconcile-period.",
    )
    watch_namespaces: tuple[str, ...] = option(
        (), checks.namespaces, help="Comma-separated namespaces to work in; empty for all."
    )
    exclude_namespaces: tuple[str, ...] = option(
        (), checks.namespaces, help="Comma-separated namespaces to leave alone; wins over watch-namespaces."
    )
    name: str = option(
        "SecretDefinition", login.not_empty, name="controller-name", help="Name of the controller in metrics."
    )
    workers: int = option(16, checks.worker_count, help="Definitions reconciled at the same time.")
    resync_period: float = _period(
        600.0,
        help="Time between two full lists of definitions and Secrets, the safety net under the watches.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartSettings:
    """How workloads are restarted whose Secrets changed."""

    window: float = _period(
        30.0,
        help="Time from a change of a Secret to the restart of its workloads, one for all changes in it.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """The proxies on the way to a backend, as curl and Go read them; their URLs may carry a password."""

    http: str = _http_proxy(help="Proxy for http addresses.")
    https: str = _proxy(
        name="https-proxy", fallbacks=("HTTPS_PROXY", "https_proxy"), help="Proxy for https addresses."
    )
    no_proxy: tuple[str, ...] = option(
        (),
        kind=LOOSE_LIST,
        fallbacks=("NO_PROXY", "no_proxy"),
        help="Hosts, domains and networks that are reached without a proxy.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureProxySettings(ProxySettings):
    """The same on the way to Azure; identities of machines are requested without a proxy."""

    http: str = _http_proxy(help="Proxy for http addresses; never used for link-local ones.")


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """How to reach Vault or OpenBao, and how to log in."""

    url: str = option(
        "https://127.0.0.1:8200",
        login.vault_address,
        overriding="VAULT_ADDR",
        help="Address of Vault or OpenBao.",
    )
    engine: Engine = option(
        "kv2",
        checks.one_of("kv1", "kv2", empty="kv2"),
        exit_code=1,
        help="Version of the key-value engine: kv1 or kv2.",
    )
    auth_method: AuthMethod = option(
        "approle",
        checks.one_of(*get_args(AuthMethod)),
        help="How to log in: approle, kubernetes, token, jwt, userpass, ldap, cert, aws, azure or gcp.",
    )
    # Hidden like a secret, but without the secret id only a name: users of the original give it as a flag.
    role_id: str = _credential(overriding="VAULT_ROLE_ID", warned=False, help="AppRole role id.")
    secret_id: str = _credential(
        overriding="VAULT_SECRET_ID", help="AppRole secret id; better given as a file or in the environment."
    )
    role_id_file: str = _path(help="File with the role id, read at each login; wins over {table}.role-id.")
    secret_id_file: str = _path(
        help="File with the secret id, read at each login; wins over {table}.secret-id."
    )
    secret_id_wrapped: bool = option(
        False, help="Whether {table}.secret-id-file holds a wrapping token, which is unwrapped once."
    )
    approle_path: str = option("approle", login.mount, help="Mount of the AppRole auth method.")
    kubernetes_role: str = _sent(help="Role of the Kubernetes auth method.")
    kubernetes_token_file: str = option(
        SERVICE_ACCOUNT_TOKEN_FILE,
        checks.not_empty,
        help="File with the service account's token, read at each login.",
    )
    kubernetes_path: str = option("kubernetes", login.mount, help="Mount of the Kubernetes auth method.")
    token_file: str = _path(
        help="File with a token that an agent or injector keeps; another content is used."
    )
    jwt_file: str = option(
        SERVICE_ACCOUNT_TOKEN_FILE,
        checks.not_empty,
        help="File with the JWT to log in with, read at each login.",
    )
    jwt_role: str = _sent(help="Role of the JWT auth method; empty for its default role.")
    jwt_path: str = option("jwt", login.mount, help="Mount of the JWT auth method.")
    username: str = option("", login.user_name, help="Name of the user for userpass or ldap.")
    password: str = _credential(
        help="Password of {table}.username; better given as a file or in the environment."
    )
    password_file: str = _path(help="File with the password, read at each login; wins over {table}.password.")
    userpass_path: str = option("userpass", login.mount, help="Mount of the userpass auth method.")
    ldap_path: str = option("ldap", login.mount, help="Mount of the LDAP auth method.")
    cert_role: str = _sent(help="Role of the TLS certificate auth method; empty for any that fits.")
    cert_path: str = option("cert", login.mount, help="Mount of the TLS certificate auth method.")
    aws: AwsLogin = group(AwsLogin)
    azure: AzureLogin = group(AzureLogin)
    gcp: GcpLogin = group(GcpLogin)
    max_token_ttl: float = option(
        300.0,
        checks.not_negative,
        kind=WHOLE_SECONDS,
        help="Seconds of remaining life below which the token is renewed.",
    )
    token_polling_period: float = _period(15.0, help="Time between two checks of the token.")
    renew_ttl_increment: float = option(
        600.0,
        checks.not_negative,
        kind=WHOLE_SECONDS,
        help="Seconds of life asked for when the token is renewed.",
    )
    namespace: str = _sent(overriding="VAULT_NAMESPACE", help="Namespace of Vault Enterprise or OpenBao.")
    ca_cert: str = _path(overriding="VAULT_CACERT", help="File of the certificates to trust, in PEM.")
    ca_path: str = _path(
        overriding="VAULT_CAPATH", help="Folder whose files are all trusted; {table}.ca-cert wins."
    )
    client_cert: str = _path(overriding="VAULT_CLIENT_CERT", help="File of the client certificate, in PEM.")
    client_key: str = _path(
        overriding="VAULT_CLIENT_KEY", help="File of the client certificate's key, in PEM."
    )
    tls_server_name: str = option(
        "",
        login.server_name,
        overriding="VAULT_TLS_SERVER_NAME",
        help="Name expected in the server's certificate, if not the URL's host.",
    )
    skip_verify: bool = option(
        False, overriding="VAULT_SKIP_VERIFY", help="Accept any certificate: for experiments only."
    )
    redirect_hosts: tuple[str, ...] = option(
        (), checks.hosts, help="Hosts, besides that of {table}.url, to which redirects are followed."
    )
    max_requests_per_second: int = option(
        1000,
        checks.request_rate,
        help="Limit of calls to Vault per second, logins included; polls come last.",
    )
    proxy: ProxySettings = group(ProxySettings)
    table: str = own_table("vault")


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureKvSettings:
    """Which Azure Key Vault to read, and how to log in."""

    name: str = option("", checks.key_vault_name, overriding="AZURE_KV_NAME", help="Name of the key vault.")
    url: str = option(
        "",
        checks.key_vault_url,
        help="Address of the key vault; wins over {table}.name, {table}.cloud and {table}.dns-suffix.",
    )
    cloud: AzureCloud = option(
        "public",
        checks.one_of("public", "usgov", "china"),
        help="Cloud of the key vault: public, usgov or china.",
    )
    dns_suffix: str = option(
        "",
        checks.domain,
        help="Domain of the key vaults of another cloud, such as vault.azure.net; wins over {table}.cloud.",
    )
    authority_host: str = option(
        "",
        checks.authority_host,
        overriding="AZURE_AUTHORITY_HOST",
        help="Host of Entra ID, if not that of {table}.cloud.",
    )
    tenant_id: str = _sent(
        overriding="AZURE_TENANT_ID", help="Tenant id of the service principal or workload identity."
    )
    client_id: str = _sent(
        overriding="AZURE_CLIENT_ID", help="Client id of the service principal or workload identity."
    )
    client_secret: str = _credential(
        overriding="AZURE_CLIENT_SECRET",
        help="Secret of the service principal; better given as a file or in the environment.",
    )
    client_secret_file: str = _path(
        help="File with the client secret, read at each login; wins over {table}.client-secret."
    )
    client_certificate_file: str = _path(
        overriding="AZURE_CLIENT_CERTIFICATE_PATH",
        help="File with the service principal's certificate and key in PEM or PFX, read at each login.",
    )
    client_certificate_password_file: str = _path(
        help="File with the password of {table}.client-certificate-file."
    )
    federated_token_file: str = _path(
        overriding="AZURE_FEDERATED_TOKEN_FILE",
        help="File with the service account's token for workload identity.",
    )
    managed_client_id: str = _sent(
        overriding="AZURE_MANAGED_CLIENT_ID",
        help="Client id of a managed identity; wins over the service principal.",
    )
    managed_resource_id: str = _sent(
        overriding="AZURE_MANAGED_RESOURCE_ID",
        help="Resource id of a managed identity; wins over the service principal.",
    )
    system_assigned_identity: bool = option(
        False, help="Use the machine's own managed identity; wins over the service principal."
    )
    strict_expiry: bool = option(
        False, help="Refuse values that are expired or not yet valid, instead of only reporting them."
    )
    max_requests_per_second: int = option(
        200, checks.request_rate, help="Limit of calls to Azure per second, logins included; polls come last."
    )
    ca_cert: str = _path(help="File of the certificates to trust for the key vault and Entra ID, in PEM.")
    proxy: ProxySettings = group(AzureProxySettings)
    table: str = own_table("azure-kv")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is logged, and in which form. It follows from several flags: `daemon/config/log_settings.py`.

    Attributes:
        level: lowest `logging` level that is written: `DEBUG`, `INFO` or `ERROR`, or any lower number.
        encoder: one JSON object per line, or text for people.
        development: whether the defaults of the others were those for development.
        stacktrace_level: lowest `logging` level whose lines carry the stack trace of their exception.

    """

    level: int = 20
    encoder: LogEncoder = "json"
    development: bool = False
    stacktrace_level: int = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """How to reach the API server.

    `kubeconfig` may be several files joined by the system's path separator; None tries the in-cluster service
    account first, then the user's own kubeconfig. `request_timeout` is for calls except watches and calls for
    the Lease.
    """

    request_timeout: float = _period(
        10.0, name="config.kubernetes-timeout", help="Longest time that one call to the API server may take."
    )
    kubeconfig: str | None = option(
        None,
        checks.optional_plain,
        kind=OPTIONAL_TEXT,
        fallbacks=("KUBECONFIG",),
        help="Kubeconfig file; not needed inside a cluster.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectionSettings:
    """Leader election among replicas; needs `lease_duration > renew_deadline > 1.2 * retry_period > 0`."""

    enabled: bool = option(
        False, name="/enable-leader-election", help="Let one replica work and the others wait."
    )
    lease_name: str = option(
        "5ac9a181.secrets-manager.tuenti.io", checks.object_name, help="Name of the Lease."
    )
    lease_namespace: str = option(
        "", checks.namespace, help="Namespace of the Lease; empty for the namespace of the pod."
    )
    lease_duration: float = _period(
        15.0, help="Age at which another replica may take a Lease that was not renewed."
    )
    renew_deadline: float = _period(
        10.0, help="Time after which a leader that could not renew its Lease steps down."
    )
    retry_period: float = _period(2.0, help="Time between two tries to take or renew the Lease.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """Which backend paths a definition may name; `*` is any text, slashes included. Empty means all.

    Rules stand in the place of paths.
    """

    paths: tuple[str, ...] = option(
        (),
        checks.path_patterns,
        kind=PATTERNS,
        help="Patterns of backend paths that definitions may name, with {namespace} and *; * alone for all.",
    )
    rules: tuple[Rule, ...] = option(
        (),
        path_rules,
        kind=TABLES,
        in_flags=False,
        in_environment=False,
        help="In place of policy.paths: the first rule for namespace, backend and path allows or denies.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings:
    """One backend that the daemon reads. Times are in seconds.

    Attributes:
        name: as definitions name it.
        kind: which plug-in builds it.
        table: of its own settings, for messages.
        own: the settings of its kind, a value of the plug-in's class. Hidden.
        timeout: the limit of one whole read.
        reconcile_period: the time between two reads of the same source.

    """

    name: str
    kind: str
    table: str
    own: Any = field(repr=False)
    timeout: float
    reconcile_period: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of the program, complete and checked.

    Attributes:
        named: the backends that have a table of their own, besides the one of the flags.
        has_default: whether there is a backend of the flags and the old tables: if no other has a name, or
            if something is said of it.
        metrics_addr: None turns the server off.
        plugin: the settings of a backend of another package. Hidden.
        notices: constant sentences about how the settings were given, to be logged as warnings at the start.
        secrets_in_arguments: the secrets on the command line, to be removed from there. Hidden.

    """

    once: bool = option(False, help="Reconcile every definition once, print what was done, and exit.")
    backend: str = option(
        "vault",
        checks.one_of(*BACKENDS),
        exit_code=1,
        help="Kind of the backend default: vault, azure-kv, or that of a plug-in.",
    )
    backend_timeout: float = _period(
        5.0, name="config.backend-timeout", help="Longest time that one call to a backend may take."
    )
    kubernetes: KubernetesSettings = group(KubernetesSettings)
    metrics_addr: ListenAddress | None = option(
        cast("ListenAddress | None", ListenAddress()),
        checks.listen_address,
        kind=ADDRESS,
        help="Address of /metrics, /healthz and /readyz; 0 turns them off.",
    )
    controller: ControllerSettings = group(ControllerSettings)
    policy: PolicySettings = group(PolicySettings, "policy")
    restart: RestartSettings = group(RestartSettings, "restart")
    vault: VaultSettings = group(VaultSettings, "vault")
    azure_kv: AzureKvSettings = group(AzureKvSettings, "azure-kv")
    election: ElectionSettings = group(ElectionSettings, "election")
    plugin: Any = field(default=None, repr=False)
    named: tuple[BackendSettings, ...] = ()
    has_default: bool = True
    logging: LogSettings = field(default_factory=LogSettings)
    notices: tuple[str, ...] = ()
    secrets_in_arguments: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def backends(self) -> tuple[BackendSettings, ...]:
        """Every backend: first that of the flags, which is called `default`, then those with a name."""
        return (self._default, *self.named) if self.has_default else self.named

    @property
    def longest_read(self) -> float:
        """The limit in seconds of a read of the backend that may take longest."""
        return max(each.timeout for each in self.backends)

    @property
    def _default(self) -> BackendSettings:
        ours = {"vault": self.vault, "azure-kv": self.azure_kv}
        return BackendSettings(
            name=DEFAULT_BACKEND,
            kind=self.backend,
            table=self.backend,
            own=ours.get(self.backend, self.plugin),
            timeout=self.backend_timeout,
            reconcile_period=self.controller.reconcile_period,
        )
