"""The status of a definition: what an outcome changes in it, and what it leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secrets_manager.domain.condition import Status, is_silent, next_status, status_to_write
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import (
    ClusterUnavailable,
    Contested,
    Forbidden,
    KeyNotFound,
    NamespaceTerminating,
    NoAnswerYet,
    NotLeading,
    SecretsManagerError,
    SourceNotFound,
    Superseded,
)
from secrets_manager.domain.outcome import Outcome, SourceVersion
from secrets_manager.domain.plan import Operation
from tests.builders import definition, status

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


IN_STEP = status(message="Secret app is in sync with its sources", sources=SOURCES)


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


def test_while_a_definition_fails_its_status_describes_the_last_secret_that_was_in_step() -> None:
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


def test_a_new_generation_without_a_change_is_written_without_a_transition() -> None:
    found = after(UNCHANGED, IN_STEP, LATER, generation=2)

    assert found.observed_generation == 2
    assert found.condition.last_transition_time == FIRST


def test_a_new_version_of_a_source_is_written_to_the_status() -> None:
    newer = (SourceVersion("secret/data/app", "4"),)

    assert after(replace(UNCHANGED, sources=newer), IN_STEP, LATER).sources == newer


def test_a_message_is_cut_at_a_kibibyte() -> None:
    found = after(failed(SourceNotFound("p" * 5000)), None, FIRST)

    assert len(found.condition.message) == 1024


CONTESTED = replace(UNCHANGED, contested="'them' undoes each repair", cautions=("it is expired",))


def test_a_contest_comes_before_a_caution_and_the_message_has_both() -> None:
    condition = after(CONTESTED, IN_STEP, LATER).condition

    assert (condition.ready, condition.reason) == (True, "Contested")
    assert condition.message == (
        "Secret app is in sync with its sources; 'them' undoes each repair; it is expired"
    )
    assert condition.last_transition_time == FIRST


def test_a_contest_over_the_data_is_not_ready_and_keeps_what_was_in_step_last() -> None:
    lost = replace(CONTESTED, error=Contested("'them' undoes each repair"))
    status = after(lost, IN_STEP, LATER)

    assert (status.condition.ready, status.condition.reason) == (False, "Contested")
    assert (status.secret_name, status.sources) == ("app", SOURCES)


# ── whether there is a status to write ───────────────────────────────────────────────────────────────

APP = definition(uid="u1")


def to_write(outcome: Outcome, before: Status | None = IN_STEP, about: Definition = APP) -> Status | None:
    return status_to_write(replace(outcome, uid="u1", generation=1), about, before, LATER)


def test_no_status_is_written_while_the_present_one_says_the_same() -> None:
    assert to_write(UNCHANGED) is None
    assert to_write(UNCHANGED, None) == after(UNCHANGED, None, LATER)


def test_trouble_that_the_status_does_not_say_is_to_be_written() -> None:
    missing = failed(SourceNotFound("secret/data/app"))

    written = to_write(missing)

    assert written == after(missing, IN_STEP, LATER)
    assert to_write(missing, written) is None
    assert to_write(failed(KeyNotFound("secret/data/app", "user")), written) is not None


def test_other_words_of_an_api_server_in_trouble_are_not_to_be_written() -> None:
    before = to_write(failed(ClusterUnavailable("busy")))

    assert to_write(failed(ClusterUnavailable("really busy")), before) is None
    assert to_write(failed(Forbidden("busy")), before) is not None


def test_the_same_error_of_a_newer_generation_is_written() -> None:
    missing = replace(failed(SourceNotFound("secret/data/app")), generation=2)
    newer = replace(APP, generation=2)
    before = to_write(missing)

    written = status_to_write(missing, newer, before, LATER)

    assert written is not None
    assert written.observed_generation == 2


@pytest.mark.parametrize(
    "error",
    [NamespaceTerminating("going"), NotLeading("another"), NoAnswerYet("early"), Superseded("gone")],
    ids=lambda error: error.reason,
)
def test_errors_that_need_no_action_are_not_reported(error: SecretsManagerError) -> None:
    assert is_silent(failed(error))
    assert to_write(failed(error)) is None
    assert not is_silent(failed(SourceNotFound("secret/data/app")))
    assert not is_silent(CREATED)


@pytest.mark.parametrize(
    ("outcome", "about"),
    [
        (CREATED, replace(APP, uid="u2")),
        (CREATED, replace(APP, generation=2)),
        (CREATED, replace(APP, deleting=True)),
        (replace(CREATED, cleanup=True), APP),
    ],
    ids=["made anew", "changed since", "being deleted", "about another Secret"],
)
def test_an_outcome_of_an_earlier_definition_is_not_written_to_the_status(
    outcome: Outcome, about: Definition
) -> None:
    assert to_write(outcome, None, about) is None
    assert to_write(CREATED, None) is not None


def test_an_outcome_of_a_definition_that_was_not_known_is_about_whichever_there_is() -> None:
    assert status_to_write(CREATED, APP, None, LATER) is not None
