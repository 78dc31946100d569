"""Which proxy, if any, a request goes through. Pure, with the rules of Go's client.

They differ from those of requests and curl: loopback is never proxied, ``.example.org`` means the subdomains
alone, ``example.org`` the domain and its subdomains, and entries may be networks or carry a port.
"""

from __future__ import annotations

import ipaddress

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

    Raises ConfigError for a kind of proxy that is not spoken here.
    """
    url = text if "://" in text else f"http://{text}"
    if url.partition("://")[0].lower() not in {"http", "https"}:
        raise ConfigError("the proxy must be an http or https address")
    return url


def _is_direct(target: Url, no_proxy: tuple[str, ...]) -> bool:
    host = (target.host or "").lower().strip("[]").rstrip(".")
    port = target.port or _DEFAULT_PORTS.get(target.scheme or "", 0)
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_covers(entry.lower(), host, port) for entry in no_proxy)


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
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _in_network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
