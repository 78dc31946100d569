"""What a log is searched for."""

from __future__ import annotations

import base64
import json

import pytest

from chaos.soak.logbook import read

CANARY = "Canary!of!this!test"


def line(**fields: object) -> str:
    return json.dumps({"level": "error", "msg": "not in step", **fields}) + "\n"


def test_messages_are_counted_by_level() -> None:
    book = read([line(), line(), line(level="info", msg="starting")], [])

    assert book.messages == {("error", "not in step"): 2, ("info", "starting"): 1}
    assert book.errors == []


@pytest.mark.parametrize(
    "said",
    [
        line(reason="InternalError"),
        line(error="InternalError: unexpected KeyError"),
        line(msg="uncaught exception in a thread"),
        line(stacktrace="Traceback (most recent call last)"),
        "Exception in thread Thread-3:\n",
    ],
)
def test_what_no_fault_of_a_server_explains_is_an_error(said: str) -> None:
    assert read([line(reason="BackendTimeout"), said], []).errors == [said.strip()]


@pytest.mark.parametrize("shown", [CANARY, base64.b64encode(CANARY.encode()).decode()])
def test_a_planted_text_is_found_and_not_told_again(shown: str) -> None:
    book = read([line(), line(error=f"InternalError: {shown}")], [CANARY])

    assert book.leaks == 1
    assert CANARY not in "".join(book.errors)
    assert shown not in "".join(book.errors)


def test_only_the_first_errors_are_kept() -> None:
    assert len(read(["no JSON\n"] * 100, []).errors) == 20
