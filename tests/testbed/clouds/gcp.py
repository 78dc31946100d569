"""Google Cloud: metadata, token exchange, signatures of service accounts, and Vault's check of a login.

After https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys,
https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token,
https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts and
https://developer.hashicorp.com/vault/docs/auth/gcp. Nothing of the program and of Google is used here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.testbed.azure.wire import Answer, Call

__all__ = ["HOSTS", "POOL", "Gcp"]

HOSTS = ("sts.googleapis.com", "iamcredentials.googleapis.com", "oauth2.googleapis.com")
POOL = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster"
_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default/"
_SIGNER = "/v1/projects/-/serviceAccounts/"
_EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "audience": POOL,
}


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(kw_only=True)
class Gcp:
    """One project with a service account, which is the machine's, too; `now` gives Unix time.

    Attributes:
        email: the service account; its JWTs are signed with ``key``, those of Google with ``google``.
        issuer: signs the tokens of the cluster's service accounts.
        bound: the account that Vault's role is bound to.
        given: by access token, whose it is.

    """

    now: Callable[[], float]
    email: str = "daemon@project.iam.gserviceaccount.com"
    key: rsa.RSAPrivateKey = field(default_factory=_key)
    google: rsa.RSAPrivateKey = field(default_factory=_key)
    issuer: rsa.RSAPrivateKey = field(default_factory=_key)
    bound: str = ""
    given: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bound = self.bound or self.email

    # ── the servers ──────────────────────────────────────────────────────────────────────────────────

    def metadata(self, call: Call) -> Answer:
        """Serve a request to the metadata service."""
        if call.headers.get("metadata-flavor") != "Google" or not call.path.startswith(_ACCOUNT):
            return Answer(404, "canary not found")
        what = call.path.removeprefix(_ACCOUNT)
        if what == "identity" and call.query.get("format") == "full" and call.query.get("audience"):
            return Answer(200, self._identity(call.query["audience"]))
        if what == "token":
            content = {"access_token": self.access_token(self.email), "expires_in": 3599}
            return Answer(200, {**content, "token_type": "Bearer"})
        if not what and call.query.get("recursive") == "true":
            return Answer(200, {"aliases": ["default"], "email": self.email, "scopes": ["cloud-platform"]})
        return Answer(400, "canary bad request")

    def api(self, call: Call) -> Answer:
        """Serve a request to the services of `HOSTS`."""
        if call.path == "/v1/token":
            return self._exchange(call.form)
        if call.path == "/token":
            return self._bearer(call.form)
        account, _, verb = call.path.removeprefix(_SIGNER).partition(":")
        caller = self.given.get(call.headers.get("authorization", "").removeprefix("Bearer "))
        if not call.path.startswith(_SIGNER) or caller not in {self.email, "pool"} or account != self.email:
            return Answer(403, {"error": {"code": 403, "message": "canary", "status": "PERMISSION_DENIED"}})
        if verb == "generateAccessToken":
            expires = {"expireTime": "2099-01-01T00:00:00Z"}
            return Answer(200, {"accessToken": self.access_token(self.email), **expires})
        claims = json.loads(json.loads(call.body)["payload"])
        return Answer(200, {"keyId": "key", "signedJwt": self._sign(claims, self.key, "key")})

    def access_token(self, who: str) -> str:
        """A new one."""
        token = f"ya29.canary-access-{secrets.token_urlsafe(16)}"
        self.given[token] = who
        return token

    # ── what people configure ────────────────────────────────────────────────────────────────────────

    def service_account_key(self, key: rsa.RSAPrivateKey | None = None) -> str:
        """The file of a key of the service account."""
        pem = (key or self.key).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        content = {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "key",
            "private_key": pem.decode(),
            "client_email": self.email,
            "token_uri": "https://oauth2.googleapis.com/token",
        }
        return json.dumps(content)

    def federation(self, token_file: str, audience: str = POOL) -> str:
        """The file of a federation of the cluster's identities, as gcloud makes it."""
        content = {
            "type": "external_account",
            "audience": audience,
            "subject_token_type": _EXCHANGE["subject_token_type"],
            "token_url": "https://sts.googleapis.com/v1/token",
            "service_account_impersonation_url": (
                f"https://iamcredentials.googleapis.com{_SIGNER}{self.email}:generateAccessToken"
            ),
            "credential_source": {"file": token_file},
        }
        return json.dumps(content)

    def cluster_token(self, **claims: Any) -> str:
        """What the kubelet projects."""
        usual = {"aud": POOL, "sub": "system:serviceaccount:a:b", "exp": int(self.now()) + 600}
        return jwt.encode({**usual, **claims}, self.issuer, algorithm="RS256")

    # ── the check of a login ─────────────────────────────────────────────────────────────────────────

    def why_not(self, login: Mapping[str, Any]) -> str:
        """Why Vault refuses a login; "" if it does not."""
        if set(login) != {"role", "jwt"} or login["role"] != "reader":
            return "no such role"
        try:
            keys = {"key": self.key, "google": self.google}
            signer = keys[jwt.get_unverified_header(login["jwt"])["kid"]]
            required: Any = {"require": ["aud", "exp", "sub"]}
            claims = jwt.decode(
                login["jwt"],
                signer.public_key(),
                algorithms=["RS256"],
                audience="vault/reader",
                options=required,
            )
        except (jwt.InvalidTokenError, KeyError) as error:
            return f"unable to parse signed JWT: {error}"
        if signer is self.key and claims["exp"] > self.now() + 900:
            return "role requires that service account JWTs expire within 900 seconds"
        if signer is self.google and "compute_engine" not in claims.get("google", {}):
            return "expected JWT to have claims with GCE metadata"
        if self.bound not in {claims["sub"], claims.get("email")}:
            return "service account not authorized"
        return ""

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _identity(self, audience: str) -> str:
        claims = {
            "iss": "https://accounts.google.com",
            "aud": audience,
            "sub": "1234567890",
            "email": self.email,
            "google": {"compute_engine": {"project_id": "project", "instance_name": "machine"}},
            "jti": secrets.token_hex(8),
            "exp": int(self.now()) + 3600,
        }
        return self._sign(claims, self.google, "google")

    def _sign(self, claims: dict[str, Any], key: rsa.RSAPrivateKey, kid: str) -> str:
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})

    def _exchange(self, form: Mapping[str, str]) -> Answer:
        if any(form.get(name) != value for name, value in _EXCHANGE.items()):
            return Answer(400, {"error": "invalid_target", "error_description": "canary"})
        try:
            jwt.decode(form["subject_token"], self.issuer.public_key(), algorithms=["RS256"], audience=POOL)
        except (jwt.InvalidTokenError, KeyError):
            return Answer(400, {"error": "invalid_grant", "error_description": form.get("subject_token")})
        content = {"access_token": self.access_token("pool"), "expires_in": 3599, "token_type": "Bearer"}
        return Answer(200, {**content, "issued_token_type": _EXCHANGE["requested_token_type"]})

    def _bearer(self, form: Mapping[str, str]) -> Answer:
        try:
            jwt.decode(
                form["assertion"],
                self.key.public_key(),
                algorithms=["RS256"],
                audience="https://oauth2.googleapis.com/token",
            )
        except (jwt.InvalidTokenError, KeyError):
            return Answer(400, {"error": "invalid_grant", "error_description": form.get("assertion")})
        content = {"access_token": self.access_token(self.email), "expires_in": 3599, "token_type": "Bearer"}
        return Answer(200, content)
