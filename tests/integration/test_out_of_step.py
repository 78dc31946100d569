"""A daemon behind servers whose replies are out of step: no namespace gets another's value."""

from __future__ import annotations

import random
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import urllib3

from tests.integration.world import World, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until
from tests.unit.runtime.loopback import Connection, Loopback, Received

TENANTS = 12
PATIENCE = 90.0
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "host", "accept-encoding"}


@dataclass(frozen=True, slots=True)
class Told:
    """A reply of the real server."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def head(self, *more: str, version: str = "1.1") -> bytes:
        lines = [f"HTTP/{version} {self.status} Told", *(f"{name}: {value}" for name, value in self.fields)]
        return "\r\n".join([*lines, *more]).encode("latin-1") + b"\r\n\r\n"

    def whole(self, *before: str) -> bytes:
        return self.head(*before, f"Content-Length: {len(self.body)}") + self.body

    def chunked(self) -> bytes:
        pieces = [self.body[at : at + 7] for at in range(0, len(self.body), 7)]
        coded = b"".join(b"%x;x=y\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        return self.head("Transfer-Encoding: chunked") + coded


# Bytes to send as a reply, where `other` is the answer to another request. All but the last few are answers.
_HINT, _GOING = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n"
_FAULTS: tuple[Callable[[Told, Told], bytes], ...] = (
    lambda told, _: _HINT + told.whole(),
    lambda told, _: _GOING * 3 + told.whole(),
    lambda told, other: _HINT + told.whole() + other.whole(),
    lambda told, other: told.whole() + other.whole(),
    lambda told, other: told.chunked() + b"0\r\n\r\n" + other.whole(),
    lambda told, other: told.chunked() + b"0\r\nX-Trailer: 1\r\n\r\n" + other.whole(),
    lambda told, other: told.head(f"Content-Length:\r\n {len(told.body)}") + told.body + other.whole(),
    lambda told, other: told.whole("Connection: keep-alive, upgrade", "Upgrade: h2c") + other.whole(),
    lambda told, other: (
        told.head(f"Content-Length: {len(told.body)}", version="1.0") + told.body + other.whole()
    ),
    lambda _, other: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + other.whole(),
    lambda told, other: told.chunked() + b"-5\r\n" + other.whole(),
    lambda told, other: told.head("Content-Length: 0", "Transfer-Encoding: chunked") + other.whole(),
    lambda told, other: told.head("Content-Length: 0", f"Content-Length: {len(told.body)}") + other.whole(),
    lambda told, other: told.head(f"Content-Length: {len(told.body) + 30}") + told.body + other.whole(),
    lambda told, other: (
        told.head(f"Content-Length: {max(0, len(told.body) - 9)}") + told.body + other.whole()
    ),
    lambda _, other: b"HTTP/1.1 204 No Content\r\n\r\n" + other.whole(),
    lambda _, other: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + other.whole(),
)


@dataclass(eq=False)
class OutOfStep:
    """A proxy that sends the replies of `upstream` in one of the ways above, or as they are."""

    upstream: str
    pools: urllib3.PoolManager
    spared: Callable[[Received], bool] = lambda _: False
    sick: threading.Event = field(default_factory=threading.Event)
    sent: set[int] = field(default_factory=set)
    _others: dict[str, Told] = field(default_factory=dict)
    _chance: random.Random = field(default_factory=lambda: random.Random(4711))  # noqa: S311 - which fault
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, connection: Connection) -> None:
        while (received := connection.receive()) is not None:
            if "watch=" in received.target:
                # The servers end while watches are open.
                with suppress(urllib3.exceptions.HTTPError):
                    self._stream(connection, received)
                return
            self._answer(connection, received)

    def _answer(self, connection: Connection, received: Received) -> None:
        with self._asked(received) as reply:
            told = Told(reply.status, _passed(reply.headers.items()), reply.read())
        with self._lock:
            others = [each for target, each in self._others.items() if target != received.target]
            if received.method == "GET" and told.status == 200:
                self._others[received.target] = told
            fault = self._chance.randrange(-len(_FAULTS), len(_FAULTS))
            other = self._chance.choice(others) if others else told
            late = self._chance.random() < 0.3
        if fault < 0 or not self.sick.is_set() or self.spared(received):
            connection.send(told.whole())
            return
        self.sent.add(fault)
        content = _FAULTS[fault](told, other)
        if not late:
            connection.send(content)
            return
        # The reply goes out in pieces, cut anywhere.
        at = self._chance.randrange(len(content))
        for piece in (content[:at], content[at : at + 1], content[at + 1 :]):
            connection.send(piece)
            connection.over.wait(0.01)

    def _stream(self, connection: Connection, received: Received) -> None:
        with self._asked(received) as reply:
            told = Told(reply.status, _passed(reply.headers.items()), b"")
            connection.send(told.head("Transfer-Encoding: chunked"))
            for piece in reply.stream(None):
                connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            connection.send(b"0\r\n\r\n")

    @contextmanager
    def _asked(self, received: Received) -> Iterator[urllib3.BaseHTTPResponse]:
        headers = dict(_passed(received.headers.items()))
        reply = self.pools.request(
            received.method,
            f"{self.upstream}{received.target}",
            body=received.body or None,
            headers=headers,
            preload_content=False,
            redirect=False,
            retries=False,
        )
        try:
            yield reply
        finally:
            reply.release_conn()


def _passed(fields: object) -> list[tuple[str, str]]:
    return [(name, value) for name, value in fields if name.lower() not in _HOP_BY_HOP]  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("sick", ["backend", "API server"])
def test_replies_out_of_step_give_no_namespace_the_value_of_another(
    definitions_api: TestCluster, openbao: OpenBao, authority: Authority, tmp_path: Path, sick: str
) -> None:
    cluster, api = definitions_api, definitions_api.api
    context = ssl.create_default_context(cafile=str(cluster.ca_file))
    between = {
        "backend": OutOfStep(openbao.url, urllib3.PoolManager(maxsize=32)),
        "API server": OutOfStep(cluster.url, urllib3.PoolManager(maxsize=32, ssl_context=context)),
    }
    with ExitStack() as stack:
        world = stack.enter_context(new_world(cluster, openbao, tmp_path))
        namespaces = [cluster.create_namespace() for _ in range(TENANTS)]
        tls = authority.issue("127.0.0.1")
        vault = stack.enter_context(Loopback(between["backend"]))
        server = stack.enter_context(Loopback(between["API server"], tls=tls))
        through = cluster.kubeconfig_for(world.account.token, server=server.url, ca_file=authority.ca_file)
        _write(world, "first")
        for number, namespace in enumerate(namespaces):
            world.define(namespace, "app", world.keys("of", of=f"app-{number}"))
        environ = {"VAULT_ADDR": vault.url, "KUBECONFIG": str(through)}
        daemon = stack.enter_context(world.daemon("-reconcile-period=500ms", **environ))
        daemon.wait_ready(PATIENCE)
        between[sick].sick.set()

        def seen(round_: str) -> bool:
            found = [api.secret_data(namespace, "app") for namespace in namespaces]
            for number, data in enumerate(found):
                assert data is None or data["of"].partition(b" ")[0] == f"{number}".encode()
            return all(data is not None and data["of"].endswith(round_.encode()) for data in found)

        for round_ in ("second", "third", "fourth"):
            _write(world, round_)
            wait_until(lambda round_=round_: seen(round_), PATIENCE, f"the {round_} values")  # type: ignore[misc]
        assert len(between[sick].sent) > len(_FAULTS) // 2
        for namespace in namespaces:
            cluster.delete_namespace(namespace)


def _write(world: World, round_: str) -> None:
    for number in range(TENANTS):
        world.write(f"app-{number}", of=f"{number} {round_}")
