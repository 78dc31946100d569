"""Which workloads are restarted for which changes, and what is said where that cannot be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from secrets_manager.domain.restart_wish import RestartWish, WorkloadKind, WorkloadName
from secrets_manager.domain.restarts import (
    Change,
    Restart,
    Shortfall,
    Workload,
    dated,
    due_restarts,
    listed,
    to_be_dated,
)
from secrets_manager.domain.update_times import believable, shifted

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
EARLIER, LEVEL, LATER = "2026-05-04T11.58.00Z", "2026-05-04T11.59.00Z", "2026-05-04T11.59.30Z"
SHOP = WorkloadName(WorkloadKind.DEPLOYMENT, "shop")
BY_NAME = RestartWish(workloads=(SHOP,))
BY_USE = RestartWish(referencing=True)


def workload(**changes: Any) -> Workload:
    plain = Workload(name=SHOP, uid="u", version="1", created="2026-01-01T00:00:00Z")
    return replace(plain, **changes)


def change(**changes: Any) -> Change:
    return replace(Change(secret="app", level=LEVEL, wish=BY_NAME), **changes)


def due(changes: list[Change], *workloads: Workload) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (restart.workload.name.name, restart.level, restart.secrets)
        for restart in due_restarts(changes, workloads or (workload(),), NOW)
    ]


@pytest.mark.parametrize(
    ("found", "is_due"),
    [
        (workload(), True),
        (workload(restarted_for=EARLIER), True),
        (workload(restarted_for=LEVEL), False),
        (workload(restarted_for=LATER), False),
        (workload(restarted_for="yesterday"), True),
        (workload(restarted_for="2099-01-01T00.00.00Z"), True),
        (workload(created="2026-05-04T11:59:01Z"), False),
        (workload(created="2026-05-04T11:59:00Z"), True),
        (workload(created="2026-05-04T11:58:59Z"), True),
        (workload(deleting=True), False),
        (workload(has_template=False), False),
        (workload(name=WorkloadName(WorkloadKind.STATEFUL_SET, "shop")), False),
    ],
    ids=[
        "never restarted",
        "restarted for an earlier change",
        "restarted for this change",
        "restarted for a later change",
        "a mark that is no time",
        "a mark that no clock of ours gave",
        "made after the change",
        "made in the same second",
        "made before the change",
        "going away",
        "without pods of its own",
        "another kind of that name",
    ],
)
def test_a_workload_is_restarted_if_its_pods_may_be_older_than_the_change(
    found: Workload, *, is_due: bool
) -> None:
    assert due([change()], found) == ([("shop", LEVEL, ("app",))] if is_due else [])


def test_a_workload_that_references_the_secret_is_restarted_if_that_is_wished() -> None:
    users = workload(secrets=frozenset({"app", "other"}))

    assert due([change(wish=BY_USE)], users) == [("shop", LEVEL, ("app",))]
    assert due([change(wish=BY_USE, secret="third")], users) == []
    assert due([change(wish=RestartWish(workloads=(WorkloadName(SHOP.kind, "b"),)))], users) == []


def test_several_changes_restart_a_workload_once_with_the_newest_time() -> None:
    users = workload(secrets=frozenset({"app", "tls"}))
    changes = [change(), change(secret="tls", level=LATER, wish=BY_USE), change(secret="x", level=EARLIER)]

    assert due(changes, users) == [("shop", LATER, ("app", "tls", "x"))]


def test_one_definition_that_names_a_workload_and_finds_it_by_use_restarts_it_once() -> None:
    wish = RestartWish(workloads=(SHOP,), referencing=True)

    assert due([change(wish=wish)], workload(secrets=frozenset({"app"}))) == [("shop", LEVEL, ("app",))]


def test_only_the_changes_that_a_workload_lacks_count() -> None:
    changes = [change(level=LATER), change(secret="old", level=EARLIER)]

    assert due(changes, workload(restarted_for=LEVEL)) == [("shop", LATER, ("app",))]


def test_a_fresh_change_is_restarted_for_even_under_a_later_mark() -> None:
    """The clock of the replica that set the mark was ahead of ours."""
    marked = workload(restarted_for=LATER)

    assert due([change(fresh=True)], marked) == [("shop", "2026-05-04T11.59.31Z", ("app",))]
    assert due([change(fresh=True)], workload(created="2026-05-04T11:59:01Z")) == []


def test_the_clock_of_the_api_server_decides_what_was_made_after_the_change() -> None:
    made = workload(created="2026-05-04T11:59:20Z")

    assert due([dated(change(), "2026-05-04T11:59:21Z")], made) == [("shop", LEVEL, ("app",))]
    assert due([dated(change(level=LATER), "2026-05-04T11:59:19Z")], made) == []


@pytest.mark.parametrize(
    ("created", "close"),
    [
        ("2026-05-04T11:40:00Z", set()),
        ("2026-05-04T11:49:01Z", {"app"}),
        ("2026-05-04T11:59:59Z", {"app"}),
        ("", set()),
    ],
)
def test_clocks_are_compared_only_where_it_matters(created: str, close: set[str]) -> None:
    assert to_be_dated([change()], [workload(created=created)]) == close


def test_nothing_is_due_without_a_change() -> None:
    assert due([]) == []


# ── times ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (LEVEL, True),
        ("2026-05-04T12.59.59Z", True),
        ("2026-05-04T13.00.01Z", False),
        ("2026-05-04T11:59:00Z", False),
        ("", False),
        ("zzzz", False),
    ],
)
def test_only_times_that_can_have_passed_are_believed(text: str, *, counts: bool) -> None:
    assert believable(text, NOW) == (text if counts else "")


def test_a_text_that_is_no_time_is_not_moved() -> None:
    assert shifted("9999-12-31T23.59.59Z", 1) == "9999-12-31T23.59.59Z"
    assert shifted("x", 1) == "x"
    assert shifted(LEVEL, 60) == "2026-05-04T12.00.00Z"


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────


def test_names_in_messages_are_few() -> None:
    names = [WorkloadName(WorkloadKind.DEPLOYMENT, f"w{number}") for number in range(7)]

    assert listed(names[:2]) == "Deployment 'w0', Deployment 'w1'"
    assert listed(names).endswith("Deployment 'w4' and 2 more")


def test_a_shortfall_names_what_is_missing_and_each_fault_once() -> None:
    other = WorkloadName(WorkloadKind.ROLLOUT, "blue")
    shortfall = Shortfall(
        missing=(SHOP, other),
        without_template=(other,),
        failed={SHOP: "policy 'p' refused"},
        faults=("no right", "no right", "b", "c", "d"),
    )

    assert shortfall.sentence() == (
        "not all workloads of spec.restart can be restarted: Deployment 'shop', Rollout 'blue' are not there;"
        " Rollout 'blue' is without a pod template; no right; b; c; 2 more faults"
    )
    assert Shortfall().sentence() == ""


def test_a_sentence_about_many_workloads_is_short() -> None:
    names = tuple(WorkloadName(WorkloadKind.STATEFUL_SET, f"{number:0>250}") for number in range(64))
    failed = dict.fromkeys(names, "x" * 200)

    assert len(Shortfall(missing=names, failed=failed).sentence()) < 3500


def test_a_restart_knows_the_workload_as_it_was_seen() -> None:
    (restart,) = due_restarts([change()], [workload(version="77")], NOW)

    assert restart == Restart(workload=workload(version="77"), level=LEVEL, secrets=("app",))
