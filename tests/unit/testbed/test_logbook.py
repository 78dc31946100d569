"""What a log is searched for."""

from __future__ import annotations

import base64
import json

import pytest

from tests.testbed.logbook import read

CANARY = "Canary!of!this!test"


def line(**fields: object) -> str:
    return json.dumps({"level": "error", "msg": "Secret is out of sync", **fields}) + "\n"


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
def test_a_log_line_that_no_fault_of_a_server_explains_is_an_error(said: str) -> None:
    book = read([line(reason="BackendTimeout"), line(), *[said] * 100], [])

    # Only the first are kept.
    assert book.errors == [said.strip()] * 20
    assert book.messages["error", "Secret is out of sync"] >= 2


@pytest.mark.parametrize("shown", [CANARY, base64.b64encode(CANARY.encode()).decode()])
def test_a_planted_text_is_found_and_not_told_again(shown: str) -> None:
    book = read([line(), line(error=f"InternalError: {shown}")], [CANARY])

    assert book.leaks == 1
    assert not [text for text in (CANARY, shown) if text in "".join(book.errors)]
