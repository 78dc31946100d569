"""Writes that meet an object, or a whole namespace, that went in the very moment."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, NotFound
from secrets_manager.cluster.definition_store import DefinitionStore
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.cluster.writer import DefinitionWriter, SecretWriter
from secrets_manager.domain.condition import Condition, Status
from secrets_manager.domain.errors import NamespaceTerminating
from tests.unit.cluster.objects import DIGESTER, REF, Clock, desired, raw_definition

NOW = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
STATUS = Status(
    observed_generation=1,
    secret_name="db",
    condition=Condition(
        ready=True,
        reason="Synced",
        message="m",
        observed_generation=1,
        last_transition_time="2026-01-01T00:00:00Z",
    ),
)


def fresh() -> dict[str, Any]:
    """The body of a definition as somebody applies it."""
    body = raw_definition()
    for name in ("uid", "resourceVersion"):
        body["metadata"].pop(name)
    return body


def test_a_definition_made_anew_while_its_status_is_written_does_not_end_all_statuses() -> None:
    cluster, store = MemoryCluster(), DefinitionStore()
    writer = DefinitionWriter(cluster, store, clock=Clock(), on_news=lambda _: None)
    cluster.create(DEFINITIONS, "shop", fresh())
    entry = writer.refresh(REF)
    assert entry is not None

    # Gone when the PUT arrives, there again under another uid when the writer asks why.
    cluster.fail_next("update", "secretdefinitions/status", NotFound("gone"))
    cluster.delete(DEFINITIONS, REF, {})
    cluster.create(DEFINITIONS, "shop", fresh())
    writer.write_status(entry, STATUS)

    anew = writer.refresh(REF)
    assert anew is not None
    writer.write_status(anew, STATUS)
    assert cluster.calls["update", "secretdefinitions/status"] == 2


def test_a_secret_for_a_namespace_that_is_gone_is_no_failure_that_anybody_must_hear_of() -> None:
    cluster = MemoryCluster()
    writer = SecretWriter(api=cluster, store=SecretStore(), digester=DIGESTER)
    cluster.fail_next("create", "secrets", NotFound("namespaces 'shop' not found"))

    with pytest.raises(NamespaceTerminating):
        writer.create(desired(), NOW)
