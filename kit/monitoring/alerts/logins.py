"""Alerts about what one kind of backend has: tokens and TLS of Vault, logins and dates of Azure Key Vault.

Series of the backend of the flags lack the label `backend` where the Go version had them, too.
"""

from __future__ import annotations

from kit.monitoring.rule import Alert

__all__ = ["LOGINS"]

_VAULT = "{{ $labels.vault_address }}{{ with $labels.backend }} (backend {{ . }}){{ end }}"
_KEY_VAULT = "{{ $labels.azure_kv_name }}{{ with $labels.backend }} (backend {{ . }}){{ end }}"
_OF_VAULT = "job, namespace, backend, vault_address"
_REFUSED = 'vault_operation="renew-self", error="BackendSecretForbiddenError"'

LOGINS = (
    Alert(
        name="SecretsManagerVaultLoginFailing",
        severity="critical",
        after="15m",
        # A login that fails is tried again after 30 seconds; a password that was refused, after 5 minutes.
        expr=f"sum by ({_OF_VAULT}) (increase(secrets_manager_vault_login_errors_total[10m])) > 0",
        summary=f"The daemon cannot log in to {_VAULT}.",
        description=(
            "Look at the credentials first: a role id or secret id that was revoked, used up or has expired."
            " Secrets follow changes as long as the last token lives."
        ),
        meaning="Logins to Vault fail.",
    ),
    Alert(
        name="SecretsManagerVaultTokenRenewalFailing",
        severity="warning",
        after="15m",
        # Some of these errors are counted once for each token, so five minutes might miss them. One that is
        # refused comes at half of a token's life, and then there is a login.
        expr=f"""\
sum by ({_OF_VAULT}, vault_operation) (increase(secrets_manager_vault_token_renewal_errors_total[10m])) > 0
or
sum by ({_OF_VAULT}, vault_operation) (increase(
  secrets_manager_vault_token_renewal_errors_total{{{_REFUSED}}}[1h]
)) > 0""",
        summary=f"The token for {_VAULT} cannot be renewed ({{{{ $labels.vault_operation }}}}).",
        description="It logs in again when it has to. Most likely its policy lacks the right to renew.",
        meaning="The token for Vault can be looked up or renewed no more.",
    ),
    Alert(
        name="SecretsManagerVaultTokenExpiring",
        severity="critical",
        after="2m",
        # A token is renewed at half of its life, and one that cannot be is replaced when a third is left.
        # A root token has a life of 0 seconds here and never expires.
        expr=f"""\
max by ({_OF_VAULT}) (secrets_manager_vault_token_ttl)
  < 0.25 * max by ({_OF_VAULT}) (max_over_time(secrets_manager_vault_token_ttl[1h]))
and
max by ({_OF_VAULT}) (secrets_manager_vault_token_ttl) > 0""",
        summary=f"The token for {_VAULT} is about to expire: most of its life is over.",
        description=(
            "Neither renewal nor a new login has worked. Secrets are kept, and follow no change once it has"
            " ended."
        ),
        meaning="The token for Vault is about to expire, and neither a renewal nor a login has worked.",
    ),
    Alert(
        name="SecretsManagerVaultUnverified",
        severity="warning",
        after="15m",
        expr="max by (job, namespace, backend) (secrets_manager_vault_tls_unverified) > 0",
        summary="The daemon does not verify the certificate of Vault (backend {{ $labels.backend }}).",
        description=(
            "VAULT_SKIP_VERIFY is set, so anyone on the network path can read and change every secret. Give"
            " the daemon the certificate authority of Vault instead (VAULT_CACERT)."
        ),
        meaning="The certificate of Vault is not verified.",
    ),
    Alert(
        name="SecretsManagerAzureLoginFailing",
        severity="critical",
        after="10m",
        expr=(
            "sum by (job, namespace, backend, azure_kv_name)"
            " (increase(secrets_manager_azure_kv_login_errors_total[5m])) > 0"
        ),
        summary=f"The daemon cannot log in for the key vault {_KEY_VAULT}.",
        description="Look at the credentials first: the client secret or certificate may have expired.",
        meaning="Logins to Entra ID fail.",
    ),
    Alert(
        name="SecretsManagerAzureSecretExpiring",
        severity="warning",
        after="1h",
        expr="""\
min by (job, namespace, backend, azure_kv_name, path) (
  secrets_manager_azure_kv_secret_expiry_timestamp_seconds
) - time() < 14 * 86400""",
        summary=(
            f"{{{{ $labels.path }}}} in the key vault {_KEY_VAULT} is good for"
            " {{ $value | humanizeDuration }}."
        ),
        description=(
            "Definitions that use it say SourceExpired once it has; with azure-kv.strict-expiry their Secrets"
            " follow no change from then on."
        ),
        meaning="A secret in Azure Key Vault that definitions use expires within two weeks, or has expired.",
    ),
)
