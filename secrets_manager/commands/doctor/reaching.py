"""The way to a server, step by step: its name, its port, its certificate, and its clock."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from secrets_manager.commands.doctor.findings import Finding, fail, ok, warn
from secrets_manager.commands.doctor.of_cluster import clock_finding
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.http.proxies import proxy_for
from secrets_manager.runtime.http.trust import TlsFiles, tls_context
from secrets_manager.settings import ProxySettings

_SOON_DAYS = 14.0
_PORTS = {"http": 80, "https": 443}
# OpenSSL's X509_V_ERR numbers: what a person can do about each.
_ADVICE = {
    9: "set the clocks, or wait: its certificate is not valid yet",
    10: "renew the certificate of the server",
    62: "name the server as its certificate does in {setting}, or set tls-server-name",
    64: "name the server as its certificate does in {setting}, or set tls-server-name",
}
_UNKNOWN = "trust the authority that signed it: set ca-cert to its file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is, as the settings say.

    ``setting`` is the one that names it; ``server_name`` is the name in its certificate, "" for the host.
    """

    url: str
    setting: str
    files: TlsFiles
    proxy: ProxySettings
    server_name: str = ""


def reach(check: str, address: Address, timeout: float, now: Callable[[], datetime]) -> Iterator[Finding]:
    """Whether the server can be reached; ends at the first step that fails."""
    url = urlsplit(address.url)
    host, port = url.hostname or "", url.port or _PORTS.get(url.scheme, 443)
    if proxy_for(address.url, address.proxy):
        yield ok(check, f"{host}:{port} is reached by a proxy, so its way is not looked at")
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        yield fail(check, f"the name {host} cannot be resolved", f"mend {address.setting}, or the DNS")
        return
    try:
        connection = socket.create_connection((host, port), timeout)
    except OSError as error:
        reason = error.strerror or "it does not answer in time"
        shown = ", ".join(sorted({str(each[4][0]) for each in found}))
        yield fail(
            check,
            f"{host}:{port} ({shown}) cannot be connected to: {reason}",
            f"mend {address.setting}, a firewall or a NetworkPolicy on the way, or start the server",
        )
        return
    with connection:
        yield from _speak(check, address, connection, now)


def _speak(
    check: str, address: Address, connection: socket.socket, now: Callable[[], datetime]
) -> Iterator[Finding]:
    url = urlsplit(address.url)
    host = url.hostname or ""
    if url.scheme != "https":
        yield ok(check, f"{url.netloc} answers, without TLS")
        yield from _clock(check, host, connection, now)
        return
    try:
        context = tls_context(address.files)
        wrapped = context.wrap_socket(connection, server_hostname=address.server_name or host)
    except ssl.SSLCertVerificationError as error:
        advice = _ADVICE.get(error.verify_code, _UNKNOWN).format(setting=address.setting)
        yield fail(check, f"the certificate of {url.netloc} is not accepted: {error.verify_message}", advice)
        return
    except ConfigError as error:
        yield fail(check, error.message, "mend the file, or the setting that names it")
        return
    except OSError as error:
        reason = getattr(error, "reason", "") or error.strerror or type(error).__name__
        yield fail(
            check,
            f"TLS cannot be agreed with {url.netloc}: {reason}",
            f"see whether {address.setting} names a port with TLS, and whether it wants a client certificate",
        )
        return
    with wrapped:
        yield from _certificate(check, url.netloc, wrapped, now())
        yield from _clock(check, host, wrapped, now)


def _certificate(check: str, place: str, wrapped: ssl.SSLSocket, now: datetime) -> Iterator[Finding]:
    shown = (wrapped.getpeercert() or {}).get("notAfter")
    if not isinstance(shown, str):
        yield warn(check, f"the certificate of {place} is not verified", "set ca-cert instead of skip-verify")
        return
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown), UTC)
    days = (ends - now).total_seconds() / 86_400
    if days < _SOON_DAYS:
        yield warn(
            check,
            f"the certificate of {place} ends in {days:.0f} days, at {ends:%Y-%m-%d}",
            "renew it in time",
        )
    else:
        yield ok(check, f"{place} answers, with a certificate until {ends:%Y-%m-%d}")


def _clock(
    check: str, host: str, connection: socket.socket, now: Callable[[], datetime]
) -> Iterator[Finding]:
    sent = now()
    try:
        connection.sendall(f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii"))
        response = http.client.HTTPResponse(connection, method="HEAD")
        response.begin()
    except (OSError, http.client.HTTPException, UnicodeEncodeError):
        yield warn(check, "it does not answer a request by HTTP", "see whether another server listens there")
        return
    yield from clock_finding(check, response.getheader("Date"), sent, now())
