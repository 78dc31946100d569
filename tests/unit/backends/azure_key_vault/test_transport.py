"""The transport of the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.core.rest import HttpRequest

from secrets_manager.backends.azure_key_vault.transport import KeyVaultClients, KeyVaultTransport
from secrets_manager.backends.kit.azure_sdk import SdkResponse
from secrets_manager.domain.errors import BackendTimeout, BackendUnavailable
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Deadline, Terms
from secrets_manager.settings import AzureKvSettings, ProxySettings
from tests.builders import Clock
from tests.testbed.pki import Authority
from tests.unit.runtime.loopback import Connection, Loopback, Received, each_request


def echo(connection: Connection, received: Received) -> None:
    connection.reply(200, received.body or b"nothing", Content_Type="text/plain")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(each_request(echo)) as loopback:
        yield loopback


def clients(**settings: Any) -> KeyVaultClients:
    return KeyVaultClients(AzureKvSettings(**settings), Watchdog(), connections=2)


def send(
    request: HttpRequest, transport: KeyVaultTransport | None = None, seconds: float = 5.0
) -> SdkResponse:
    used = transport or KeyVaultTransport(clients(), "the server")
    with used.on(Terms.within(seconds)):
        response = used.send(request, stream=True, connection_timeout=300)
    assert isinstance(response, SdkResponse)
    return response


@pytest.mark.parametrize(
    ("request_parts", "body"),
    [
        ({}, b"nothing"),
        ({"data": {"a": "1 & 2", "b": None, "c": ["x", "y"]}}, b"a=1+%26+2&c=x&c=y"),
        ({"content": "text"}, b"text"),
        ({"content": b"bytes"}, b"bytes"),
        ({"json": {"a": 1}}, b'{"a": 1}'),
    ],
    ids=["none", "form", "text", "bytes", "json"],
)
def test_every_kind_of_body_is_sent(server: Loopback, request_parts: dict[str, Any], body: bytes) -> None:
    assert send(HttpRequest("POST", server.url, **request_parts)).content == body


def test_a_reply_has_the_shape_that_the_sdk_expects(server: Loopback) -> None:
    request = HttpRequest("GET", server.url + "/x")
    response = send(request)

    assert (response.status_code, response.reason, response.content_type) == (200, "", "text/plain")
    assert (response.request, response.url) == (request, server.url + "/x")
    assert response.headers["CONTENT-TYPE"] == "text/plain"
    assert response.is_closed
    assert response.is_stream_consumed
    with response:
        assert response.text() == response.text("ascii") == "nothing"
        assert (
            response.read() == b"".join(response.iter_raw()) == b"".join(response.iter_bytes()) == b"nothing"
        )
    response.encoding = "utf-16"
    assert response.encoding == "utf-16"
    response.raise_for_status()


def test_a_refusal_can_be_raised_and_json_be_read() -> None:
    with Loopback(each_request(lambda each, _: each.reply_json(418, {"a": 1}))) as server:
        response = send(HttpRequest("GET", server.url))

    assert response.json() == {"a": 1}
    with pytest.raises(HttpResponseError):
        response.raise_for_status()


def test_a_reply_that_is_nested_too_deep_is_no_json() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    with Loopback(
        each_request(lambda each, _: each.reply(200, deep, Content_Type="application/json"))
    ) as server:
        response = send(HttpRequest("GET", server.url))

    with pytest.raises(ValueError):
        response.json()
    # The SDK's login parses it by itself, and deep in that the finalizers of others fail.
    assert not response.text()


def test_a_call_has_the_time_of_its_block_and_no_other(server: Loopback) -> None:
    clock = Clock()
    transport = KeyVaultTransport(clients(), "the server")
    with transport.on(Terms(deadline=Deadline.within(5.0, clock))) as exchange:
        assert transport.time_left() == 5.0
        clock.now += 5.0
        with pytest.raises(ServiceRequestError):
            transport.send(HttpRequest("GET", server.url))

    assert exchange.fault == BackendTimeout("the server did not answer within the time allowed")
    assert server.seen == []


def test_another_host_than_the_own_is_never_asked(server: Loopback) -> None:
    transport = KeyVaultTransport(clients(), "the vault", only_host="vault.test")
    with transport.on(Terms.within(5.0)) as exchange, pytest.raises(ServiceRequestError):
        transport.send(HttpRequest("GET", server.url))

    assert exchange.fault == BackendUnavailable("the vault points to another host, which is not followed")
    assert server.seen == []


def test_the_port_of_https_need_not_be_written() -> None:
    transport = KeyVaultTransport(clients(), "the vault", only_host="Vault.test")

    transport._check_host("https://vault.test:443/secrets")
    transport._check_host("https://VAULT.test/secrets")


def test_a_proxy_is_used_but_never_for_the_machine_s_own_metadata() -> None:
    made = clients(proxy=ProxySettings(http="http://user:p%40ss@proxy.test:1", https="proxy.test:2"))

    assert made.of("https://vault.test") is not made.of("http://vault.test")
    assert made.of("http://169.254.169.254/metadata") is made.of("http://127.0.0.1/")
    assert made.of("http://169.254.169.254/metadata") is not made.of("http://vault.test")
    assert made.of("http://[fe80::1]/metadata") is made.of("http://127.0.0.1/")
    made.close()


def test_a_replaced_authority_is_trusted_without_a_restart(tmp_path: Path) -> None:
    old, new = Authority(tmp_path / "old", "old"), Authority(tmp_path / "new", "new")
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(old.ca_file.read_bytes())
    made = clients(ca_cert=str(trusted))
    with Loopback(each_request(echo), tls=new.issue("127.0.0.1")) as server:
        request = HttpRequest("GET", server.url)
        with pytest.raises(ServiceRequestError):
            send(request, KeyVaultTransport(made, "the server"))
        trusted.write_text("-----BEGIN CERTIFICATE-----\nhalf")
        with pytest.raises(ServiceRequestError):
            send(request, KeyVaultTransport(made, "the server"))
        trusted.write_bytes(new.ca_file.read_bytes())

        assert send(request, KeyVaultTransport(made, "the server")).content == b"nothing"


def test_the_server_itself_may_be_what_is_trusted(tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("127.0.0.1")
    with Loopback(each_request(echo), tls=pair) as server:
        made = clients(ca_cert=str(pair.certificate))

        assert (
            send(HttpRequest("GET", server.url), KeyVaultTransport(made, "the server")).content == b"nothing"
        )


def test_a_proxy_that_refuses_is_reported_with_its_status() -> None:
    with Loopback(each_request(lambda c, _: c.reply(502))) as proxy:
        transport = KeyVaultTransport(clients(proxy=ProxySettings(https=proxy.url)), "the key vault")
        with transport.on(Terms.within(5.0)) as exchange, pytest.raises(ServiceRequestError):
            transport.send(HttpRequest("GET", "https://vault.test"))

    assert exchange.fault == BackendUnavailable(
        "the key vault cannot be reached: the proxy answered 502 instead of connecting"
    )


def test_an_exchange_shows_no_reply(server: Loopback) -> None:
    transport = KeyVaultTransport(clients(), "the server")
    with transport.on(Terms.within(5.0)) as exchange:
        transport.send(HttpRequest("POST", server.url, content="canary"))

    assert exchange.reply is not None
    assert "canary" not in repr(exchange)


def test_closing_the_sdk_leaves_the_shared_connections_open(server: Loopback) -> None:
    transport = KeyVaultTransport(clients(), "the server")
    with transport:
        transport.open()
    assert send(HttpRequest("GET", server.url), transport).status_code == 200
