"""The flood of one namespace costs no line of another, and foreign texts forge no line."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import pytest

from secrets_manager.daemon.logs.formats import LONGEST_TRACE, ConsoleFormatter, JsonFormatter
from secrets_manager.daemon.logs.setup import QueuedHandler
from secrets_manager.daemon.logs.shares import (
    LINES_AT_ONCE,
    LINES_PER_SECOND,
    REMEMBERED,
    REPORT_SECONDS,
    LogShares,
)
from secrets_manager.domain.errors import BackendUnavailable


def failed(message: str, **fields: Any) -> logging.LogRecord:
    """The record of an exception with this message."""
    with pytest.raises(BackendUnavailable) as caught:
        fail_with(message)
    told = {"exc_info": (caught.type, caught.value, caught.tb), **fields}
    return logging.makeLogRecord({"name": "test", "msg": "failed", "levelno": 40, **told})


def fail_with(message: str) -> None:
    raise BackendUnavailable(message)


HIDDEN = ["\x1b[2J", "\x9b31m", "\x7f", "\r", "\u2028", "\u202e", "\u2066", "\u200b", "\U000e0041"]


class Desk:
    """A handler with a clock of its own and what it wrote."""

    def __init__(self, *, capacity: int = 10_000) -> None:
        self.now = 0.0
        self.written: list[bytes] = []
        self.may_write = threading.Event()
        self.may_write.set()
        self.handler = QueuedHandler(self._write, capacity=capacity, clock=lambda: self.now)
        self.handler.setFormatter(JsonFormatter(stacktrace_level=40))

    def _write(self, line: bytes) -> None:
        assert self.may_write.wait(30)
        self.written.append(line)

    def say(
        self, namespace: str | None, message: str = "Secret is out of sync", level: int = logging.ERROR
    ) -> None:
        fields = {} if namespace is None else {"namespace": namespace}
        self.handler.handle(
            logging.makeLogRecord({"name": "test", "msg": message, "levelno": level, **fields})
        )

    def lines(self, message: str, **fields: Any) -> list[dict[str, Any]]:
        self.handler.flush()
        found = [json.loads(line) for line in self.written]
        return [line for line in found if line["msg"] == message and fields.items() <= line.items()]


def test_complaints_of_one_namespace_beyond_its_share_are_left_out_and_those_of_others_are_written() -> None:
    desk = Desk()
    for _ in range(LINES_AT_ONCE + 500):
        desk.say("loud")
    desk.say("quiet")
    desk.say(None, "of nobody")

    assert len(desk.lines("Secret is out of sync", namespace="loud")) == LINES_AT_ONCE
    assert len(desk.lines("Secret is out of sync", namespace="quiet")) == 1
    assert len(desk.lines("of nobody")) == 1
    assert desk.handler.dropped == 500
    desk.handler.close()


def test_the_count_of_left_out_lines_is_logged_once_a_minute_by_namespace() -> None:
    desk = Desk()
    for _ in range(LINES_AT_ONCE + 7):
        desk.say("loud")
    assert desk.lines("log lines of a namespace were left out") == []
    desk.now += REPORT_SECONDS
    desk.say("quiet")
    desk.say("quiet")

    (told,) = desk.lines("log lines of a namespace were left out")
    assert (told["namespace"], told["lines"], told["level"]) == ("loud", 7, "warn")
    desk.handler.close()


def test_the_count_of_left_out_lines_is_logged_at_the_end_too() -> None:
    desk = Desk()
    for _ in range(LINES_AT_ONCE + 3):
        desk.say("loud")
    desk.handler.close()

    (told,) = desk.lines("log lines of a namespace were left out")
    assert told["lines"] == 3


def test_finished_work_is_logged_beyond_the_share_while_there_is_room() -> None:
    desk = Desk()
    for _ in range(LINES_AT_ONCE + 500):
        desk.say("busy", "Secret created", logging.INFO)
        if desk.handler._lines.qsize() > 4000:
            desk.handler.flush()

    assert len(desk.lines("Secret created")) == LINES_AT_ONCE + 500
    desk.handler.close()


def test_with_a_stuck_reader_a_namespace_beyond_its_share_leaves_the_room_to_others() -> None:
    desk = Desk(capacity=LINES_AT_ONCE + 2000)
    desk.may_write.clear()
    for _ in range(10_000):
        desk.say("busy", "Secret created", logging.INFO)
    for number in range(500):
        desk.say("quiet", f"line {number}")
    desk.may_write.set()

    assert len(desk.lines("line 499")) == 1
    desk.handler.close()


def test_debug_lines_without_a_namespace_leave_room_for_complaints_too() -> None:
    desk = Desk(capacity=2000)
    desk.may_write.clear()
    for number in range(5000):
        desk.say(None, f"polled {number}", logging.DEBUG)
    for number in range(400):
        desk.say("quiet", f"line {number}")
        desk.say(None, f"state {number}", logging.INFO)
    dropped = desk.handler.dropped
    desk.may_write.set()

    assert len(desk.lines("line 399")) == len(desk.lines("state 399")) == 1
    assert dropped > 3900
    desk.handler.close()


def test_the_share_comes_back_with_time() -> None:
    shares = LogShares(0.0)
    for _ in range(LINES_AT_ONCE):
        assert shares.admit("team", 0.0, has_room=False)
    assert not shares.admit("team", 0.0, has_room=False)

    assert shares.admit("team", 1.0, has_room=False)
    admitted = sum(shares.admit("team", 2.0, has_room=False) for _ in range(100))
    assert LINES_PER_SECOND <= admitted <= 2 * LINES_PER_SECOND


def test_namespaces_without_number_take_no_memory_without_number() -> None:
    shares = LogShares(0.0)
    for number in range(3 * REMEMBERED):
        shares.admit(f"ns-{number}", 0.0, has_room=False)

    assert len(shares._buckets) == REMEMBERED


# ── foreign texts ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("formatter", [JsonFormatter, ConsoleFormatter])
def test_no_name_moves_a_terminal_or_begins_a_line(formatter: Any, hidden: str) -> None:
    text = f"a{hidden}b\nforged"
    record = failed(text, msg=text, path=text, namespace=text)

    line = formatter(stacktrace_level=40).format(record)

    assert hidden not in line
    assert not any(part.startswith("forged") for part in line.splitlines())


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_text_escaped_in_json_reads_as_before(hidden: str) -> None:
    record = logging.makeLogRecord({"name": "test", "msg": f"a{hidden}b", "levelno": 20})

    assert json.loads(JsonFormatter(stacktrace_level=40).format(record))["msg"] == f"a{hidden}b"


def test_a_trace_with_a_huge_message_is_cut() -> None:
    line = JsonFormatter(stacktrace_level=40).format(failed("x" * 10**7))

    assert len(line) < 2 * LONGEST_TRACE


def test_a_token_behind_a_line_break_is_masked_before_the_break_is_escaped() -> None:
    token = "hvs." + "canary" * 4

    assert token not in ConsoleFormatter(stacktrace_level=40).format(failed(f"reply\n{token}"))
