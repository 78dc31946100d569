"""What is remembered for the status page, and that it stays little."""

from __future__ import annotations

from secrets_manager.backends.base import Source
from secrets_manager.daemon.status.journal import SPANS, Journal
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation
from secrets_manager.sync.source_ledger import SourceLedger
from tests.builders import DIGESTER, Clock


def outcome(operation: Operation) -> Outcome:
    return Outcome(definition=Ref("a", "b"), secret="s", operation=operation, reason="Synced")


def test_the_last_reading_of_a_source_counts() -> None:
    clock = Clock(7.0)
    journal = Journal(clock)
    journal.read(Source("a"))
    clock.now = 9.0
    journal.read(Source("a"))

    assert journal.read_at(Source("a")) == 9.0
    assert journal.read_at(Source("b")) is None


def test_writes_are_counted_by_the_minute_and_nothing_else_is() -> None:
    clock = Clock(600.0)
    journal = Journal(clock)
    for operation in Operation:
        journal.outcome(outcome(operation))
    clock.now += 120.0
    journal.outcome(outcome(Operation.REPLACED))
    counts = journal.changes().counts

    assert len(counts) == SPANS
    assert (counts[-3:], sum(counts)) == ((3, 0, 1), 4)


def test_what_is_older_than_the_last_minutes_is_forgotten() -> None:
    clock = Clock(600.0)
    journal = Journal(clock)
    journal.outcome(outcome(Operation.CREATED))
    clock.now += 60.0 * (SPANS - 1)
    assert journal.changes().counts[0] == 1
    clock.now += 60.0
    assert sum(journal.changes().counts) == 0
    clock.now += 1e9

    assert journal.changes().counts == (0,) * SPANS


def test_sources_that_nobody_uses_any_more_are_forgotten() -> None:
    ledger = SourceLedger(DIGESTER)
    ledger.assign(Ref("a", "b"), [Source("used")])
    journal = Journal(Clock())
    journal.follow(ledger)
    journal.read(Source("used"))
    for number in range(5000):
        journal.read(Source(f"gone {number}"))

    assert len(journal._read_at) <= 1003
    assert journal.read_at(Source("used")) is not None
