"""What a login shows and travels with: taken as it can be sent, or refused at the start by its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from secrets_manager.daemon.config.configuration import load
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import AzureKvSettings, ProxySettings, Settings, VaultSettings
from secrets_manager.settings.login_checks import vault_address
from secrets_manager.settings.option import Option

NOWHERE = Path("/nowhere")
LOGIN = {"VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "secret"}
# What an environment variable or an argument holds for a byte that is no UTF-8.
NO_TEXT = "canary\udcff"
AZURE = {
    "AZURE_KV_NAME": "name",
    "AZURE_TENANT_ID": "tenant",
    "AZURE_CLIENT_ID": "client",
    "AZURE_CLIENT_SECRET": "secret",
}


def vault(**environ: str) -> VaultSettings:
    settings = load([], LOGIN | environ, NOWHERE, system_file=NOWHERE)
    assert isinstance(settings, Settings)
    return settings.vault


def fault(environ: Mapping[str, str], *argv: str) -> tuple[int, str]:
    with pytest.raises(ConfigError) as caught:
        load(argv, environ, NOWHERE, system_file=NOWHERE)
    told = str(caught.value)
    assert "canary" not in told
    assert told.isascii()
    return caught.value.exit_code, told


AROUND = {
    "a line end": "{}\n",
    "a line end of Windows": "{}\r\n",
    "empty lines": "\n\n{}\n\n",
    "a byte order mark": "\ufeff{}",
    "a mark and a line end": "\ufeff{}\r\n",
}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_line_ends_of_a_shell_are_no_part_of_a_credential(around: str) -> None:
    found = vault(VAULT_ROLE_ID=around.format("role"), VAULT_SECRET_ID=around.format(" r\u00f8 \u20ac "))
    azure = load(
        ["-backend=azure-kv"],
        AZURE | {"AZURE_CLIENT_SECRET": around.format("s")},
        NOWHERE,
        system_file=NOWHERE,
    )

    # Blanks are their own, and so are letters of every script.
    assert (found.role_id, found.secret_id) == ("role", " r\u00f8 \u20ac ")
    assert isinstance(azure, Settings)
    assert azure.azure_kv.client_secret == "s"


REFUSED = {
    "two lines": ("canary\nmore", "holds more than one line"),
    "a control character": ("canary\x07", "holds a control character (U+0007)"),
    "bytes that are no text": (NO_TEXT, "is not UTF-8 text"),
    "line ends alone": ("\r\n", "contains only line ends"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("name", ["VAULT_ROLE_ID", "VAULT_SECRET_ID", "AZURE_CLIENT_SECRET"])
def test_a_text_that_cannot_be_a_credential_is_refused_at_the_start(name: str, text: str, why: str) -> None:
    assert fault(LOGIN | AZURE | {name: text}) == (1, f"environment {name}: {why}")


SENT = [
    "vault.namespace",
    "vault.kubernetes-role",
    "vault.approle-path",
    "vault.kubernetes-path",
    "vault.tls-server-name",
    "vault.url",
    "vault.http-proxy",
    "vault.https-proxy",
    "azure-kv.tenant-id",
    "azure-kv.client-id",
    "azure-kv.managed-client-id",
    "azure-kv.managed-resource-id",
    "azure-kv.http-proxy",
    "azure-kv.https-proxy",
    "controller-name",
]


@pytest.mark.parametrize("name", SENT)
def test_bytes_that_are_no_text_are_refused_wherever_they_would_be_sent(name: str) -> None:
    value = f"http://v/{NO_TEXT}" if "url" in name or "proxy" in name else NO_TEXT
    code, told = fault(LOGIN, f"-{name}={value}")

    assert code == 2
    assert told.startswith(f"flag -{name}: must be ")


# Files may be called what they like, and what is reached without a proxy is only compared.
_NOT_SENT = ("-file", "-cert", ".client-key", ".ca-path", ".no-proxy")
_BACKENDS = [
    option
    for option in OPTIONS
    if option.table in {"vault", "azure-kv"} and not option.name.endswith(_NOT_SENT)
]


@pytest.mark.parametrize("option", _BACKENDS, ids=lambda option: option.name)
def test_no_option_of_a_backend_lets_half_a_character_into_a_request(option: Option) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        option.check(option.kind.parse(NO_TEXT))

    assert "canary" not in str(caught.value)


def test_a_namespace_and_a_role_of_every_script_are_taken() -> None:
    found = vault(
        VAULT_NAMESPACE="te\u20acm/gr\u00f6\u00dfe", SECRETS_MANAGER_VAULT__APPROLE_PATH="b\u00fccher"
    )

    assert (found.namespace, found.approle_path) == ("te\u20acm/gr\u00f6\u00dfe", "b\u00fccher")


ADDRESSES = {
    "http://v:8200/prefix/": "http://v:8200/prefix/",
    "https://v/pr\u20acfix/%41": "https://v/pr%E2%82%ACfix/%41",
    "http://[::1]:8200": "http://[::1]:8200",
    "http://b\u00fccher.example": "http://b\u00fccher.example",
}


@pytest.mark.parametrize(("given_", "used"), ADDRESSES.items())
def test_the_path_of_an_address_can_be_sent(given_: str, used: str) -> None:
    assert vault_address(given_) == used


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "\u20ac" * 64])
def test_a_host_that_cannot_exist_is_refused(host: str) -> None:
    assert fault(LOGIN | {"VAULT_ADDR": f"http://{host}"}) == (
        2,
        "environment VAULT_ADDR: must name a valid host",
    )


SERVER_NAMES = {
    "vault.example.com": "vault.example.com",
    "vault.example.com.": "vault.example.com",
    "10.0.0.1": "10.0.0.1",
    "::1": "::1",
    "": "",
}


@pytest.mark.parametrize(("said", "used"), SERVER_NAMES.items())
def test_the_name_in_a_certificate_is_taken(said: str, used: str) -> None:
    assert vault(VAULT_TLS_SERVER_NAME=said).tls_server_name == used


@pytest.mark.parametrize("name", ["b\u00fccher.example", "a b", "https://v", "v:8200", "a" * 300])
def test_a_server_name_that_no_certificate_can_have_is_refused(name: str) -> None:
    code, told = fault(LOGIN | {"VAULT_TLS_SERVER_NAME": name})

    assert code == 2
    assert told.startswith("environment VAULT_TLS_SERVER_NAME: must be ")


# ── which of them are needed, and with which code a process ends ─────────────────────────────────────


def test_a_role_id_alone_is_enough_for_a_role_that_binds_no_secret_id() -> None:
    settings = load([], {"VAULT_ROLE_ID": "role"}, NOWHERE, system_file=NOWHERE)

    assert isinstance(settings, Settings)
    assert (settings.vault.role_id, settings.vault.secret_id, settings.notices) == ("role", "", ())


def test_a_role_id_in_a_file_alone_is_enough_too() -> None:
    settings = load(["-vault.role-id-file=/absent"], {}, NOWHERE, system_file=NOWHERE)

    assert isinstance(settings, Settings)
    assert settings.vault.role_id_file == "/absent"


MISSING_AZURE = {
    "nothing at all": [],
    "a name of a vault": ["-azure-kv.name=name"],
    "a name that no vault can have": ["-azure-kv.name=a_b"],
    "another option that makes no sense": ["-azure-kv.name=name", "-workers=0"],
    "a kubeconfig that is not there": ["-azure-kv.name=name", "-kubeconfig=/absent"],
    "half of a principal": ["-azure-kv.name=name", "-azure-kv.tenant-id=t", "-azure-kv.client-id=c"],
    "the times of the Lease": ["-azure-kv.name=name", "-election.lease-duration=1s"],
}


@pytest.mark.parametrize("argv", MISSING_AZURE.values(), ids=MISSING_AZURE)
def test_missing_credentials_of_azure_exit_1_beside_any_other_fault(argv: list[str]) -> None:
    code, told = fault({}, "-backend=azure-kv", *argv)

    assert code == 1
    assert "setting azure-kv.client-id: missing" in told or "flag -azure-kv.client-id: missing" in told


def test_malformed_credentials_of_azure_are_a_fault_and_not_called_missing() -> None:
    told = fault(AZURE | {"AZURE_CLIENT_SECRET": "canary\nmore"}, "-backend=azure-kv")

    assert told == (1, "environment AZURE_CLIENT_SECRET: holds more than one line")


# ── what shows ───────────────────────────────────────────────────────────────────────────────────────


def test_no_repr_of_the_settings_shows_what_a_login_shows() -> None:
    proxy = ProxySettings(http="http://u:canary-1@p", https="http://u:canary-2@p")
    settings = Settings(
        vault=VaultSettings(role_id="canary-3", secret_id="canary-4", proxy=proxy),
        azure_kv=AzureKvSettings(client_secret="canary-5", proxy=proxy),
    )

    assert "canary" not in f"{settings!r} {settings}"


def test_a_settings_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[vault]\nrole-id = "\ufeffrole"\nsecret-id = "s"\n', encoding="utf-8-sig")
    settings = load([], {}, NOWHERE, system_file=file)

    assert isinstance(settings, Settings)
    assert (settings.vault.role_id, settings.vault.secret_id) == ("role", "s")
