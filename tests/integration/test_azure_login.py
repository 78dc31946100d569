"""Each way to log in, through the real SDK, against Entra ID's and the IMDS's documented behaviour."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendThrottled,
    BackendTimeout,
    BackendUnavailable,
    ForbiddenByNetwork,
)
from tests.builders import Clock, attempt, together
from tests.testbed.azure.cloud import CLIENT_ID, CLIENT_SECRET, TENANT, AzureDouble
from tests.unit.backends.azure_key_vault.support import (
    IMDS,
    PRINCIPAL,
    TOKEN,
    RecordedTelemetry,
    backend_on,
    read,
)

KEY = rsa.generate_private_key(65537, 2048)
RESOURCE_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
ISSUER = "https://oidc.example.test/cluster/"
SUBJECT = "system:serviceaccount:secrets-manager:secrets-manager"


def own_certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "secrets-manager")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )


CERTIFICATE = own_certificate()
PEM = CERTIFICATE.public_bytes(Encoding.PEM) + KEY.private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)


def federated(subject: str = SUBJECT) -> str:
    """A service account's token as Kubernetes projects it for workload identity."""
    claims = {"iss": ISSUER, "sub": subject, "aud": ["api://AzureADTokenExchange"], "exp": time.time() + 600}
    return jwt.encode(claims, KEY, algorithm="RS256")


def works(azure: AzureDouble, **settings: Any) -> bool:
    azure.store.put("app", "value")
    return read(backend_on(azure, **settings), "app") == "value"


def principal(**settings: Any) -> dict[str, Any]:
    return {"tenant_id": TENANT, "client_id": CLIENT_ID, **settings}


def login_fault(azure: AzureDouble, told: RecordedTelemetry | None = None, **settings: Any) -> BackendFault:
    backend = backend_on(azure, told=told, **settings)
    fault = attempt(backend.maintain)
    assert isinstance(fault, BackendFault)
    assert "canary" not in f"{fault!r}"
    return fault


# ── service principal with a secret ──────────────────────────────────────────────────────────────────


def test_a_client_secret_logs_in(azure: AzureDouble) -> None:
    assert works(azure, **PRINCIPAL)


def test_a_client_secret_may_be_in_a_file(azure: AzureDouble, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{CLIENT_SECRET}\n")

    assert works(azure, **principal(client_secret_file=str(file)))


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_client_secret_is_taken_from_its_file_however_an_editor_wrote_it(
    azure: AzureDouble, tmp_path: Path, codec: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{CLIENT_SECRET}\r\n", encoding=codec)

    assert works(azure, **principal(client_secret_file=str(file)))


def test_a_refused_client_secret_that_is_replaced_is_used_at_once(azure: AzureDouble, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("canary-wrong")
    clock = Clock()
    azure.store.put("app", "value")
    backend = backend_on(azure, clock=clock, **principal(client_secret_file=str(file)))
    assert isinstance(attempt(lambda: read(backend, "app")), AuthFailed)
    clock.now += 1.0
    assert not backend.retry_login()

    file.write_text(CLIENT_SECRET)
    clock.now += 1.0
    assert backend.retry_login()
    assert together(8, lambda: read(backend, "app")) == ["value"] * 8
    assert azure.entra_proxy.count("POST", TOKEN) == 2


def test_a_rotated_secret_file_is_used_at_the_next_login(azure: AzureDouble, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(CLIENT_SECRET)
    clock = Clock()
    azure.store.put("app", "value")
    backend = backend_on(azure, clock=clock, **principal(client_secret_file=str(file)))
    read(backend, "app")
    azure.entra.principals[CLIENT_ID].secrets = ["canary-second"]
    azure.entra.revoke_all()
    clock.now += 60.0
    assert isinstance(attempt(lambda: read(backend, "app")), AuthFailed)
    file.write_text("canary-second")
    clock.now += 60.0

    assert read(backend, "app") == "value"


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda entra: setattr(entra.principals[CLIENT_ID], "secrets", []), "AADSTS7000215"),
        (
            lambda entra: entra.principals[CLIENT_ID].expired_secrets.append(
                entra.principals[CLIENT_ID].secrets.pop()
            ),
            "AADSTS7000222",
        ),
        (lambda entra: entra.principals.clear(), "AADSTS700016"),
        (lambda entra: setattr(entra, "tenant", "another"), "AADSTS90002"),
    ],
    ids=["wrong secret", "expired secret", "unknown client", "unknown tenant"],
)
def test_a_refusal_of_entra_is_reported_by_its_code_and_nothing_else(
    azure: AzureDouble, break_it: Any, code: str
) -> None:
    break_it(azure.entra)
    told = RecordedTelemetry()

    assert login_fault(azure, told, **PRINCIPAL) == AuthFailed(f"Entra ID refused the login ({code})")
    assert told.logins_failed == 1


def test_row_69_a_refused_login_is_not_repeated_however_many_reads_wait(azure: AzureDouble) -> None:
    azure.entra.principals.clear()
    backend = backend_on(azure, **PRINCIPAL)
    faults = together(12, lambda: read(backend, "app"))
    faults += [attempt(lambda: read(backend, "app")) for _ in range(5)]

    assert {type(fault) for fault in faults} == {AuthFailed}
    assert azure.entra_proxy.count("POST", TOKEN) == 1


@pytest.mark.parametrize("content", [None, "", " \n"], ids=["missing", "empty", "blank"])
def test_a_secret_file_without_secret_is_named(
    azure: AzureDouble, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)

    assert (
        "azure-kv.client-secret-file: file"
        in login_fault(azure, **principal(client_secret_file=str(file))).message
    )
    assert azure.entra_proxy.requests == []


# ── service principal with a certificate ─────────────────────────────────────────────────────────────


def certificate_settings(
    azure: AzureDouble, folder: Path, content: bytes, password: str = ""
) -> dict[str, Any]:
    azure.entra.principals[CLIENT_ID].certificates.append(CERTIFICATE)
    settings = principal(client_certificate_file=str(folder / "certificate"))
    (folder / "certificate").write_bytes(content)
    if password:
        (folder / "password").write_text(f"{password}\n")
        settings["client_certificate_password_file"] = str(folder / "password")
    return settings


def pfx(password: bytes | None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(None, KEY, CERTIFICATE, None, encryption)


def encrypted_pem(password: bytes) -> bytes:
    key = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    return CERTIFICATE.public_bytes(Encoding.PEM) + key


@pytest.mark.parametrize(
    ("content", "password"),
    [(PEM, ""), (encrypted_pem(b"canary"), "canary"), (pfx(None), ""), (pfx(b"canary"), "canary")],
    ids=["pem", "pem with password", "pfx", "pfx with password"],
)
def test_a_certificate_logs_in(azure: AzureDouble, tmp_path: Path, content: bytes, password: str) -> None:
    assert works(azure, **certificate_settings(azure, tmp_path, content, password))


@pytest.mark.parametrize(
    ("content", "password"),
    [(b"canary", ""), (PEM[:600], ""), (pfx(b"canary"), ""), (pfx(b"canary"), "other")],
    ids=["text", "half of it", "no password", "wrong password"],
)
def test_a_certificate_that_cannot_be_used_is_reported_without_being_shown(
    azure: AzureDouble, tmp_path: Path, content: bytes, password: str
) -> None:
    fault = login_fault(azure, **certificate_settings(azure, tmp_path, content, password))

    assert "azure-kv.client-certificate-file is not PEM or PFX" in fault.message


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_certificate_and_its_password_are_taken_however_an_editor_wrote_them(
    azure: AzureDouble, tmp_path: Path, codec: str
) -> None:
    settings = certificate_settings(azure, tmp_path, encrypted_pem(b"canary"), "canary")
    for name in ("certificate", "password"):
        text = (tmp_path / name).read_text(encoding="ascii")
        (tmp_path / name).write_bytes(f"{text}\r\n".encode(codec))

    assert works(azure, **settings)


def test_a_password_that_is_replaced_is_used_at_once(azure: AzureDouble, tmp_path: Path) -> None:
    clock = Clock()
    settings = certificate_settings(azure, tmp_path, pfx(b"canary"), "other")
    backend = backend_on(azure, clock=clock, **settings)
    assert isinstance(attempt(backend.maintain), AuthFailed)
    (tmp_path / "password").write_text("canary")
    clock.now += 1.0

    assert backend.retry_login()
    assert backend.ready()


def test_a_certificate_that_entra_does_not_know_is_refused(azure: AzureDouble, tmp_path: Path) -> None:
    settings = certificate_settings(azure, tmp_path, PEM)
    azure.entra.principals[CLIENT_ID].certificates.clear()

    assert login_fault(azure, **settings) == AuthFailed("Entra ID refused the login (AADSTS700027)")


# ── workload identity ────────────────────────────────────────────────────────────────────────────────


def workload_settings(azure: AzureDouble, folder: Path, token: str) -> dict[str, Any]:
    azure.entra.principals[CLIENT_ID].issuers[ISSUER] = (SUBJECT, KEY.public_key())
    (folder / "token").write_text(token)
    return principal(federated_token_file=str(folder / "token"))


def test_a_federated_token_logs_in(azure: AzureDouble, tmp_path: Path) -> None:
    assert works(azure, **workload_settings(azure, tmp_path, federated()))


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_federated_token_is_taken_from_its_file_however_it_was_written(
    azure: AzureDouble, tmp_path: Path, codec: str
) -> None:
    settings = workload_settings(azure, tmp_path, federated())
    (tmp_path / "token").write_text(f"{federated()}\r\n", encoding=codec)

    assert works(azure, **settings)


def test_a_federated_token_of_somebody_else_is_refused(azure: AzureDouble, tmp_path: Path) -> None:
    settings = workload_settings(azure, tmp_path, federated("system:serviceaccount:other:other"))

    assert login_fault(azure, **settings) == AuthFailed("Entra ID refused the login (AADSTS700213)")


def test_a_renewed_federated_token_is_used_at_the_next_login(azure: AzureDouble, tmp_path: Path) -> None:
    clock = Clock()
    backend = backend_on(azure, clock=clock, **workload_settings(azure, tmp_path, federated("nobody")))
    assert isinstance(attempt(backend.maintain), AuthFailed)
    (tmp_path / "token").write_text(federated())
    clock.now += 1.0
    backend.maintain()

    assert backend.ready()


def foreign_key_pem() -> bytes:
    other = rsa.generate_private_key(65537, 2048)
    key = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return CERTIFICATE.public_bytes(Encoding.PEM) + key


HALF_ROTATED: dict[str, tuple[str, bytes | None]] = {
    "a certificate cut short": ("certificate", PEM[: len(PEM) // 2]),
    "an empty certificate": ("certificate", b""),
    "no certificate": ("certificate", None),
    "a certificate with another key": ("certificate", foreign_key_pem()),
    "a token cut short": ("token", federated()[:100].encode()),
    "an empty token": ("token", b""),
    "no token": ("token", None),
    "a token of somebody else": ("token", federated("nobody").encode()),
    "a token and a line": ("token", f"{federated()}\ncanary".encode()),
}


@pytest.mark.parametrize(("name", "content"), HALF_ROTATED.values(), ids=HALF_ROTATED)
def test_a_file_that_is_bad_while_the_token_is_renewed_costs_nothing_and_the_next_one_is_used_at_once(
    azure: AzureDouble, tmp_path: Path, name: str, content: bytes | None
) -> None:
    settings = (
        certificate_settings(azure, tmp_path, PEM)
        if name == "certificate"
        else workload_settings(azure, tmp_path, federated())
    )
    clock, now, file = Clock(), Clock(time.time()), tmp_path / name
    azure.store.put("app", "value")
    azure.entra.lifetime = 200
    backend = backend_on(azure, clock=clock, now=now, **settings)
    read(backend, "app")
    good, before = file.read_bytes(), azure.entra_proxy.count("POST", TOKEN)
    clock.now += 31.0
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)

    fault = attempt(backend.maintain)
    assert isinstance(fault, AuthFailed)
    assert "canary" not in fault.message
    assert read(backend, "app") == "value"
    assert backend.ready()
    file.write_bytes(good)
    clock.now += 1.0
    assert backend.retry_login()
    assert azure.entra_proxy.count("POST", TOKEN) - before <= 2
    assert read(backend, "app") == "value"


# ── continuous access evaluation ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["secret", "workload"])
def test_a_vault_that_wants_more_claims_gets_a_token_with_them(
    azure: AzureDouble, tmp_path: Path, way: str
) -> None:
    settings = PRINCIPAL if way == "secret" else workload_settings(azure, tmp_path, federated())
    backend = backend_on(azure, **settings)
    azure.store.put("app", "value")
    read(backend, "app")
    azure.vault.wanted_claims = '{"access_token": {"nbf": {"essential": true, "value": "1"}}}'

    assert read(backend, "app") == "value"
    assert read(backend, "app") == "value"
    assert azure.entra_proxy.count("POST", TOKEN) == 2


# ── tokens that are not as they should be ────────────────────────────────────────────────────────────

GOOD = {"token_type": "Bearer", "expires_in": 3599, "access_token": "token"}
NO_TOKENS: dict[str, Any] = {
    "a page": b"<html>canary</html>",
    "nothing": b"",
    "a list": b"[]",
    "null": b"null",
    "nested too deep": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "no token": {**GOOD, "access_token": None},
    "an empty token": {**GOOD, "access_token": ""},
    "a number for a token": {**GOOD, "access_token": 7},
    "a token with a line break": {**GOOD, "access_token": "canary\r\nX-Evil: 1"},
    "a token with a line break at its end": {**GOOD, "access_token": "canary\n"},
    "a token with letters that no header has": {**GOOD, "access_token": "canary-é中"},
    "a token with a space": {**GOOD, "access_token": "canary canary"},
    "a token without end": {**GOOD, "access_token": "canary" * 100_000},
    "a token of another type": {**GOOD, "access_token": "canary", "token_type": "PoP"},
    "no time of life": {"token_type": "Bearer", "access_token": "canary"},
    "text for a time of life": {**GOOD, "access_token": "canary", "expires_in": "soon"},
    "a time of life without end": b'{"token_type":"Bearer","access_token":"canary","expires_in":Infinity}',
}


@pytest.mark.parametrize("reply", NO_TOKENS.values(), ids=NO_TOKENS)
def test_a_reply_that_is_no_token_is_an_outage_of_entra_that_is_over_when_it_is(
    azure: AzureDouble, reply: Any
) -> None:
    clock = Clock()
    azure.store.put("app", "1")
    backend = backend_on(azure, clock=clock)
    rule = azure.entra_proxy.on("POST", TOKEN).reply(200, reply)
    faults = {attempt(lambda: read(backend, "app")) for _ in range(5)}

    assert len(faults) == 1
    assert isinstance(fault := faults.pop(), BackendUnavailable)
    assert "Entra ID" in fault.message
    assert "canary" not in f"{fault!r}{fault.__cause__!r}"
    assert rule.hits == 1
    azure.entra_proxy.clear()
    clock.now += 31.0
    assert read(backend, "app") == "1"


def test_an_error_with_status_200_is_the_refusal_that_it_says(azure: AzureDouble) -> None:
    refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: canary"}
    azure.entra_proxy.on("POST", TOKEN).reply(200, refusal)

    fault = attempt(lambda: read(backend_on(azure), "app"))

    assert fault == AuthFailed("Entra ID refused the login (AADSTS7000215)")


@pytest.mark.parametrize("life", [0, -5, 1, True, "3599", 3599.9, 10**30])
def test_a_strange_time_of_life_makes_no_storm_of_logins(azure: AzureDouble, life: object) -> None:
    azure.store.put("app", "1")
    text = azure.entra.issue(CLIENT_ID, "https://vault.azure.net").text
    rule = azure.entra_proxy.on("POST", TOKEN).reply(200, {**GOOD, "access_token": text, "expires_in": life})
    backend = backend_on(azure)
    for _ in range(20):
        assert read(backend, "app") == "1"
        backend.maintain()

    assert rule.hits == 1


@pytest.mark.parametrize("life", [10**11, 10**30])
def test_a_token_that_would_outlive_all_others_is_replaced_after_a_day(azure: AzureDouble, life: int) -> None:
    clock, now = Clock(), Clock(time.time())
    text = azure.entra.issue(CLIENT_ID, "https://vault.azure.net").text
    rule = azure.entra_proxy.on("POST", TOKEN).reply(200, {**GOOD, "access_token": text, "expires_in": life})
    backend = backend_on(azure, clock=clock, now=now)
    backend.maintain()
    now.now += 31 * 3600.0
    clock.now += 31 * 3600.0
    backend.maintain()

    assert rule.hits == 2


# ── managed identities ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def machine(azure: AzureDouble, monkeypatch: pytest.MonkeyPatch) -> AzureDouble:
    """The double as seen from a machine inside it. The variables that the SDK reads are set for it."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds_url)
    azure.imds.system_assigned = "system"
    azure.imds.by_client_id.add("client-7")
    azure.imds.by_resource_id[RESOURCE_ID] = "resource-7"
    return azure


@pytest.mark.parametrize(
    "settings",
    [
        {"managed_client_id": "client-7"},
        {"managed_resource_id": RESOURCE_ID},
        {"system_assigned_identity": True},
    ],
    ids=["client id", "resource id", "system-assigned"],
)
def test_a_managed_identity_logs_in(machine: AzureDouble, settings: dict[str, Any]) -> None:
    assert works(machine, **settings)
    assert machine.imds_proxy.count("GET", IMDS) == 1
    assert machine.entra_proxy.requests == []


def test_a_managed_identity_is_used_in_a_pod_with_workload_identity_too(
    machine: AzureDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(federated())
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))

    assert works(machine, managed_client_id="client-7")
    assert machine.imds_proxy.count("GET", IMDS) == 1


def test_a_managed_identity_wins_over_a_service_principal(machine: AzureDouble) -> None:
    assert works(machine, managed_client_id="client-7", **PRINCIPAL)
    assert machine.entra_proxy.requests == []


def test_an_identity_that_the_machine_lacks_is_reported_as_such(machine: AzureDouble) -> None:
    fault = login_fault(machine, managed_client_id="canary-other")

    assert fault == AuthFailed("this machine has no such managed identity (400)")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, BackendUnavailable),
        (410, BackendUnavailable),
        (429, BackendThrottled),
        (500, BackendUnavailable),
    ],
)
def test_row_69_an_imds_that_fails_is_asked_once(
    machine: AzureDouble, status: int, kind: type[BackendFault]
) -> None:
    machine.imds_proxy.on("GET", r".*").reply(status, {"error": "canary"}, retry_after=20)
    fault = login_fault(machine, managed_client_id="client-7")

    assert type(fault) is kind
    assert f"({status})" in fault.message
    assert machine.imds_proxy.count("GET", IMDS) == 1


def test_row_69_a_login_by_a_silent_imds_ends_with_the_timeout(machine: AzureDouble) -> None:
    machine.imds_proxy.on("GET", r".*").hang()
    backend = backend_on(machine, timeout=0.2, managed_client_id="client-7")

    assert attempt(backend.maintain) == BackendTimeout(
        "the managed identity endpoint did not answer within the time allowed"
    )


def test_row_69_a_machine_without_imds_is_reported_as_such(
    azure: AzureDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds_url)
    azure.imds_proxy.refuse()

    fault = login_fault(azure, system_assigned_identity=True)
    assert fault == BackendUnavailable("the managed identity endpoint cannot be reached: no connection")


# ── Entra in trouble ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("target", [r"/.*/openid-configuration", TOKEN], ids=["discovery", "token"])
@pytest.mark.parametrize(
    ("status", "kind"), [(429, BackendThrottled), (500, BackendUnavailable), (503, BackendUnavailable)]
)
def test_an_entra_id_that_fails_is_asked_once(
    azure: AzureDouble, target: str, status: int, kind: type[BackendFault]
) -> None:
    azure.entra_proxy.on(".*", target).reply(status, {"error": "canary"}, retry_after=20)
    fault = login_fault(azure, **PRINCIPAL)

    assert type(fault) is kind
    assert fault.retry_after == 20.0
    assert azure.entra_proxy.count(".*", target) == 1


@pytest.mark.parametrize("target", [r"/.*/openid-configuration", TOKEN], ids=["discovery", "token"])
@pytest.mark.parametrize("how", ["hang", "drip_body", "drip_headers", "reset", "html"])
def test_a_login_ends_and_says_why_whatever_entra_does(azure: AzureDouble, target: str, how: str) -> None:
    getattr(azure.entra_proxy.on(".*", target), how)()
    expected = BackendTimeout if how in {"hang", "drip_body", "drip_headers"} else BackendUnavailable
    # Only what never ends has to run out of time.
    backend = backend_on(azure, timeout=0.2 if expected is BackendTimeout else 30.0, **PRINCIPAL)
    fault = attempt(backend.maintain)
    azure.entra_proxy.clear()

    assert type(fault) is expected


def test_a_vault_of_another_tenant_is_reported_as_such(azure: AzureDouble) -> None:
    azure.vault_proxy.on("GET", r".*").reply(
        401,
        {"error": {"code": "Unauthorized", "message": "canary AKV10032: Invalid issuer."}},
        headers={
            "WWW-Authenticate": 'Bearer authorization="https://login.microsoftonline.com/another", '
            'resource="https://vault.azure.net"'
        },
    )
    fault = attempt(lambda: read(backend_on(azure, **PRINCIPAL), "app"))

    assert isinstance(fault, AuthFailed)
    assert "set azure-kv.tenant-id to the tenant of the vault" in fault.message


def test_row_69_a_firewall_is_distinguished_from_a_missing_right(azure: AzureDouble) -> None:
    azure.vault.network_rule = "ForbiddenByFirewall"

    assert isinstance(attempt(lambda: read(backend_on(azure, **PRINCIPAL), "app")), ForbiddenByNetwork)
