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
from typing import Any, Literal, cast

from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.policy_rules import Rule
from secrets_manager.settings import checks
from secrets_manager.settings import login_checks as login
from secrets_manager.settings.azure_key_vault import AzureCloud, AzureKvSettings
from secrets_manager.settings.kinds import ADDRESS, OPTIONAL_TEXT, PATTERNS, TABLES
from secrets_manager.settings.listening import ListenAddress, listen_address, status_address
from secrets_manager.settings.option import group, option
from secrets_manager.settings.policy_rules import path_rules
from secrets_manager.settings.proxies import ProxySettings
from secrets_manager.settings.vault import AuthMethod, Engine, VaultSettings

__all__ = [
    "BACKENDS",
    "AuthMethod",
    "AzureCloud",
    "AzureKvSettings",
    "BackendSettings",
    "ControllerSettings",
    "ElectionSettings",
    "Engine",
    "KubernetesSettings",
    "LogEncoder",
    "LogSettings",
    "PolicySettings",
    "ProxySettings",
    "RestartSettings",
    "Settings",
    "StatusPageSettings",
    "VaultSettings",
]

# The kinds of backends whose settings are in this package; other packages may bring more.
BACKENDS = ("vault", "azure-kv")

LogEncoder = Literal["json", "console"]

_period = partial(option, check=checks.period)


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
class StatusPageSettings:
    """The page for people, and who may read it.

    Attributes:
        address: None turns the page off.

    """

    address: ListenAddress | None = option(
        cast("ListenAddress | None", None),
        status_address,
        kind=ADDRESS,
        name="status-addr",
        help="Address of the status page, such as 127.0.0.1:8082; a port alone is one of loopback, and 0 "
        "turns the page off. At an address that is not of loopback it asks for a bearer token.",
    )
    audience: str = option(
        "",
        checks.plain,
        name="status-audience",
        help="Audience that tokens for the status page must have; empty for that of the API server.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartSettings:
    """How workloads are restarted whose Secrets changed."""

    window: float = _period(
        30.0,
        help="Time from a change of a Secret to the restart of its workloads, one for all changes in it.",
    )


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
        listen_address,
        kind=ADDRESS,
        help="Address of /metrics, /healthz and /readyz; 0 turns them off.",
    )
    status_page: StatusPageSettings = group(StatusPageSettings)
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
