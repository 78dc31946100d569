"""For each alert: series that make it fire and what it says then, and healthy series that are close to them.

The notation is promtool's: `1x20` is 1 and 20 times more 1, `0+1x20` counts by 1, `_x3` is nothing.
A step is half a minute, as between two scrapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CASES", "Case"]

Series = Mapping[str, str]
Labels = Mapping[str, str]

OF = {"job": "sm", "namespace": "secrets"}
DEFAULT = {**OF, "backend": "default"}
VAULT = {**OF, "vault_address": "https://vault:8200"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Series, when to look, and what fires then: nothing when `summary` is empty.

    Attributes:
        alert: its name.
        says: what is shown, for the name of the test.
        series: the values of each series.
        at: minutes after the first step.
        labels: those of the alert, besides its name and severity.
        summary: as a person reads it.
        description: the same, where it has labels in it.

    """

    alert: str
    says: str
    series: Series
    at: int
    labels: Labels = field(default_factory=dict)
    summary: str = ""
    description: str = ""

    def __str__(self) -> str:
        return f"{self.alert}: {self.says}"


def _name(metric: str, labels: Labels) -> str:
    return f"{metric}{{{', '.join(f'{key}={chr(34)}{value}{chr(34)}' for key, value in labels.items())}}}"


def of(metric: str, pod: str = "a", *, job: str = "sm", **labels: str) -> str:
    """A series of a replica, as the ServiceMonitor makes it."""
    target = {"job": job, "namespace": "secrets", "pod": f"sm-{pod}", "instance": f"{pod}:8080"}
    return _name(f"secrets_manager_{metric}", {**target, **labels})


def secrets(metric: str, values: Mapping[str, str]) -> Series:
    """Series of Secrets: `namespace` is that of the definition."""
    return {of(f"controller_{metric}", name=name, namespace="shop"): each for name, each in values.items()}


def _started(instance: str = "a") -> str:
    return of("", pod=instance).replace("secrets_manager_{", "process_start_time_seconds{")


def _asked(code: str, instance: str = "a") -> str:
    """Calls to the API server, which any program may count by this name."""
    return of("", pod=instance, code=code).replace("secrets_manager_{", "rest_client_requests_total{")


_CALLS = "backend_request_duration_seconds_count"
_READ = {"backend": "default", "kind": "vault", "operation": "read"}
_BUCKET = "backend_request_duration_seconds_bucket"


def _reads(result: str, pod: str = "a") -> str:
    return of(_CALLS, pod, **_READ, result=result)


def _times(at_once: str, within_ten: str) -> Series:
    """Reads that take half a second, and those that take up to ten."""
    buckets = {"0.5": at_once, "10.0": within_ten, "+Inf": within_ten}
    return {of(_BUCKET, **_READ, result="success", le=le): values for le, values in buckets.items()}


DAEMON = (
    Case(
        alert="SecretsManagerDown",
        says="it was never scraped",
        series={},
        at=6,
        summary="The secrets-manager daemon cannot be scraped.",
    ),
    Case(
        alert="SecretsManagerDown",
        says="one of two installations is gone, and the other is well",
        series={of("build_info"): "1x10 _x40", of("build_info", job="other"): "1x50"},
        at=20,
        labels=OF,
        summary="The secrets-manager daemon in namespace secrets cannot be scraped.",
    ),
    Case(
        alert="SecretsManagerDown",
        says="the pod of one replica is replaced by another version",
        series={
            of("build_info", "a", version="1"): "1x10 _x40",
            of("build_info", "b", version="2"): "_x8 1x40",
        },
        at=20,
    ),
    Case(
        alert="SecretsManagerDown",
        says="it was gone for four minutes",
        series={of("build_info"): "1x10 _x8 1x40"},
        at=10,
    ),
    Case(
        alert="SecretsManagerNotReady",
        says="no replica is ready",
        series={of("ready"): "0x40", of("ready", "b"): "1x5 0x40"},
        at=15,
        labels=OF,
        summary="No replica of secrets-manager in namespace secrets is ready.",
    ),
    Case(
        alert="SecretsManagerNotReady",
        says="one of two replicas is ready",
        series={of("ready"): "0x40", of("ready", "b"): "1x40"},
        at=15,
    ),
    Case(
        alert="SecretsManagerNobodyLeads",
        says="two replicas wait",
        series={of("leader"): "0x20", of("leader", "b"): "0x20"},
        at=4,
        labels=OF,
        summary="No replica of secrets-manager in namespace secrets leads.",
    ),
    Case(
        alert="SecretsManagerNobodyLeads",
        says="a hand-over after a crash takes a minute",
        series={of("leader"): "1x5 _x20", of("leader", "b"): "0x7 1x20"},
        at=4,
    ),
    Case(
        alert="SecretsManagerSeveralLead",
        says="two replicas work",
        series={of("leader"): "1x20", of("leader", "b"): "1x20"},
        at=8,
        labels=OF,
        summary="2 replicas of secrets-manager in namespace secrets work at once.",
    ),
    Case(
        alert="SecretsManagerSeveralLead",
        says="a replica that lost the lead is seen once more",
        series={of("leader"): "1x8 _x20", of("leader", "b"): "0x7 1x20"},
        at=8,
    ),
    Case(
        alert="SecretsManagerSeveralLead",
        says="two installations have a leader each",
        series={of("leader"): "1x20", of("leader", job="other"): "1x20"},
        at=8,
    ),
    Case(
        alert="SecretsManagerRestarting",
        says="it started again three times",
        series={_started(): "100x4 200x4 300x4 400x20", of("build_info"): "1x40"},
        at=13,
        labels={**OF, "pod": "sm-a", "instance": "a:8080"},
        summary="The daemon sm-a has started 3 times again within an hour.",
    ),
    Case(
        alert="SecretsManagerRestarting",
        says="another program with the same metric does, and it itself once",
        series={
            _started(): "100x4 200x20",
            of("build_info"): "1x40",
            _started("stranger"): "100x4 200x4 300x4 400x20",
        },
        at=13,
    ),
    Case(
        alert="SecretsManagerBehind",
        says="a poll is late",
        series={of("poll_overdue_seconds"): "90x40", of("queue_oldest_wait_seconds"): "0x40"},
        at=12,
        labels=OF,
        summary="secrets-manager in namespace secrets is late by 1m 30s.",
    ),
    Case(
        alert="SecretsManagerBehind",
        says="a definition waits for its turn",
        series={of("poll_overdue_seconds"): "1x40", of("queue_oldest_wait_seconds"): "61x40"},
        at=12,
        labels=OF,
        summary="secrets-manager in namespace secrets is late by 1m 1s.",
    ),
    Case(
        alert="SecretsManagerBehind",
        says="five minutes of lateness after a start",
        series={of("poll_overdue_seconds"): "300x10 1x40", of("queue_oldest_wait_seconds"): "59x40"},
        at=12,
    ),
    Case(
        alert="SecretsManagerApiServerFailing",
        says="a call fails each minute",
        series={of("controller_failures_total", reason="ClusterUnavailable"): "0 0+1x20 20+1x20"},
        at=18,
        labels=OF,
        summary="The API server does not do what secrets-manager in namespace secrets asks.",
    ),
    Case(
        alert="SecretsManagerApiServerFailing",
        says="it is away, and there is nothing to write",
        series={of("build_info"): "1x60", _asked("200"): "0+9x10 90x50", _asked("<error>"): "_x10 0+5x49"},
        at=25,
        labels=OF,
        summary="The API server does not do what secrets-manager in namespace secrets asks.",
    ),
    Case(
        alert="SecretsManagerApiServerFailing",
        says="a tenth of the calls fail, and most of those of another program",
        series={
            of("build_info"): "1x60",
            _asked("200"): "0+9x60",
            _asked("503"): "0+1x60",
            _asked("503", "stranger"): "0+99x60",
        },
        at=25,
    ),
    Case(
        alert="SecretsManagerApiServerFailing",
        says="it was away for five minutes, and definitions are wrong all the time",
        series={
            of("controller_failures_total", reason="ClusterUnavailable"): "0+5x10 50x40",
            of("controller_failures_total", reason="InvalidSpec"): "0+5x50",
        },
        at=18,
    ),
    Case(
        alert="SecretsManagerWatchesReplaced",
        says="one does not work",
        series={of("watches_replaced_by_lists"): "1x80"},
        at=32,
        labels=OF,
        summary="Watches of secrets-manager in namespace secrets do not work.",
    ),
    Case(
        alert="SecretsManagerWatchesReplaced",
        says="they worked again after a quarter of an hour",
        series={of("watches_replaced_by_lists"): "2x30 0x50"},
        at=32,
    ),
)

DEFINITIONS = (
    Case(
        alert="SecretsManagerDefinitionFailing",
        says="one Secret is out of sync, while another replica takes over",
        series={
            of("controller_last_sync_status", "a", namespace="shop", name="db"): "0x15 _x40",
            of("controller_last_sync_status", "b", namespace="shop", name="db"): "_x15 0x40",
            of("controller_last_sync_status", "b", namespace="shop", name="well"): "1x40",
        },
        at=16,
        labels={"job": "sm", "namespace": "shop", "name": "db"},
        summary="Secret shop/db is out of sync with the backend.",
        description=(
            "The last good Secret is kept. `kubectl get secretdefinitions -n shop -o wide` says why."
        ),
    ),
    Case(
        alert="SecretsManagerDefinitionFailing",
        says="it was in sync for a minute",
        series=secrets("last_sync_status", {"db": "0x20 1x2 0x20"}),
        at=16,
    ),
    Case(
        alert="SecretsManagerManyDefinitionsFailing",
        says="three of five",
        series=secrets("last_sync_status", dict(zip("abcde", ["0x40"] * 3 + ["1x40"] * 2, strict=True))),
        at=12,
        labels={"job": "sm"},
        summary="3 Secrets, more than half of all, are out of sync with their backends.",
    ),
    Case(
        alert="SecretsManagerManyDefinitionsFailing",
        says="two of two, which are their authors' matter",
        series=secrets("last_sync_status", {"a": "0x40", "b": "0x40"}),
        at=12,
    ),
    Case(
        alert="SecretsManagerManyDefinitionsFailing",
        says="three of six",
        series=secrets("last_sync_status", dict(zip("abcdef", ["0x40", "1x40"] * 3, strict=True))),
        at=12,
    ),
    Case(
        alert="SecretsManagerRestartsFailing",
        says="it is refused every five minutes",
        series={
            of("restarts_total", kind="Deployment", result="Forbidden"): "1x9 2x9 3x9 4x9 5x9 6x9 7x9",
            of("restarts_total", kind="Deployment", result="success"): "0+1x70",
        },
        at=30,
        labels={**OF, "kind": "Deployment", "result": "Forbidden"},
        summary="Workloads of kind Deployment cannot be restarted (Forbidden).",
    ),
    Case(
        alert="SecretsManagerRestartsFailing",
        says="it was refused twice and then worked",
        series={of("restarts_total", kind="Deployment", result="Conflict"): "1x9 2x9 3x70"},
        at=30,
    ),
)

BACKENDS = (
    Case(
        alert="SecretsManagerBackendDown",
        says="the breaker of one is open",
        series={
            of("backend_breaker_open", backend="default"): "1x40",
            of("backend_breaker_open", backend="eu"): "0x40",
        },
        at=12,
        labels=DEFAULT,
        summary="The backend default is down.",
    ),
    Case(
        alert="SecretsManagerBackendDown",
        says="it was down for nine minutes",
        series={of("backend_breaker_open", backend="default"): "1x18 0x40"},
        at=12,
    ),
    Case(
        alert="SecretsManagerBackendPartDown",
        says="a mount does not answer",
        series={
            of("backend_parts_open", backend="default"): "2x60",
            of("backend_breaker_open", backend="default"): "0x60",
        },
        at=18,
        labels=DEFAULT,
        summary="2 parts of the backend default do not answer.",
    ),
    Case(
        alert="SecretsManagerBackendPartDown",
        says="the whole is down, which another alert says",
        series={
            of("backend_parts_open", backend="default"): "1x60",
            of("backend_breaker_open", backend="default"): "1x60",
        },
        at=18,
    ),
    Case(
        alert="SecretsManagerBackendLoggedOut",
        says="the leader has no login",
        series={
            of("backend_ready", backend="default"): "0x40",
            of("backend_ready", "b", backend="default"): "0x40",
            of("leader"): "0x40",
            of("leader", "b"): "1x40",
        },
        at=12,
        labels=DEFAULT,
        summary="The daemon is not logged in to the backend default.",
    ),
    Case(
        alert="SecretsManagerBackendLoggedOut",
        says="the standby has no login, as is right",
        series={
            of("backend_ready", backend="default"): "0x40",
            of("backend_ready", "b", backend="default"): "1x40",
            of("leader"): "0x40",
            of("leader", "b"): "1x40",
        },
        at=12,
    ),
    Case(
        alert="SecretsManagerBackendLoggedOut",
        says="nobody leads, which another alert says",
        series={of("backend_ready", backend="default"): "0x40", of("leader"): "0x40"},
        at=12,
    ),
    Case(
        alert="SecretsManagerBackendErrors",
        says="a fifth of the calls fail",
        series={_reads("success"): "0+8x80", _reads("BackendUnavailable"): "0+2x80"},
        at=30,
        labels=DEFAULT,
        summary="20% of the calls to the backend default fail.",
    ),
    Case(
        alert="SecretsManagerBackendErrors",
        says="a twentieth fails, and definitions ask for what is not there",
        series={
            _reads("success"): "0+9x80",
            _reads("SourceNotFound"): "0+10x80",
            _reads("BackendUnavailable"): "0+1x80",
        },
        at=30,
    ),
    Case(
        alert="SecretsManagerBackendThrottled",
        says="calls are refused all the time",
        series={_reads("BackendThrottled"): "0+1x80"},
        at=20,
        labels=DEFAULT,
        summary="The backend default is asked more often than it allows.",
    ),
    Case(
        alert="SecretsManagerBackendThrottled",
        says="calls were refused for five minutes after a start",
        series={_reads("BackendThrottled"): "0+1x10 10x80"},
        at=20,
    ),
    Case(
        alert="SecretsManagerBackendSlow",
        says="one read of five takes seconds",
        series=_times("0+4x80", "0+5x80"),
        at=30,
        labels=DEFAULT,
        summary="A tenth of the reads from the backend default take longer than 5.25s.",
    ),
    Case(
        alert="SecretsManagerBackendSlow",
        says="one read of twenty takes seconds",
        series=_times("0+19x80", "0+20x80"),
        at=30,
    ),
)

LOGINS = (
    Case(
        alert="SecretsManagerVaultLoginFailing",
        says="each login to the backend of the flags fails",
        series={
            of("vault_login_errors_total", vault_address="https://vault:8200"): "0+1x60",
            of("vault_login_errors_total", vault_address="https://eu:8200", backend="eu"): "3x60",
        },
        at=20,
        labels=VAULT,
        summary="The daemon cannot log in to https://vault:8200.",
    ),
    Case(
        alert="SecretsManagerVaultLoginFailing",
        says="logins to a backend with a name fail",
        series={of("vault_login_errors_total", vault_address="https://eu:8200", backend="eu"): "0+1x60"},
        at=20,
        labels={**OF, "vault_address": "https://eu:8200", "backend": "eu"},
        summary="The daemon cannot log in to https://eu:8200 (backend eu).",
    ),
    Case(
        alert="SecretsManagerVaultLoginFailing",
        says="a password is refused, which is shown again after five minutes and a half",
        series={
            of("vault_login_errors_total", vault_address="https://vault:8200"): "0x3 1x10 2x10 3x10 4x10 5x10"
        },
        at=25,
        labels=VAULT,
        summary="The daemon cannot log in to https://vault:8200.",
    ),
    Case(
        alert="SecretsManagerVaultLoginFailing",
        says="four minutes of failed logins",
        series={of("vault_login_errors_total", vault_address="https://vault:8200"): "0+1x8 8x60"},
        at=17,
    ),
    Case(
        alert="SecretsManagerVaultTokenRenewalFailing",
        says="each renewal is refused",
        series={
            of(
                "vault_token_renewal_errors_total",
                vault_address="https://vault:8200",
                vault_operation="renew-self",
                error="UnknownError",
            ): "0+2x60",
        },
        at=20,
        labels={**VAULT, "vault_operation": "renew-self"},
        summary="The token for https://vault:8200 cannot be renewed (renew-self).",
    ),
    Case(
        alert="SecretsManagerVaultTokenRenewalFailing",
        says="a renewal is refused at half of each token's life of an hour, and a login follows",
        series={
            of(
                "vault_token_renewal_errors_total",
                vault_address="https://vault:8200",
                vault_operation="renew-self",
                error="BackendSecretForbiddenError",
            ): "0x40 1x59 2x59",
        },
        at=45,
        labels={**VAULT, "vault_operation": "renew-self"},
        summary="The token for https://vault:8200 cannot be renewed (renew-self).",
    ),
    Case(
        alert="SecretsManagerVaultTokenRenewalFailing",
        says="a token was revoked once",
        series={
            of(
                "vault_token_renewal_errors_total",
                vault_address="https://vault:8200",
                vault_operation="lookup-self",
                error="BackendSecretForbiddenError",
            ): "0x4 1x60",
        },
        at=17,
    ),
    Case(
        alert="SecretsManagerVaultTokenExpiring",
        says="an hour's life goes on to its end",
        series={of("vault_token_ttl", vault_address="https://vault:8200"): "3600-30x119 15x60"},
        at=50,
        labels=VAULT,
        summary="The token for https://vault:8200 is about to expire: most of its life is over.",
    ),
    Case(
        alert="SecretsManagerVaultTokenExpiring",
        says="it has expired, and the last that was seen of it stays",
        series={of("vault_token_ttl", vault_address="https://vault:8200"): "3600-30x119 15x60"},
        at=75,
        labels=VAULT,
        summary="The token for https://vault:8200 is about to expire: most of its life is over.",
    ),
    Case(
        alert="SecretsManagerVaultTokenExpiring",
        says="it is renewed at half, replaced at a third, short, or a root token that never expires",
        series={
            of("vault_token_ttl", vault_address="https://vault:8200"): "3600-30x60 3600-30x60",
            of(
                "vault_token_ttl", vault_address="https://batch:8200", backend="batch"
            ): "3600-30x80 3600-30x60",
            of("vault_token_ttl", vault_address="https://short:8200", backend="short"): "50x160",
            of("vault_token_ttl", vault_address="https://root:8200", backend="root"): "0x160",
        },
        at=40,
    ),
    Case(
        alert="SecretsManagerVaultUnverified",
        says="of one of two",
        series={
            of("vault_tls_unverified", backend="default"): "1x60",
            of("vault_tls_unverified", backend="eu"): "0x60",
        },
        at=18,
        labels=DEFAULT,
        summary="The daemon does not verify the certificate of Vault (backend default).",
    ),
    Case(
        alert="SecretsManagerVaultUnverified",
        says="all are verified",
        series={of("vault_tls_unverified", backend="default"): "0x60"},
        at=18,
    ),
    Case(
        alert="SecretsManagerAzureLoginFailing",
        says="each login fails",
        series={of("azure_kv_login_errors_total", azure_kv_name="keys", backend="eu"): "0+1x60"},
        at=20,
        labels={**OF, "azure_kv_name": "keys", "backend": "eu"},
        summary="The daemon cannot log in for the key vault keys (backend eu).",
    ),
    Case(
        alert="SecretsManagerAzureLoginFailing",
        says="four minutes of failed logins",
        series={of("azure_kv_login_errors_total", azure_kv_name="keys"): "0+1x8 8x60"},
        at=12,
    ),
    Case(
        alert="SecretsManagerAzureSecretExpiring",
        says="a secret expires within two weeks",
        series={
            of(
                "azure_kv_secret_expiry_timestamp_seconds",
                backend="default",
                azure_kv_name="keys",
                path="db-password",
            ): "954000x160",
        },
        at=70,
        labels={**DEFAULT, "azure_kv_name": "keys", "path": "db-password"},
        summary="db-password in the key vault keys (backend default) is good for 10d 23h 50m 0s.",
    ),
    Case(
        alert="SecretsManagerAzureSecretExpiring",
        says="a secret expires in three weeks",
        series={
            of(
                "azure_kv_secret_expiry_timestamp_seconds",
                backend="default",
                azure_kv_name="keys",
                path="db-password",
            ): "1900000x160",
        },
        at=70,
    ),
)

CASES = (*DAEMON, *DEFINITIONS, *BACKENDS, *LOGINS)
