"""What the tests of logins by clouds need of each way: settings, doubles that check, what may go wrong."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from secrets_manager.settings import ProxySettings
from secrets_manager.settings.cloud_logins import AwsLogin, AzureLogin, GcpLogin
from tests.testbed.azure.entra import Entra, Principal
from tests.testbed.azure.gateway import Gateway
from tests.testbed.azure.imds import Imds
from tests.testbed.azure.wire import Answer, Call, Server
from tests.testbed.clouds.auth_method import AuthMethod
from tests.testbed.clouds.aws import Aws, AwsKey
from tests.testbed.clouds.azure import AzureCheck
from tests.testbed.clouds.gcp import HOSTS, Gcp
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
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
    authority: Authority
    monkeypatch: pytest.MonkeyPatch
    token: dict[str, Any] = field(default_factory=dict)
    gateways: list[Gateway] = field(default_factory=list)
    _servers: list[Server] = field(default_factory=list)

    def serve(self, answer: Callable[[Call], Answer], *, tls: tuple[str, ...] = ()) -> FaultProxy:
        """A service with this answer, behind a fault proxy that the system trusts."""
        server = Server(answer, time.time)
        self._servers.append(server)
        return self.proxy(server.url, tls=self.authority.issue(*tls) if tls else None)

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
        for gateway in self.gateways:
            gateway.stop()


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


# ── Azure ────────────────────────────────────────────────────────────────────────────────────────────

_TENANT, _CLIENT, _OTHER = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
_ISSUER, _SUBJECT = "https://issuer.example.test/", "system:serviceaccount:secrets-manager:secrets-manager"
_RESOURCE = "https://vault.example.test"


def _azure(make: Make, entra: Entra, login: AzureLogin, **more: Any) -> Bench:
    machine = {"subscription_id": "sub", "resource_group": "group", "vm_name": "vm"}
    login = replace(login, role="reader", path=make.mount, resource=_RESOURCE, **machine)
    check = AzureCheck(entra, _CLIENT, _RESOURCE)
    auth = make.auth(check.why_not)
    also = more.pop("also", ())
    return Bench(
        url=make.vault.url,
        settings={"auth_method": "azure", "azure": login},
        group="azure",
        auth=auth,
        refuse=lambda: setattr(check, "client_id", "another"),
        secrets=lambda: [*(body["jwt"] for body in auth.bodies), *also, "canary-token"],
        **more,
    )


def _azure_workload(make: Make) -> Bench:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    entra = Entra("unknown", _TENANT, time.time)
    entra.register(Principal(client_id=_CLIENT, issuers={_ISSUER: (_SUBJECT, key.public_key())}))
    service = make.serve(entra.answer, tls=("127.0.0.1",))
    entra.host = service.url.removeprefix("https://")

    def token(subject: str = _SUBJECT) -> str:
        claims = {"iss": _ISSUER, "sub": subject, "aud": "api://AzureADTokenExchange"}
        return jwt.encode({**claims, "exp": int(time.time()) + 600}, key, algorithm="RS256")

    right = token()
    file = make.file(right)
    login = AzureLogin(
        tenant_id=_TENANT, client_id=_CLIENT, federated_token_file=str(file), authority_host=entra.host
    )
    return _azure(
        make,
        entra,
        login,
        service=service,
        named="Entra ID",
        file=file,
        right=lambda: right,
        wrong=lambda: token("another"),
        also=[right],
    )


def _azure_machine(make: Make, *, by_id: bool) -> Bench:
    entra = Entra("unknown", _TENANT, time.time)
    imds = Imds(entra, system_assigned=_OTHER if by_id else _CLIENT, by_client_id={_CLIENT})
    service = make.serve(imds.answer)
    make.monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", service.url)
    # In a pod with a workload identity, too.
    given = {"managed_client_id": _CLIENT, "tenant_id": _TENANT, "client_id": _OTHER} if by_id else {}
    token_file = {"federated_token_file": str(make.file("canary-unused"))} if by_id else {}
    return _azure(
        make,
        entra,
        AzureLogin(**given, **token_file),
        service=service,
        named="the managed identity endpoint",
        also=["canary-unused"],
    )


# ── Google Cloud ─────────────────────────────────────────────────────────────────────────────────────


def _gcp(make: Make, gcp: Gcp, login: GcpLogin, **more: Any) -> Bench:
    auth = make.auth(gcp.why_not)
    also = more.pop("also", ())
    settings = {"auth_method": "gcp", "gcp": replace(login, role="reader", path=make.mount)}
    return Bench(
        url=make.vault.url,
        settings={**settings, **more.pop("settings", {})},
        group="gcp",
        auth=auth,
        refuse=lambda: setattr(gcp, "bound", "another"),
        secrets=lambda: [*(body["jwt"] for body in auth.bodies), *gcp.given, *also, "canary"],
        **more,
    )


def _gcp_apis(make: Make, gcp: Gcp) -> tuple[FaultProxy, dict[str, Any]]:
    """Google's services by their own names, and the settings that lead to them."""
    service = make.serve(gcp.api, tls=HOSTS)
    gateway = Gateway(dict.fromkeys(HOSTS, int(service.url.rpartition(":")[2])))
    make.gateways.append(gateway)
    return service, {"proxy": ProxySettings(https=gateway.url)}


def _gcp_metadata(make: Make, gcp: Gcp) -> FaultProxy:
    service = make.serve(gcp.metadata)
    host = service.url.removeprefix("http://")
    # google-auth reads GCE_METADATA_HOST when it is loaded.
    make.monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", host)
    return service


def _gcp_machine(make: Make) -> Bench:
    gcp = Gcp(now=time.time)
    service = _gcp_metadata(make, gcp)
    return _gcp(make, gcp, GcpLogin(), service=service, named="the metadata service of Google Cloud")


def _gcp_machine_as(make: Make) -> Bench:
    gcp = Gcp(now=time.time)
    service, (_, settings) = _gcp_metadata(make, gcp), _gcp_apis(make, gcp)
    return _gcp(
        make,
        gcp,
        GcpLogin(service_account=gcp.email),
        service=service,
        named="the metadata service of Google Cloud",
        settings=settings,
    )


def _gcp_key(make: Make) -> Bench:
    gcp = Gcp(now=time.time)
    right = gcp.service_account_key()
    wrong = gcp.service_account_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    file = make.file(right)
    return _gcp(
        make,
        gcp,
        GcpLogin(credentials_file=str(file)),
        file=file,
        right=lambda: right,
        wrong=lambda: wrong,
        also=[json.loads(each)["private_key"][100:200] for each in (right, wrong)],
    )


def _gcp_federation(make: Make) -> Bench:
    gcp = Gcp(now=time.time)
    service, settings = _gcp_apis(make, gcp)
    token = gcp.cluster_token()
    token_file = make.folder / "projected"
    token_file.write_text(token)
    file = make.file(gcp.federation(str(token_file)))
    return _gcp(
        make,
        gcp,
        GcpLogin(credentials_file=str(file)),
        service=service,
        named="the token service of Google Cloud",
        file=file,
        right=lambda: gcp.federation(str(token_file)),
        wrong=lambda: gcp.federation(str(token_file), audience="another"),
        settings=settings,
        also=[token],
    )


BENCHES: dict[str, Callable[[Make], Bench]] = {
    "aws-web-identity": _aws_web_identity,
    "aws-pod-identity": _aws_pod_identity,
    "aws-file": _aws_file,
    "aws-keys": _aws_keys,
    "azure-workload": _azure_workload,
    "azure-managed": partial(_azure_machine, by_id=True),
    "azure-system": partial(_azure_machine, by_id=False),
    "gcp-machine": _gcp_machine,
    "gcp-machine-as": _gcp_machine_as,
    "gcp-key": _gcp_key,
    "gcp-federation": _gcp_federation,
}
WITH_FILE = [
    "aws-web-identity",
    "aws-pod-identity",
    "aws-file",
    "azure-workload",
    "gcp-key",
    "gcp-federation",
]
WITH_SERVICE = [
    "aws-web-identity",
    "aws-pod-identity",
    "azure-workload",
    "azure-managed",
    "gcp-machine",
    "gcp-machine-as",
    "gcp-federation",
]
