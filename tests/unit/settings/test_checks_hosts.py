"""Where no backend can be: where clouds hand out the credentials of a machine; and ways without TLS."""

from __future__ import annotations

import pytest

from secrets_manager.daemon.config.setting_checks import backend_notices
from secrets_manager.settings import Settings, VaultSettings
from secrets_manager.settings.checks import authority_host, hosts, is_metadata, key_vault_url, vault_url

REFUSED = [
    "169.254.169.254",
    "169.254.1.1",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "168.63.129.16",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "metadata",
    # Other ways to write 169.254.169.254, which resolvers understand.
    "2852039166",
    "0xa9fea9fe",
    "169.254.43518",
    "0251.0376.0251.0376",
]
TAKEN = [
    "127.0.0.1",
    "10.0.0.1",
    "vault",
    "vault.example",
    "[::1]",
    "[fd00::1]",
    "169.253.1.1",
    "metadata.example",
]


@pytest.mark.parametrize("host", REFUSED)
@pytest.mark.parametrize("form", ["http://{}", "https://{}:8200/prefix"])
def test_vault_is_never_at_a_metadata_service(host: str, form: str) -> None:
    with pytest.raises(ValueError, match="link-local"):
        vault_url(form.format(host))


@pytest.mark.parametrize("host", TAKEN)
def test_vault_may_have_any_address_except_for_metadata_services(host: str) -> None:
    assert vault_url(f"https://{host}:8200") == f"https://{host}:8200"


def test_no_address_that_gets_credentials_may_be_a_metadata_service() -> None:
    for check in (key_vault_url, authority_host):
        with pytest.raises(ValueError, match="link-local"):
            check("https://169.254.169.254")
    with pytest.raises(ValueError, match="link-local"):
        hosts(("vault.example", "metadata.google.internal"))


def test_a_name_is_judged_without_a_look_up() -> None:
    assert not is_metadata("metadata.example")
    assert not is_metadata("not an address")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://vault.vault:8200", True),
        ("HTTP://10.0.0.1:8200", True),
        ("http://localhost.evil.test", True),
        ("http://[2001:db8::1]:8200", True),
        ("http://127.0.0.1:8200", False),
        ("http://localhost:8200", False),
        ("http://[::1]:8200", False),
        ("https://vault.test", False),
    ],
)
def test_a_way_to_vault_without_tls_over_a_network_is_warned_of(url: str, *, said: bool) -> None:
    found = list(backend_notices(Settings(vault=VaultSettings(url=url))))

    assert bool(found) is said
    assert list(backend_notices(Settings(backend="azure-kv", vault=VaultSettings(url=url)))) == []
