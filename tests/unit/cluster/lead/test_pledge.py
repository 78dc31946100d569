"""Receipts, which only the holder of a Lease can have written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secrets_manager.cluster.lead.lease import LeaseRecord
from secrets_manager.cluster.lead.pledge import Pledge, giver


def given_up(identity: str = "pod_1", transitions: int = 3) -> LeaseRecord:
    pledge = Pledge(identity=identity)
    return LeaseRecord(transitions=transitions, pledge=pledge.of(transitions), receipt=pledge.receipt())


def test_a_receipt_names_the_holder_that_gave_up() -> None:
    assert giver(given_up()) == "pod_1"


@pytest.mark.parametrize(
    "change",
    [
        {"holder": "pod_1"},
        {"transitions": 4},
        {"pledge": ""},
        {"pledge": Pledge(identity="pod_1").of(3)},
        {"receipt": ""},
        {"receipt": "pod_1"},
        {"receipt": " pod_1"},
        {"receipt": Pledge(identity="pod_1").receipt()},
        {"receipt": "\N{SNOWMAN} \N{SNOWMAN}", "pledge": "\N{SNOWMAN}"},
    ],
    ids=[
        "held",
        "another term",
        "no pledge",
        "another pledge",
        "no receipt",
        "no secret",
        "an empty secret",
        "another secret",
        "no ASCII",
    ],
)
def test_a_receipt_that_does_not_fit_is_none(change: dict[str, object]) -> None:
    assert giver(replace(given_up(), **change)) == ""  # type: ignore[arg-type]


def test_a_receipt_is_of_its_giver_alone() -> None:
    record = given_up()
    secret = record.receipt.split(" ", 1)[0]

    assert giver(replace(record, receipt=f"{secret} pod_2")) == ""


def test_no_two_processes_pledge_alike_and_no_repr_shows_the_secret() -> None:
    one, other = Pledge(identity="pod_1"), Pledge(identity="pod_1")

    assert one.of(3) != other.of(3)
    assert one.secret not in repr(one)
    assert one.secret not in one.of(3)
