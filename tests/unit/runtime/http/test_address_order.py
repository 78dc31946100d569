"""An address at which a call came to nothing is tried last, and not for ever."""

from __future__ import annotations

from secrets_manager.runtime.http.address_order import AddressOrder, Spot, Trouble
from tests.builders import Clock

A, B, C = (Spot("vault.test", 443, f"192.0.2.{number}") for number in (1, 2, 3))


def test_addresses_without_trouble_stay_in_the_order_of_the_name_server() -> None:
    assert AddressOrder(Clock()).sorted([C, A, B]) == [C, A, B]


def test_one_that_failed_comes_last_and_of_several_the_one_that_failed_first_comes_first() -> None:
    clock = Clock()
    order = AddressOrder(clock)
    order.failed(A, Trouble.SILENT)
    clock.now += 1.0
    order.failed(B, Trouble.SILENT)

    assert order.sorted([B, A, C]) == [C, A, B]


def test_one_without_a_connection_comes_after_one_that_was_silent_once() -> None:
    clock = Clock()
    order = AddressOrder(clock)
    order.failed(A, Trouble.NO_CONNECTION)
    clock.now += 1.0
    order.failed(B, Trouble.SILENT)

    assert order.sorted([A, B]) == [B, A]


def test_a_reply_or_a_minute_makes_up_for_it() -> None:
    clock = Clock()
    order = AddressOrder(clock)
    order.failed(A, Trouble.SILENT)
    order.answered(A)
    assert order.sorted([A, B]) == [A, B]

    order.failed(A, Trouble.NO_CONNECTION)
    clock.now += 61.0
    assert order.sorted([A, B]) == [A, B]


def test_however_many_hosts_fail_what_is_remembered_is_bounded() -> None:
    order = AddressOrder(Clock())
    for number in range(10_000):
        order.failed(Spot("vault.test", number, "192.0.2.1"), Trouble.SILENT)

    spots = [Spot("vault.test", number, "192.0.2.1") for number in range(10_000)]
    assert len([spot for spot in order.sorted(spots)[-256:] if spot.port < 256]) == 256
