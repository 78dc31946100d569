"""A watch has an end, whatever the API server sends in it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, Scope
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.cluster.client.wire import Limits
from secrets_manager.domain.errors import ClusterUnavailable
from secrets_manager.runtime.deadline import Watchdog
from tests.silent import SilentCluster
from tests.unit.runtime.loopback import Connection, Loopback

SCOPE = Scope(resource=DEFINITIONS, namespace="shop")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def event(kind: str, version: str = "7") -> bytes:
    return json.dumps({"type": kind, "object": {"metadata": {"resourceVersion": version}}}).encode() + b"\n"


def always(piece: bytes) -> Callable[[Connection], None]:
    """A server that sends this in its watch again and again."""

    def serve(connection: Connection) -> None:
        connection.receive()
        connection.send(HEAD)
        while not connection.over.wait(0.02):
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    return serve


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[[str], Iterator[Any]]]:
    """Watch at a URL, with half a second in place of 75 s."""
    opened = []

    def begin(url: str) -> Iterator[Any]:
        path = tmp_path / "kubeconfig"
        contexts = [{"name": "test", "context": {"cluster": "test", "user": "test"}}]
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": url}}],
            "users": [{"name": "test", "user": {"token": "t"}}],
            "contexts": contexts,
        }
        path.write_text(json.dumps(config))
        limits = Limits(watch_seconds=1, idle_seconds=0.5)
        api = HttpKubernetesApi(
            Credentials(str(path), environ={}), Watchdog(), SilentCluster(), timeout=20, limits=limits
        )
        opened.append(api)
        return api.watch(SCOPE, "6")

    yield begin
    for api in opened:
        api.close()


@pytest.mark.parametrize("kind", ["BOOKMARK", "MODIFIED", "OF_ANOTHER_KIND"])
def test_a_watch_that_the_server_does_not_end_is_ended_here(
    watch: Callable[[str], Iterator[Any]], kind: str
) -> None:
    with Loopback(always(event(kind))) as server:
        events = list(itertools.islice(watch(server.url), 10_000))

    assert 0 < len(events) < 10_000
    assert {each.type for each in events} == {kind}


@pytest.mark.parametrize(
    "piece", [b"\n", b"\r\n", b"\n" * 5000, b" ", b'{"type":', b"null\n", b"[]\n"], ids=ascii
)
def test_a_watch_that_says_nothing_is_a_fault(watch: Callable[[str], Iterator[Any]], piece: bytes) -> None:
    with Loopback(always(piece)) as server, pytest.raises(ClusterUnavailable):
        list(itertools.islice(watch(server.url), 10_000))
