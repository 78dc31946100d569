"""The parts of ``doctor`` that need no server; tests/integration/test_doctor.py has each fault for real."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS
from secrets_manager.cluster.lead.lease import LeaseRecord
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.commands.doctor.estate import read_estate
from secrets_manager.commands.doctor.examining import examine
from secrets_manager.commands.doctor.findings import Finding, Level, fail, named, ok, warn
from secrets_manager.commands.doctor.of_cluster import clock_finding, schema_findings
from secrets_manager.commands.doctor.of_election import lease_finding
from secrets_manager.commands.doctor.showing import as_data, as_text
from secrets_manager.commands.schema.crd import schema
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Forbidden
from secrets_manager.settings import Settings
from tests.unit.backends.tables import rows

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
NOBODY: Any = None


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ahead", "level", "said"),
    rows(
        {
            "the same": (0.0, Level.OK, "agrees"),
            "a cut fraction of a second": (-0.9, Level.OK, "agrees"),
            "a little ahead": (9.0, Level.OK, "agrees"),
            "notably ahead": (15.0, Level.WARN, "13s ahead of this one"),
            "notably behind": (-15.0, Level.WARN, "14s behind this one"),
            "harmfully ahead": (600.0, Level.FAIL, "598s ahead of this one"),
            "harmfully behind": (-86_400.0, Level.FAIL, "86399s behind this one"),
        }
    ),
)
def test_clocks_differ_by_at_least_what_is_certain(ahead: float, level: Level, said: str) -> None:
    """The call took two seconds, in which the other clock was read."""
    date = format_datetime(NOW + timedelta(seconds=ahead), usegmt=True)

    (found,) = clock_finding("the API server", date, NOW, NOW + timedelta(seconds=2))

    assert found.level is level
    assert said in found.found
    assert bool(found.advice) is (level is not Level.OK)


@pytest.mark.parametrize("date", [None, "", "today", "Mon, 99 Foo 2026"])
def test_a_server_that_does_not_say_its_time_is_not_judged(date: str | None) -> None:
    assert list(clock_finding("x", date, NOW, NOW)) == []


# ── the CRD ──────────────────────────────────────────────────────────────────────────────────────────


def changed(**fields: Any) -> dict[str, Any]:
    """The schema of this release with other fields of the spec; None leaves one out."""
    found = copy.deepcopy(schema())
    spec = found["properties"]["spec"]["properties"]
    for name, value in fields.items():
        if value is None:
            del spec[name]
        else:
            spec[name] = value
    return found


@pytest.mark.parametrize(
    ("theirs", "level", "said"),
    rows(
        {
            "the same": (changed(), Level.OK, "installed"),
            "without descriptions": (
                {"properties": {**changed()["properties"], "metadata": {}}},
                Level.OK,
                "installed",
            ),
            "older": (changed(restart=None), Level.FAIL, "older than this release"),
            "newer": (
                changed(next={"type": "string"}),
                Level.WARN,
                "'spec.next', which this release ignores",
            ),
            "another rule": (changed(name={"type": "string"}), Level.WARN, "it differs"),
            "another": (changed(name=None, next={"type": "string"}), Level.FAIL, "lacks 'spec.name' and has"),
            "nothing": ({}, Level.FAIL, "older than this release"),
        }
    ),
)
def test_the_schema_of_a_cluster_is_compared_field_by_field(
    theirs: dict[str, Any], level: Level, said: str
) -> None:
    (found,) = schema_findings(theirs)

    assert (found.level, said in found.found) == (level, True)


# ── the Lease ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "level", "said"),
    rows(
        {
            "renewed a moment ago": (
                {"renew_time": "2026-11-30T11:59:57.000000Z"},
                Level.OK,
                "renewed it 3s ago",
            ),
            "renewed by a clock that is ahead": ({"renew_time": "2026-11-30T12:00:09Z"}, Level.OK, "0s ago"),
            "renewed long ago": ({"renew_time": "2026-11-30T11:00:00Z"}, Level.FAIL, "nobody leads"),
            "given up": ({"holder": ""}, Level.FAIL, "gave it up"),
            "never renewed": ({}, Level.FAIL, "never renewed it"),
            "a time that is none": ({"renew_time": "yesterday"}, Level.FAIL, "never renewed it"),
        }
    ),
)
def test_a_lease_says_whether_anybody_leads(fields: dict[str, str], level: Level, said: str) -> None:
    record = LeaseRecord(**{"holder": "pod\x1b-1", "duration_seconds": 15, **fields})  # type: ignore[arg-type]

    found = lease_finding(record, NOW)

    assert (found.level, said in found.found) == (level, True)
    assert "\x1b" not in found.found


# ── all together ─────────────────────────────────────────────────────────────────────────────────────


def test_what_fails_or_hangs_hides_nothing_and_shows_no_text_of_a_stranger() -> None:
    forever = threading.Event()

    def works(_: object) -> Iterator[Finding]:
        yield ok("works", "fine")

    def is_away(_: object) -> Iterator[Finding]:
        yield ok("is_away", "so far")
        raise ClusterUnavailable("no answer")

    def is_forbidden(_: object) -> Iterator[Finding]:
        raise Forbidden("RBAC does not grant the daemon the verb 'list'")

    def breaks(_: object) -> Iterator[Finding]:
        raise RuntimeError("canary")

    def hangs(_: object) -> Iterator[Finding]:
        yield ok("hangs", "first")
        forever.wait()

    chosen = [(check.__name__, check) for check in (works, is_away, is_forbidden, breaks, hangs)]
    chosen += [("cluster", is_away)]
    findings = examine(NOBODY, chosen, 0.3)
    forever.set()

    assert [(each.check, str(each.level)) for each in findings] == [
        ("works", "ok"),
        ("is_away", "ok"),
        ("is_away", "fail"),
        ("is_forbidden", "fail"),
        ("breaks", "fail"),
        ("hangs", "ok"),
        ("hangs", "fail"),
        ("is_away", "ok"),
        ("cluster", "fail"),
    ]
    assert "canary" not in str(findings)
    assert "run it in the daemon's pod" in findings[3].advice
    assert findings[4].found == "cannot be looked at: unexpected RuntimeError"
    assert findings[6].found == "did not answer within 0.3s"
    # The check that the others are referred to refers to no other.
    assert findings[2].advice == "see the other findings first"
    assert findings[8].advice == "mend that first: most of the other checks need it"


def test_findings_are_lines_with_what_to_do_below_and_no_control_characters() -> None:
    findings = [ok("a", "x\x1b[2J"), warn("long name", "y\nz", "do"), fail("b", "w", "mend\r it")]

    assert as_text(findings).plain.split("\n") == [
        "ok     a           x\\x1b[2J",
        "warn   long name   y\\nz",
        "                   -> do",
        "fail   b           w",
        "                   -> mend\\r it",
        "1 ok, 1 warn, 1 fail",
    ]
    data = as_data(findings)
    assert {name: data[name] for name in ("ok", "warn", "fail")} == {"ok": 1, "warn": 1, "fail": 1}
    assert data["findings"][0] == {"check": "a", "level": "ok", "found": "x\x1b[2J", "advice": None}


def test_only_the_first_names_are_told() -> None:
    assert named([f"n{number}" for number in range(8)]) == "'n0', 'n1', 'n2', 'n3', 'n4' and 3 more"
    assert named([Ref("a", "b")]) == "'a/b'"


# ── ten thousand definitions ─────────────────────────────────────────────────────────────────────────


def definition(number: int, **spec: Any) -> dict[str, Any]:
    keys = {"k": {"path": f"secret/data/p{number % 50}", "key": "k"}}
    return {
        "metadata": {"name": f"d{number}", "namespace": "shop", "generation": 1},
        "spec": {"name": f"s{number}", "keysMap": keys, **spec},
        "status": {
            "observedGeneration": 1,
            "conditions": [
                {"type": "Ready", "status": "False" if number % 100 == 0 else "True", "reason": "KeyNotFound"}
            ],
        },
    }


def test_ten_thousand_definitions_are_read_page_by_page_and_counted() -> None:
    cluster = MemoryCluster(page_size=500, status_subresource=False)
    for number in range(10_000):
        cluster.create(DEFINITIONS, "shop", definition(number))
    cluster.create(DEFINITIONS, "shop", definition(10_001, name="s7", suspend=True))
    cluster.create(DEFINITIONS, "shop", definition(10_002, backend="eu"))
    cluster.create(DEFINITIONS, "shop", definition(10_003, name="A/B"))
    cluster.create(DEFINITIONS, "shop", definition(10_005, onDelete="Retain", restart={"referencing": True}))

    estate = read_estate(cluster, Settings(), [None])

    assert (estate.count, estate.suspended, estate.restarting) == (10_004, 1, True)
    assert len(estate.sources["default"]) == 50
    assert dict(estate.unready) == {"KeyNotFound": 100}
    assert {reason: list(about) for reason, about in estate.refused.items()} == {
        "UnknownBackend": [Ref("shop", "d10002")],
        "InvalidSpec": [Ref("shop", "d10003")],
    }
    assert len(estate.fights) == 1
    assert set(estate.fights[0]) == {Ref("shop", "d10001"), Ref("shop", "d7")}
    assert estate.retained == {Ref("shop", "s10005")}


def test_namespaces_that_the_daemon_leaves_alone_are_left_out() -> None:
    cluster = MemoryCluster()
    cluster.create(DEFINITIONS, "shop", definition(1))
    settings = Settings()
    controller = type(settings.controller)(exclude_namespaces=("shop",))

    found = read_estate(cluster, type(settings)(controller=controller), [None])

    assert found.count == 0
