"""When the credentials are read again."""

from __future__ import annotations

import logging
import threading

import pytest

from secrets_manager.cluster.client.fresh_header import FreshHeader
from secrets_manager.domain.errors import ConfigError
from tests.builders import Clock


class Source:
    """Counts how it was asked."""

    def __init__(self, *, costly: bool = False) -> None:
        self.costly = costly
        self.header = "bearer 1"
        self.renewed = 0
        self.rereads = 0
        self.error: ConfigError | None = None

    def current(self) -> str:
        self.renewed += 1
        return self._give()

    def reread(self) -> str:
        self.rereads += 1
        return self._give()

    def _give(self) -> str:
        if self.error:
            raise self.error
        return self.header


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_token_file_is_read_again_every_half_minute(clock: Clock) -> None:
    source = Source()
    fresh = FreshHeader(source, clock)
    source.header = "bearer 2"
    clock.now += 30
    assert fresh.header() == "bearer 1"
    clock.now += 1
    assert fresh.header() == "bearer 2"
    assert fresh.header() == "bearer 2"

    assert source.rereads == 1


def test_a_plugin_is_only_asked_whether_its_answer_has_expired(clock: Clock) -> None:
    source = Source(costly=True)
    fresh = FreshHeader(source, clock)
    clock.now += 31
    fresh.header()

    assert (source.rereads, source.renewed) == (0, 2)


@pytest.mark.parametrize("costly", [True, False])
def test_a_refused_header_is_read_again_at_once(clock: Clock, costly: bool) -> None:  # noqa: FBT001
    source = Source(costly=costly)
    fresh = FreshHeader(source, clock)
    source.header = "bearer 2"
    fresh.refused("bearer 1")

    assert fresh.header() == "bearer 2"
    assert source.rereads == 1


def test_many_refusals_of_one_header_cause_one_read(clock: Clock) -> None:
    source = Source()
    fresh = FreshHeader(source, clock)
    source.header = "bearer 2"
    for _ in range(5):
        fresh.refused("bearer 1")

    assert source.rereads == 1


def test_a_header_that_is_refused_for_ever_is_read_once_a_second(clock: Clock) -> None:
    source = Source()
    fresh = FreshHeader(source, clock)
    for _ in range(5):
        fresh.refused("bearer 1")
    clock.now += 1
    fresh.refused("bearer 1")

    assert source.rereads == 2


def test_known_credentials_stay_when_nothing_can_be_read(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source()
    fresh = FreshHeader(source, clock)
    source.error = ConfigError("kubeconfig cannot be used")
    clock.now += 31

    assert fresh.header() == "bearer 1"
    assert [(r.getMessage(), r.levelno) for r in caplog.records] == [
        ("credentials could not be read again", logging.WARNING)
    ]


def test_known_credentials_stay_when_an_empty_file_is_read(clock: Clock) -> None:
    source = Source()
    fresh = FreshHeader(source, clock)
    source.header = ""
    clock.now += 31

    assert fresh.header() == "bearer 1"


def test_a_slow_read_of_credentials_delays_no_other_call(clock: Clock) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(Source):
        def reread(self) -> str:
            entered.set()
            leave.wait(20)
            return "bearer 2"

    fresh = FreshHeader(Slow(), clock)
    clock.now += 31
    reader = threading.Thread(target=fresh.header)
    reader.start()
    assert entered.wait(20)
    clock.now += 31
    meanwhile = fresh.header()
    leave.set()
    reader.join(20)

    assert meanwhile == "bearer 1"
    assert fresh.header() == "bearer 2"
