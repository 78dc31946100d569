"""Which proxy, if any, a request goes through. Pure, with the rules of Go's client.

They differ from the rules of requests and curl: loopback is never proxied, ``.example.org`` means only the
subdomains, ``example.org`` the domain and its subdomains, and entries may be networks or have a port.
"""

from __future__ import annotations

import ipaddress

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import ProxySettings

_DEFAULT_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, settings: ProxySettings) -> str:
    """The URL of the proxy for ``url``, or "" for a direct connection."""
    target = parse_url(url)
    proxy = settings.https if target.scheme == "https" else settings.http
    if not proxy or _is_direct(target, settings.no_proxy):
        return ""
    return proxy_url(proxy)


def proxy_url(text: str) -> str:
    """``text`` as a URL; "host:port" alone means http, as in Go.

    Raises ConfigError, without quoting it, for one that cannot be read or is of a kind that is not supported.
    """
    url = text if "://" in text else f"http://{text}"
    if url.partition("://")[0].lower() not in {"http", "https"}:
        raise ConfigError("the proxy must be an http or https address")
    try:
        named = parse_url(url).host
    except LocationParseError:
        named = None
    if not named:
        raise ConfigError("the proxy is not an address: its host or port cannot be read")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, so that a connection to it uses no network."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_direct(target: Url, no_proxy: tuple[str, ...]) -> bool:
    host = (target.host or "").lower().strip("[]").rstrip(".")
    port = target.port or _DEFAULT_PORTS.get(target.scheme or "", 0)
    return is_loopback(host) or any(_covers(entry.lower(), host, port) for entry in no_proxy)


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    address = _address(host)
    if "/" in entry:
        return address is not None and _in_network(address, entry)
    name, wanted_port = _split_port(entry)
    if wanted_port not in {"", str(port)}:
        return False
    if address is not None:
        return _address(name) == address
    if name.startswith(("*.", ".")):
        return host.endswith(name.removeprefix("*"))
    return host == name or host.endswith(f".{name}")


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    # Go has one form for both: ::ffff:127.0.0.1 is loopback, and lies in the same networks as 127.0.0.1.
    return (found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None) or found


def _in_network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
