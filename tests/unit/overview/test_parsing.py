"""The JSON of an overview is read back to what it was made of, and nothing else passes for one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from secrets_manager.overview.data import as_data
from secrets_manager.overview.model import (
    BackendLine,
    ChangesLine,
    DefinitionLine,
    LeadLine,
    Overview,
    QueueLine,
    Readiness,
    SourceLine,
)
from secrets_manager.overview.parsing import NoOverview, overview_from

AT = datetime(2026, 5, 4, 12, 30, 1, tzinfo=UTC)
LINE = DefinitionLine(
    namespace="shop",
    name="app",
    secret="app",
    ready=Readiness.FALSE,
    reason="KeyNotFound",
    message="no",
    suspended=False,
    sources=(SourceLine(backend="eu", path="a", version="1", read_at=AT),),
    refresh_period=90.0,
    next_poll=AT,
)
WHOLE = Overview(
    at=AT,
    definitions=(LINE,),
    backends=(
        BackendLine(
            name="eu", kind="vault", logged_in=True, session_fault="", down_for=1.5, parts_down=2, overdue=0.0
        ),
    ),
    lead=LeadLine(holder="a", is_this_one=True, since=AT),
    queue=QueueLine(depth=1, oldest_wait=0.5, overdue=0.0),
    changes=ChangesLine(span=60.0, counts=(1, 2)),
)


def through_json(overview: Overview) -> Any:
    return json.loads(json.dumps(as_data(overview)))


@pytest.mark.parametrize("overview", [WHOLE, Overview(at=AT, definitions=())])
def test_what_was_made_of_an_overview_is_that_overview_again(overview: Overview) -> None:
    assert overview_from(through_json(overview)) == overview


def test_fields_of_a_later_release_are_ignored() -> None:
    assert overview_from({**through_json(WHOLE), "later": {"x": 1}}) == WHOLE


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"definitions": None}, "the answer.definitions is not a list"),
        ({"definitions": ["x"]}, r"the answer.definitions\[0\] is not an object"),
        ({"definitions": [{}]}, r"definitions\[0\].namespace is of the wrong type"),
        ({"at": "soon"}, "the answer.at is not legal"),
        ({"at": "2026-05-04T12:30:01"}, "the answer.at is not legal"),
        ({"at": 3}, "the answer.at is of the wrong type"),
        ({"queue": {"depth": True, "oldestWait": 1, "overdue": 1}}, "queue.depth is of the wrong type"),
        ({"queue": {"depth": 1, "oldestWait": "1", "overdue": 1}}, "queue.oldestWait is of the wrong type"),
        ({"lead": []}, "the answer.lead is not an object"),
    ],
)
def test_anything_else_is_refused_with_the_field(change: dict[str, Any], where: str) -> None:
    with pytest.raises(NoOverview, match=where):
        overview_from({**through_json(WHOLE), **change})


@pytest.mark.parametrize("data", [None, [], "x", 3, {}])
def test_what_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(NoOverview):
        overview_from(data)
