"""Events: few, in their own time, and never in anybody's way."""

from __future__ import annotations

import datetime as dt
import logging
import queue
import threading

import pytest

from secrets_manager.cluster.base import EVENTS, Json, Scope
from secrets_manager.cluster.event_recorder import EventRecorder, Happening
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Forbidden
from secrets_manager.runtime.heartbeat import Heartbeats
from tests.unit.cluster.objects import Clock, a_definition


class Desk:
    """A recorder on a cluster in memory; its thread runs from ``open`` on."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.cluster = MemoryCluster()
        self.recorder = EventRecorder(
            api=self.cluster,
            controller="secrets-manager",
            instance="pod_1",
            clock=self.clock,
            now=lambda: dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC),
            heartbeat=Heartbeats().register("events", limit=60),
        )
        self._thread = threading.Thread(target=self.recorder.run, daemon=True)

    def record(self, *, warning: bool = False, message: str = "m", namespace: str = "shop") -> None:
        about = a_definition()
        if namespace != "shop":
            about = a_definition(name="x")
            object.__setattr__(about, "ref", Ref(namespace, "x"))
        self.recorder.record(about, warning=warning, reason="Created", message=message)

    def post_all(self) -> list[Json]:
        """Run the thread until everything recorded is posted; what the cluster has then."""
        self.recorder.close()
        if not self._thread.is_alive():
            self._thread = threading.Thread(target=self.recorder.run, daemon=True)
            self._thread.start()
        self._thread.join(20)
        assert not self._thread.is_alive()
        return [item for page in self.cluster.pages(Scope(resource=EVENTS)) for item in page.items]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_event_says_what_happened_to_which_definition(desk: Desk) -> None:
    desk.record(message="Secret db was created")
    (event,) = desk.post_all()
    metadata = event["metadata"]

    assert metadata["namespace"] == "shop"
    assert metadata["name"].startswith("db.")
    assert event["involvedObject"] == {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "namespace": "shop",
        "name": "db",
        "uid": "uid-db",
    }
    assert (event["type"], event["reason"], event["message"]) == (
        "Normal",
        "Created",
        "Secret db was created",
    )
    assert event["source"] == {"component": "secrets-manager"}
    assert (event["firstTimestamp"], event["lastTimestamp"]) == ("2026-05-04T03:02:01Z",) * 2
    assert (event["reportingComponent"], event["reportingInstance"]) == ("secrets-manager", "pod_1")
    assert event["count"] == 1


def test_bad_news_is_a_warning(desk: Desk) -> None:
    desk.record(warning=True)

    assert [event["type"] for event in desk.post_all()] == ["Warning"]


def test_a_long_message_is_cut_to_what_the_api_server_takes(desk: Desk) -> None:
    desk.record(message="x" * 5000)

    assert [len(event["message"]) for event in desk.post_all()] == [1024]


def test_good_news_beyond_the_bucket_is_dropped_and_leaves_room_for_bad(desk: Desk) -> None:
    for _ in range(30):
        desk.record()
    desk.record(warning=True)
    types = [event["type"] for event in desk.post_all()]

    assert (types.count("Normal"), types.count("Warning")) == (10, 1)
    assert desk.recorder.dropped == 20


def test_room_for_good_news_comes_back_with_time(desk: Desk) -> None:
    for _ in range(11):
        desk.record()
    desk.clock.now += 5
    for _ in range(2):
        desk.record()

    assert len(desk.post_all()) == 11
    assert desk.recorder.dropped == 2


def test_what_waits_is_bounded(desk: Desk) -> None:
    for _ in range(130):
        desk.record()
        desk.clock.now += 5
    assert desk.recorder.dropped == 30

    assert len(desk.post_all()) == 99  # the last place is for the order to end


def test_where_events_are_forbidden_they_are_done_without(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk.cluster.forbid("create", "events")
    desk.record()
    desk.record()
    assert desk.post_all() == []
    desk.record()
    desk.cluster.permit("create", "events")
    assert desk.post_all() == []
    desk.clock.now += 601
    desk.record()

    assert len(desk.post_all()) == 1
    assert [record.getMessage() for record in caplog.records] == ["Events are not written"]
    assert desk.recorder.dropped == 0


def test_a_refusal_in_one_namespace_silences_no_other(desk: Desk) -> None:
    desk.cluster.fail_next("create", "events", Forbidden("RBAC"))
    desk.record()
    desk.post_all()
    desk.record(namespace="shop")
    desk.record(namespace="elsewhere")

    assert [event["metadata"]["namespace"] for event in desk.post_all()] == ["elsewhere"]


def test_an_event_that_cannot_be_written_is_lost_and_the_next_is_tried(desk: Desk) -> None:
    desk.cluster.fail_next("create", "events", ClusterUnavailable("down"))
    desk.record(message="first")
    desk.record(message="second")

    assert [event["message"] for event in desk.post_all()] == ["second"]


def test_recording_waits_for_nobody(desk: Desk) -> None:
    desk.record()

    assert desk.cluster.calls["create", "events"] == 0


def test_a_close_while_others_fill_and_empty_the_queue_raises_nothing(desk: Desk) -> None:
    class Contended(queue.Queue[Happening | None]):
        def put_nowait(self, item: Happening | None) -> None:
            raise queue.Full

    desk.recorder._pending = Contended()

    desk.recorder.close()
