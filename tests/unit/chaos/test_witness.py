"""What the witness holds against a Secret."""

from __future__ import annotations

import pytest

from chaos.witness import Judge


def state(one: int | str, two: int | str | None = None) -> dict[str, str]:
    return {"one": str(one), "two": str(one if two is None else two)}


@pytest.fixture
def judge() -> Judge:
    return Judge()


def test_numbers_that_rise_or_stay_are_fine(judge: Judge) -> None:
    for number in (1, 2, 2, 5):
        judge.see("app", state(number))

    assert judge.faults == []
    assert judge.highest == {"app": 5}


def test_a_number_that_falls_is_a_fault(judge: Judge) -> None:
    judge.see("app", state(5))
    judge.see("app", state(4))

    assert judge.faults == ["app: went back from 5 to 4"]


@pytest.mark.parametrize("data", [state(1, 2), {"two": "1"}, {}])
def test_two_keys_that_differ_or_lack_are_a_fault(judge: Judge, data: dict[str, str]) -> None:
    judge.see("app", data)

    assert judge.faults[0].startswith("app: partial")


def test_a_secret_that_goes_is_a_fault(judge: Judge) -> None:
    judge.see("app", state(1))
    judge.lost("app")

    assert judge.faults == ["app: deleted"]


def test_a_secret_whose_definition_goes_may_go_and_be_forgotten(judge: Judge) -> None:
    judge.see("app", state(1))
    judge.doom("app")
    judge.lost("app")
    judge.lost("app")

    assert judge.faults == []
    assert judge.highest == {}


def test_what_a_list_lacks_is_missing(judge: Judge) -> None:
    judge.see("app", state(1))
    judge.see("web", state(1))

    assert judge.missing({"web", "other"}) == ["app"]
