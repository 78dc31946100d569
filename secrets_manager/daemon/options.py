"""The one table of options: flags, environment names, keys of the settings file, usage and docs all come
from it.

An option says what it is called and what its value must be. This module must not read anything: which value
an option has is for `secrets_manager.daemon.configuration` to find out.

The order of the table is the order of the documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from secrets_manager.daemon import option_checks as checks
from secrets_manager.daemon.option_kinds import (
    ADDRESS,
    COUNT,
    DURATION,
    ENCODER,
    LEVEL,
    LIST,
    OPTIONAL_TEXT,
    STACKTRACE_LEVEL,
    SWITCH,
    TEXT,
    WHOLE_SECONDS,
    Kind,
)
from secrets_manager.settings import Settings

ENVIRONMENT_PREFIX = "SECRETS_MANAGER_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing that a user can say.

    Attributes:
        name: the flag's name; its dots separate the tables of a settings file.
        kind: the syntax of its value.
        help: one sentence for the usage and the docs.
        target: attribute path in `Settings`; `""` when several options settle one attribute, or none.
        check: from a well-formed value to the one to use; raises `ValueError` with a reason.
        overriding: environment names of the original that win over everything.
        fallbacks: environment names, best first, that count only when nothing else is said.
        secret: its value is never shown.
        in_environment: whether a `SECRETS_MANAGER_*` name may hold it.
        in_file: whether a settings file may hold it.
        exit_code: the status of a process that ends because the value makes no sense.

    """

    name: str
    kind: Kind
    help: str
    target: str = ""
    check: Callable[[Any], object] = checks.anything
    overriding: str = ""
    fallbacks: tuple[str, ...] = ()
    secret: bool = False
    in_environment: bool = True
    in_file: bool = True
    exit_code: int = 2

    @property
    def environment(self) -> str:
        """The option's own environment name; double underscores stand for the dots."""
        return ENVIRONMENT_PREFIX + self.name.replace(".", "__").replace("-", "_").upper()

    @property
    def default(self) -> object:
        """The value in use when nobody says anything; None when there is none of its own."""
        if not self.target:
            return None
        value: object = Settings()
        for attribute in self.target.split("."):
            value = getattr(value, attribute)
        return value

    @property
    def default_text(self) -> str:
        """The default as one would write it; `""` when there is none or it is empty."""
        return "" if self.default is None else self.kind.show(self.default)


OPTIONS: tuple[Option, ...] = (
    # ── what to do ───────────────────────────────────────────────────────────────────────────────────
    Option(
        name="config", kind=TEXT, check=checks.plain, in_file=False, help="Settings file to read, in TOML."
    ),
    Option(
        name="version",
        kind=SWITCH,
        in_environment=False,
        in_file=False,
        help="Print the version and exit.",
    ),
    Option(
        name="once",
        kind=SWITCH,
        target="once",
        help="Reconcile every definition once, print what was done, and exit.",
    ),
    Option(
        name="backend",
        kind=TEXT,
        target="backend",
        check=checks.one_of("vault", "azure-kv"),
        exit_code=1,
        help="Where the values come from: vault or azure-kv.",
    ),
    Option(
        name="config.backend-timeout",
        kind=DURATION,
        target="backend_timeout",
        check=checks.period,
        help="Time that one call to the backend may take in all.",
    ),
    Option(
        name="config.kubernetes-timeout",
        kind=DURATION,
        target="kubernetes.request_timeout",
        check=checks.period,
        help="Time that one call to the API server may take in all.",
    ),
    Option(
        name="kubeconfig",
        kind=OPTIONAL_TEXT,
        target="kubernetes.kubeconfig",
        check=checks.optional_plain,
        fallbacks=("KUBECONFIG",),
        help="Kubeconfig file; not needed inside a cluster.",
    ),
    Option(
        name="metrics-addr",
        kind=ADDRESS,
        target="metrics_addr",
        check=checks.listen_address,
        help="Address of /metrics, /healthz and /readyz; 0 serves none.",
    ),
    # ── what is reconciled ───────────────────────────────────────────────────────────────────────────
    Option(
        name="reconcile-period",
        kind=DURATION,
        target="controller.reconcile_period",
        check=checks.period,
        help="Time between two looks at one source.",
    ),
    Option(
        name="watch-namespaces",
        kind=LIST,
        target="controller.watch_namespaces",
        check=checks.namespaces,
        help="Comma-separated namespaces to work in; empty for all.",
    ),
    Option(
        name="exclude-namespaces",
        kind=LIST,
        target="controller.exclude_namespaces",
        check=checks.namespaces,
        help="Comma-separated namespaces never touched; wins over watch-namespaces.",
    ),
    Option(
        name="controller-name",
        kind=TEXT,
        target="controller.name",
        check=checks.filled,
        help="Name of the controller in metrics.",
    ),
    Option(
        name="workers",
        kind=COUNT,
        target="controller.workers",
        check=checks.worker_count,
        help="Definitions reconciled at the same time.",
    ),
    Option(
        name="resync-period",
        kind=DURATION,
        target="controller.resync_period",
        check=checks.period,
        help="Time between two full lists of the definitions, the safety net under the watch.",
    ),
    Option(
        name="policy.paths",
        kind=LIST,
        target="policy.paths",
        check=checks.path_patterns,
        help="Patterns of backend paths that definitions may name, with {namespace} and *; empty for all.",
    ),
    # ── Vault and OpenBao ────────────────────────────────────────────────────────────────────────────
    Option(
        name="vault.url",
        kind=TEXT,
        target="vault.url",
        check=checks.vault_url,
        overriding="VAULT_ADDR",
        help="Address of Vault or OpenBao.",
    ),
    Option(
        name="vault.engine",
        kind=TEXT,
        target="vault.engine",
        check=checks.one_of("kv1", "kv2", empty="kv2"),
        exit_code=1,
        help="Version of the key-value engine: kv1 or kv2.",
    ),
    Option(
        name="vault.auth-method",
        kind=TEXT,
        target="vault.auth_method",
        check=checks.one_of("approle", "kubernetes"),
        help="How to log in: approle or kubernetes.",
    ),
    Option(
        name="vault.role-id",
        kind=TEXT,
        target="vault.role_id",
        overriding="VAULT_ROLE_ID",
        help="AppRole role id.",
    ),
    Option(
        name="vault.secret-id",
        kind=TEXT,
        target="vault.secret_id",
        overriding="VAULT_SECRET_ID",
        secret=True,
        help="AppRole secret id; better given as a file or in the environment.",
    ),
    Option(
        name="vault.role-id-file",
        kind=TEXT,
        target="vault.role_id_file",
        check=checks.plain,
        help="File with the role id, read at each login; wins over vault.role-id.",
    ),
    Option(
        name="vault.secret-id-file",
        kind=TEXT,
        target="vault.secret_id_file",
        check=checks.plain,
        help="File with the secret id, read at each login; wins over vault.secret-id.",
    ),
    Option(
        name="vault.approle-path",
        kind=TEXT,
        target="vault.approle_path",
        check=checks.mount,
        help="Mount of the AppRole auth method.",
    ),
    Option(
        name="vault.kubernetes-role",
        kind=TEXT,
        target="vault.kubernetes_role",
        check=checks.plain,
        help="Role of the Kubernetes auth method.",
    ),
    Option(
        name="vault.kubernetes-token-file",
        kind=TEXT,
        target="vault.kubernetes_token_file",
        check=checks.filled,
        help="File with the service account's token, read at each login.",
    ),
    Option(
        name="vault.kubernetes-path",
        kind=TEXT,
        target="vault.kubernetes_path",
        check=checks.mount,
        help="Mount of the Kubernetes auth method.",
    ),
    Option(
        name="vault.max-token-ttl",
        kind=WHOLE_SECONDS,
        target="vault.max_token_ttl",
        check=checks.not_negative,
        help="Seconds of remaining life below which the token is renewed.",
    ),
    Option(
        name="vault.token-polling-period",
        kind=DURATION,
        target="vault.token_polling_period",
        check=checks.period,
        help="Time between two looks at the token.",
    ),
    Option(
        name="vault.renew-ttl-increment",
        kind=WHOLE_SECONDS,
        target="vault.renew_ttl_increment",
        check=checks.not_negative,
        help="Seconds of life asked for when the token is renewed.",
    ),
    Option(
        name="vault.namespace",
        kind=TEXT,
        target="vault.namespace",
        check=checks.plain,
        overriding="VAULT_NAMESPACE",
        help="Namespace of Vault Enterprise or OpenBao.",
    ),
    Option(
        name="vault.ca-cert",
        kind=TEXT,
        target="vault.ca_cert",
        check=checks.plain,
        overriding="VAULT_CACERT",
        help="File of the certificates to trust, in PEM.",
    ),
    Option(
        name="vault.ca-path",
        kind=TEXT,
        target="vault.ca_path",
        check=checks.plain,
        overriding="VAULT_CAPATH",
        help="Folder of which every file is trusted; vault.ca-cert wins.",
    ),
    Option(
        name="vault.client-cert",
        kind=TEXT,
        target="vault.client_cert",
        check=checks.plain,
        overriding="VAULT_CLIENT_CERT",
        help="File of the client certificate, in PEM.",
    ),
    Option(
        name="vault.client-key",
        kind=TEXT,
        target="vault.client_key",
        check=checks.plain,
        overriding="VAULT_CLIENT_KEY",
        help="File of the client certificate's key, in PEM.",
    ),
    Option(
        name="vault.tls-server-name",
        kind=TEXT,
        target="vault.tls_server_name",
        check=checks.plain,
        overriding="VAULT_TLS_SERVER_NAME",
        help="Name expected in the server's certificate, if not the URL's host.",
    ),
    Option(
        name="vault.skip-verify",
        kind=SWITCH,
        target="vault.skip_verify",
        overriding="VAULT_SKIP_VERIFY",
        help="Accept any certificate: for experiments only.",
    ),
    Option(
        name="vault.redirect-hosts",
        kind=LIST,
        target="vault.redirect_hosts",
        check=checks.hosts,
        help="Hosts, besides that of vault.url, to which redirects are followed.",
    ),
    Option(
        name="vault.max-requests-per-second",
        kind=COUNT,
        target="vault.max_requests_per_second",
        check=checks.request_rate,
        help="Calls to Vault in a second, logins included; polls come last.",
    ),
    Option(
        name="vault.http-proxy",
        kind=TEXT,
        target="vault.proxy.http",
        check=checks.proxy_url,
        fallbacks=("HTTP_PROXY", "http_proxy"),
        secret=True,
        help="Proxy for http addresses.",
    ),
    Option(
        name="vault.https-proxy",
        kind=TEXT,
        target="vault.proxy.https",
        check=checks.proxy_url,
        fallbacks=("HTTPS_PROXY", "https_proxy"),
        secret=True,
        help="Proxy for https addresses.",
    ),
    Option(
        name="vault.no-proxy",
        kind=LIST,
        target="vault.proxy.no_proxy",
        fallbacks=("NO_PROXY", "no_proxy"),
        help="Hosts, domains and networks reached without proxy.",
    ),
    # ── Azure Key Vault ──────────────────────────────────────────────────────────────────────────────
    Option(
        name="azure-kv.name",
        kind=TEXT,
        target="azure_kv.name",
        check=checks.key_vault_name,
        overriding="AZURE_KV_NAME",
        help="Name of the key vault.",
    ),
    Option(
        name="azure-kv.url",
        kind=TEXT,
        target="azure_kv.url",
        check=checks.key_vault_url,
        help="Address of the key vault; wins over azure-kv.name, azure-kv.cloud and azure-kv.dns-suffix.",
    ),
    Option(
        name="azure-kv.cloud",
        kind=TEXT,
        target="azure_kv.cloud",
        check=checks.one_of("public", "usgov", "china"),
        help="Cloud of the key vault: public, usgov or china.",
    ),
    Option(
        name="azure-kv.dns-suffix",
        kind=TEXT,
        target="azure_kv.dns_suffix",
        check=checks.domain,
        help="Domain of the key vaults of another cloud, such as vault.azure.net; wins over azure-kv.cloud.",
    ),
    Option(
        name="azure-kv.authority-host",
        kind=TEXT,
        target="azure_kv.authority_host",
        check=checks.authority_host,
        overriding="AZURE_AUTHORITY_HOST",
        help="Host of Entra ID, if not that of azure-kv.cloud.",
    ),
    Option(
        name="azure-kv.tenant-id",
        kind=TEXT,
        target="azure_kv.tenant_id",
        check=checks.plain,
        overriding="AZURE_TENANT_ID",
        help="Tenant of the service principal or workload identity.",
    ),
    Option(
        name="azure-kv.client-id",
        kind=TEXT,
        target="azure_kv.client_id",
        check=checks.plain,
        overriding="AZURE_CLIENT_ID",
        help="The service principal or workload identity.",
    ),
    Option(
        name="azure-kv.client-secret",
        kind=TEXT,
        target="azure_kv.client_secret",
        overriding="AZURE_CLIENT_SECRET",
        secret=True,
        help="Secret of the service principal; better given as a file or in the environment.",
    ),
    Option(
        name="azure-kv.client-secret-file",
        kind=TEXT,
        target="azure_kv.client_secret_file",
        check=checks.plain,
        help="File with that secret, read at each login; wins over azure-kv.client-secret.",
    ),
    Option(
        name="azure-kv.client-certificate-file",
        kind=TEXT,
        target="azure_kv.client_certificate_file",
        check=checks.plain,
        overriding="AZURE_CLIENT_CERTIFICATE_PATH",
        help="File with the service principal's certificate and key in PEM or PFX, read at each login.",
    ),
    Option(
        name="azure-kv.client-certificate-password-file",
        kind=TEXT,
        target="azure_kv.client_certificate_password_file",
        check=checks.plain,
        help="File with the password of azure-kv.client-certificate-file.",
    ),
    Option(
        name="azure-kv.federated-token-file",
        kind=TEXT,
        target="azure_kv.federated_token_file",
        check=checks.plain,
        overriding="AZURE_FEDERATED_TOKEN_FILE",
        help="File with the service account's token for workload identity.",
    ),
    Option(
        name="azure-kv.managed-client-id",
        kind=TEXT,
        target="azure_kv.managed_client_id",
        check=checks.plain,
        overriding="AZURE_MANAGED_CLIENT_ID",
        help="Client id of a managed identity; wins over the service principal.",
    ),
    Option(
        name="azure-kv.managed-resource-id",
        kind=TEXT,
        target="azure_kv.managed_resource_id",
        check=checks.plain,
        overriding="AZURE_MANAGED_RESOURCE_ID",
        help="Resource id of a managed identity; wins over the service principal.",
    ),
    Option(
        name="azure-kv.system-assigned-identity",
        kind=SWITCH,
        target="azure_kv.system_assigned_identity",
        help="Use the machine's own managed identity; wins over the service principal.",
    ),
    Option(
        name="azure-kv.strict-expiry",
        kind=SWITCH,
        target="azure_kv.strict_expiry",
        help="Refuse values that are expired or not yet valid, instead of only saying so.",
    ),
    Option(
        name="azure-kv.max-requests-per-second",
        kind=COUNT,
        target="azure_kv.max_requests_per_second",
        check=checks.request_rate,
        help="Calls to Azure in a second, logins included; polls come last.",
    ),
    Option(
        name="azure-kv.ca-cert",
        kind=TEXT,
        target="azure_kv.ca_cert",
        check=checks.plain,
        help="File of the certificates to trust for the key vault and Entra ID, in PEM.",
    ),
    Option(
        name="azure-kv.http-proxy",
        kind=TEXT,
        target="azure_kv.proxy.http",
        check=checks.proxy_url,
        fallbacks=("HTTP_PROXY", "http_proxy"),
        secret=True,
        help="Proxy for http addresses; link-local ones are always asked directly.",
    ),
    Option(
        name="azure-kv.https-proxy",
        kind=TEXT,
        target="azure_kv.proxy.https",
        check=checks.proxy_url,
        fallbacks=("HTTPS_PROXY", "https_proxy"),
        secret=True,
        help="Proxy for https addresses.",
    ),
    Option(
        name="azure-kv.no-proxy",
        kind=LIST,
        target="azure_kv.proxy.no_proxy",
        fallbacks=("NO_PROXY", "no_proxy"),
        help="Hosts, domains and networks reached without proxy.",
    ),
    # ── several replicas ─────────────────────────────────────────────────────────────────────────────
    Option(
        name="enable-leader-election",
        kind=SWITCH,
        target="election.enabled",
        help="Let one replica work and the others wait.",
    ),
    Option(
        name="election.lease-name",
        kind=TEXT,
        target="election.lease_name",
        check=checks.object_name,
        help="Name of the Lease.",
    ),
    Option(
        name="election.lease-namespace",
        kind=TEXT,
        target="election.lease_namespace",
        help="Namespace of the Lease; absent: the one the pod runs in.",
    ),
    Option(
        name="election.lease-duration",
        kind=DURATION,
        target="election.lease_duration",
        check=checks.period,
        help="Age at which a Lease that nobody renews may be taken.",
    ),
    Option(
        name="election.renew-deadline",
        kind=DURATION,
        target="election.renew_deadline",
        check=checks.period,
        help="Time after which a leader that could not renew steps down.",
    ),
    Option(
        name="election.retry-period",
        kind=DURATION,
        target="election.retry_period",
        check=checks.period,
        help="Time between two tries to take or renew the Lease.",
    ),
    # ── logs: settled together by secrets_manager.daemon.log_settings ─────────────────────────────────
    Option(name="enable-debug-log", kind=SWITCH, help="Log at debug level, unless zap-log-level is given."),
    Option(
        name="zap-devel",
        kind=SWITCH,
        help="Logs for development: console, debug level, stack traces from warnings on.",
    ),
    Option(name="zap-encoder", kind=ENCODER, help="Form of log lines: json or console."),
    Option(
        name="zap-log-level",
        kind=LEVEL,
        help="Least level logged: debug, info, error, or a number above 0 for more and more detail.",
    ),
    Option(
        name="zap-stacktrace-level",
        kind=STACKTRACE_LEVEL,
        help="Level from which lines carry a stack trace: info, warn, error or panic.",
    ),
)

BY_NAME: dict[str, Option] = {option.name: option for option in OPTIONS}
