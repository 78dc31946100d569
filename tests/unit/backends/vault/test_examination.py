"""What a person is told of a token and its rights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from secrets_manager.backends.vault import examination
from secrets_manager.backends.vault.token_replies import TokenFacts
from secrets_manager.settings import VaultSettings
from tests.unit.backends.tables import rows

GOOD = TokenFacts(ttl=3600.0, full=86_400.0, expires=True, renewable=True)


@pytest.mark.parametrize(
    ("facts", "followed", "told"),
    rows(
        {
            "a good one": (GOOD, 0, [("ok", "it lives 60m more, and is renewed for 24h at the most")]),
            "a root token": (replace(GOOD, expires=False), 0, [("warn", "it never expires")]),
            "one that dies between two looks": (replace(GOOD, ttl=15.0), 0, [("fail", "it dies in between")]),
            "one that a login replaces": (
                replace(GOOD, renewable=False),
                0,
                [("ok", "is replaced by a new login in time")],
            ),
            "one that somebody else keeps": (
                replace(GOOD, renewable=False),
                1,
                [("warn", "cannot be renewed")],
            ),
            "one with few uses": (
                replace(GOOD, limited=True, ttl=86_400.0 * 30),
                0,
                [("fail", "a number of times only"), ("ok", "it lives 30d more")],
            ),
        }
    ),
)
def test_the_life_of_a_token_is_judged(facts: TokenFacts, followed: int, told: list[tuple[str, str]]) -> None:
    remarks = list(examination.of_token(facts, VaultSettings(), followed=bool(followed)))

    assert [remark.level for remark in remarks] == [level for level, _ in told]
    assert all(text in remark.found for remark, (_, text) in zip(remarks, told, strict=True))
    assert all(remark.advice for remark in remarks if remark.level != "ok")


@pytest.mark.parametrize(
    ("answers", "level", "told"),
    rows(
        {
            "all may be read": ({"a": ["read"], "b": ["list", "read"]}, "ok", "may read 2 paths"),
            "root may read all": ({"a": ["root"], "b": ["root"]}, "ok", "may read 2 paths"),
            "one is denied": (
                {"a": ["read"], "b": ["deny"]},
                "fail",
                "not read 1 of 2 paths that definitions use: 'b'",
            ),
            "denied whatever else": ({"a": ["read", "deny"], "b": ["read"]}, "fail", "'a'"),
            "only listed": ({"a": ["list"], "b": ["read"]}, "fail", "'a'"),
            "no answer": ({}, "fail", "not read 2 of 2"),
            "an answer of another form": ({"a": "read", "b": None}, "fail", "not read 2 of 2"),
        }
    ),
)
def test_the_rights_of_a_token_are_read_from_either_form_of_the_answer(
    answers: dict[str, Any], level: str, told: str
) -> None:
    for reply in ({"data": answers}, answers):
        (remark,) = examination.of_paths(["a", "b"], reply)

        assert (remark.level, told in remark.found) == (level, True)


def test_only_the_first_paths_are_named() -> None:
    (remark,) = examination.of_paths([f"p{number}" for number in range(9)], {})

    assert remark.found.endswith("'p0', 'p1', 'p2', 'p3', 'p4' and 4 more")
