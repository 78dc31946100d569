"""Writes that meet an object, or a whole namespace, that went in the very moment."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest

from secrets_manager.cluster.base import DEFINITIONS, NotFound
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.view.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.write.writer import DefinitionWriter, SecretWriter
from secrets_manager.domain.errors import ClusterUnavailable, NamespaceTerminating
from tests.builders import status
from tests.unit.cluster.objects import DIGESTER, REF, Clock, desired, raw_definition, unborn

NOW = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
STATUS = status(secret_name="db")


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster()


@pytest.fixture
def writer(cluster: MemoryCluster) -> DefinitionWriter:
    return DefinitionWriter(cluster, DefinitionStore(), clock=Clock(), on_change=lambda _: None)


def made(cluster: MemoryCluster, writer: DefinitionWriter) -> DefinitionEntry:
    """A definition that exists, as the writer knows it."""
    cluster.create(DEFINITIONS, "shop", unborn(raw_definition()))
    entry = writer.refresh(REF)
    assert entry is not None
    return entry


def test_a_definition_recreated_while_its_status_is_written_does_not_end_all_statuses(
    cluster: MemoryCluster, writer: DefinitionWriter
) -> None:
    entry = made(cluster, writer)

    # Gone when the PUT arrives, there again under another uid when the writer asks why.
    cluster.fail_next("update", "secretdefinitions/status", NotFound("gone"))
    cluster.delete(DEFINITIONS, REF, {})
    cluster.create(DEFINITIONS, "shop", unborn(raw_definition()))
    writer.write_status(entry, STATUS)

    anew = writer.refresh(REF)
    assert anew is not None
    writer.write_status(anew, STATUS)
    assert cluster.calls["update", "secretdefinitions/status"] == 2


def test_a_status_that_is_unknown_for_a_moment_is_that_definitions_trouble_and_ends_no_other_status(
    cluster: MemoryCluster, writer: DefinitionWriter
) -> None:
    entry = made(cluster, writer)
    assert writer.write_status(entry, STATUS)
    for _ in range(9):
        cluster.fail_next("update", "secretdefinitions/status", NotFound("not found"))
        with pytest.raises(ClusterUnavailable, match="status of 'db' just now"):
            writer.write_status(entry, STATUS)

    assert writer.write_status(entry, STATUS)


def test_statuses_that_stay_unknown_after_a_crd_was_put_back_are_done_without(
    cluster: MemoryCluster, writer: DefinitionWriter
) -> None:
    entry = made(cluster, writer)
    assert writer.write_status(entry, STATUS)
    cluster.fail_next("update", "secretdefinitions/status", *[NotFound("not found")] * 1000)
    for _ in range(100):
        with contextlib.suppress(ClusterUnavailable):
            assert not writer.write_status(entry, STATUS)

    assert cluster.calls["update", "secretdefinitions/status"] < 30


def test_a_secret_for_a_namespace_that_is_gone_is_no_failure_that_anybody_must_hear_of() -> None:
    cluster = MemoryCluster()
    writer = SecretWriter(api=cluster, store=SecretStore(), digester=DIGESTER)
    cluster.fail_next("create", "secrets", NotFound("namespaces 'shop' not found"))

    with pytest.raises(NamespaceTerminating):
        writer.create(desired(), NOW)
