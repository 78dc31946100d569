"""Streams and headers in any form: lines that are cut anywhere, pauses in any words."""

from __future__ import annotations

import datetime as dt
import itertools
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import Stream
from secrets_manager.runtime.http.exchange import OpenReply
from secrets_manager.runtime.http.reply_head import Headers
from secrets_manager.runtime.http.retry_after import asked_pause
from secrets_manager.runtime.http.transport_errors import UnusableReply
from tests.unit.foreign_input import pieces

WATCHDOG = Watchdog()
CONTENT = st.lists(st.sampled_from([b"\n", b"{}", b"\r", b"\xc3", b"\xa4", b"abc"]), max_size=20).map(
    b"".join
)
INSTANTS = st.datetimes(
    min_value=dt.datetime(1990, 1, 1),  # noqa: DTZ001 - the zone is the strategy's to give
    max_value=dt.datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
).map(lambda instant: instant.replace(microsecond=0))


def lines(chunks: list[bytes], max_bytes: int = 1000) -> list[bytes]:
    opened = OpenReply(200, Headers({}), iter(chunks))
    return list(Stream(opened, None, WATCHDOG).lines(max_bytes))


def not_blank(some: list[bytes]) -> list[bytes]:
    return [line for line in some if line.strip()]


@given(CONTENT.flatmap(pieces))
def test_lines_do_not_depend_on_how_they_arrive_and_an_incomplete_last_line_is_dropped(
    chunks: list[bytes],
) -> None:
    assert lines(chunks) == not_blank(b"".join(chunks).split(b"\n")[:-1])


@given(CONTENT.flatmap(pieces), st.integers(0, 8))
def test_at_most_the_cap_and_one_piece_of_a_line_are_kept(chunks: list[bytes], cap: int) -> None:
    whole = b"".join(chunks).split(b"\n")
    try:
        found = lines(chunks, cap)
    except UnusableReply:
        assert max(map(len, whole)) > cap
    else:
        assert found == not_blank(whole[:-1])
        # What was let through too long came in one piece, so it was in memory anyway.
        assert all(len(line) <= cap + max(map(len, chunks)) for line in found)


def seconds_by_the_standard(text: str) -> int | None:
    """RFC 9110: one or more decimal digits."""
    return int(text) if text and all(letter in "0123456789" for letter in text) else None


@given(st.integers(0, 10**30).map(str) | st.text(alphabet="0123456789 +-.٣²e\t,", max_size=6) | st.text())
def test_a_pause_in_seconds_is_read_as_the_standard_has_it(text: str) -> None:
    wanted = seconds_by_the_standard(text.strip())

    found = asked_pause(text, None, longest=3600.0)

    assert found == (None if wanted is None else min(wanted, 3600))


@given(since=INSTANTS, pause=st.integers(-100_000, 100_000))
def test_a_pause_until_an_instant_is_counted_from_the_date_of_the_reply(
    since: dt.datetime, pause: int
) -> None:
    until = format_datetime(since + dt.timedelta(seconds=pause), usegmt=True)

    assert asked_pause(until, format_datetime(since, usegmt=True), longest=3600.0) == min(max(pause, 0), 3600)


DATE_LIKE = st.lists(
    st.sampled_from(
        ["Mon,", "31", "Feb", "0000", "9999", "2026", "24:61:00", "12:00:00", "GMT", "-0000", "+9999", "Thu"]
    ),
    max_size=7,
).map(" ".join)


@given(DATE_LIKE | st.text(), DATE_LIKE | st.none())
def test_no_header_raises_or_asks_for_an_endless_pause(retry_after: str, date: str | None) -> None:
    pause = asked_pause(retry_after, date, longest=60.0)

    assert pause is None or 0.0 <= pause <= 60.0


def test_a_pause_of_thousands_of_digits_is_the_longest() -> None:
    assert asked_pause("9" * 5000, None, longest=60.0) == pytest.approx(60.0)


def test_without_the_header_there_is_no_pause() -> None:
    assert all(
        asked_pause(text, date, longest=1.0) is None for text, date in itertools.product([None, ""], [None])
    )
