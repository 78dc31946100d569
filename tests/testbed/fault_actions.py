"""The faults that the fault proxy can make; each action is a small function that ends one exchange.

Knows nothing of the requests.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tests.testbed.fault_exchange import Cut, Exchange

__all__ = [
    "Action",
    "apply_then_drop",
    "delay",
    "drip_body",
    "drip_headers",
    "expire_watch",
    "forward",
    "gzip_bomb",
    "hang",
    "hang_reply",
    "oversize",
    "redirect",
    "reply",
    "reset",
    "silence",
    "truncate",
]

# An action gets the exchange and the event that is set when its rule is released or the proxy stops.
Action = Callable[[Exchange, threading.Event], None]

_JSON = {"Content-Type": "application/json"}
_BLOCK = 65536


def forward(exchange: Exchange, _: threading.Event) -> None:
    """Do nothing to it."""
    exchange.forward()


def reply(status: int, body: bytes | Mapping[str, Any], headers: Mapping[str, str]) -> Action:
    """Answer at once; a mapping is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {} if isinstance(body, bytes) else _JSON
    return lambda exchange, _: exchange.reply(status, {**kind, **headers}, content)


def redirect(url: str, status: int) -> Action:
    """Send the client to the same target at `url`."""
    return lambda exchange, _: exchange.reply(status, {"Location": f"{url}{exchange.request.target}"}, b"")


def reset(exchange: Exchange, _: threading.Event) -> None:
    """Reset the connection; the real server never sees the request."""
    exchange.reset()


def hang(exchange: Exchange, released: threading.Event) -> None:
    """Say nothing until released, then let the request through if the client still waits."""
    released.wait()
    exchange.forward()


def hang_reply(exchange: Exchange, released: threading.Event) -> None:
    """Let the real server do it, and keep its reply back until released."""
    with exchange.upstream_reply() as response:
        released.wait()
        exchange.relay(response)


def apply_then_drop(exchange: Exchange, _: threading.Event) -> None:
    """Let the real server do it, and lose its reply with the connection."""
    with exchange.upstream_reply() as response:
        response.read()
    exchange.reset()


def delay(seconds: float) -> Action:
    """Let the request through after a while."""

    def act(exchange: Exchange, released: threading.Event) -> None:
        released.wait(seconds)
        exchange.forward()

    return act


def drip_headers(interval: float) -> Action:
    """A reply whose headers never end: one byte each `interval`."""

    def act(exchange: Exchange, released: threading.Event) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        _drip(exchange, released, interval, b"a")

    return act


def drip_body(interval: float) -> Action:
    """A reply whose JSON body never ends: one blank each `interval`."""

    def act(exchange: Exchange, released: threading.Event) -> None:
        exchange.send_head(200, [*_JSON.items(), ("Content-Length", "1000000")])
        _drip(exchange, released, interval, b" ")

    return act


def truncate(lines: int) -> Action:
    """Pass `lines` lines of the reply on, then half of the next one, then close."""
    return lambda exchange, _: exchange.forward(lambda chunks: _cut_in_line(chunks, lines))


def silence(exchange: Exchange, released: threading.Event) -> None:
    """Pass the reply's headers on and nothing of its body, until released."""
    exchange.forward(lambda _: _nothing_until(released))


def expire_watch(exchange: Exchange, _: threading.Event) -> None:
    """Accept a watch and report in its stream that its resourceVersion is too old."""
    event = {"type": "ERROR", "object": kubernetes_status(410, "Expired", "too old resource version")}
    exchange.stream(200, _JSON, [json.dumps(event).encode() + b"\n"])


def oversize(size: int) -> Action:
    """A JSON reply of about `size` bytes."""
    return lambda exchange, _: exchange.stream(200, _JSON, _long_json(size))


def gzip_bomb(size: int) -> Action:
    """A small gzip reply that unpacks to about `size` bytes of JSON."""
    headers = {**_JSON, "Content-Encoding": "gzip"}
    return lambda exchange, _: exchange.stream(200, headers, _gzipped(_long_json(size)))


def kubernetes_status(code: int, reason: str, message: str) -> dict[str, Any]:
    """The Status object that the API server answers failures with."""
    about = {"status": "Failure", "reason": reason, "message": message, "code": code}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, **about}


def _drip(exchange: Exchange, released: threading.Event, interval: float, byte: bytes) -> None:
    while not released.wait(interval):
        exchange.send(byte)
    exchange.close()


def _cut_in_line(chunks: Iterator[bytes], lines: int) -> Iterator[bytes]:
    gathered = b""
    for chunk in chunks:
        gathered += chunk
        while lines and b"\n" in gathered:
            line, gathered = gathered.split(b"\n", 1)
            lines -= 1
            yield line + b"\n"
        if not lines and gathered:
            line = gathered.partition(b"\n")[0]
            yield line[: max(1, len(line) // 2)]
            raise Cut


def _nothing_until(released: threading.Event) -> Iterator[bytes]:
    yield b""  # sends nothing
    released.wait()
    raise Cut


def _long_json(size: int) -> Iterator[bytes]:
    yield b'{"data": {"data": {"key": "'
    for start in range(0, size, _BLOCK):
        yield b"a" * min(_BLOCK, size - start)
    yield b'"}}}'


def _gzipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=9, wbits=zlib.MAX_WBITS | 16)
    for part in parts:
        yield packer.compress(part)
    yield packer.flush()
