"""A token that somebody else keeps in a file: used while it lives, and replaced when the file is."""

from __future__ import annotations

import logging

import pytest

from secrets_manager.domain.errors import AuthFailed
from tests.unit.backends.vault.test_session import Bench


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.server.file = "first-token"
    return made


def test_another_token_in_the_file_is_used_from_the_next_poll_on(bench: Bench) -> None:
    first = bench.current()
    bench.server.file = "second-token"
    bench.maintain()

    assert (bench.current().value, bench.current().generation) == ("second-token", first.generation + 1)
    assert bench.server.calls["revoke-self"] == 0


def test_the_old_token_stays_in_use_while_the_one_in_the_file_is_refused(bench: Bench) -> None:
    old = bench.current()
    bench.server.file = "second-token"
    bench.server.faults["login"] = AuthFailed("refused")
    for _ in range(3):
        with pytest.raises(AuthFailed):
            bench.maintain()

    assert bench.current() == old
    assert bench.session.ready()
    assert bench.server.calls["login"] == 2


def test_a_token_that_cannot_be_renewed_is_read_again_without_counting_as_new(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.server.renewable = False
    first = bench.current()
    with caplog.at_level(logging.INFO):
        bench.poll_for(1100)

    assert (bench.current().value, bench.session.generation) == (first.value, first.generation)
    assert bench.server.calls["login"] < 10
    assert "logged in" not in caplog.text


def test_a_token_that_ends_in_its_file_is_told_at_the_pace_of_refusals_and_a_new_one_ends_it(
    bench: Bench,
) -> None:
    bench.server.renewable = False
    bench.current()
    bench.poll_for(1185)
    before = bench.server.calls["login"]
    bench.clock.now += 15
    for _ in range(100):
        with pytest.raises(AuthFailed):
            bench.maintain()
        with pytest.raises(AuthFailed):
            bench.current()
    assert bench.server.calls["login"] == before + 1
    assert not bench.session.ready()

    bench.clock.now += 1
    bench.server.file, bench.shown = "second-token", b"other credentials"
    assert bench.session.retry_refused(5.0)
    assert bench.current().value == "second-token"


def test_a_token_is_renewed_as_one_from_a_login(bench: Bench) -> None:
    first = bench.current()
    bench.poll_for(5000)

    assert (bench.current().value, bench.server.calls["login"]) == (first.value, 1)
    assert bench.server.calls["renew-self"] > 3
