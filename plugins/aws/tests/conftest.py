"""A server of moto for the session, and a fault proxy before it for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugins.aws.tests.support import AwsBench
from tests.effort import choose_examples
from tests.testbed.aws.cloud import Moto, Vaulted
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.pki import Authority

choose_examples()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m 'not servers'` leaves out what needs the server."""
    for item in items:
        if "moto" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    running = Moto(tmp_path_factory.mktemp("moto"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def proxy(moto: Moto) -> Iterator[FaultProxy]:
    with FaultProxy(moto.url) as made:
        yield made


@pytest.fixture
def bench(moto: Moto, proxy: FaultProxy) -> Iterator[AwsBench]:
    made = AwsBench(moto, proxy)
    yield made
    made.recover()
    made.backend.close()


@pytest.fixture
def stored(moto: Moto) -> Vaulted:
    """The secrets of the server, of which there are none yet."""
    moto.reset()
    return Vaulted(moto)
