"""The backend on the double: states of a secret, faults of a vault, time, and nothing that leaks."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from secrets_manager.backends.azure_key_vault.backend import AzureKeyVaultBackend
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendThrottled,
    BackendTimeout,
    BackendTLS,
    BackendUnavailable,
    ConfigError,
    EngineMismatch,
    ForbiddenByNetwork,
    InvalidPath,
    KeyNotFound,
    NotAString,
    PermissionDenied,
    SecretsManagerError,
    SourceDeleted,
    SourceDisabled,
    SourceExpired,
    SourceNotFound,
)
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import AzureKvSettings
from tests.builders import Clock, attempt, together
from tests.silent import SilentAzure
from tests.testbed.azure.cloud import AzureDouble, Hosts
from tests.testbed.fault_rules import RuleBuilder
from tests.testbed.pki import Authority
from tests.unit.backends.azure_key_vault.support import (
    PRINCIPAL,
    SECRET,
    TOKEN,
    RecordedTelemetry,
    backend_on,
    read,
)
from tests.unit.backends.azure_key_vault.test_certificates import LEAF, MIDDLE, ROOT, STORED, pem
from tests.unit.backends.azure_key_vault.test_public_keys import rsa_jwk


@pytest.fixture
def told() -> RecordedTelemetry:
    return RecordedTelemetry()


@pytest.fixture
def backend(azure: AzureDouble, told: RecordedTelemetry) -> AzureKeyVaultBackend:
    return backend_on(azure, told=told)


# ── objects ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_means_the_newest_version_and_a_version_stays(
    azure: AzureDouble, backend: AzureKeyVaultBackend
) -> None:
    first = azure.store.put("app", "1")
    second = azure.store.put("app", "2")

    assert read(backend, "app") == "2"
    assert read(backend, f"app/{first}") == "1"
    assert backend.read(backend.locate("app"), Terms.within(5.0)).version == second
    assert backend.read(backend.locate(f"app/{first}"), Terms.within(5.0)).version == first


def test_a_json_pointer_picks_a_member_of_a_json_value(
    azure: AzureDouble, backend: AzureKeyVaultBackend
) -> None:
    azure.store.put("app", json.dumps({"db": {"password": "p"}}))

    assert read(backend, "app", "#/db/password") == "p"
    assert read(backend, "app", "db") == '{"db": {"password": "p"}}'


@pytest.mark.parametrize(
    ("stored", "content_type"),
    [
        (STORED["pfx"], "application/x-pkcs12"),
        (STORED["pem, key last, leaf last"], "application/x-pem-file"),
    ],
    ids=["pfx", "pem"],
)
def test_a_certificate_is_taken_apart(
    azure: AzureDouble, backend: AzureKeyVaultBackend, stored: str, content_type: str
) -> None:
    azure.store.put("tls", stored, content_type=content_type)

    assert read(backend, "certificates/tls", "tls.crt") == pem(LEAF, MIDDLE, ROOT)
    assert read(backend, "certificates/tls", "ca.crt") == pem(ROOT)
    assert read(backend, "certificates/tls", "tls.key").startswith("-----BEGIN PRIVATE KEY-----")
    assert read(backend, "tls") == stored


def test_a_key_shows_its_public_half_and_its_version(
    azure: AzureDouble, backend: AzureKeyVaultBackend
) -> None:
    azure.vault.keys = {
        "signing/one": rsa_jwk(),
        "signing/two": rsa_jwk("RSA-HSM"),
        "wrapping/one": {"kty": "oct-HSM"},
    }

    assert read(backend, "keys/signing", "public.pem").startswith("-----BEGIN PUBLIC KEY-----")
    assert read(backend, "keys/signing/one", "public.jwk").startswith('{"e":"AQAB"')
    assert backend.read(backend.locate("keys/signing"), Terms.within(5.0)).version == "two"
    assert isinstance(attempt(lambda: read(backend, "keys/signing", "tls.key")), KeyNotFound)
    assert isinstance(attempt(lambda: read(backend, "keys/wrapping", "public.pem")), EngineMismatch)
    assert attempt(lambda: read(backend, "keys/never", "public.pem")) == SourceNotFound("keys/never")
    azure.vault.rights.discard("get-key")
    assert attempt(lambda: read(backend, "keys/signing", "public.pem")) == PermissionDenied("keys/signing")


def test_a_reply_about_a_key_that_is_not_the_vault_s_is_an_outage(
    azure: AzureDouble, backend: AzureKeyVaultBackend
) -> None:
    azure.vault_proxy.on("GET", r"/keys/.*").reply(200, {"key": "canary"})

    assert isinstance(attempt(lambda: read(backend, "keys/signing", "public.pem")), BackendUnavailable)


def test_row_70_a_secret_without_value_is_named(azure: AzureDouble, backend: AzureKeyVaultBackend) -> None:
    azure.store.put("app", None)

    assert isinstance(attempt(lambda: read(backend, "app")), NotAString)


@pytest.mark.parametrize("path", ["a_b", "a/b/c", "a b"])
def test_row_70_an_impossible_name_is_refused_before_any_call(
    azure: AzureDouble, backend: AzureKeyVaultBackend, path: str
) -> None:
    assert isinstance(attempt(lambda: read(backend, path)), InvalidPath)
    assert azure.vault_proxy.requests == []


def test_row_70_the_largest_value_comes_whole(azure: AzureDouble, backend: AzureKeyVaultBackend) -> None:
    azure.store.put("app", "x" * 25_600)

    assert read(backend, "app") == "x" * 25_600


# ── states ───────────────────────────────────────────────────────────────────────────────────────────


def test_row_67_a_disabled_secret_is_reported_and_works_again_once_enabled(
    azure: AzureDouble, backend: AzureKeyVaultBackend
) -> None:
    azure.store.put("app", "1")
    azure.store.enable("app", enabled=False)
    assert attempt(lambda: read(backend, "app")) == SourceDisabled("app")
    azure.store.enable("app")

    assert read(backend, "app") == "1"


def test_row_67_an_expired_secret_is_handed_out_with_a_caution_and_a_date(
    azure: AzureDouble, backend: AzureKeyVaultBackend, told: RecordedTelemetry
) -> None:
    azure.store.put("app", "1", expires=1_700_000_000)
    found = backend.read(backend.locate("app"), Terms.within(5.0))

    assert found.pick("") == "1"
    assert found.caution == "'app' expired at 2023-11-14T22:13:20Z"
    assert told.expiries == {"app": 1_700_000_000.0}


def test_row_67_a_secret_that_is_not_valid_yet_is_handed_out_with_a_caution(
    azure: AzureDouble, backend: AzureKeyVaultBackend, told: RecordedTelemetry
) -> None:
    azure.store.put("app", "1", not_before=4_000_000_000)
    found = backend.read(backend.locate("app"), Terms.within(5.0))

    assert found.caution == "'app' is not valid before 2096-10-02T07:06:40Z"
    assert told.expiries == {"app": None}


def test_row_67_strict_settings_refuse_expired_and_not_yet_valid_secrets(azure: AzureDouble) -> None:
    backend = backend_on(azure, strict_expiry=True, **PRINCIPAL)
    azure.store.put("old", "1", expires=1_700_000_000)
    azure.store.put("new", "1", not_before=4_000_000_000)
    azure.store.put("fine", "1", expires=4_000_000_000)

    assert isinstance(attempt(lambda: read(backend, "old")), SourceExpired)
    assert isinstance(attempt(lambda: read(backend, "new")), SourceExpired)
    assert read(backend, "fine") == "1"


def test_row_68_a_deleted_secret_is_distinguished_from_one_that_never_existed(
    azure: AzureDouble, backend: AzureKeyVaultBackend
) -> None:
    azure.store.put("app", "1")
    azure.store.delete("app")

    assert attempt(lambda: read(backend, "app")) == SourceDeleted("app")
    assert attempt(lambda: read(backend, "never")) == SourceNotFound("never")
    azure.store.recover("app")
    assert read(backend, "app") == "1"
    azure.store.purge("app")
    assert attempt(lambda: read(backend, "app")) == SourceNotFound("app")


def test_row_68_without_the_right_to_see_deleted_secrets_deleted_and_missing_ones_are_not_found(
    azure: AzureDouble, backend: AzureKeyVaultBackend
) -> None:
    azure.vault.rights.discard("get-deleted")
    azure.store.put("app", "1")
    azure.store.delete("app")

    for _ in range(3):
        assert attempt(lambda: read(backend, "app")) == SourceNotFound("app")
    assert azure.vault_proxy.count("GET", "/deletedsecrets/app") == 1


@pytest.mark.parametrize("version", ["0" * 32, "short"], ids=["unknown", "impossible"])
def test_a_version_that_does_not_exist_is_not_found(
    azure: AzureDouble, backend: AzureKeyVaultBackend, version: str
) -> None:
    azure.store.put("app", "1")

    assert attempt(lambda: read(backend, f"app/{version}")) == SourceNotFound("app", version=version)


@pytest.mark.parametrize("rbac", [False, True], ids=["access policy", "role"])
def test_a_missing_right_is_reported_only_for_the_secret_concerned(
    azure: AzureDouble, backend: AzureKeyVaultBackend, rbac: object
) -> None:
    azure.vault.rbac = bool(rbac)
    azure.store.put("mine", "1")
    azure.store.put("theirs", "2")
    azure.vault.denied.add("theirs")

    assert attempt(lambda: read(backend, "theirs")) == PermissionDenied("theirs")
    assert read(backend, "mine") == "1"


@pytest.mark.parametrize("rule", ["ForbiddenByFirewall", "ForbiddenByConnection"])
def test_row_69_a_network_rule_is_a_fault_of_the_whole_vault(
    azure: AzureDouble, backend: AzureKeyVaultBackend, rule: str
) -> None:
    azure.vault.network_rule = rule
    fault = attempt(lambda: read(backend, "app"))

    assert fault == ForbiddenByNetwork("the network rules of the key vault do not let this machine in")
    assert isinstance(fault, BackendFault)


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────

FAULTS: dict[str, tuple[Callable[[RuleBuilder], object], type[BackendFault]]] = {
    "throttled": (lambda rule: rule.reply(429, {"error": {"code": "Throttled"}}), BackendThrottled),
    "failing": (lambda rule: rule.reply(500, {"error": {"message": "canary"}}), BackendUnavailable),
    "a bad gateway": (lambda rule: rule.reply(502, b"<html>canary"), BackendUnavailable),
    "busy": (lambda rule: rule.reply(503, b"canary", retry_after=2), BackendUnavailable),
    "a page": (lambda rule: rule.html(), BackendUnavailable),
    "forbidden by a proxy": (lambda rule: rule.reply(403, b"<html>canary"), BackendUnavailable),
    "not found by a proxy": (lambda rule: rule.reply(404, b"<html>canary"), BackendUnavailable),
    "other JSON": (lambda rule: rule.reply(200, {"value": "canary"}), BackendUnavailable),
    "a list": (
        lambda rule: rule.reply(200, b'["canary"]', {"Content-Type": "application/json"}),
        BackendFault,
    ),
    "half of JSON": (
        lambda rule: rule.reply(200, b'{"value": "canary', {"Content-Type": "application/json"}),
        BackendUnavailable,
    ),
    "moved": (lambda rule: rule.redirect("https://elsewhere.test"), BackendUnavailable),
    "silent": (lambda rule: rule.hang(), BackendTimeout),
    "answering after the fact": (lambda rule: rule.hang_reply(), BackendTimeout),
    "dripping headers": (lambda rule: rule.drip_headers(0.05), BackendTimeout),
    "dripping a body": (lambda rule: rule.drip_body(0.05), BackendTimeout),
    "breaking off": (lambda rule: rule.reset(), BackendUnavailable),
    "answering without end": (lambda rule: rule.oversize(20_000_000), BackendUnavailable),
    "answering a bomb": (lambda rule: rule.gzip_bomb(50_000_000), BackendUnavailable),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_read_through_a_fault_says_what_is_wrong_and_the_next_one_works(
    azure: AzureDouble, told: RecordedTelemetry, kind: str
) -> None:
    backend = backend_on(azure, told=told)
    azure.store.put("app", "1")
    read(backend, "app")
    break_it, meaning = FAULTS[kind]
    break_it(azure.vault_proxy.on("GET", SECRET))
    # Only what never ends has to run out of time.
    seconds = 1.5 if meaning is BackendTimeout else 30.0
    error = attempt(lambda: read(backend, "app", seconds=seconds))
    azure.vault_proxy.clear()

    assert isinstance(error, meaning)
    assert (
        "canary"
        not in f"{error!r}{error.__cause__!r}{error.__context__ if not error.__suppress_context__ else ''!r}"
    )
    assert read(backend, "app") == "1"
    assert azure.entra_proxy.count("POST", TOKEN) == 1


def test_row_66_a_throttled_vault_is_asked_once_and_its_pause_is_kept(
    azure: AzureDouble, backend: AzureKeyVaultBackend
) -> None:
    azure.store.put("app", "1")
    read(backend, "app")
    rule = azure.vault_proxy.on("GET", SECRET).reply(429, {"error": {"code": "Throttled"}}, retry_after=7)
    fault = attempt(lambda: read(backend, "app"))

    assert isinstance(fault, BackendThrottled)
    assert fault.retry_after == 7.0
    assert rule.hits == 1


def test_row_66_our_own_limit_bounds_the_calls_of_a_second(azure: AzureDouble) -> None:
    backend = backend_on(azure, max_requests_per_second=3, **PRINCIPAL)
    azure.store.put("app", "1")
    started = time.monotonic()
    for _ in range(6):
        read(backend, "app")

    assert time.monotonic() - started >= 1.0


@pytest.mark.parametrize("how", ["hang", "drip_body", "drip_headers"])
@pytest.mark.parametrize("cold", [True, False], ids=["first call", "later call"])
def test_row_52_every_call_ends_within_the_timeout(azure: AzureDouble, how: str, cold: object) -> None:
    backend = backend_on(azure, timeout=30.0)
    azure.store.put("app", "1")
    if not cold:
        read(backend, "app")
    getattr(azure.vault_proxy.on("GET", SECRET), how)()
    started = time.monotonic()
    # Long enough for a slow machine to connect: a proxy that is not reached in time is another error.
    error = attempt(lambda: read(backend, "app", seconds=2.0))

    assert isinstance(error, BackendTimeout)
    # The backend's own limit is half a minute, and the drip has no end.
    assert time.monotonic() - started < 15.0


def test_a_vault_that_cannot_be_reached_gives_the_same_error_each_time(
    azure: AzureDouble, backend: AzureKeyVaultBackend
) -> None:
    azure.vault_proxy.refuse()
    faults = {attempt(lambda: read(backend, "app")) for _ in range(3)}

    assert len(faults) == 1
    assert isinstance(faults.pop(), BackendUnavailable)


def test_row_47_an_untrusted_certificate_ends_the_call_before_a_token_is_sent(
    azure: AzureDouble, tmp_path: Any
) -> None:
    stranger = Authority(tmp_path / "stranger")
    backend = backend_on(azure, ca_cert=str(stranger.ca_file), **PRINCIPAL)

    assert isinstance(attempt(lambda: read(backend, "app")), BackendTLS)
    assert azure.vault_proxy.requests == []


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────


def test_many_cold_reads_make_one_login(azure: AzureDouble, backend: AzureKeyVaultBackend) -> None:
    azure.store.put("app", "1")

    assert together(16, lambda: read(backend, "app")) == ["1"] * 16
    assert azure.entra_proxy.count("POST", TOKEN) == 1


def test_no_call_is_made_before_a_secret_is_read(azure: AzureDouble, backend: AzureKeyVaultBackend) -> None:
    assert not backend.ready()
    assert azure.hosts_asked() == []


def test_a_warm_read_is_one_call(azure: AzureDouble, backend: AzureKeyVaultBackend) -> None:
    azure.store.put("app", "1")
    read(backend, "app")
    before = len(azure.vault_proxy.requests), len(azure.entra_proxy.requests)
    read(backend, "app")

    assert (len(azure.vault_proxy.requests), len(azure.entra_proxy.requests)) == (before[0] + 1, before[1])


def test_a_revoked_token_is_replaced_within_the_read(azure: AzureDouble) -> None:
    clock = Clock()
    backend = backend_on(azure, clock=clock)
    azure.store.put("app", "1")
    read(backend, "app")
    azure.entra.revoke_all()
    clock.now += 60.0

    assert read(backend, "app") == "1"
    assert azure.entra_proxy.count("POST", TOKEN) == 2


@pytest.mark.parametrize("status", [429, 500, 503, 404])
def test_row_68_a_passing_fault_hides_deleted_secrets_for_that_read_only(
    azure: AzureDouble, backend: AzureKeyVaultBackend, status: int
) -> None:
    azure.store.put("app", "1")
    azure.store.delete("app")
    azure.vault_proxy.on("GET", r"/deletedsecrets/.*").reply(status, b"<html>canary")
    assert attempt(lambda: read(backend, "app")) == SourceNotFound("app")
    azure.vault_proxy.clear()

    assert attempt(lambda: read(backend, "app")) == SourceDeleted("app")


def test_row_68_a_vault_that_fails_while_it_is_asked_for_deleted_ones_says_not_found(
    azure: AzureDouble, backend: AzureKeyVaultBackend
) -> None:
    azure.vault_proxy.on("GET", r"/deletedsecrets/.*").reply(503)
    assert attempt(lambda: read(backend, "app")) == SourceNotFound("app")
    azure.vault_proxy.on("GET", r"/deletedsecrets/.*").reset()

    assert attempt(lambda: read(backend, "app")) == SourceNotFound("app")


def challenge(**parameters: str) -> str:
    """A challenge of a vault, with other parameters than its own."""
    usual = {
        "authorization": "https://login.microsoftonline.com/t",
        "resource": "https://vault.azure.net",
    }
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in {**usual, **parameters}.items())


CLAIMS = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7InZhbHVlIjoiMSJ9fX0"
CHALLENGES: dict[str, tuple[str | None, str, int]] = {
    "the usual": (challenge(), "does not accept our token", 1),
    "another tenant": (
        challenge(authorization="https://login.microsoftonline.com/2"),
        "does not accept our token",
        1,
    ),
    "a foreign authority": (challenge(authorization="https://evil.test/t"), "does not accept our token", 1),
    "a wider resource": (challenge(resource="https://azure.net"), "does not accept our token", 1),
    "a foreign resource": (challenge(resource="https://evil.test"), "not for its own domain", 0),
    "claims": (challenge(claims=CLAIMS), "does not accept our token", 1),
    "none": (None, "no key vault that answers", 0),
    "an empty one": ("", "no key vault that answers", 0),
    "a proxy's": ('Basic realm="canary"', "no key vault that answers", 0),
    "one without a word": ("Bearer", "no key vault that answers", 0),
}


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
@pytest.mark.parametrize(("header", "words", "logins"), CHALLENGES.values(), ids=CHALLENGES)
def test_a_401_for_ever_is_named_costs_one_login_in_half_a_minute_and_is_over_when_it_is(
    azure: AzureDouble, header: str | None, words: str, logins: int, warm: object
) -> None:
    clock = Clock()
    backend = backend_on(azure, clock=clock)
    azure.store.put("app", "1")
    if warm:
        read(backend, "app")
    clock.now += 60.0
    before = azure.entra_proxy.count("POST", TOKEN)
    headers = {} if header is None else {"WWW-Authenticate": header}
    azure.vault_proxy.on("GET", SECRET).reply(401, {"error": {"code": "Unauthorized"}}, headers)
    faults = [attempt(lambda: read(backend, "app")) for _ in range(4)]

    assert {type(fault) for fault in faults} == {AuthFailed}
    assert all(fault and words in fault.message and azure.vault.host in fault.message for fault in faults)
    assert azure.entra_proxy.count("POST", TOKEN) - before == logins
    assert set(azure.hosts_asked()) <= {azure.vault.host, azure.entra.host}
    azure.vault_proxy.clear()
    clock.now += 31.0
    assert read(backend, "app") == "1"


def test_a_read_reports_its_call_to_the_metrics(
    azure: AzureDouble, backend: AzureKeyVaultBackend, told: RecordedTelemetry
) -> None:
    azure.store.put("app", "1")
    read(backend, "app")
    missing = attempt(lambda: read(backend, "missing"))

    assert told.calls == [("login", None), ("read", None), ("read", missing)]


# ── clouds ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("hosts", "settings"),
    [
        (Hosts("vault.usgovcloudapi.net", "login.microsoftonline.us"), {"cloud": "usgov"}),
        (Hosts("vault.azure.cn", "login.chinacloudapi.cn"), {"cloud": "china"}),
        (
            Hosts("vault.private.test", "login.private.test"),
            {"dns_suffix": "vault.private.test", "authority_host": "login.private.test"},
        ),
        (
            Hosts("vault.private.test", "login.private.test"),
            {"url": "https://test-vault.vault.private.test", "authority_host": "login.private.test"},
        ),
    ],
    ids=["usgov", "china", "suffix", "url"],
)
def test_every_cloud_is_reached_at_its_own_hosts(
    authority: Authority, hosts: Hosts, settings: dict[str, Any]
) -> None:
    with AzureDouble(authority, hosts=hosts, name="test-vault") as azure:
        azure.store.put("app", "1")

        assert read(backend_on(azure, **PRINCIPAL, **settings), "app") == "1"
        assert set(azure.hosts_asked()) == {f"test-vault.{hosts.vaults}", hosts.entra}


# ── start ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_chosen_identity_is_logged_with_its_reason(
    azure: AzureDouble, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        backend_on(azure, managed_client_id="m", **PRINCIPAL)
    line = next(record for record in caplog.records if record.message == "identity chosen")

    assert line.__dict__["reason"] == (
        "managed identity by client id, because azure-kv.managed-client-id is set;"
        " configured but not used: service principal with client secret"
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (AzureKvSettings(name="v"), "no managed identity"),
        (AzureKvSettings(name="v", managed_client_id="m", ca_cert="/nowhere/ca.pem"), "No such file"),
    ],
    ids=["no identity", "no authority"],
)
def test_settings_that_cannot_work_are_refused_at_the_start(settings: AzureKvSettings, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        AzureKeyVaultBackend(
            settings, timeout=1.0, connections=1, telemetry=SilentAzure(), watchdog=Watchdog()
        )


def test_a_file_that_is_not_a_certificate_is_refused_at_the_start(azure: AzureDouble, tmp_path: Any) -> None:
    (tmp_path / "ca.pem").write_text("canary")
    with pytest.raises(ConfigError, match="holds no PEM certificate") as caught:
        backend_on(azure, ca_cert=str(tmp_path / "ca.pem"), **PRINCIPAL)

    assert "canary" not in str(caught.value)


# ── nothing leaks ────────────────────────────────────────────────────────────────────────────────────


def test_no_value_token_or_secret_is_in_any_log_of_the_sdk_at_debug_level(
    azure: AzureDouble, caplog: pytest.LogCaptureFixture
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    stored = base64.b64encode(pkcs12.serialize_key_and_certificates(None, key, None, None, NoEncryption()))
    with caplog.at_level(logging.DEBUG):
        for name in ("azure", "msal", "urllib3", "requests"):
            caplog.set_level(logging.DEBUG, logger=name)
        backend = backend_on(azure)
        azure.store.put("app", '{"a": "canary-value"}')
        azure.store.put("tls", stored.decode(), content_type="application/x-pkcs12")
        errors: list[SecretsManagerError | None] = [
            attempt(lambda: read(backend, "app", "#/a")),
            attempt(lambda: read(backend, "app", "#/missing")),
            attempt(lambda: read(backend, "certificates/tls", "tls.key")),
            attempt(lambda: read(backend, "never")),
            attempt(lambda: backend.survey([backend.locate("app")])),
        ]

    assert len(caplog.records) > 20
    assert "canary" not in caplog.text.replace("canary-message", "")
    assert stored.decode()[:40] not in caplog.text
    assert "canary" not in f"{errors!r}{backend!r}"
