"""AppRole: a role id and, for most roles, a secret id."""

from __future__ import annotations

from collections.abc import Iterator

from secrets_manager.backends.vault.logins.errand import Errand
from secrets_manager.backends.vault.logins.method import LoginMethod, LoginRequest, either, is_token
from secrets_manager.domain.errors import AuthFailed
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.option import Contradiction


def _missing(vault: VaultSettings) -> Iterator[Contradiction]:
    """AppRole needs a role id, as a value or as a file; few roles do without a secret id, but some do."""
    if vault.secret_id_wrapped and not vault.secret_id_file:
        text = "missing: {table}.secret-id-wrapped needs the file with the wrapping token"
        yield Contradiction(names=("secret-id-file", "secret-id-wrapped"), text=text, exit_code=1)
    if vault.role_id or vault.role_id_file:
        return
    text = "missing: AppRole needs it; set {variable}, or {table}.role-id-file to a file that holds it"
    yield Contradiction(names=("role-id", "role-id-file", "auth-method"), text=text, exit_code=1)
    if not (vault.secret_id or vault.secret_id_file):
        text = (
            "missing: AppRole needs it, unless the role has bind_secret_id=false; set {variable}, or"
            " {table}.secret-id-file to a file that holds it"
        )
        yield Contradiction(names=("secret-id", "secret-id-file", "auth-method"), text=text, exit_code=1)


def _login(vault: VaultSettings, _errand: Errand) -> LoginRequest:
    role_id = either(vault.role_id, vault.role_id_file, f"{vault.table}.role-id-file")
    secret_id = either(vault.secret_id, vault.secret_id_file, f"{vault.table}.secret-id-file")
    if vault.secret_id_wrapped and not is_token(secret_id):
        raise AuthFailed(
            f"{vault.table}.secret-id-file: file {vault.secret_id_file!r} holds something other than a"
            " wrapping token; write the token alone, not the whole answer of Vault"
        )
    without = "no secret id was given, which a role allows only with bind_secret_id=false"
    return LoginRequest(
        mount=vault.approle_path,
        body={"role_id": role_id, "secret_id": secret_id or None},
        wrapped="secret_id" if vault.secret_id_wrapped else "",
        check="" if secret_id else without,
    )


METHOD = LoginMethod(
    missing=_missing,
    files=lambda vault: (vault.role_id_file, vault.secret_id_file),
    login=_login,
)
