"""Writes keep the pause that the API server asked for, whatever causes them meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secrets_manager.cluster.base import DEFINITIONS, EVENTS, SECRETS, NotFound
from secrets_manager.cluster.client.retry_pauses import PausingApi
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, SecretsManagerError
from tests.unit.sync.doubles import FakeClock

A, B = Ref("team", "a"), Ref("team", "b")
Write = Callable[[PausingApi, Ref], object]
WRITES: dict[str, tuple[str, str, Write]] = {
    "create": ("create", "secrets", lambda api, ref: api.create(SECRETS, ref.namespace, body(ref))),
    "rehearse": ("create", "secrets", lambda api, ref: api.rehearse(SECRETS, ref.namespace, body(ref))),
    "replace": ("update", "secrets", lambda api, ref: api.replace(SECRETS, ref, body(ref))),
    "delete": ("delete", "secrets", lambda api, ref: api.delete(SECRETS, ref, {})),
    "status": (
        "update",
        "secretdefinitions/status",
        lambda api, ref: api.replace(DEFINITIONS, ref, body(ref), subresource="status"),
    ),
    "finalizer": ("update", "secretdefinitions", lambda api, ref: api.replace(DEFINITIONS, ref, body(ref))),
}
BUSY = ClusterUnavailable("busy", retry_after=20.0)


def body(ref: Ref) -> dict[str, object]:
    return {"metadata": {"name": ref.name, "namespace": ref.namespace}}


class Desk:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cluster = MemoryCluster()
        self.api = PausingApi(self.cluster, self.clock)

    def outcome(self, write: Write, ref: Ref) -> SecretsManagerError | None:
        try:
            write(self.api, ref)
        except SecretsManagerError as error:
            return error
        return None


@pytest.mark.parametrize(("verb", "resource", "write"), WRITES.values(), ids=WRITES)
def test_no_call_is_made_before_the_pause_is_over(verb: str, resource: str, write: Write) -> None:
    desk = Desk()
    desk.cluster.fail_next(verb, resource, BUSY)
    assert desk.outcome(write, A) == BUSY

    for left in (20.0, 15.0, 10.0, 5.0):
        error = desk.outcome(write, A)
        assert isinstance(error, ClusterUnavailable)
        assert error == BUSY
        assert error.retry_after == left
        assert desk.cluster.calls == {(verb, resource): 1}
        desk.clock.advance(5.0)

    assert desk.outcome(write, A) in (None, NotFound(f"{resource.partition('/')[0]} 'a' not found"))
    assert desk.cluster.calls == {(verb, resource): 2}


@pytest.mark.parametrize(("verb", "resource", "write"), WRITES.values(), ids=WRITES)
def test_another_object_does_not_wait(verb: str, resource: str, write: Write) -> None:
    desk = Desk()
    desk.cluster.fail_next(verb, resource, BUSY)
    desk.outcome(write, A)

    desk.outcome(write, B)

    assert desk.cluster.calls == {(verb, resource): 2}


def test_the_pause_of_a_secret_holds_for_all_its_writes_and_for_no_status() -> None:
    desk = Desk()
    desk.cluster.fail_next("update", "secrets", BUSY)
    for name in ("replace", "create", "rehearse", "delete"):
        assert desk.outcome(WRITES[name][2], A) == BUSY
    assert desk.cluster.calls == {("update", "secrets"): 1}

    desk.outcome(WRITES["status"][2], A)

    assert desk.cluster.calls["update", "secretdefinitions/status"] == 1


def test_a_failure_that_asks_for_no_pause_holds_up_nothing() -> None:
    desk = Desk()
    desk.cluster.fail_next("create", "secrets", ClusterUnavailable("reset"), ClusterUnavailable("reset"))
    for _ in range(2):
        desk.outcome(WRITES["create"][2], A)

    assert desk.outcome(WRITES["create"][2], A) is None


def test_a_pause_after_an_event_does_not_hold_for_the_next_event() -> None:
    desk = Desk()
    desk.cluster.fail_next("create", "events", BUSY)
    event = {"metadata": {"generateName": "app."}}
    with pytest.raises(ClusterUnavailable):
        desk.api.create(EVENTS, "team", event)

    desk.api.create(EVENTS, "team", event)

    assert desk.cluster.calls == {("create", "events"): 2}


def test_pauses_that_are_over_are_let_go_of() -> None:
    desk = Desk()
    for number in range(5_000):
        desk.cluster.fail_next("create", "secrets", BUSY)
        desk.outcome(WRITES["create"][2], Ref("team", f"s{number}"))
        desk.clock.advance(1.0)

    assert len(desk.api._asked) <= 1024
