"""Cert: the client certificate of the TLS connection is the credential."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from secrets_manager.backends.vault.logins.errand import Errand
from secrets_manager.backends.vault.logins.method import LoginMethod, LoginRequest
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.option import Contradiction


def _missing(vault: VaultSettings) -> Iterator[Contradiction]:
    # One without the other is reported with the rest of TLS.
    if not (vault.client_cert or vault.client_key):
        text = "missing: {table}.auth-method cert needs a client certificate and its key"
        yield Contradiction(names=("client-cert", "client-key", "auth-method"), text=text, exit_code=1)
    if urlsplit(vault.url).scheme != "https":
        text = "{table}.auth-method cert needs https: a client certificate is part of TLS"
        yield Contradiction(names=("url", "auth-method"), text=text, exit_code=1)


def _login(vault: VaultSettings, _errand: Errand) -> LoginRequest:
    return LoginRequest(
        mount=vault.cert_path,
        body={"name": vault.cert_role or None},
        check=(
            f"check {vault.table}.cert-path and {vault.table}.cert-role, and that the role trusts the issuer"
            f" and the names of {vault.table}.client-cert; a proxy that ends TLS hides it"
        ),
    )


# The files of TLS are watched for every method.
METHOD = LoginMethod(missing=_missing, files=lambda _vault: (), login=_login, by_tls=True)
