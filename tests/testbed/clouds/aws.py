"""AWS: its token service, the agent of EKS pod identity, and the check of a login by Vault and AWS together.

After https://docs.aws.amazon.com/STS/latest/APIReference/, .../IAM/latest/UserGuide/reference_sigv.html,
.../eks/latest/userguide/pod-id-how-it-works.html and
https://developer.hashicorp.com/vault/docs/auth/aws#iam-auth-method. Nothing of the program is used here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.testbed.azure.wire import Answer, Call

__all__ = ["BODY", "Aws", "AwsKey", "signature", "signing_key"]

BODY = "Action=GetCallerIdentity&Version=2011-06-15"
_QUESTION = dict(parse_qsl(BODY))
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/sts/aws4_request,"
    r" SignedHeaders=(?P<headers>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_ERROR = (
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
    "<Code>{code}</Code><Message>canary-message {text}</Message></Error></ErrorResponse>"
)
_IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>{arn}</Arn><UserId>AROA0000000000000000A:{session}</UserId><Account>{account}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
_ASSUMED = (
    '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    "<AssumeRoleWithWebIdentityResult><AssumedRoleUser><Arn>{arn}</Arn></AssumedRoleUser><Credentials>"
    "<AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>"
    "<SessionToken>{token}</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>"
    "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKey:
    """Credentials; ``expires_at`` is Unix time."""

    id: str = field(default_factory=lambda: f"ASIA{secrets.token_hex(8).upper()}")
    secret: str = field(default_factory=lambda: f"canary/secret+{secrets.token_hex(16)}", repr=False)
    token: str = field(default_factory=lambda: f"canary-session-{secrets.token_hex(16)}==", repr=False)
    expires_at: float = float("inf")


@dataclass(kw_only=True)
class Aws:
    """One account with a role; `now` gives Unix time.

    Attributes:
        arn: the role that a service account may assume, with a JWT of ``signer`` for ``subject``.
        agent_token: what the agent wants to see.
        keys: all keys that are known, by id.
        host: the endpoint of STS that Vault asks, and ``region`` its region.
        header_value: what the signed X-Vault-AWS-IAM-Server-ID has to be, "" for any.

    """

    now: Callable[[], float]
    arn: str = "arn:aws:iam::123456789012:role/daemon"
    subject: str = "system:serviceaccount:secrets-manager:secrets-manager"
    signer: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    agent_token: str = field(default_factory=lambda: f"canary-agent-{secrets.token_hex(16)}")
    keys: dict[str, AwsKey] = field(default_factory=dict)
    host: str = "sts.amazonaws.com"
    region: str = "us-east-1"
    header_value: str = ""

    def new_key(self, **fields: Any) -> AwsKey:
        """A key that signs for the role."""
        key = AwsKey(**fields)
        self.keys[key.id] = key
        return key

    def service_account_token(self, **claims: Any) -> str:
        """What the kubelet projects; ``claims`` differ from the usual ones."""
        usual = {"aud": "sts.amazonaws.com", "sub": self.subject, "exp": int(self.now()) + 600}
        return jwt.encode({**usual, **claims}, self.signer, algorithm="RS256")

    # ── the servers ──────────────────────────────────────────────────────────────────────────────────

    def sts(self, call: Call) -> Answer:
        """Serve a request to the token service."""
        return self._identity(call) if call.form == _QUESTION else self._assumed(call)

    def _assumed(self, call: Call) -> Answer:
        """Keys of the role, for a service account that may assume it."""
        form = call.form
        if call.method != "POST" or form.get("Action") != "AssumeRoleWithWebIdentity":
            return Answer(400, _ERROR.format(code="InvalidAction", text=""))
        if form.get("Version") != "2011-06-15" or not re.fullmatch(
            r"[\w+=,.@-]{2,64}", form["RoleSessionName"]
        ):
            return Answer(400, _ERROR.format(code="ValidationError", text=""))
        token = form.get("WebIdentityToken", "")
        try:
            found = jwt.decode(
                token, self.signer.public_key(), algorithms=["RS256"], audience="sts.amazonaws.com"
            )
        except jwt.ExpiredSignatureError:
            return Answer(400, _ERROR.format(code="ExpiredTokenException", text=token))
        except jwt.InvalidTokenError:
            return Answer(400, _ERROR.format(code="InvalidIdentityToken", text=token))
        if form.get("RoleArn") != self.arn or found["sub"] != self.subject:
            return Answer(403, _ERROR.format(code="AccessDenied", text=token))
        key = self.new_key()
        return Answer(200, _ASSUMED.format(arn=self.arn, id=key.id, secret=key.secret, token=key.token))

    def _identity(self, call: Call) -> Answer:
        """Who signed the question, which Vault passes on: the role, in a session."""
        if why := self._why_not_signed(call.headers, BODY):
            return Answer(403, _ERROR.format(code=why, text=""))
        account, name = self.arn.split(":")[4], self.arn.rpartition("/")[2]
        arn = f"arn:aws:sts::{account}:assumed-role/{name}/session"
        return Answer(200, _IDENTITY.format(arn=arn, account=account, session="session"))

    def agent(self, call: Call) -> Answer:
        """Serve a request to the agent of pod identity."""
        if call.path != "/v1/credentials" or call.headers.get("authorization") != self.agent_token:
            return Answer(401, {"message": f"canary {call.headers.get('authorization')}"})
        key = self.new_key()
        content = {
            "AccessKeyId": key.id,
            "SecretAccessKey": key.secret,
            "Token": key.token,
            "AccountId": "123456789012",
            "Expiration": "2030-01-01T00:00:00Z",
        }
        return Answer(200, content)

    # ── the check of a login ─────────────────────────────────────────────────────────────────────────

    def why_not(self, login: Mapping[str, Any]) -> str:
        """Why Vault refuses a login, or why AWS refuses the question in it; "" if neither does."""
        if login.get("role") != "reader" or login.get("iam_http_request_method") != "POST":
            return "no such role"
        names = ("iam_request_url", "iam_request_body", "iam_request_headers")
        url, body, listed = (base64.b64decode(login[name], validate=True).decode() for name in names)
        headers = {name.lower(): ",".join(values) for name, values in json.loads(listed).items()}
        if body != BODY or urlsplit(url)[:3] != ("https", self.host, "/") or urlsplit(url).query:
            return "not the question who signed it"
        return self._why_not_signed(headers, body)

    def _why_not_signed(self, headers: Mapping[str, str], body: str) -> str:
        said = _SIGNED.fullmatch(headers.get("authorization", ""))
        if said is None:
            return "IncompleteSignature"
        key, signed = self.keys.get(said["key"]), said["headers"].split(";")
        if key is None or headers.get("x-amz-security-token", "") != key.token:
            return "InvalidClientTokenId"
        at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        faults = {
            "ExpiredToken": key.expires_at <= self.now(),
            "SignatureDoesNotMatch: headers": not {"host", "x-amz-date"} <= set(signed),
            "SignatureDoesNotMatch: order": signed != sorted(signed),
            "the server id header is missing or not signed": not self._names_vault(headers, signed),
            "SignatureDoesNotMatch: date": abs(at.timestamp() - self.now()) > 300,
            "SignatureDoesNotMatch: day": said["day"] != headers["x-amz-date"][:8],
            "SignatureDoesNotMatch: scope": said["region"] != self.region or headers["host"] != self.host,
        }
        if found := [fault for fault, is_there in faults.items() if is_there]:
            return found[0]
        expected = signature(key.secret, headers, signed, body, region=self.region)
        return "" if hmac.compare_digest(expected, said["signature"]) else "SignatureDoesNotMatch"

    def _names_vault(self, headers: Mapping[str, str], signed: list[str]) -> bool:
        name = "x-vault-aws-iam-server-id"
        return not self.header_value or (headers.get(name) == self.header_value and name in signed)


def signature(secret: str, headers: Mapping[str, str], signed: list[str], body: str, *, region: str) -> str:
    """The signature of a POST to / of STS."""
    lines = [f"{name}:{' '.join(headers[name].split())}" for name in signed]
    request = "\n".join(["POST", "/", "", *lines, "", ";".join(signed), _digest(body)])
    moment = headers["x-amz-date"]
    scope = f"{moment[:8]}/{region}/sts/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, _digest(request)])
    return _mac(signing_key(secret, moment[:8], region, "sts"), text).hex()


def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
