"""Kubernetes: the token of the pod's service account, which Vault has the API server check."""

from __future__ import annotations

from collections.abc import Iterator

from secrets_manager.backends.kit.credential_files import read_credential
from secrets_manager.backends.vault.logins.errand import Errand
from secrets_manager.backends.vault.logins.method import LoginMethod, LoginRequest
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.option import Contradiction


def _missing(vault: VaultSettings) -> Iterator[Contradiction]:
    if not vault.kubernetes_role:
        text = "missing: {table}.auth-method kubernetes needs a role"
        yield Contradiction(names=("kubernetes-role", "auth-method"), text=text, exit_code=1)


def _login(vault: VaultSettings, _errand: Errand) -> LoginRequest:
    jwt = read_credential(vault.kubernetes_token_file, f"{vault.table}.kubernetes-token-file")
    return LoginRequest(mount=vault.kubernetes_path, body={"role": vault.kubernetes_role, "jwt": jwt})


METHOD = LoginMethod(missing=_missing, files=lambda vault: (vault.kubernetes_token_file,), login=_login)
