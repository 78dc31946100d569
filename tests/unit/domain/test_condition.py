"""The status of a definition: what an outcome changes in it, and what it leaves."""

from __future__ import annotations

from dataclasses import replace

from secrets_manager.domain.condition import Condition, Status, next_status
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import KeyNotFound, SecretsManagerError, SourceNotFound
from secrets_manager.domain.outcome import Outcome, SourceVersion
from secrets_manager.domain.plan import Operation

FIRST, LATER, LATEST = "2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z", "2026-01-01T00:00:10Z"
SOURCES = (SourceVersion("secret/data/app", "3"),)
CREATED = Outcome(
    definition=Ref("team", "app"),
    secret="app",
    operation=Operation.CREATED,
    reason="Missing",
    sources=SOURCES,
)
UNCHANGED = replace(CREATED, operation=Operation.UNCHANGED, reason="InStep")


def failed(error: SecretsManagerError) -> Outcome:
    return replace(CREATED, operation=Operation.REFUSED, reason=error.reason, error=error, sources=())


def after(outcome: Outcome, before: Status | None, now: str, generation: int = 1) -> Status:
    return next_status(outcome, before, generation=generation, now=now)


IN_STEP = Status(
    observed_generation=1,
    secret_name="app",
    condition=Condition(
        ready=True,
        reason="Synced",
        message="Secret app is in step with its sources",
        observed_generation=1,
        last_transition_time=FIRST,
    ),
    sources=SOURCES,
)


def test_the_first_outcome_makes_the_whole_status() -> None:
    assert after(CREATED, None, FIRST) == IN_STEP


def test_an_outcome_that_says_nothing_new_gives_back_the_same_status() -> None:
    assert after(UNCHANGED, IN_STEP, LATER) == IN_STEP


def test_the_same_failure_again_gives_back_the_same_status() -> None:
    once = after(failed(SourceNotFound("a")), IN_STEP, LATER)

    assert after(failed(SourceNotFound("a")), once, LATEST) == once


def test_a_failure_turns_ready_false_and_says_why() -> None:
    found = after(failed(KeyNotFound("a", "user")), IN_STEP, LATER)

    assert not found.condition.ready
    assert found.condition.reason == "KeyNotFound"
    assert found.condition.message == "path 'a' has no key 'user'"
    assert found.condition.last_transition_time == LATER


def test_while_it_fails_the_status_tells_of_the_last_secret_that_was_in_step() -> None:
    found = after(failed(SourceNotFound("a")), IN_STEP, LATER, generation=2)

    assert (found.secret_name, found.sources) == ("app", SOURCES)
    assert found.observed_generation == found.condition.observed_generation == 2


def test_a_definition_that_never_worked_names_the_secret_it_wants() -> None:
    found = after(failed(SourceNotFound("a")), None, FIRST)

    assert (found.secret_name, found.sources) == ("app", ())
    assert after(replace(failed(SourceNotFound("a")), secret=None), None, FIRST).secret_name == ""


def test_another_reason_is_no_transition() -> None:
    once = after(failed(SourceNotFound("a")), IN_STEP, LATER)
    again = after(failed(KeyNotFound("a", "user")), once, LATEST)

    assert again.condition.reason == "KeyNotFound"
    assert again.condition.last_transition_time == LATER


def test_recovery_is_a_transition() -> None:
    once = after(failed(SourceNotFound("a")), IN_STEP, LATER)
    again = after(CREATED, once, LATEST)

    assert again == replace(IN_STEP, condition=replace(IN_STEP.condition, last_transition_time=LATEST))


def test_a_new_generation_that_changes_nothing_is_told_without_a_transition() -> None:
    found = after(UNCHANGED, IN_STEP, LATER, generation=2)

    assert found.observed_generation == 2
    assert found.condition.last_transition_time == FIRST


def test_a_new_version_of_a_source_is_told() -> None:
    newer = (SourceVersion("secret/data/app", "4"),)

    assert after(replace(UNCHANGED, sources=newer), IN_STEP, LATER).sources == newer


def test_a_message_is_cut_at_a_kibibyte() -> None:
    found = after(failed(SourceNotFound("p" * 5000)), None, FIRST)

    assert len(found.condition.message) == 1024
