"""The conditions Stalled and Reconciling: when each stands beside Ready, and when neither does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.cluster import manifests
from secrets_manager.cluster.write import bodies
from secrets_manager.domain import errors
from secrets_manager.domain.abnormal import RECONCILING, STALLED, UNLIKE_OURS, Abnormal
from secrets_manager.domain.condition import Status, next_status, status_to_write
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation
from tests.builders import definition, status

FIRST, LATER, LATEST = "2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z", "2026-01-01T00:00:10Z"
GOOD = Outcome(definition=Ref("team", "app"), secret="app", operation=Operation.UNCHANGED, reason="InStep")
SUSPENDED = Outcome.of_suspended(definition())
IN_STEP = status(message="Secret app is in sync with its sources")
AWAY, MISSING = errors.BackendUnavailable("away"), errors.SourceNotFound("a")


def failed(error: errors.SecretsManagerError) -> Outcome:
    return replace(GOOD, operation=Operation.REFUSED, reason=error.reason, error=error)


def after(*outcomes: Outcome, before: Status | None = None, generation: int = 1) -> Status:
    """The status after these, all of one generation, at FIRST and then at LATER."""
    found = before
    for outcome, now in zip(outcomes, (FIRST, LATER, LATEST), strict=False):
        found = next_status(outcome, found, generation=generation, now=now)
    assert found is not None
    return found


def kind(status: Status) -> str | None:
    return status.abnormal and status.abnormal.type


def test_both_are_absent_while_the_secret_is_in_step() -> None:
    assert after(GOOD).abnormal is None
    assert after(replace(GOOD, cautions=("it is expired",))).abnormal is None
    assert after(failed(MISSING), GOOD).abnormal is None
    assert after(failed(AWAY), GOOD).abnormal is None


@pytest.mark.parametrize(
    "error",
    [
        errors.InvalidSpec("x"),
        errors.PathNotAllowed("team", "a"),
        MISSING,
        errors.KeyNotFound("a", "k"),
        errors.PermissionDenied("a"),
        errors.NotOwned("x"),
        errors.TargetConflict("x"),
        errors.Forbidden("x"),
        errors.Contested("x"),
    ],
    ids=lambda error: error.reason,
)
def test_what_a_person_must_mend_is_stalled_in_any_generation(error: errors.PermanentError) -> None:
    assert after(failed(error)).abnormal == Abnormal(STALLED, FIRST)
    assert kind(after(failed(error), before=IN_STEP)) == STALLED
    assert kind(after(failed(error), before=IN_STEP, generation=2)) == STALLED


@pytest.mark.parametrize(
    "error",
    [AWAY, errors.AuthFailed("x"), errors.ClusterUnavailable("x"), errors.InternalError("x")],
    ids=lambda error: error.reason,
)
def test_a_passing_fault_is_reconciling_until_the_generation_was_in_step(
    error: errors.TemporaryError,
) -> None:
    assert after(failed(error)).abnormal == Abnormal(RECONCILING, FIRST)
    assert after(failed(error), failed(AWAY)).abnormal == Abnormal(RECONCILING, FIRST)
    assert kind(after(failed(error), before=IN_STEP, generation=2)) == RECONCILING
    assert kind(after(failed(error), before=IN_STEP)) is None


def test_a_passing_fault_ends_a_stall_without_a_claim_that_work_is_due() -> None:
    assert kind(after(failed(MISSING), failed(AWAY))) is None


def test_the_time_moves_when_the_condition_appears_and_only_then() -> None:
    stalled = after(failed(AWAY), failed(MISSING), failed(errors.KeyNotFound("a", "k")))

    assert stalled.abnormal == Abnormal(STALLED, LATER)
    assert stalled.condition.last_transition_time == FIRST


def test_a_suspended_definition_is_stalled_only_if_its_secret_is_not_as_it_should_be() -> None:
    assert kind(after(SUSPENDED)) == STALLED
    assert kind(after(SUSPENDED, before=IN_STEP, generation=2)) is None
    assert kind(after(failed(AWAY), SUSPENDED)) == STALLED


OUTCOMES = st.sampled_from(
    [GOOD, SUSPENDED, *map(failed, (AWAY, MISSING, errors.ClusterUnavailable("x"), errors.NotOwned("x")))]
)


@given(st.lists(st.tuples(OUTCOMES, st.booleans()), min_size=1, max_size=12))
def test_after_any_history_the_conditions_agree_and_are_written_once(
    history: list[tuple[Outcome, bool]],
) -> None:
    known, generation = None, 1
    for outcome, changed in history:
        generation += changed
        about = definition(generation=generation)
        told = replace(outcome, uid=about.uid, generation=generation)
        new = status_to_write(told, about, known, LATER)
        known = known if new is None else new
        assert known is not None
        read = manifests.status(bodies.status_body(about, "7", known))

        assert read == known
        assert status_to_write(told, about, known, LATEST) is None
        assert known.observed_generation == generation
        assert not (known.condition.ready and known.abnormal)
        permanent = isinstance(outcome.error, errors.PermanentError)
        if not known.condition.ready:
            assert (kind(known) == STALLED) == (permanent or outcome.suspended)


def to_write(outcome: Outcome, before: Status | None) -> Status | None:
    return status_to_write(replace(outcome, uid="uid-1", generation=1), definition(), before, LATEST)


def test_an_old_status_that_is_in_step_is_not_written_again() -> None:
    assert to_write(GOOD, IN_STEP) is None


def test_an_old_status_of_a_stalled_definition_gets_the_condition_once() -> None:
    old = replace(after(failed(MISSING)), abnormal=None)

    written = to_write(failed(MISSING), old)

    assert written is not None
    assert kind(written) == STALLED
    assert to_write(failed(MISSING), written) is None


def test_other_words_of_an_api_server_in_trouble_are_not_written_again() -> None:
    before = after(failed(errors.ClusterUnavailable("busy")))

    assert to_write(failed(errors.ClusterUnavailable("really busy")), before) is None


@pytest.mark.parametrize("outcome", [GOOD, failed(MISSING), failed(AWAY)], ids=["good", "missing", "away"])
def test_what_others_made_of_the_conditions_is_replaced(outcome: Outcome) -> None:
    before = replace(after(outcome), abnormal=UNLIKE_OURS)

    written = to_write(outcome, before)

    assert written is not None
    assert written.abnormal != UNLIKE_OURS
