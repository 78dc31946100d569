"""Userpass and LDAP: a user name and a password, which differ only in who checks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from secrets_manager.backends.vault.logins.errand import Errand
from secrets_manager.backends.vault.logins.method import LoginMethod, LoginRequest, either
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.option import Contradiction

# Vault locks a user after five wrong passwords within 15 minutes, and many a directory does so, too.
_REFUSED_PAUSE = 300.0


def _missing(vault: VaultSettings) -> Iterator[Contradiction]:
    needs = f"missing: {{table}}.auth-method {vault.auth_method} needs"
    if not vault.username:
        text = f"{needs} the name of a user"
        yield Contradiction(names=("username", "auth-method"), text=text, exit_code=1)
    if not (vault.password or vault.password_file):
        text = f"{needs} it; set {{table}}.password-file to a file that holds it"
        yield Contradiction(names=("password", "password-file", "auth-method"), text=text, exit_code=1)


def _method(setting: str, mount: Callable[[VaultSettings], str]) -> LoginMethod:
    def login(vault: VaultSettings, _errand: Errand) -> LoginRequest:
        return LoginRequest(
            mount=mount(vault),
            user=vault.username,
            body={"password": either(vault.password, vault.password_file, f"{vault.table}.password-file")},
            check=f"check {vault.table}.username, the password and {vault.table}.{setting}",
        )

    return LoginMethod(
        missing=_missing,
        files=lambda vault: (vault.password_file,),
        login=login,
        refused_pause=_REFUSED_PAUSE,
    )


USERPASS = _method("userpass-path", lambda vault: vault.userpass_path)
LDAP = _method("ldap-path", lambda vault: vault.ldap_path)
