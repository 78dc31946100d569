"""Where a redirect may lead."""

from __future__ import annotations

import pytest

from secrets_manager.backends.vault.redirects import host_of, next_address
from secrets_manager.domain.errors import BackendUnavailable
from tests.unit.backends.tables import rows

TRUSTED = frozenset({"vault.test", "standby.test"})


@pytest.mark.parametrize(
    ("sent_to", "location", "target"),
    rows(
        {
            "another port": (
                "https://vault.test:8200/v1/a",
                "https://vault.test:8300/v1/a",
                "https://vault.test:8300/v1/a",
            ),
            "another host of the list": (
                "https://vault.test/v1/a",
                "https://STANDBY.test/v1/a",
                "https://standby.test/v1/a",
            ),
            "up to https": ("http://vault.test/v1/a", "https://vault.test/v1/a", "https://vault.test/v1/a"),
            "plain to plain": ("http://vault.test/v1/a", "http://vault.test:81/b", "http://vault.test:81/b"),
            "without a host": ("https://vault.test:8200/v1/a", "/v1/b", "https://vault.test:8200/v1/b"),
            "with a query": (
                "https://vault.test/v1/a",
                "/v1/a?version=1",
                "https://vault.test/v1/a?version=1",
            ),
            "an encoded name stays encoded": (
                "https://vault.test/v1/a",
                "/v1/a%20b%252f",
                "https://vault.test/v1/a%20b%252f",
            ),
        }
    ),
)
def test_a_redirect_among_trusted_hosts_is_followed(sent_to: str, location: str, target: str) -> None:
    assert next_address(sent_to, location, TRUSTED) == target


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.test/v1/a",
        "https://vault.test.evil.test/v1/a",
        "https://vault.test@evil.test/v1/a",
        "https://evil.test\\@vault.test/v1/a",
        "https://evil.test#@vault.test/",
        "//evil.test/v1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]:8200/",
    ],
)
def test_a_redirect_to_another_host_is_not_followed(location: str) -> None:
    with pytest.raises(BackendUnavailable, match="another host"):
        next_address("https://vault.test/v1/a", location, TRUSTED)


def test_a_redirect_out_of_tls_is_not_followed() -> None:
    with pytest.raises(BackendUnavailable, match="https to http"):
        next_address("https://vault.test/v1/a", "http://vault.test/v1/a", TRUSTED)


@pytest.mark.parametrize("location", [None, "ftp://vault.test/", "https://vault.test:port/", "file:///etc"])
def test_a_redirect_to_nowhere_is_not_followed(location: str | None) -> None:
    with pytest.raises(BackendUnavailable, match="usable address"):
        next_address("https://vault.test/v1/a", location, TRUSTED)


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://Vault.test:8200/x", "vault.test"), ("http://[::1]:8200", "::1"), ("http://bad:port", "")],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host
