"""Whoever floods the metrics has them written once, and holds one place of the server."""

from __future__ import annotations

import gzip
import http.client
import itertools
import select
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from secrets_manager.daemon.web.endpoints import Endpoints
from secrets_manager.daemon.web.exposition import OPEN_METRICS, TEXT, TEXT_WITH_UTF_8, Form
from secrets_manager.daemon.web.health import Health
from secrets_manager.daemon.web.scrapes import Scrapes
from secrets_manager.daemon.web.server import Server
from secrets_manager.settings.listening import ListenAddress
from tests.testbed.waiting import wait_until

CLIENTS = 15


class Slow(Collector):
    """Metrics that take as long as the test says: their one figure is how often they were written."""

    def __init__(self) -> None:
        self.times = itertools.count(1)
        self.begun = threading.Event()
        self.go = threading.Event()
        self.now = 0.0
        self.seconds = 0.0

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        self.begun.set()
        self.go.wait(30)
        self.now += self.seconds
        yield GaugeMetricFamily("written", "How often.", value=next(self.times))


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.go.set()


def scrapes(slow: Slow) -> Scrapes:
    registry = CollectorRegistry()
    registry.register(slow)
    return Scrapes(registry, lambda: slow.now)


def figure(scrapes: Scrapes, form: Form, *, compressed: bool = False) -> str:
    body = scrapes.body(form, compressed=compressed, timeout=None) or b""
    text = (gzip.decompress(body) if compressed else body).decode()
    return next(line for line in text.splitlines() if line.startswith("written ")).split()[1]


def test_metrics_that_take_long_are_written_once_for_all_clients_that_ask_meanwhile(slow: Slow) -> None:
    slow.seconds = 1.0
    shared = scrapes(slow)
    with ThreadPoolExecutor(CLIENTS) as clients:
        asked = [
            clients.submit(figure, shared, (TEXT, TEXT_WITH_UTF_8)[n % 2], compressed=n % 3 == 0)
            for n in range(CLIENTS)
        ]
        slow.go.set()

        assert {one.result(30) for one in asked} == {"1.0"}


def test_a_form_of_the_metrics_costs_a_fifth_of_the_time_however_many_clients_ask(slow: Slow) -> None:
    slow.go.set()
    slow.seconds = 1.0
    shared = scrapes(slow)
    while slow.now < 600:
        slow.now += 0.03
        figure(shared, TEXT)

    assert next(slow.times) <= 600 / 5 + 2


def test_metrics_that_are_quick_are_new_for_each_client(slow: Slow) -> None:
    slow.go.set()
    slow.seconds = 0.1
    shared = scrapes(slow)

    assert [figure(shared, form) for form in (TEXT, TEXT, OPEN_METRICS)] == ["1.0", "2.0", "3.0"]


def test_metrics_that_hang_hold_one_place_and_leave_the_probes_alone(slow: Slow) -> None:
    registry = CollectorRegistry()
    registry.register(slow)
    address = ListenAddress(host="127.0.0.1", port=0)
    server = Server(address, Endpoints(registry, Health()), request_seconds=0.5)
    before = threading.active_count()
    server.start()
    flood = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=20) for _ in range(CLIENTS + 1)]
    try:
        for client in flood:
            client.request("GET", "/metrics")
        assert slow.begun.wait(20)
        sockets = [client.sock for client in flood]
        wait_until(lambda: len(select.select(sockets, [], [], 0)[0]) == len(flood), 20, "an end of each call")
        # What is left: the server, its watchdog, and the one that writes.
        wait_until(lambda: threading.active_count() <= before + 3, 20, "the places of all but one")
        probe = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        probe.request("GET", "/healthz")
        assert probe.getresponse().status == 200
        probe.close()
    finally:
        slow.go.set()
        for client in flood:
            client.close()
        server.stop()
