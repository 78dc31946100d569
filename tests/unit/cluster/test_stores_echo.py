"""The event of our own write, which may overtake the reply, and what others do at the same moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from secrets_manager.cluster.base import SECRETS, Json, Resource
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.view.sinks import SecretSink
from secrets_manager.cluster.write.writer import SecretWriter
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable
from secrets_manager.domain.plan import Operation, Plan
from secrets_manager.domain.secret import ObservedSecret
from tests.builders import DIGESTER, TARGET, desired, observed

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REPLACED = Plan(operation=Operation.REPLACED, reason="DataDiffers", changed_keys=("user",))


def at(version: str, value: bytes = b"alice") -> ObservedSecret:
    return observed({"user": value}, resource_version=version)


class HastyCluster(MemoryCluster):
    """Its watch is faster than its replies."""

    sink: SecretSink

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        made = super().create(resource, namespace, body)
        self.sink.changed(made)
        return made

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        made = super().replace(resource, ref, body, subresource=subresource)
        self.sink.changed(made)
        return made


def test_our_own_writes_are_not_reported_even_when_their_events_overtake_the_replies() -> None:
    store, told = SecretStore(), list[ObservedSecret]()
    cluster = HastyCluster()
    cluster.sink = SecretSink(
        store=store,
        digester=DIGESTER,
        changed_secret=told.append,
        tracking_changed=lambda: None,
        namespace=None,
    )
    writer = SecretWriter(api=cluster, store=store, digester=DIGESTER)

    writer.create(desired(), NOW)
    created = store.get(TARGET)
    assert created is not None
    writer.replace(desired({"user": b"bob"}), created, REPLACED, NOW)

    assert told == []
    replaced = store.get(TARGET)
    assert replaced is not None
    assert replaced.digests == DIGESTER.each({"user": b"bob"})
    assert cluster.snapshot(SECRETS, TARGET) is not None


def test_the_event_of_our_own_write_after_its_reply_is_not_reported() -> None:
    store, told = SecretStore(), list[ObservedSecret]()

    store.begin_write(TARGET)
    store.end_write(TARGET, at("7"))
    store.hear(at("7"), told.append)

    assert told == []


def test_a_change_right_after_our_write_is_reported_once_the_reply_is_in() -> None:
    store, told = SecretStore(), list[ObservedSecret]()

    store.begin_write(TARGET)
    store.hear(at("7"), told.append)
    store.hear(at("8", b"mallory"), told.append)
    assert told == []
    store.end_write(TARGET, at("7"))

    assert told == [at("8", b"mallory")]
    assert store.get(TARGET) == at("8", b"mallory")


def test_a_deletion_right_after_our_write_is_not_undone_by_the_late_reply() -> None:
    store, told = SecretStore(), list[ObservedSecret]()

    store.begin_write(TARGET)
    store.hear(at("7"), told.append)
    store.hear(at("8"), told.append, gone=True)
    store.end_write(TARGET, at("7"))

    assert told == [at("8")]
    assert store.get(TARGET) is None


def test_a_change_before_our_write_is_not_reported() -> None:
    store, told = SecretStore(), list[ObservedSecret]()

    store.begin_write(TARGET)
    store.hear(at("6", b"mallory"), told.append)
    store.end_write(TARGET, at("7"))

    assert told == []
    assert store.get(TARGET) == at("7")


@pytest.mark.parametrize("gone", [False, True], ids=["changed", "deleted"])
def test_all_events_during_a_failed_write_are_reported(*, gone: bool) -> None:
    store, told = SecretStore(), list[ObservedSecret]()
    store.apply(at("6"))

    store.begin_write(TARGET)
    store.hear(at("7", b"mallory"), told.append, gone=gone)
    store.end_write(TARGET, None)

    assert told == [at("7", b"mallory")]


def test_a_write_that_failed_leaves_no_trace() -> None:
    store, told = SecretStore(), list[ObservedSecret]()
    cluster = MemoryCluster()
    cluster.fail_next("create", "secrets", ClusterUnavailable("gone"))
    writer = SecretWriter(api=cluster, store=store, digester=DIGESTER)

    with pytest.raises(ClusterUnavailable):
        writer.create(desired(), NOW)
    store.hear(at("7"), told.append)

    assert told == [at("7")]


def test_a_write_keeps_nothing_back_about_another_secret() -> None:
    store, told = SecretStore(), list[ObservedSecret]()
    other = observed(ref=Ref("team", "other"))

    store.begin_write(TARGET)
    store.hear(other, told.append)

    assert told == [other]
