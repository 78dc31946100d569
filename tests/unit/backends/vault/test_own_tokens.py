"""The daemon's own tokens are found in replies."""

from __future__ import annotations

from secrets_manager.backends.vault.own_tokens import OwnTokens
from secrets_manager.runtime.json_view import view


def test_a_token_of_long_ago_is_forgotten_and_the_last_ones_are_not() -> None:
    tokens = OwnTokens()
    for number in range(100):
        tokens.remember(f"s.{number:03}")
    for _ in range(100):
        tokens.remember("s.099")

    assert tokens.are_in({"a": "s.099"})
    assert tokens.are_in({"a": "s.070"})
    assert not tokens.are_in({"a": "s.001"})


def test_nothing_is_found_before_there_is_a_token() -> None:
    assert not OwnTokens().are_in({"a": "", "b": ["x"]})
    assert not OwnTokens().are_in(view(b'{"a":""}'))


def test_tokens_do_not_show() -> None:
    tokens = OwnTokens()
    tokens.remember("s.canary")

    assert "canary" not in repr(tokens)
