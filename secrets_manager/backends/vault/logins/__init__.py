"""The ways to log in: one table, and a file for each way."""

from __future__ import annotations

from secrets_manager.backends.vault.logins import (
    approle,
    aws,
    azure,
    cert,
    gcp,
    jwt,
    kubernetes,
    password,
    token,
)
from secrets_manager.backends.vault.logins.method import GivenToken, LoginMethod, LoginRequest
from secrets_manager.settings import AuthMethod

__all__ = ["METHODS", "GivenToken", "LoginMethod", "LoginRequest"]

METHODS: dict[AuthMethod, LoginMethod] = {
    "approle": approle.METHOD,
    "kubernetes": kubernetes.METHOD,
    "token": token.METHOD,
    "jwt": jwt.METHOD,
    "userpass": password.USERPASS,
    "ldap": password.LDAP,
    "cert": cert.METHOD,
    "aws": aws.METHOD,
    "azure": azure.METHOD,
    "gcp": gcp.METHOD,
}
