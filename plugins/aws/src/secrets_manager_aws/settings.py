"""The settings of the plug-in: which region to read, with which credentials, and how to notice changes.

Names such as AWS_REGION are those that AWS itself puts into a pod. They count only where the option is not
given otherwise. Static keys are removed from the environment once they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from secrets_manager.backends.kit.file_checks import certificates_fault
from secrets_manager.runtime.http.proxies import is_loopback
from secrets_manager.settings import ProxySettings, checks
from secrets_manager.settings.option import Contradiction, group, option

_REGION = re.compile(r"[a-z]{2,6}(?:-[a-z]{1,12}){1,3}-[0-9]{1,2}", re.ASCII)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]{1,512}", re.ASCII)


def region(value: str) -> str:
    """A region's name, or nothing; it becomes a part of the address."""
    if value and not _REGION.fullmatch(value):
        raise ValueError("must be the name of a region, such as eu-west-1")
    return value


def role(value: str) -> str:
    """The ARN of a role, or nothing."""
    if value and not _ROLE.fullmatch(value):
        raise ValueError("must be the ARN of a role, such as arn:aws:iam::123456789012:role/secrets-manager")
    return value


def endpoint(value: str) -> str:
    """An https address without path, or http on this machine itself; nothing is fine too."""
    if not value:
        return value
    parts = checks.split_url(value)
    if "@" in parts.netloc or parts.path not in {"", "/"} or "?" in value or "#" in value:
        raise ValueError("must be https:// and a host, with a port if need be, and nothing else")
    checks.not_metadata(str(parts.hostname))
    if parts.scheme != "https" and not is_loopback(str(parts.hostname)):
        raise ValueError("must start with https://; http is for this machine itself")
    return f"{parts.scheme}://{parts.netloc}"


def ascii_line(value: str) -> str:
    """A text of visible ASCII letters, or nothing: it is sent in a header."""
    text = checks.plain(value.strip())
    if not text.isascii() or " " in text:
        raise ValueError("must be ASCII letters without blanks")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """Each field is an option, a key of the settings file and an environment name."""

    region: str = option(
        "",
        region,
        fallbacks=("AWS_REGION", "AWS_DEFAULT_REGION"),
        help="Region whose secrets are read, such as eu-west-1.",
    )
    endpoint: str = option(
        "",
        endpoint,
        fallbacks=("AWS_ENDPOINT_URL_SECRETS_MANAGER",),
        help="Address of AWS Secrets Manager, if not that of {table}.region: a VPC endpoint, or a FIPS one.",
    )
    allow_arns: bool = option(
        False, help="Whether a path may be an ARN, which patterns of the path policy for names do not match."
    )
    # Hidden like a secret, but without the secret key only a name.
    access_key_id: str = option(
        "",
        ascii_line,
        secret=True,
        warned=False,
        fallbacks=("AWS_ACCESS_KEY_ID",),
        help="Id of a static access key; wins over every other way to log in.",
    )
    secret_access_key: str = option(
        "",
        ascii_line,
        secret=True,
        fallbacks=("AWS_SECRET_ACCESS_KEY",),
        help="Secret of {table}.access-key-id; better given in a file or in the environment.",
    )
    session_token: str = option(
        "",
        ascii_line,
        secret=True,
        fallbacks=("AWS_SESSION_TOKEN",),
        help="Session token, if {table}.access-key-id is a temporary key.",
    )
    role_arn: str = option(
        "",
        role,
        fallbacks=("AWS_ROLE_ARN",),
        help="ARN of the role that {table}.web-identity-token-file may assume.",
    )
    web_identity_token_file: str = option(
        "",
        checks.plain,
        fallbacks=("AWS_WEB_IDENTITY_TOKEN_FILE",),
        help="File with a service account's token for {table}.role-arn, read at each login.",
    )
    credentials_file: str = option(
        "",
        checks.plain,
        fallbacks=("AWS_SHARED_CREDENTIALS_FILE",),
        help="File of credentials as the AWS command line has it, read at each login.",
    )
    profile: str = option(
        "",
        checks.plain,
        fallbacks=("AWS_PROFILE",),
        help="Profile in {table}.credentials-file, or in the configuration of the AWS command line.",
    )
    survey: str = option(
        "list",
        checks.one_of("list", "batch", "none"),
        help="How changes are noticed: by a list of all secrets, by batches of values, or by a read of each.",
    )
    max_requests_per_second: int = option(
        200, checks.request_rate, help="Limit of calls to AWS Secrets Manager per second; polls come last."
    )
    ca_cert: str = option(
        "",
        checks.plain,
        fallbacks=("AWS_CA_BUNDLE",),
        help="File of the certificates to trust, in PEM, instead of those of the system.",
    )
    proxy: ProxySettings = group(ProxySettings)


def contradictions(aws: AwsSettings) -> Iterator[Contradiction]:
    """What must hold between the settings; no credentials at all is fine, since the machine may have some."""
    if not aws.region:
        text = "missing: backend aws-sm needs {table}.region, or AWS_REGION in the environment"
        yield Contradiction(names=("region",), text=text, exit_code=1)
    if bool(aws.access_key_id) != bool(aws.secret_access_key):
        text = "{table}.access-key-id and {table}.secret-access-key go together: give both or none"
        yield Contradiction(names=("access-key-id", "secret-access-key"), text=text, exit_code=1)
    if aws.session_token and not aws.access_key_id:
        text = "{table}.session-token is for a temporary key: give {table}.access-key-id too"
        yield Contradiction(names=("session-token", "access-key-id"), text=text, exit_code=1)
    if bool(aws.role_arn) != bool(aws.web_identity_token_file):
        text = "{table}.role-arn and {table}.web-identity-token-file go together: give both or none"
        yield Contradiction(names=("role-arn", "web-identity-token-file"), text=text, exit_code=1)
    if aws.ca_cert and (text := certificates_fault(Path(aws.ca_cert))):
        yield Contradiction(names=("ca-cert",), text=text)
