"""Replies of the API server, whole or not: lists, watches, refusals, Leases."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.cluster.base import Page, WatchEvent
from secrets_manager.cluster.client.status_errors import ApiCall, error_from_status
from secrets_manager.cluster.client.wire import kubernetes_object, page, watch_event
from secrets_manager.cluster.lead import lease
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, SecretsManagerError
from tests.unit.cluster.objects import raw_definition, raw_secret
from tests.unit.foreign_input import as_bytes, damaged, mangled, nested, perhaps_damaged

CALL = ApiCall(verb="list", resource="secrets", namespace="shop")
CANARY = "canary-4711"
LIST = {
    "kind": "SecretList",
    "apiVersion": "v1",
    "metadata": {"resourceVersion": "17", "continue": "more"},
    "items": [raw_secret("a"), raw_secret("b")],
}
EVENT = {"type": "MODIFIED", "object": raw_definition()}
STATUS = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "message": f"Secret {CANARY} is bad: {CANARY}",
    "reason": "Invalid",
    "code": 422,
    "details": {
        "kind": "secrets",
        "causes": [{"reason": "FieldValueInvalid", "message": CANARY, "field": "data[a]"}],
    },
}
CODES = st.sampled_from([400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504]) | (
    st.integers(300, 999)
)


def read_list(body: bytes) -> tuple[Page, str] | ClusterUnavailable:
    try:
        return page(kubernetes_object(body, CALL), CALL)
    except ClusterUnavailable as error:
        return error


def test_a_list_is_read() -> None:
    found = read_list(as_bytes(LIST))

    assert found == (Page([raw_secret("a"), raw_secret("b")], "17"), "more")


@given(damaged(LIST))
def test_a_damaged_list_is_a_list_of_objects_or_none_at_all(document: Any) -> None:
    found = read_list(as_bytes(document))

    if isinstance(found, tuple):
        items = document.get("items") or []
        assert found[0].items == items
        assert all(isinstance(item, dict) for item in items)
        assert document["kind"].endswith("List")


@given(mangled(as_bytes(LIST)))
def test_a_list_that_was_cut_or_changed_on_the_way_is_never_an_empty_one(body: bytes) -> None:
    found = read_list(body)

    if isinstance(found, tuple) and not found[0].items:
        assert b'"items"' not in body


def test_a_reply_that_is_nested_without_end_is_no_object() -> None:
    assert isinstance(read_list(nested(100_000)), ClusterUnavailable)
    with pytest.raises(ClusterUnavailable):
        watch_event(nested(100_000), CALL)


@given(perhaps_damaged(EVENT))
def test_a_line_of_a_watch_is_an_event_or_ends_the_watch(document: Any) -> None:
    try:
        found = watch_event(as_bytes(document), CALL)
    except SecretsManagerError:
        whole = isinstance(document, dict) and isinstance(document.get("object"), dict)
        assert not whole or not isinstance(document.get("type"), str) or document["type"] == "ERROR"
    else:
        assert found == WatchEvent(document["type"], document["object"])


@given(perhaps_damaged(STATUS))
def test_an_error_in_a_watch_is_raised_without_the_words_of_the_server(status: Any) -> None:
    with pytest.raises(SecretsManagerError) as caught:
        watch_event(as_bytes({"type": "ERROR", "object": status}), CALL)

    assert CANARY not in caught.value.message


@given(
    code=CODES,
    status=perhaps_damaged(STATUS).filter(lambda it: isinstance(it, dict)),
    retry_after=st.none() | st.text(max_size=8) | st.integers(0, 10**9).map(str),
)
def test_every_refusal_becomes_one_of_ours_without_the_words_of_the_server(
    code: int, status: dict[str, Any], retry_after: str | None
) -> None:
    error = error_from_status(code, status, CALL, retry_after)

    assert CANARY not in error.message
    assert error.__context__ is None
    assert 0.0 <= (getattr(error, "retry_after", None) or 0.0) <= 30.0


# ── leases ───────────────────────────────────────────────────────────────────────────────────────────

RECORDS = st.builds(
    lease.LeaseRecord,
    holder=st.text(st.characters(codec="utf-8"), max_size=8),
    duration_seconds=st.integers(0, 2**31),
    acquire_time=st.just("2026-01-01T00:00:00.000000Z"),
    renew_time=st.just("2026-01-01T00:00:00.000000Z"),
    transitions=st.integers(0, 2**31),
)
ME = lease.Candidate(identity="me_1", lease_duration=15.0)
WALL = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LEASE = {
    "metadata": {"name": "l", "namespace": "n", "resourceVersion": "9"},
    "spec": {
        "holderIdentity": "other",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-01T00:00:00.000000Z",
        "renewTime": "2026-01-01T00:00:00.000000Z",
        "leaseTransitions": 3,
    },
}


@given(RECORDS)
def test_a_lease_that_was_written_reads_back_as_it_was(record: lease.LeaseRecord) -> None:
    assert lease.record_of(lease.body(Ref("n", "l"), record, LEASE)) == record


@given(damaged(LEASE).filter(lambda it: isinstance(it, dict)), st.floats(0, 60))
def test_a_damaged_lease_is_taken_only_when_no_replica_can_hold_it(
    raw: dict[str, Any], waited: float
) -> None:
    record = lease.record_of(raw)
    sighting = lease.Sighting(record=record, since=100.0, resource_version="9")

    decision = lease.decide(ME, sighting, now=100.0 + waited, wall=WALL)

    held = bool(record.holder) and waited < record.duration_seconds
    assert (decision.move is lease.Move.WAIT) == held
    if decision.record is not None:
        written = lease.body(Ref("n", "l"), decision.record, raw)
        assert lease.record_of(written).holder == "me_1"
