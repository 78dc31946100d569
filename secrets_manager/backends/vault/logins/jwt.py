"""JWT: a signed token from a file, such as one that Kubernetes projects into the pod for Vault alone."""

from __future__ import annotations

from collections.abc import Iterator

from secrets_manager.backends.kit.credential_files import read_credential
from secrets_manager.backends.vault.logins.errand import Errand
from secrets_manager.backends.vault.logins.method import LoginMethod, LoginRequest
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.option import Contradiction


def _missing(_vault: VaultSettings) -> Iterator[Contradiction]:
    # The file has a default, and the auth method may have a default role.
    yield from ()


def _login(vault: VaultSettings, _errand: Errand) -> LoginRequest:
    return LoginRequest(
        mount=vault.jwt_path,
        body={
            "role": vault.jwt_role or None,
            "jwt": read_credential(vault.jwt_file, f"{vault.table}.jwt-file"),
        },
        check=(
            f"check {vault.table}.jwt-path and {vault.table}.jwt-role, and that the issuer, the audience, the"
            f" subject and the time of the JWT in {vault.jwt_file!r} are those that the role expects"
        ),
    )


METHOD = LoginMethod(missing=_missing, files=lambda vault: (vault.jwt_file,), login=_login)
