"""The line of a definition says what its object and its Secret's marks say, and no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from secrets_manager.overview.definitions import last_change_of, line_of_object
from secrets_manager.overview.model import Readiness, SourceLine

PATHS = {"A": {"path": "secret/data/app", "key": "a"}, "B": {"path": "one", "key": "b", "backend": "eu"}}


def raw(*, generation: int = 2, spec: Any = None, status: Any = None) -> dict[str, Any]:
    made = {
        "metadata": {"namespace": "shop", "name": "app", "uid": "u", "generation": generation},
        "spec": {"name": "app-secret", "keysMap": PATHS} if spec is None else spec,
    }
    return made if status is None else {**made, "status": status}


def written(*, ready: str = "True", observed: int = 2, **more: Any) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": "Synced" if ready == "True" else "SourceNotFound",
        "message": "as it is",
        "observedGeneration": observed,
        "lastTransitionTime": "2026-05-04T12:00:00Z",
    }
    return {"observedGeneration": observed, "conditions": [condition], **more}


def test_a_definition_in_step_has_the_sources_of_its_status() -> None:
    sources = [{"path": "secret/data/app", "version": "3"}, {"path": "one", "backend": "eu"}]

    line = line_of_object(raw(status=written(sources=sources)), datetime(2026, 5, 4, tzinfo=UTC))

    assert (line.namespace, line.name, line.secret) == ("shop", "app", "app-secret")
    assert (line.ready, line.reason, line.message) == (Readiness.TRUE, "Synced", "as it is")
    assert line.sources == (
        SourceLine(backend="default", path="secret/data/app", version="3"),
        SourceLine(backend="eu", path="one", version=""),
    )
    assert line.since == datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert line.last_change == datetime(2026, 5, 4, tzinfo=UTC)


def test_before_there_is_a_secret_the_sources_are_those_of_the_definition() -> None:
    line = line_of_object(raw(status=written(ready="False")))

    assert (line.ready, line.reason) == (Readiness.FALSE, "SourceNotFound")
    assert [source.path for source in line.sources] == ["secret/data/app", "one"]
    assert line.last_change is None


@pytest.mark.parametrize("status", [None, {}, written(observed=1), {"conditions": "x"}])
def test_what_no_daemon_saw_as_it_is_now_is_unknown(status: Any) -> None:
    assert line_of_object(raw(status=status)).ready is Readiness.UNKNOWN


def test_a_spec_that_cannot_be_used_still_has_a_line() -> None:
    line = line_of_object(raw(spec={"name": "Not A Name", "keysMap": 3}))

    assert (line.secret, line.sources, line.suspended, line.refresh_period) == ("", (), False, None)


def test_what_the_spec_wishes_for_is_told() -> None:
    line = line_of_object(raw(spec={"name": "a", "keysMap": PATHS, "suspend": True, "refreshPeriod": "90s"}))

    assert (line.suspended, line.refresh_period, line.next_poll) == (True, 90.0, None)


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        (
            {"annotations": {"secrets-manager.tuenti.io/lastUpdateTime": "2026-05-04T12.30.01Z"}},
            datetime(2026, 5, 4, 12, 30, 1, tzinfo=UTC),
        ),
        (
            {"labels": {"lastUpdatedAt": "2020-04-22T14.34.17Z"}},
            datetime(2020, 4, 22, 14, 34, 17, tzinfo=UTC),
        ),
        ({"annotations": {"secrets-manager.tuenti.io/lastUpdateTime": "soon"}}, None),
        ({"annotations": 3, "labels": [None]}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_last_change_is_the_mark_on_the_secret(metadata: Any, found: datetime | None) -> None:
    assert last_change_of({"metadata": metadata}) == found
