"""Reports of a reconcile, to people and machines: changes, once, and never a value."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    ClusterUnavailable,
    KeyNotFound,
    NamespaceTerminating,
    NotLeading,
    SecretsManagerError,
    SourceNotFound,
)
from secrets_manager.domain.outcome import Outcome, SourceVersion
from secrets_manager.domain.plan import Operation
from tests.unit.sync.doubles import Told
from tests.unit.sync.world import TEAM, World

APP = Ref(TEAM, "app")
CREATED = Outcome(
    definition=APP,
    secret="app",
    operation=Operation.CREATED,
    reason="Missing",
    changed_keys=("password", "user"),
    sources=(SourceVersion("app", "1"),),
    generation=1,
)
UNCHANGED = replace(CREATED, operation=Operation.UNCHANGED, reason="InStep", changed_keys=())
REPLACED = replace(CREATED, operation=Operation.REPLACED, reason="DataDiffers", changed_keys=("user",))
DELETED = replace(
    CREATED, operation=Operation.DELETED, reason="DefinitionGone", cleanup=True, changed_keys=()
)


def failed(error: SecretsManagerError, **changes: Any) -> Outcome:
    plain = replace(CREATED, operation=Operation.REFUSED, reason=error.reason, error=error, changed_keys=())
    return replace(plain, **changes)


MISSING = failed(SourceNotFound("app"))
NO_KEY = failed(KeyNotFound("app", "user"))


class Bench:
    """A reporter that knows one definition, and what it says."""

    def __init__(self, caplog: pytest.LogCaptureFixture, world: World | None = None) -> None:
        caplog.set_level(logging.INFO, "sync")
        self._caplog = caplog
        self.world = world or World()
        if world is None:
            self.world.define()
        self.world.deliver()

    def tell(self, *outcomes: Outcome) -> list[str]:
        """Tell these; returns the log lines that came of it."""
        self._caplog.clear()
        reporter = self.world.workforce.reporter
        for outcome in outcomes:
            reporter.announce(outcome, 0.1)
            reporter.write_status(outcome)
        return [record.message for record in self._caplog.records if record.name == "sync"]

    def events(self) -> list[Told]:
        told = list(self.world.events.told)
        self.world.events.told.clear()
        return told

    def fields(self) -> dict[str, Any]:
        """What the last log line carried besides its message."""
        record = self._caplog.records[-1].__dict__
        names = ("namespace", "name_", "secret", "operation", "reason", "keys", "error")
        return {name: record[name] for name in names if name in record}


@pytest.fixture
def bench(caplog: pytest.LogCaptureFixture) -> Bench:
    return Bench(caplog)


# ── successes ────────────────────────────────────────────────────────────────────────────────────────


def test_a_created_secret_is_reported_with_its_keys(bench: Bench) -> None:
    assert bench.tell(CREATED) == ["Secret created"]
    assert bench.fields() == {
        "namespace": "team",
        "name_": "app",
        "secret": "app",
        "operation": "created",
        "reason": "Missing",
        "keys": "password,user",
    }
    assert bench.events() == [("app", False, "Created", "Secret app created (keys password, user)")]


def test_a_replaced_secret_is_reported(bench: Bench) -> None:
    assert bench.tell(REPLACED) == ["Secret replaced"]
    assert bench.events() == [("app", False, "Replaced", "Secret app replaced (keys user)")]


def test_new_marks_are_reported_without_keys(bench: Bench) -> None:
    bench.tell(replace(REPLACED, reason="MetadataDiffers", changed_keys=()))

    assert bench.events() == [("app", False, "Replaced", "Secret app replaced")]
    assert "keys" not in bench.fields()


def test_a_restored_secret_is_reported_as_restored(bench: Bench) -> None:
    bench.tell(replace(REPLACED, restored=True))

    assert bench.events() == [
        ("app", False, "Restored", "Secret app was restored: another client had changed or deleted it")
    ]


def test_a_secret_in_step_is_not_reported(bench: Bench) -> None:
    assert bench.tell(UNCHANGED, UNCHANGED) == []
    assert bench.events() == []


def test_a_deleted_secret_is_reported_and_leaves_the_condition_as_it_is(bench: Bench) -> None:
    assert bench.tell(DELETED) == ["Secret deleted"]
    assert bench.events() == [("app", False, "Deleted", "Secret app deleted")]
    assert bench.world.status() == {}


def test_every_outcome_is_counted(bench: Bench) -> None:
    bench.tell(CREATED, UNCHANGED, MISSING)

    assert bench.world.telemetry.outcomes == [CREATED, UNCHANGED, MISSING]


# ── success with a caution ───────────────────────────────────────────────────────────────────────────

CAUTIOUS = replace(UNCHANGED, cautions=("'app' is past its date",))


def test_a_caution_is_reported_once_and_the_condition_stays_ready(bench: Bench) -> None:
    assert bench.tell(CAUTIOUS) == ["Secret is in sync, with a caution"]
    assert bench.tell(CAUTIOUS) == []
    [event] = bench.events()
    assert (event.warning, event.reason) == (True, "SourceExpired")
    assert bench.world.condition() == ("True", "SourceExpired")
    assert bench.tell(UNCHANGED) == ["Secret is in sync again"]


@pytest.mark.parametrize(
    ("outcome", "line"), [(DELETED, "Secret deleted"), (CAUTIOUS, "Secret is in sync, with a caution")]
)
def test_an_outcome_of_a_definition_that_is_gone_is_reported_in_the_log_alone(
    bench: Bench, outcome: Outcome, line: str
) -> None:
    bench.world.delete(APP)
    bench.world.deliver()

    assert bench.tell(outcome) == [line]
    assert bench.events() == []


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_failure_is_reported_once(bench: Bench) -> None:
    assert bench.tell(MISSING) == ["Secret is out of sync"]
    assert bench.fields()["error"] == "path 'app' does not exist in the backend"
    assert bench.tell(MISSING, MISSING) == []
    assert bench.events() == [("app", True, "SourceNotFound", "path 'app' does not exist in the backend")]


def test_another_failure_is_reported_again(bench: Bench) -> None:
    bench.tell(MISSING)

    assert bench.tell(NO_KEY) == ["Secret is out of sync"]
    assert [event.reason for event in bench.events()] == ["SourceNotFound", "KeyNotFound"]


def test_the_same_reason_with_another_message_is_reported_again(bench: Bench) -> None:
    bench.tell(MISSING)

    assert bench.tell(failed(SourceNotFound("other"))) == ["Secret is out of sync"]


def test_a_failure_that_lasts_is_remembered_in_the_log_every_ten_minutes(bench: Bench) -> None:
    bench.tell(MISSING)
    lines = []
    for _ in range(30):
        bench.world.clock.advance(60)
        lines += bench.tell(MISSING)

    assert lines == ["Secret is out of sync"] * 3
    assert len(bench.events()) == 1


def test_a_recovery_is_reported_once(bench: Bench) -> None:
    bench.tell(MISSING)

    assert bench.tell(UNCHANGED) == ["Secret is in sync again"]
    assert bench.tell(UNCHANGED) == []
    assert bench.tell(MISSING) == ["Secret is out of sync"]


@pytest.mark.parametrize("error", [NamespaceTerminating("going"), NotLeading("no")])
def test_an_error_that_needs_no_action_is_not_reported(bench: Bench, error: SecretsManagerError) -> None:
    assert bench.tell(failed(error)) == []
    assert bench.events() == []
    assert bench.world.telemetry.outcomes == []
    assert bench.world.status() == {}


def test_a_cleanup_that_fails_is_reported_once_beside_the_definitions_own_success(bench: Bench) -> None:
    bad = failed(SourceNotFound("app"), cleanup=True, secret="old")
    bench.tell(UNCHANGED)

    assert bench.tell(UNCHANGED, bad) == ["Secret is out of sync"]
    assert bench.tell(UNCHANGED, bad) == []
    assert bench.tell(UNCHANGED, replace(DELETED, secret="old")) == ["Secret deleted"]
    assert bench.tell(UNCHANGED, bad) == ["Secret is out of sync"]


# ── after a restart ──────────────────────────────────────────────────────────────────────────────────


def after_restart(bench: Bench, caplog: pytest.LogCaptureFixture) -> Bench:
    return Bench(caplog, bench.world.restarted())


def test_a_failure_that_the_condition_reports_already_is_not_reported_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.tell(MISSING)
    again = after_restart(bench, caplog)

    assert again.tell(MISSING) == []
    assert again.events() == []


def test_a_failure_that_outlives_a_restart_is_remembered_in_the_log_too(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.tell(MISSING)
    again = after_restart(bench, caplog)
    again.tell(MISSING)
    again.world.clock.advance(600)

    assert again.tell(MISSING) == ["Secret is out of sync"]
    assert again.events() == []


def test_a_recovery_after_a_restart_is_reported(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.tell(MISSING)
    again = after_restart(bench, caplog)

    assert again.tell(UNCHANGED) == ["Secret is in sync again"]


def test_a_secret_in_step_is_not_reported_after_a_restart(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.tell(CREATED)

    assert after_restart(bench, caplog).tell(UNCHANGED) == []


# ── the status ───────────────────────────────────────────────────────────────────────────────────────


def test_the_status_reports_the_whole_outcome(bench: Bench) -> None:
    bench.tell(CREATED)

    assert bench.world.status() == {
        "observedGeneration": 1,
        "secretName": "app",
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Synced",
                "message": "Secret app is in sync with its sources",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
        "sources": [{"path": "app", "version": "1"}],
    }


def test_a_status_that_says_nothing_new_is_not_written(bench: Bench) -> None:
    bench.tell(CREATED)
    bench.world.clock.advance(5)
    with bench.world.spending() as spent:
        bench.tell(UNCHANGED, UNCHANGED)

    assert spent.calls == {}


def test_a_status_that_cannot_be_written_is_handed_back(bench: Bench) -> None:
    bench.world.cluster.fail_next("update", "secretdefinitions/status", ClusterUnavailable("busy"))
    reporter = bench.world.workforce.reporter

    assert reporter.write_status(CREATED) == ClusterUnavailable("busy")
    assert reporter.write_status(UNCHANGED) is None
    assert bench.world.condition() == ("True", "Synced")


def test_an_outcome_for_an_older_generation_writes_no_status(bench: Bench) -> None:
    bench.world.cluster.edit(DEFINITIONS, APP, {"spec": {"name": "other", "keysMap": {}}})
    bench.world.deliver()
    bench.tell(CREATED)

    assert bench.world.status() == {}


def test_an_outcome_of_no_particular_generation_is_about_the_present_one(bench: Bench) -> None:
    bench.tell(failed(ClusterUnavailable("down"), generation=None))

    assert bench.world.condition() == ("False", "ClusterUnavailable")


def test_nothing_is_remembered_of_a_definition_that_is_gone(bench: Bench) -> None:
    reporter = bench.world.workforce.reporter
    bench.tell(MISSING, failed(SourceNotFound("x"), cleanup=True))
    reporter.forget(APP)

    assert (reporter._notices._said, reporter._notices._of_cleanups) == ({}, {})
    assert bench.world.telemetry.gone == [APP]
