"""Backends: the same panels for every kind, and what Vault and Azure Key Vault have besides."""

from __future__ import annotations

from kit.monitoring.dashboard.panel import BACKEND, JOB, Panel, Query, of_backend
from kit.monitoring.recordings import ERROR_RATIO

__all__ = ["BACKENDS", "LOGINS"]

_CALLS = "secrets_manager_backend_request_duration_seconds"
_RATE = "[$__rate_interval]"


def _quantile(share: float) -> Query:
    name = f"{share * 100:g} %"
    buckets = f'{_CALLS}_bucket{{{BACKEND}, operation="read"}}'
    expr = f"histogram_quantile({share:g}, sum by (backend, le) (rate({buckets}{_RATE})))"
    return Query(expr, f"{{{{backend}}}} {name}")


BACKENDS = (
    Panel(
        title="Logged in",
        description="Whether the leader has a login that works.",
        queries=(Query(f"max by (backend) (secrets_manager_backend_ready{{{BACKEND}}})", "{{backend}}"),),
        kind="states",
        runbook="SecretsManagerBackendLoggedOut",
    ),
    Panel(
        title="Answers",
        description="Whether the backend as a whole answers: `no` while its circuit breaker is open.",
        queries=(
            Query(f"1 - max by (backend) (secrets_manager_backend_breaker_open{{{BACKEND}}})", "{{backend}}"),
        ),
        kind="states",
        runbook="SecretsManagerBackendDown",
    ),
    Panel(
        title="Parts down",
        description="Mounts, Vault namespaces and paths that do not answer by themselves.",
        queries=(
            Query(f"max by (backend) (secrets_manager_backend_parts_open{{{BACKEND}}})", "{{backend}}"),
        ),
        red_from=1,
        runbook="SecretsManagerBackendPartDown",
    ),
    Panel(
        title="Calls",
        description="Calls to each backend in a second, by what was asked.",
        queries=(
            Query(
                f"sum by (backend, operation) (rate({_CALLS}_count{{{BACKEND}}}{_RATE}))",
                "{{backend}} {{operation}}",
            ),
        ),
        unit="reqps",
    ),
    Panel(
        title="Failed calls by reason",
        description="Calls that gave no value, those for paths that are not there included.",
        queries=(
            Query(
                f'sum by (backend, result) (rate({_CALLS}_count{{{BACKEND}, result!="success"}}{_RATE}))',
                "{{backend}} {{result}}",
            ),
        ),
        unit="reqps",
        stacked=True,
        runbook="SecretsManagerBackendErrors",
    ),
    Panel(
        title="Share of calls that fail",
        description="Without those that definitions ask for wrongly. Needs the recording rules.",
        queries=(Query(f"max by (backend) ({ERROR_RATIO}{{{BACKEND}}})", "{{backend}}"),),
        unit="percentunit",
        red_from=0.1,
        runbook="SecretsManagerBackendErrors",
    ),
    Panel(
        title="Time of a read",
        description="The wait for its turn within max-requests-per-second is part of it.",
        queries=(_quantile(0.5), _quantile(0.9), _quantile(0.99)),
        unit="s",
        width=24,
        runbook="SecretsManagerBackendSlow",
    ),
)

LOGINS = (
    Panel(
        title="Life of tokens for Vault",
        description="Seconds that each token has left, and those below which it is renewed. 0: a root token.",
        queries=(
            Query(of_backend(f"secrets_manager_vault_token_ttl{{{JOB}}}"), "{{backend}}"),
            Query(
                of_backend(f"secrets_manager_vault_max_token_ttl{{{JOB}}}"), "{{backend}}: renewed from here"
            ),
        ),
        unit="s",
        runbook="SecretsManagerVaultTokenExpiring",
    ),
    Panel(
        title="Failed logins",
        description="Logins to Vault, and to Entra ID for key vaults, that failed.",
        queries=(
            Query(
                of_backend(f"increase(secrets_manager_vault_login_errors_total{{{JOB}}}{_RATE})"),
                "{{backend}} (Vault)",
            ),
            Query(
                of_backend(f"increase(secrets_manager_azure_kv_login_errors_total{{{JOB}}}{_RATE})"),
                "{{backend}} (Key Vault)",
            ),
        ),
        runbook="SecretsManagerVaultLoginFailing",
    ),
    Panel(
        title="Tokens that could not be looked up or renewed",
        description="Failures in the care of tokens for Vault, by what was tried.",
        queries=(
            Query(
                of_backend(f"increase(secrets_manager_vault_token_renewal_errors_total{{{JOB}}}{_RATE})"),
                "{{backend}} {{vault_operation}}: {{error}}",
            ),
        ),
        runbook="SecretsManagerVaultTokenRenewalFailing",
    ),
    Panel(
        title="Keys that could not be read",
        description="By the words of the Go version; the condition of the definition says more.",
        queries=(
            Query(
                "sum by (job, backend, error) ("
                + of_backend(f"rate(secrets_manager_vault_read_secret_errors_total{{{JOB}}}{_RATE})")
                + ")",
                "{{backend}} {{error}}",
            ),
            Query(
                "sum by (job, backend, error) ("
                + of_backend(f"rate(secrets_manager_azure_kv_read_secret_errors_total{{{JOB}}}{_RATE})")
                + ")",
                "{{backend}} {{error}}",
            ),
        ),
        unit="ops",
    ),
    Panel(
        title="Certificate of Vault is verified",
        description="`no` while VAULT_SKIP_VERIFY is set: anyone on the network path can read every secret.",
        queries=(
            Query(f"1 - max by (backend) (secrets_manager_vault_tls_unverified{{{BACKEND}}})", "{{backend}}"),
        ),
        kind="states",
        runbook="SecretsManagerVaultUnverified",
    ),
    Panel(
        title="Secrets of Azure Key Vault that expire first",
        description="The ten that expire next, of those with a date; below 0 they have expired.",
        queries=(
            Query(
                "bottomk(10, min by (backend, azure_kv_name, path)"
                f" (secrets_manager_azure_kv_secret_expiry_timestamp_seconds{{{BACKEND}}}) - time())",
                "{{azure_kv_name}} {{path}}",
            ),
        ),
        kind="list",
        unit="s",
        runbook="SecretsManagerAzureSecretExpiring",
    ),
)
