"""A backend that writes texts of its own wherever a reply allows one: the daemon repeats none of them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.flock import all_that_is_said
from tests.integration.world import PATIENCE, World, new_world, source
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until
from tests.unit.runtime.loopback import Connection, Loopback, Received, each_request

NAMESPACE = "hostile"
MARK = "evil4711"
# A line of its own in a log, a metric, a header or a terminal; a change of the direction of writing; HTML.
TEXT = f'{MARK}\n{{"level":"error"}}\r\n# HELP {MARK} \x1b[2J\u202e\u2028</{MARK}>"\\'
SHORT = f"{MARK}-code"
FORMS = (MARK, MARK[::-1], base64.b64encode(MARK.encode()).decode().rstrip("="))
MAP: dict[str, Any] = {MARK: TEXT, "message": TEXT, "error": TEXT, "errors": [TEXT, {MARK: TEXT}]}
STATUSES = (400, 401, 403, 404, 405, 412, 418, 429, 472, 473, 500, 501, 502, 503, 504, 599)
DATA = {"data": {"a": 1, MARK: TEXT}, "metadata": {"version": TEXT, "created_time": TEXT, MARK: TEXT}}
OWN_LINE = re.compile(
    r'secrets_manager_vault_[a-z_]+\{[^{}]*vault_cluster_name="[^"\x1b\u202e]*(\\"[^"]*)*"[^{}]*\} [0-9.e+]+'
)
# The answers to a read, by the trouble that they stand for.
REPLIES: dict[str, tuple[int, Any]] = {
    **{f"status {status}": (status, MAP) for status in STATUSES},
    **{f"no map with {status}": (status, TEXT) for status in (200, 403, 404, 500)},
    "a value that is no text": (200, {"data": DATA}),
    "no key": (200, {"data": {"data": {MARK: TEXT}, "metadata": {"version": 1}}}),
    "another engine": (200, {"data": {MARK: TEXT}}),
    "a lease": (200, {"lease_id": TEXT, "data": MAP}),
    "a token": (200, {"auth": {"client_token": SHORT, **MAP}}),
    "wrapped": (200, {"wrap_info": {"token": SHORT, **MAP}}),
    "warnings": (404, {"warnings": [TEXT]}),
    "deleted": (404, {"data": {"data": None, "metadata": {"deletion_time": TEXT, "version": TEXT}}}),
    "destroyed": (404, {"data": {"metadata": {"destroyed": True, "version": 3, MARK: TEXT}}}),
    "a good one": (200, {"data": {"data": {"a": "1"}, "metadata": {"version": 7, "created_time": TEXT}}}),
}
EMPTY = "Content-Length: 0\r\n\r\n"
# Replies that are not HTTP, or that no client should read.
RAW: dict[str, bytes] = {
    "no HTTP": f"{MARK}\r\n\r\n".encode(),
    "another protocol": f"HTTP/9.9 200 {MARK}\r\n\r\n".encode(),
    "a status of letters": f"HTTP/1.1 {MARK} OK\r\n\r\n".encode(),
    "a header of its own kind": f"HTTP/1.1 200 OK\r\n{MARK}\x00\x1b\r\n{EMPTY}".encode(),
    "a length of letters": f"HTTP/1.1 200 OK\r\nContent-Length: {MARK}\r\n\r\n".encode(),
    "an unknown framing": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {MARK}\r\n\r\n".encode(),
    "a chunk of letters": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{MARK}\r\n".encode(),
    "compressed": f"HTTP/1.1 200 OK\r\nContent-Encoding: {MARK}\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
    "broken JSON": f'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{{"{MARK}":'.encode(),
    "a redirect": f"HTTP/1.1 307 {MARK}\r\nLocation: https://{MARK}.test/{MARK}\r\n{EMPTY}".encode(),
    "a redirect to nowhere": f"HTTP/1.1 307 x\r\nLocation: {MARK}://[{MARK}\r\n{EMPTY}".encode(),
    "an interim reply": f"HTTP/1.1 103 {MARK}\r\nLink: {MARK}\r\n\r\nHTTP/1.1 200 {MARK}\r\n\r\n".encode(),
    "an answer that ends": f"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{MARK}".encode(),
}
ALL = {name: f"p{number}" for number, name in enumerate([*REPLIES, *RAW])}
HEADERS = {"Retry-After": SHORT, "Date": SHORT, "Server": SHORT, "Warning": SHORT, "X-Vault-Index": SHORT}
HEADERS |= {"Set-Cookie": f"{MARK}=1", "WWW-Authenticate": f'Bearer realm="{MARK}"', "Content-Type": SHORT}


def said(status: int, content: Any) -> bytes:
    """A reply with a text of the server wherever one fits."""
    body = json.dumps(content).encode()
    lines = [f"HTTP/1.1 {status} {SHORT}", *(f"{name}: {value}" for name, value in HEADERS.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


class Liar:
    """A server that first refuses logins, then accepts all and answers each path in its own way."""

    def __init__(self) -> None:
        self.logins = 0
        self.asked: set[str] = set()

    def answer(self, connection: Connection, received: Received) -> None:
        """One reply."""
        target = received.target.partition("?")[0]
        if target.endswith("/login"):
            self.logins += 1
            connection.send(said(400, MAP) if self.logins < 2 else said(200, self._grant()))
        elif target.endswith("/lookup-self"):
            connection.send(said(200, {"data": {"ttl": 3000, "renewable": True, "policies": [TEXT], **MAP}}))
        elif target.endswith(("/health", "/seal-status")):
            facts = {"version": SHORT, "cluster_id": SHORT, "cluster_name": TEXT, "sealed": False}
            connection.send(said(200, {"initialized": True, "standby": False, **facts}))
        else:
            self._read(connection, target.rpartition("/")[2])

    def _read(self, connection: Connection, name: str) -> None:
        self.asked.add(name)
        how = next((how for how, path in ALL.items() if path == name), "")
        connection.send(RAW[how] if how in RAW else said(*REPLIES.get(how, (404, MAP))))
        if how in RAW:
            connection.sock.close()

    def _grant(self) -> dict[str, Any]:
        auth = {"client_token": "hvs.liar", "lease_duration": 3000, "renewable": True, "policies": [TEXT]}
        return {"auth": {**auth, "metadata": MAP, "accessor": SHORT}, "warnings": [TEXT]}


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    definitions_api.create_namespace(NAMESPACE)
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("hostile")) as made:
        yield made
    definitions_api.delete_namespace(NAMESPACE)


def test_no_text_of_the_backend_reaches_anything_that_people_read(world: World) -> None:
    liar = Liar()
    flags = (
        f"-watch-namespaces={NAMESPACE}",
        "-reconcile-period=1s",
        "-enable-debug-log",
        "-zap-stacktrace-level=info",
    )
    for path in ALL.values():
        # Each path has a mount of its own, so that the trouble of one does not stop reads of another.
        world.define(NAMESPACE, path, {"a": source(f"{path}/data/{path}", "a")})
    with Loopback(each_request(liar.answer)) as server, world.daemon(*flags, VAULT_ADDR=server.url) as daemon:
        wait_until(lambda: set(ALL.values()) <= liar.asked, PATIENCE, "every path to be asked for")
        wait_until(lambda: all(_reason(world, path) for path in ALL.values()), PATIENCE, "all to be reported")
        # The server's own name stands only in labels of the metrics, each on its line.
        wait_until(lambda: MARK in daemon.metrics(), PATIENCE, "the server's name in the metrics")
        told = all_that_is_said(world, daemon, NAMESPACE)
        assert daemon.stop() == 0
    told["log"] = daemon.output()
    lines = daemon.log_lines()

    metrics = told.pop("metrics").splitlines()
    own = [line for line in metrics if MARK in line]
    assert [(place, form) for place, text in told.items() for form in FORMS if form in text] == []
    assert own
    assert [line for line in own if not OWN_LINE.fullmatch(line)] == []
    assert len({_reason(world, path) for path in ALL.values()}) > 8
    assert len(lines) == len(told["log"].splitlines())


def _reason(world: World, name: str) -> str:
    return str(world.condition(NAMESPACE, name).get("reason", ""))
