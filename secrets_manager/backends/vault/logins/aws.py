"""AWS: a signed question "who am I", which Vault hands on to STS; the answer is the identity.

https://developer.hashicorp.com/vault/docs/auth/aws#iam-auth-method
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secrets_manager.backends.vault.logins.aws_credentials import SOURCES, source_of
from secrets_manager.backends.vault.logins.aws_signature import caller_identity
from secrets_manager.backends.vault.logins.errand import Errand
from secrets_manager.backends.vault.logins.method import LoginMethod, LoginRequest
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.cloud_logins import AwsLogin
from secrets_manager.settings.option import Contradiction

_PAIRS = (
    ("aws-access-key-id", "aws-secret-access-key"),
    ("aws-container-url", "aws-container-token-file"),
    ("aws-role-arn", "aws-web-identity-token-file"),
)


def _missing(vault: VaultSettings) -> Iterator[Contradiction]:
    has_source = source_of(vault.aws) is not None
    # With half a pair of keys it would be a surprise which identity is used instead.
    halves = list(_halves(vault.aws, _PAIRS[:1] if has_source else _PAIRS))
    yield from halves
    if not halves and not has_source:
        text = (
            "missing: {table}.auth-method aws needs credentials: those of a service account with a role"
            " (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE), of EKS pod identity"
            " (AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE),"
            " {table}.aws-access-key-id and {table}.aws-secret-access-key, or {table}.aws-credentials-file"
        )
        names = (*(name for pair in reversed(_PAIRS) for name in reversed(pair)), "auth-method")
        yield Contradiction(names=names, text=text, exit_code=1)


def _halves(aws: AwsLogin, pairs: Iterable[tuple[str, str]]) -> Iterator[Contradiction]:
    for pair in pairs:
        given = [name for name in pair if getattr(aws, name.removeprefix("aws-").replace("-", "_"))]
        for name in pair:
            if len(given) == 1 and name not in given:
                text = f"missing: {{table}}.{given[0]} is set, and one needs the other"
                yield Contradiction(names=(name, given[0], "auth-method"), text=text, exit_code=1)


def _files(vault: VaultSettings) -> tuple[str, ...]:
    source = source_of(vault.aws)
    return () if source is None else SOURCES[source].files(vault.aws)


def _login(vault: VaultSettings, errand: Errand) -> LoginRequest:
    aws = vault.aws
    source = source_of(aws)
    assert source is not None  # noqa: S101 - the settings were refused otherwise
    signed = caller_identity(
        SOURCES[source].keys(aws, errand), region=aws.region, header_value=aws.header_value
    )
    return LoginRequest(
        mount=aws.path,
        body={"role": aws.role or None, **signed},
        check=(
            f"check {aws.table}.aws-path, {aws.table}.aws-role and the principals that the role is bound to;"
            f" that {aws.table}.aws-header-value is the auth method's iam_server_id_header_value, and"
            f" {aws.table}.aws-region that of its sts_endpoint; and that the credentials of the"
            f" {source.value} and this machine's clock are right"
        ),
    )


METHOD = LoginMethod(missing=_missing, files=_files, login=_login)
