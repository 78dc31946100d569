"""What the tests of logins by clouds need of each way: settings, doubles that check, what may go wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from secrets_manager.settings.cloud_logins import AwsLogin
from tests.testbed.azure.wire import Answer, Call, Server
from tests.testbed.clouds.auth_method import AuthMethod
from tests.testbed.clouds.aws import Aws, AwsKey
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

__all__ = ["BENCHES", "WITH_FILE", "WITH_SERVICE", "Bench", "Make"]


def _nothing() -> str:
    return ""


@dataclass(kw_only=True)
class Bench:
    """One way to log in, ready to use.

    Attributes:
        url: Vault, for the backend.
        settings: of VaultSettings.
        group: the name of the setting that is the group of the cloud.
        auth: Vault's side.
        refuse: from now on Vault's side accepts no login.
        secrets: every text so far that must not show.
        service: the proxy in front of the service that gives the proof, if there is one.
        named: that service, as messages name it.
        file: the credential file, if there is one; with what is right in it, and what is wrong.

    """

    url: str
    settings: dict[str, Any]
    group: str
    auth: AuthMethod
    refuse: Callable[[], object]
    secrets: Callable[[], list[str]]
    service: FaultProxy | None = None
    named: str = ""
    file: Path | None = None
    right: Callable[[], str] = _nothing
    wrong: Callable[[], str] = _nothing

    def elsewhere(self, mount: str) -> dict[str, Any]:
        """The settings with another mount."""
        return {**self.settings, self.group: replace(self.settings[self.group], path=mount)}

    def next_second(self) -> None:
        """Return in a later second: signatures are dated by the second."""
        began = int(time.time())
        wait_until(lambda: int(time.time()) > began, what="the next second", poll=0.05)


@dataclass
class Make:
    """Makes benches in front of one OpenBao; ``token`` has the options of the tokens that logins get."""

    openbao: OpenBao
    vault: FaultProxy
    proxy: Callable[..., FaultProxy]
    mount: str
    policy: str
    folder: Path
    token: dict[str, Any] = field(default_factory=dict)
    _servers: list[Server] = field(default_factory=list)

    def serve(self, answer: Callable[[Call], Answer]) -> FaultProxy:
        """A service with this answer, behind a fault proxy."""
        server = Server(answer, time.time)
        self._servers.append(server)
        return self.proxy(server.url)

    def auth(self, why_not: Callable[[Mapping[str, Any]], str]) -> AuthMethod:
        """Vault's side, with this check."""
        return AuthMethod(
            self.vault, self.openbao, self.mount, policies=[self.policy], why_not=why_not, **self.token
        )

    def file(self, content: str) -> Path:
        """The credential file."""
        path = self.folder / "credential"
        path.write_text(content)
        return path

    def stop(self) -> None:
        """Stop the services."""
        for server in self._servers:
            server.stop()


# ── AWS ──────────────────────────────────────────────────────────────────────────────────────────────


def _aws(make: Make, aws: Aws, login: AwsLogin, **more: Any) -> Bench:
    aws.header_value = "vault.example.test"
    login = replace(login, role="reader", path=make.mount, header_value=aws.header_value)
    auth = make.auth(aws.why_not)

    def shown_nowhere() -> list[str]:
        signed = [body["iam_request_headers"] for body in auth.bodies]
        of_keys = [text for key in aws.keys.values() for text in (key.secret, key.token)]
        return [text for text in (*of_keys, *signed, aws.agent_token, *more.get("also", ())) if text]

    return Bench(
        url=make.vault.url,
        settings={"auth_method": "aws", "aws": login},
        group="aws",
        auth=auth,
        refuse=lambda: setattr(aws, "header_value", "another"),
        secrets=shown_nowhere,
        **{name: value for name, value in more.items() if name != "also"},
    )


def _aws_web_identity(make: Make) -> Bench:
    aws = Aws(now=time.time)
    token, service = aws.service_account_token(), make.serve(aws.sts)
    file = make.file(token)
    return _aws(
        make,
        aws,
        AwsLogin(role_arn=aws.arn, web_identity_token_file=str(file), sts_url=service.url),
        service=service,
        named="the token service of AWS",
        file=file,
        right=lambda: token,
        wrong=lambda: aws.service_account_token(aud="another"),
        also=[token],
    )


def _aws_pod_identity(make: Make) -> Bench:
    aws = Aws(now=time.time)
    service, file = make.serve(aws.agent), make.file(aws.agent_token)
    return _aws(
        make,
        aws,
        AwsLogin(container_url=f"{service.url}/v1/credentials", container_token_file=str(file)),
        service=service,
        named="the agent of EKS pod identity",
        file=file,
        right=lambda: aws.agent_token,
        wrong=lambda: "canary-another-token",
    )


def _profile(key: AwsKey) -> str:
    token = f"aws_session_token = {key.token}\n" if key.token else ""
    return f"[daemon]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n{token}"


def _aws_file(make: Make) -> Bench:
    aws = Aws(now=time.time)
    key, over = aws.new_key(token=""), aws.new_key(expires_at=0.0)
    file = make.file(_profile(key))
    return _aws(
        make,
        aws,
        AwsLogin(credentials_file=str(file), profile="daemon"),
        file=file,
        right=lambda: _profile(key),
        wrong=lambda: _profile(over),
    )


def _aws_keys(make: Make) -> Bench:
    aws = Aws(now=time.time)
    key = aws.new_key()
    return _aws(
        make,
        aws,
        AwsLogin(access_key_id=key.id, secret_access_key=key.secret, session_token=key.token),
    )


BENCHES: dict[str, Callable[[Make], Bench]] = {
    "aws-web-identity": _aws_web_identity,
    "aws-pod-identity": _aws_pod_identity,
    "aws-file": _aws_file,
    "aws-keys": _aws_keys,
}
WITH_FILE = ["aws-web-identity", "aws-pod-identity", "aws-file"]
WITH_SERVICE = ["aws-web-identity", "aws-pod-identity"]
