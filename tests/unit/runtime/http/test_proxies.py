"""Which proxy a request takes, by Go's rules."""

from __future__ import annotations

import pytest

from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.http.proxies import proxy_for
from secrets_manager.settings import ProxySettings
from tests.unit.backends.tables import rows


def settings(*no_proxy: str) -> ProxySettings:
    return ProxySettings(http="http://plain:1", https="http://secure:2", no_proxy=no_proxy)


@pytest.mark.parametrize(
    ("url", "proxy"),
    rows(
        {
            "http": ("http://vault.test:8200/v1", "http://plain:1"),
            "https": ("https://vault.test:8200/v1", "http://secure:2"),
            "localhost is never proxied": ("http://localhost:8200", ""),
            "nor is loopback": ("https://127.1.2.3:8200", ""),
            "in both families": ("https://[::1]:8200", ""),
            "and in the one written as the other": ("https://[::ffff:127.0.0.1]:8200", ""),
        }
    ),
)
def test_the_scheme_chooses_the_proxy(url: str, proxy: str) -> None:
    assert proxy_for(url, settings()) == proxy


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("*", "https://vault.test"),
        ("vault.test", "https://vault.test"),
        ("VAULT.test", "https://vault.TEST"),
        ("test", "https://vault.test"),
        (".test", "https://vault.test"),
        ("*.test", "https://vault.test"),
        ("vault.test:8200", "https://vault.test:8200"),
        ("vault.test:443", "https://vault.test"),
        ("10.0.0.1", "https://10.0.0.1"),
        ("10.0.0.1:8200", "https://10.0.0.1:8200"),
        ("10.0.0.0/8", "https://10.9.9.9:8200"),
        ("[fd00::1]", "https://[fd00::1]:8200"),
        ("fd00::/8", "https://[fd00::1]:8200"),
        ("10.0.0.0/8", "https://[::ffff:10.9.9.9]:8200"),
        ("10.9.9.9", "https://[::ffff:10.9.9.9]:8200"),
        ("::ffff:10.9.9.9", "https://10.9.9.9:8200"),
    ],
)
def test_an_entry_of_no_proxy_means_a_direct_connection(entry: str, url: str) -> None:
    assert proxy_for(url, settings("other.example", entry)) == ""


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        (".vault.test", "https://vault.test"),
        ("ault.test", "https://vault.test"),
        ("vault.test:8300", "https://vault.test:8200"),
        ("10.0.0.0/8", "https://11.0.0.1"),
        ("10.0.0.0/8", "https://vault.test"),
        ("10.0.0.2", "https://10.0.0.1"),
        ("not/a/network", "https://10.0.0.1"),
        ("", "https://vault.test"),
    ],
)
def test_an_entry_for_another_host_changes_nothing(entry: str, url: str) -> None:
    assert proxy_for(url, settings(entry)) == "http://secure:2"


def test_without_a_proxy_every_connection_is_direct() -> None:
    assert proxy_for("https://vault.test", ProxySettings()) == ""


def test_a_proxy_without_scheme_is_an_http_proxy() -> None:
    assert proxy_for("https://vault.test", ProxySettings(https="proxy:3128")) == "http://proxy:3128"


def test_a_proxy_that_is_not_spoken_is_a_fault_of_the_settings() -> None:
    with pytest.raises(ConfigError, match="http or https") as caught:
        proxy_for("https://vault.test", ProxySettings(https="socks5://user:canary@proxy:1080"))

    assert "canary" not in caught.value.message
