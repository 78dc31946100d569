"""Which definitions claim a Secret, eldest first, and that many cost little more than few."""

from __future__ import annotations

import random
from typing import Any

import pytest

from secrets_manager.cluster.view.claims import Claims
from secrets_manager.domain.definition import Definition, Ref
from tests.unit.cluster.objects import REF, a_definition

OTHER = Ref("shop", "other")


class Counted(str):
    """A time of creation that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)

    def __lt__(self, other: str) -> bool:
        Counted.compared += 1
        return str.__lt__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def made(name: str, created: str = "2026-01-01T00:00:00Z", **more: Any) -> Definition:
    return a_definition(name, created=created, **more)


def test_the_eldest_claim_comes_first_and_uids_break_ties() -> None:
    definitions = [made(f"d{number}", f"2026-01-01T00:00:{number // 3:02}Z") for number in range(30)]
    expected = [each.ref for each in sorted(definitions, key=lambda each: each.seniority)]
    for seed in range(5):
        claims = Claims()
        for each in random.Random(seed).sample(definitions, len(definitions)):  # noqa: S311 - an order
            claims.move(None, each)
        assert claims.of(REF) == expected
        assert (claims.first(REF), claims.first(REF, after=1)) == (expected[0], expected[1])


def test_a_claim_moves_and_goes_with_its_definition() -> None:
    claims = Claims()
    first, second = made("a"), made("b", target="other")
    claims.move(None, first)
    claims.move(first, second)
    assert (claims.of(REF), claims.of(OTHER)) == ([], [Ref("shop", "b")])

    claims.move(second, None)
    assert (claims.first(OTHER), claims._by_target) == (None, {})


def test_a_definition_that_is_being_deleted_or_names_no_secret_claims_nothing() -> None:
    claims = Claims()
    claims.move(None, made("a", deleting=True))
    claims.move(
        None, Definition(ref=REF, uid="u", created="", generation=1, secret_name=None, spec=made("x").spec)
    )

    assert claims._by_target == {}


def test_names_tell_definitions_of_equal_age_and_uid_apart() -> None:
    claims = Claims()
    one, two = made("a", created="", uid="same"), made("b", created="", uid="same")
    claims.move(None, two)
    claims.move(None, one)
    claims.move(two, None)

    assert claims.of(REF) == [one.ref]


@pytest.mark.parametrize("count", [100, 2000])
def test_a_claim_among_many_is_found_by_binary_search_and_the_eldest_without_a_search(count: int) -> None:
    claims = Claims()
    definitions = [made(f"d{number}", Counted(f"{number:06}")) for number in range(count)]
    random.Random(1).shuffle(definitions)  # noqa: S311 - an order
    Counted.compared = 0
    for each in definitions:
        claims.move(None, each)
        assert claims.first(REF) is not None
    # Each step of a search by halves asks whether two are equal, and which is less.
    assert Counted.compared <= count * 3 * count.bit_length()

    Counted.compared = 0
    claims.move(definitions[0], None)
    assert Counted.compared <= 3 * count.bit_length() + 3
