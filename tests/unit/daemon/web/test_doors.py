"""On loopback nobody is asked for a token, and no other site is let in by the browser of somebody."""

from __future__ import annotations

import pytest

from secrets_manager.daemon.status.listing import Sight
from secrets_manager.daemon.web.doors import LoopbackDoor, TurnedAway, is_loopback
from secrets_manager.daemon.web.server import HttpRequest

NAMES = ["localhost", "LOCALHOST:8082", "127.0.0.1:1", "127.1.2.3", "[::1]:8082", "[::1]"]


@pytest.mark.parametrize("host", NAMES)
def test_who_knows_that_this_is_loopback_sees_all(host: str) -> None:
    assert LoopbackDoor().admit(HttpRequest("/", {"host": host}), ["a"]) == Sight()


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.test",
        "localhost.evil.test:8082",
        "evil.test,localhost",
        "127.0.0.1.evil.test",
        "localhost:8082@evil.test",
        "0.0.0.0:8082",
        "192.168.0.1:8082",
        "[::ffff:127.0.0.1]",
        "localhost\nx",
    ],
)
def test_a_request_under_another_name_is_turned_away(host: str) -> None:
    with pytest.raises(TurnedAway) as caught:
        LoopbackDoor().admit(HttpRequest("/", {"host": host}), [])
    assert caught.value.status == 421


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("", False),
        ("0.0.0.0", False),  # noqa: S104 - the very question
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_only_addresses_of_loopback_are_loopback(host: str, is_one: bool) -> None:  # noqa: FBT001 - a table
    assert is_loopback(host) is is_one
