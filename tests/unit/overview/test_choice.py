"""Definitions are chosen and counted in the same way for every door."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.overview.choice import Choice, tally, tally_text
from secrets_manager.overview.model import DefinitionLine, Readiness, SourceLine


def line(ready: Readiness = Readiness.TRUE, **more: Any) -> DefinitionLine:
    reason = "Synced" if ready is Readiness.TRUE else "SourceNotFound"
    sources = (SourceLine(backend="eu", path="a", version="1"),)
    made = {"namespace": "shop", "name": "app", "secret": "app", "reason": reason, "message": ""}
    return DefinitionLine(**{"ready": ready, "suspended": False, "sources": sources, **made, **more})


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        (Choice(), True),
        (Choice(backend="eu"), True),
        (Choice(backend="default"), False),
        (Choice(reason="sYNCED"), True),
        (Choice(reason="Sync"), False),
        (Choice(not_ready=True), False),
    ],
)
def test_a_definition_is_shown_when_all_that_is_asked_holds(choice: Choice, shown: bool) -> None:  # noqa: FBT001
    assert choice.takes(line()) is shown


@pytest.mark.parametrize("ready", [Readiness.FALSE, Readiness.UNKNOWN])
def test_what_is_not_known_to_be_ready_is_among_those_that_are_not(ready: Readiness) -> None:
    assert Choice(not_ready=True).takes(line(ready))


def test_the_counts_are_a_sentence_with_the_most_frequent_reason_first() -> None:
    lines = [
        line(),
        line(suspended=True),
        line(Readiness.UNKNOWN, reason=""),
        line(Readiness.FALSE, reason="KeyNotFound"),
        *[line(Readiness.FALSE)] * 2,
    ]

    assert tally_text(tally(lines)) == (
        "6 definitions: 2 ready, 3 not ready (SourceNotFound 2, KeyNotFound 1), "
        "1 not seen by a daemon as they are now, 1 suspended"
    )
    assert tally_text(tally(lines[:1])) == "1 definition: 1 ready"
    assert tally_text(tally([])) == "no definitions"
