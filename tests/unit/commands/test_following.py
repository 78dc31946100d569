"""A watch of definitions goes on after everything that ends one, and tells no change twice."""

from __future__ import annotations

from itertools import islice

import pytest

from secrets_manager.cluster.base import DEFINITIONS, Expired
from secrets_manager.commands.following import Following, What
from secrets_manager.commands.listing import LastChanges
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Forbidden
from tests.unit.commands.conftest import Desk


class Trial:
    """A Following with what it said about trouble, and how long it waited."""

    def __init__(self, desk: Desk, *names: str) -> None:
        self.troubles: list[str | None] = []
        self.pauses: list[float] = []
        self.following = Following(
            api=desk.api,
            namespace="shop",
            changes=LastChanges(desk.api),
            pause=self.pauses.append,
            troubled=self.troubles.append,
            names=frozenset(Ref("shop", name) for name in names) or None,
        )
        self.begun = [line.name for line in self.following.begin()]
        self.changes = self.following.run()

    def next(self, count: int) -> list[tuple[What, str]]:
        """The next changes, and the definitions that they are about."""
        return [(change.what, change.line.name) for change in islice(self.changes, count)]


def test_each_change_since_the_list_is_told(desk: Desk) -> None:
    desk.define("a")
    trial = Trial(desk)
    desk.report("a", "KeyNotFound")
    desk.define("b")
    desk.api.delete(DEFINITIONS, Ref("shop", "a"), {})

    assert trial.begun == ["a"]
    assert trial.next(3) == [(What.CHANGED, "a"), (What.FOUND, "b"), (What.DELETED, "a")]


def test_only_those_that_are_named_are_told(desk: Desk) -> None:
    trial = Trial(desk, "b")
    for name in ("a", "b"):
        desk.define(name)

    assert trial.next(1) == [(What.FOUND, "b")]


def test_what_changes_nothing_that_is_shown_is_not_told(desk: Desk) -> None:
    desk.define("a")
    trial = Trial(desk)
    desk.api.edit(DEFINITIONS, Ref("shop", "a"), {"metadata": {"labels": {"team": "x"}}})
    desk.report("a")

    assert trial.next(1) == [(What.CHANGED, "a")]


def test_after_a_version_that_is_too_old_the_list_is_compared_with_what_was_known(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.define(name)
    trial = Trial(desk)
    desk.api.fail_next("watch", "secretdefinitions", Expired("too old"))
    desk.api.delete(DEFINITIONS, Ref("shop", "a"), {})
    desk.report("b")

    assert trial.next(2) == [(What.DELETED, "a"), (What.CHANGED, "b")]
    assert trial.troubles == []


def test_while_the_api_server_is_away_it_waits_longer_and_longer_and_says_so_once(desk: Desk) -> None:
    trial = Trial(desk)
    away = [ClusterUnavailable("refused")] * 7
    desk.api.fail_next("watch", "secretdefinitions", *away)
    desk.define("a")

    assert trial.next(1) == [(What.FOUND, "a")]
    assert trial.pauses == [1, 2, 4, 8, 16, 30, 30]
    assert trial.troubles == ["refused", None]


def test_a_right_that_is_missing_ends_it(desk: Desk) -> None:
    trial = Trial(desk)
    desk.api.forbid("watch", "secretdefinitions")

    with pytest.raises(Forbidden):
        trial.next(1)
