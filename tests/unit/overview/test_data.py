"""An overview becomes JSON under names that do not change with the model's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from secrets_manager.overview.data import as_data
from secrets_manager.overview.model import BackendLine, DefinitionLine, Overview, Readiness, SourceLine

AT = datetime(2026, 5, 4, 12, 30, 1, 999, tzinfo=UTC)


def test_names_are_in_camel_case_times_in_rfc_3339_and_the_unknown_is_null() -> None:
    line = DefinitionLine(
        namespace="shop",
        name="app",
        secret="app-secret",
        ready=Readiness.FALSE,
        reason="PathNotFound",
        message="there is no such path",
        suspended=False,
        sources=(SourceLine(backend="default", path="secret/data/app", version="3"),),
        last_change=AT.astimezone(timezone(timedelta(hours=2))),
        refresh_period=90.0,
    )
    backend = BackendLine(
        name="default",
        kind="vault",
        logged_in=True,
        session_fault="",
        down_for=None,
        parts_down=0,
        overdue=0.5,
    )

    data = as_data(Overview(at=AT, definitions=(line,), backends=(backend,)))

    assert data["at"] == "2026-05-04T12:30:01Z"
    assert (data["lead"], data["queue"], data["changes"]) == (None, None, None)
    assert data["definitions"][0] == {
        "namespace": "shop",
        "name": "app",
        "secret": "app-secret",
        "ready": "False",
        "reason": "PathNotFound",
        "message": "there is no such path",
        "suspended": False,
        "sources": [{"backend": "default", "path": "secret/data/app", "version": "3", "readAt": None}],
        "since": None,
        "lastChange": "2026-05-04T12:30:01Z",
        "refreshPeriod": 90.0,
        "nextPoll": None,
    }
    assert data["backends"][0]["downFor"] is None
    assert type(data["definitions"][0]["ready"]) is str
