"""Google Cloud: a token of the machine or a signed JWT of a service account, made out to Vault's role.

https://developer.hashicorp.com/vault/docs/auth/gcp
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from secrets_manager.backends.kit.credential_files import read_keys
from secrets_manager.backends.vault.logins.errand import Errand
from secrets_manager.backends.vault.logins.method import LoginMethod, LoginRequest
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.option import Contradiction


def _missing(vault: VaultSettings) -> Iterator[Contradiction]:
    if not vault.gcp.role:
        text = "missing: {table}.auth-method gcp needs a role"
        yield Contradiction(names=("gcp-role", "auth-method"), text=text, exit_code=1)
    if not _is_installed():
        text = (
            "{table}.auth-method gcp needs the package google-auth, which is not installed; install"
            " secrets-manager[gcp]"
        )
        yield Contradiction(names=("auth-method",), text=text, exit_code=1)


def _is_installed() -> bool:
    try:
        return find_spec("google.auth") is not None
    except ModuleNotFoundError:
        return False


def _login(vault: VaultSettings, errand: Errand) -> LoginRequest:
    from secrets_manager.backends.vault.logins import gcp_token  # noqa: PLC0415 - loads google-auth

    gcp = vault.gcp
    audience = f"vault/{gcp.role}"
    if gcp.credentials_file:
        content = read_keys(gcp.credentials_file, f"{gcp.table}.gcp-credentials-file")
        jwt = gcp_token.by_file(gcp, content, audience, errand)
    elif gcp.service_account:
        jwt = gcp_token.by_machine_as(gcp, audience, errand)
    else:
        jwt = gcp_token.by_machine(gcp, audience, errand)
    return LoginRequest(
        mount=gcp.path,
        body={"role": gcp.role, "jwt": jwt},
        check=(
            f"check {gcp.table}.gcp-path and {gcp.table}.gcp-role; that the role is of the right type (gce"
            " for a machine's own token, otherwise iam) and bound to this service account; and this machine's"
            " clock"
        ),
    )


METHOD = LoginMethod(missing=_missing, files=lambda vault: (vault.gcp.credentials_file,), login=_login)
