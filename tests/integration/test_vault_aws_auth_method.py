"""The auth method for AWS as Vault itself has it: only AWS is a double, which checks what Vault passes on.

OpenBao lacks this method, so these tests run where VAULT_BINARY names a Vault, and are skipped otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import AuthFailed
from secrets_manager.settings.cloud_logins import AwsLogin
from tests.builders import attempt
from tests.integration.vault_support import read, vault_backend
from tests.testbed.azure.wire import Server
from tests.testbed.clouds.aws import Aws
from tests.testbed.openbao import OpenBao

NAME = "vault.example.test"


@pytest.fixture
def aws() -> Iterator[tuple[Aws, str]]:
    """AWS, and the URL of its STS."""
    made = Aws(now=time.time, header_value=NAME)
    server = Server(made.sts, time.time)
    yield made, server.url
    server.stop()


@pytest.fixture
def mount(openbao: OpenBao, aws: tuple[Aws, str], kv_prefix: str) -> str:
    """Where the method is, with a role `reader` for the role of AWS that may read `app` below the prefix."""
    if not openbao.has_auth("aws"):
        pytest.skip(f"{openbao.program} has no auth method for AWS")
    account, sts = aws
    openbao.write_kv2(f"{kv_prefix}/app", {"a": "1"})
    openbao.enable_auth(kv_prefix, "aws")
    config = {"sts_endpoint": sts, "iam_server_id_header_value": NAME, "access_key": "x", "secret_key": "x"}
    openbao.request("POST", f"auth/{kv_prefix}/config/client", config)
    role = {
        "auth_type": "iam",
        "bound_iam_principal_arn": [account.arn],
        "resolve_aws_unique_ids": False,  # for that Vault would ask another service of AWS
        "token_policies": [openbao.read_policy(kv_prefix, f"secret/data/{kv_prefix}/*")],
    }
    openbao.request("POST", f"auth/{kv_prefix}/role/reader", role)
    return kv_prefix


def backend_of(openbao: OpenBao, aws: Aws, mount: str, **changed: str) -> VaultBackend:
    key = aws.new_key()
    settings = {
        "path": mount,
        "role": "reader",
        "header_value": NAME,
        "access_key_id": key.id,
        "secret_access_key": key.secret,
        "session_token": key.token,
    }
    return vault_backend(openbao.url, auth_method="aws", aws=AwsLogin(**{**settings, **changed}))


def test_vault_takes_the_signed_question_and_gives_a_token_that_lives_and_reads(
    openbao: OpenBao, aws: tuple[Aws, str], mount: str
) -> None:
    backend = backend_of(openbao, aws[0], mount)

    backend.maintain()
    assert read(backend, f"secret/data/{mount}/app") == "1"
    backend.maintain()
    openbao.revoke_logins(mount)
    assert read(backend, f"secret/data/{mount}/app") == "1"
    assert backend.login_number() == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"header_value": "other.example.test"},
        {"header_value": ""},
        {"secret_access_key": "x"},
        {"role": "other"},
    ],
    ids=["another Vault", "no Vault", "another key", "another role"],
)
def test_vault_refuses_what_is_not_meant_for_it(
    openbao: OpenBao, aws: tuple[Aws, str], mount: str, changed: dict[str, str]
) -> None:
    backend = backend_of(openbao, aws[0], mount, **changed)

    error = attempt(lambda: read(backend, f"secret/data/{mount}/app"))
    assert isinstance(error, AuthFailed)
    assert f"Vault refused the login at auth/{mount} (400)" in error.message
