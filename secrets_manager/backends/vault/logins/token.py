"""Token: an agent or an injector logs in, and keeps its token in a file; another content is another token."""

from __future__ import annotations

from collections.abc import Iterator

from secrets_manager.backends.kit.credential_files import read_credential
from secrets_manager.backends.vault.logins.errand import Errand
from secrets_manager.backends.vault.logins.method import GivenToken, LoginMethod, is_token
from secrets_manager.domain.errors import AuthFailed
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.option import Contradiction


def _missing(vault: VaultSettings) -> Iterator[Contradiction]:
    if not vault.token_file:
        text = "missing: {table}.auth-method token needs the file that holds the token"
        yield Contradiction(names=("token-file", "auth-method"), text=text, exit_code=1)


def _login(vault: VaultSettings, _errand: Errand) -> GivenToken:
    setting = f"{vault.table}.token-file"
    token = read_credential(vault.token_file, setting)
    if not is_token(token):
        raise AuthFailed(
            f"{setting}: file {vault.token_file!r} holds something other than a token;"
            " an agent's sink must be neither wrapped nor encrypted"
        )
    return GivenToken(token=token, file=vault.token_file)


METHOD = LoginMethod(missing=_missing, files=lambda vault: (vault.token_file,), login=_login, followed=True)
