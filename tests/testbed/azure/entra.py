"""Entra ID: logins of service principals by secret, certificate or federated token, and tokens given out.

After https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, for certificates
.../certificate-credentials, for federation .../entra/workload-id/workload-identity-federation, and for errors
https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.testbed.azure.wire import Answer, Call

__all__ = ["ASSERTION_TYPE", "Entra", "Principal", "Token"]

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FEDERATION_AUDIENCE = "api://AzureADTokenExchange"


@dataclass(slots=True, kw_only=True)
class Principal:
    """An application with its credentials."""

    client_id: str
    secrets: list[str] = field(default_factory=list, repr=False)
    expired_secrets: list[str] = field(default_factory=list, repr=False)
    certificates: list[x509.Certificate] = field(default_factory=list)
    issuers: dict[str, tuple[str, RSAPublicKey]] = field(default_factory=dict)
    """By federated issuer: the subject that is trusted, and the key that it signs with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token that was given out."""

    text: str = field(repr=False)
    client_id: str
    resource: str
    expires_at: float
    claims: str = ""


class Entra:
    """One tenant; `now` gives Unix time. `lifetime` is that of the tokens it gives out, in seconds."""

    def __init__(self, host: str, tenant: str, now: Callable[[], float]) -> None:
        self.host = host
        self.tenant = tenant
        self.lifetime = 3599
        self.principals: dict[str, Principal] = {}
        self._now = now
        self._lock = threading.Lock()
        self._tokens: dict[str, Token] = {}

    def register(self, principal: Principal) -> None:
        """Add an application."""
        self.principals[principal.client_id] = principal

    def issue(self, client_id: str, resource: str, lifetime: int | None = None, *, claims: str = "") -> Token:
        """Give out a token."""
        seconds = self.lifetime if lifetime is None else lifetime
        token = Token(
            text=f"eyJ0-canary-token-{secrets.token_urlsafe(24)}",
            client_id=client_id,
            resource=resource,
            expires_at=self._now() + seconds,
            claims=claims,
        )
        with self._lock:
            self._tokens[token.text] = token
        return token

    def accepted(self, text: str) -> Token | None:
        """The token with this text, unless it is over or was revoked."""
        with self._lock:
            token = self._tokens.get(text)
        return token if token is not None and token.expires_at > self._now() else None

    def revoke_all(self) -> None:
        """No token given out so far is good any more."""
        with self._lock:
            self._tokens.clear()

    def answer(self, call: Call) -> Answer:
        """Serve a request."""
        tenant, _, endpoint = call.path.removeprefix("/").partition("/")
        if endpoint == "discovery/instance":
            return self._instance()
        if tenant.lower() != self.tenant:
            return _error(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if endpoint == "v2.0/.well-known/openid-configuration":
            return self._configuration()
        if endpoint == "oauth2/v2.0/token" and call.method == "POST":
            return self._token(call.form)
        return Answer(404, {"error": "not_found"})

    def _instance(self) -> Answer:
        aliases = [{"preferred_network": self.host, "preferred_cache": self.host, "aliases": [self.host]}]
        endpoint = f"https://{self.host}/{self.tenant}/v2.0/.well-known/openid-configuration"
        return Answer(200, {"api-version": "1.1", "tenant_discovery_endpoint": endpoint, "metadata": aliases})

    def _configuration(self) -> Answer:
        base = f"https://{self.host}/{self.tenant}"
        return Answer(
            200,
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            },
        )

    def _token(self, form: Any) -> Answer:
        if form.get("grant_type") != "client_credentials" or not form.get("scope", "").endswith("/.default"):
            return _error(400, "invalid_request", 900144, "The request body is not as it should be.")
        principal = self.principals.get(form.get("client_id", ""))
        if principal is None:
            return _error(400, "unauthorized_client", 700016, "Application was not found in the directory.")
        refused = self._refused(principal, form)
        if refused is not None:
            return refused
        resource, claims = form["scope"].removesuffix("/.default"), form.get("claims", "")
        token = self.issue(principal.client_id, resource, claims=claims)
        return Answer(
            200,
            {
                "token_type": "Bearer",
                "expires_in": self.lifetime,
                "ext_expires_in": self.lifetime,
                "access_token": token.text,
            },
        )

    def _refused(self, principal: Principal, form: Any) -> Answer | None:
        if "client_secret" in form:
            return _check_secret(principal, form["client_secret"])
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return _error(401, "invalid_client", 7000218, "The body must contain client_assertion or secret.")
        return self._check_assertion(principal, form.get("client_assertion", ""))

    def _check_assertion(self, principal: Principal, assertion: str) -> Answer | None:
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
            if claims["iss"] in principal.issuers:
                return _check_federated(principal, assertion, claims["iss"])
            key = _certificate(principal, jwt.get_unverified_header(assertion)).public_key()
            assert isinstance(key, RSAPublicKey)
            endpoint = f"https://{self.host}/{self.tenant}/oauth2/v2.0/token"
            found = jwt.decode(assertion, key, algorithms=["RS256", "PS256"], audience=endpoint)
            if {found["iss"], found["sub"]} != {principal.client_id}:
                raise jwt.InvalidIssuerError
        except (jwt.InvalidTokenError, KeyError, LookupError):
            return _error(401, "invalid_client", 700027, f"The assertion is not valid: {assertion}")
        return None


def _check_secret(principal: Principal, given: str) -> Answer | None:
    if given in principal.secrets:
        return None
    if given in principal.expired_secrets:
        return _error(401, "invalid_client", 7000222, "The provided client secret keys are expired.")
    return _error(401, "invalid_client", 7000215, f"Invalid client secret provided: {given}.")


def _check_federated(principal: Principal, assertion: str, issuer: str) -> Answer | None:
    subject, key = principal.issuers[issuer]
    claims = jwt.decode(assertion, key, algorithms=["RS256"], audience=_FEDERATION_AUDIENCE)
    if claims["sub"] == subject:
        return None
    return _error(401, "invalid_client", 700213, "No matching federated identity record found.")


def _certificate(principal: Principal, header: dict[str, Any]) -> x509.Certificate:
    for certificate in principal.certificates:
        for name, algorithm in (("x5t", hashes.SHA1()), ("x5t#S256", hashes.SHA256())):  # noqa: S303 - the protocol's
            wanted = jwt.utils.base64url_encode(certificate.fingerprint(algorithm)).decode()
            if header.get(name, "").rstrip("=") == wanted:
                return certificate
    raise LookupError


def _error(status: int, word: str, code: int, text: str) -> Answer:
    trace = "Trace ID: 4c1a8a8e-canary-trace Correlation ID: 0b7c Timestamp: 2026-01-01 00:00:00Z"
    return Answer(
        status,
        {
            "error": word,
            "error_description": f"AADSTS{code}: {text} {trace}",
            "error_codes": [code],
            "timestamp": "2026-01-01 00:00:00Z",
            "trace_id": "4c1a8a8e-canary-trace",
            "correlation_id": "0b7c",
            "error_uri": f"https://login.microsoftonline.com/error?code={code}",
        },
    )
