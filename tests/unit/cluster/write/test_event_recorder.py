"""Events: few, in their own time, and never in the way of a reconcile."""

from __future__ import annotations

import datetime as dt
import logging
import re
import threading

import pytest

from secrets_manager.cluster.base import EVENTS, Json, Scope
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.write.event_recorder import EventRecorder
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

    def record(
        self, *, warning: bool = False, message: str = "m", namespace: str = "shop", name: str = "db"
    ) -> None:
        about = a_definition()
        if name != "db":
            object.__setattr__(about, "ref", Ref(namespace, name))
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


@pytest.mark.parametrize("sign", ["-", ".", "a", "--", "-a"])
@pytest.mark.parametrize("before", [197, 198, 199, 200, 250])
def test_the_longest_name_of_a_definition_gives_an_event_a_name(desk: Desk, sign: str, before: int) -> None:
    name = f"{'a' * before}{sign}b"[:253]
    desk.record(name=name)
    (event,) = desk.post_all()

    assert re.fullmatch(
        r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", event["metadata"]["name"]
    )
    assert len(event["metadata"]["name"]) <= 253
    assert event["involvedObject"]["name"] == name


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


def test_an_event_about_a_failure_is_a_warning(desk: Desk) -> None:
    desk.record(warning=True)

    assert [event["type"] for event in desk.post_all()] == ["Warning"]


def test_a_long_message_is_cut_to_what_the_api_server_takes(desk: Desk) -> None:
    desk.record(message="x" * 5000)

    assert [len(event["message"]) for event in desk.post_all()] == [1024]


def test_normal_events_beyond_the_rate_are_dropped_and_leave_room_for_warnings(desk: Desk) -> None:
    for _ in range(30):
        desk.record()
    desk.record(warning=True)
    types = [event["type"] for event in desk.post_all()]

    assert (types.count("Normal"), types.count("Warning")) == (10, 1)
    assert desk.recorder.dropped == 20


def test_normal_events_are_posted_again_after_some_time(desk: Desk) -> None:
    for _ in range(11):
        desk.record()
    desk.clock.now += 5
    for _ in range(2):
        desk.record()

    assert len(desk.post_all()) == 11
    assert desk.recorder.dropped == 2


def test_the_number_of_waiting_events_is_bounded(desk: Desk) -> None:
    for _ in range(130):
        desk.record()
        desk.clock.now += 5
    assert desk.recorder.dropped == 30

    assert len(desk.post_all()) == 99  # the last place is for the order to end


def test_where_events_are_forbidden_none_are_posted(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
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


def test_recording_an_event_never_waits(desk: Desk) -> None:
    desk.record()

    assert desk.cluster.calls["create", "events"] == 0


def test_a_close_while_others_record_ends_the_thread(desk: Desk) -> None:
    def record_many() -> None:
        for _ in range(200):
            desk.record()

    threads = [threading.Thread(target=record_many) for _ in range(3)]
    for thread in threads:
        thread.start()
    desk.post_all()
    for thread in threads:
        thread.join(20)

    assert len(desk.post_all()) + desk.recorder.dropped == 600


def test_a_flood_of_one_namespace_silences_no_other(desk: Desk) -> None:
    for number in range(500):
        desk.record(warning=True, message=f"flood {number}")
    desk.record(warning=True, namespace="elsewhere", message="heard")
    messages = [event["message"] for event in desk.post_all()]

    assert "heard" in messages
    assert len(messages) + desk.recorder.dropped == 501


def test_an_event_that_waited_has_the_time_at_which_it_was_recorded(desk: Desk) -> None:
    desk.record()
    desk.recorder.now = lambda: dt.datetime(2026, 5, 4, 9, 9, 9, tzinfo=dt.UTC)

    assert [event["lastTimestamp"] for event in desk.post_all()] == ["2026-05-04T03:02:01Z"]


def test_a_message_of_wide_letters_and_control_characters_is_bounded_in_bytes_and_on_one_line(
    desk: Desk,
) -> None:
    desk.record(message="a\n\x1b[2J" + "😀" * 5000)
    (event,) = desk.post_all()

    assert len(event["message"].encode()) <= 1024
    assert event["message"].startswith("a\\n\\x1b[2J😀")
