"""Where a redirect may lead."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from secrets_manager.backends.vault.redirects import TrustedHosts, host_of, next_address
from secrets_manager.domain.errors import BackendUnavailable
from tests.unit.backends.tables import rows

TRUSTED = TrustedHosts(hosts={"vault.test", "standby.test"})


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


@pytest.mark.parametrize("scheme", ["https", "HTTPS", "Https"])
def test_a_redirect_out_of_tls_is_not_followed(scheme: str) -> None:
    with pytest.raises(BackendUnavailable, match="https to http"):
        next_address(f"{scheme}://vault.test/v1/a", "http://vault.test/v1/a", TRUSTED)


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


PIECES = [
    "https:",
    "http:",
    "HTTPS:",
    "//",
    "/",
    "\\",
    "@",
    ":",
    "?",
    "#",
    ".",
    "..",
    "%2f",
    "%40",
    "%00",
    ";",
]
PIECES += [
    "vault.test",
    "evil.test",
    "VAULT.TEST",
    "vault.test.",
    "[::1]",
    "[",
    "]",
    "8200",
    "v1/a",
    "user:pw",
]
PIECES += ["\t", "\r\n", " ", "\u3002", "\uff0f", "\u2100", "xn--", "\0", "\x7f", "&", "="]


@pytest.mark.parametrize("location", ["//[", "//\uff0f", "https://[::1", "//vault.test\u2100/x"])
def test_an_address_that_cannot_be_read_is_not_followed(location: str) -> None:
    with pytest.raises(BackendUnavailable):
        next_address("https://vault.test:8200/v1/a", location, TRUSTED)


@given(
    st.lists(st.sampled_from(PIECES), max_size=9).map("".join),
    st.sampled_from(["https://vault.test:8200/v1/a", "http://vault.test/v1/a"]),
)
def test_no_location_leads_to_a_stranger_by_anybody_s_reading(location: str, sent_to: str) -> None:
    try:
        target = next_address(sent_to, location, TRUSTED)
    except BackendUnavailable:
        return

    read = urlsplit(target)
    assert read.hostname in TRUSTED.hosts
    assert parse_url(target).host in TRUSTED.hosts
    assert (read.username, parse_url(target).auth) == (None, None)
    assert read.scheme in ("http", "https")
    assert read.scheme == "https" or sent_to.startswith("http:")
    # Nor can it put a line of its own into the request.
    http.client.HTTPConnection("vault.test")._validate_path(parse_url(target).request_uri)  # type: ignore[attr-defined]
