"""Where a redirect of Vault may lead. Pure: it returns the next address or refuses.

A standby answers 307 with the address of the active node, and the call is repeated there with token and body.
So the target must be a host that the settings trust, and it must use TLS if the call did.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from urllib.parse import urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from secrets_manager.domain.errors import BackendUnavailable
from secrets_manager.settings import VaultSettings

REDIRECTS = frozenset({301, 302, 307, 308})
MAX_REDIRECTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedHosts:
    """The hosts, in lower case, that redirects may lead to, and the setting that can name more."""

    hosts: AbstractSet[str]
    setting: str = "vault.redirect-hosts"

    @classmethod
    def of(cls, settings: VaultSettings) -> TrustedHosts:
        """Vault's own host, and those that the settings name."""
        named = map(str.lower, settings.redirect_hosts)
        return cls(
            hosts=frozenset((host_of(settings.url), *named)), setting=f"{settings.table}.redirect-hosts"
        )


def next_address(sent_to: str, location: str | None, trusted: TrustedHosts) -> str:
    """The URL to repeat the call at.

    Raises BackendUnavailable when the redirect must not be followed.
    """
    # Parsed by the library that connects: two parsers that disagree about the host would be a loophole.
    target = _join(sent_to, location or "")
    if location is None or target is None or target.scheme not in {"http", "https"}:
        raise BackendUnavailable("Vault sent a redirect without a usable address")
    if _host(target) not in trusted.hosts:
        raise BackendUnavailable(
            f"Vault sent a redirect to another host, which is not followed; name it in {trusted.setting}"
        )
    # A person may have written the address, and in capitals.
    if sent_to.lower().startswith("https:") and target.scheme != "https":
        raise BackendUnavailable("Vault sent a redirect from https to http, which is not followed")
    return Url(target.scheme, None, target.host, target.port, target.path, target.query).url


def host_of(url: str) -> str:
    """The host of ``url`` in lower case, without brackets; "" when there is none."""
    target = _parse(url)
    return _host(target) if target is not None else ""


def _join(sent_to: str, location: str) -> Url | None:
    try:
        return _parse(urljoin(sent_to, location))
    except ValueError:
        # A bracket that is not closed, or a character that normalises to a slash.
        return None


def _parse(url: str) -> Url | None:
    try:
        return parse_url(url)
    except LocationParseError:
        return None


def _host(target: Url) -> str:
    return (target.host or "").lower().strip("[]")
