"""List and watch, turn by turn: what the sink hears, and how long is waited before the next turn."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from secrets_manager.cluster.base import (
    SECRETS,
    Expired,
    Json,
    NotFound,
    Page,
    Scope,
    WatchCutShort,
    WatchEvent,
)
from secrets_manager.cluster.informer import Informer, Pace
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized, ClusterUnavailable, Forbidden
from secrets_manager.runtime.heartbeat import Heartbeat, Heartbeats
from tests.testbed.waiting import wait_until
from tests.unit.cluster.objects import Clock, raw_secret

SCOPE = Scope(resource=SECRETS, namespace="shop", selector="ours=yes")


class Notebook:
    """A sink that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def listed(self, raw: Json) -> None:
        self.heard.append(("listed", raw["metadata"]["name"]))

    def complete(self, resource_version: str) -> None:
        self.heard.append(("complete", resource_version))

    def restart(self) -> None:
        self.heard.append(("restart", ""))

    def changed(self, raw: Json) -> None:
        self.heard.append(("changed", raw["metadata"]["name"]))

    def deleted(self, raw: Json) -> None:
        self.heard.append(("deleted", raw["metadata"]["name"]))

    def denied(self) -> None:
        self.heard.append(("denied", ""))

    def words(self) -> list[str]:
        """What was heard since the last time, first words only."""
        words, self.heard = [word for word, _ in self.heard], []
        return words


class Breaking(MemoryCluster):
    """Its lists can break off after a page; its watches can say more than a cluster in memory does."""

    def __init__(self) -> None:
        super().__init__(page_size=1)
        self.watch_seconds = 0.01
        self.break_after_page: Exception | None = None
        self.say: list[WatchEvent | Exception] = []
        self.watched_from: list[str] = []

    def pages(self, scope: Scope) -> Iterator[Page]:
        for page in super().pages(scope):
            yield page
            error, self.break_after_page = self.break_after_page, None
            if error:
                raise error

    def watch(self, scope: Scope, resource_version: str) -> Iterator[WatchEvent]:
        self.watched_from.append(resource_version)
        while self.say:
            word = self.say.pop(0)
            if isinstance(word, Exception):
                raise word
            yield word
        yield from super().watch(scope, resource_version)


class Desk:
    """An informer on such a cluster."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.cluster = Breaking()
        self.sink = Notebook()
        self.heartbeat: Heartbeat = Heartbeats(self.clock).register("informer", limit=120)
        self.informer = Informer(
            self.cluster, SCOPE, self.sink, self.heartbeat, Pace(jitter=lambda: 1.0), self.clock
        )

    def turn(self) -> float:
        """One list, if due, and one watch; the pause after it."""
        return self.informer._turn()

    def put(self, name: str, *, ours: str = "yes") -> Json:
        body = raw_secret(name, labels={"ours": ours})
        for field in ("uid", "resourceVersion"):
            body["metadata"].pop(field)
        return self.cluster.create(SECRETS, "shop", body)


def here(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What this thread logged: informers that other tests left behind may still have a word to say."""
    return [record for record in caplog.records if record.thread == threading.get_ident()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


# ── in good order ────────────────────────────────────────────────────────────────────────────────────


def test_the_first_turn_delivers_a_full_list_and_then_watches(desk: Desk) -> None:
    desk.put("a")
    desk.put("b")
    desk.put("foreign", ours="no")
    assert not desk.informer.synced.is_set()
    desk.turn()

    assert desk.sink.heard == [("restart", ""), ("listed", "a"), ("listed", "b"), ("complete", "4")]
    assert desk.informer.synced.is_set()
    assert desk.informer.settled.is_set()
    assert desk.informer.relists == 1


def test_later_turns_watch_on_from_the_last_event_and_list_nothing(desk: Desk) -> None:
    desk.turn()
    made = desk.put("a")
    desk.sink.words()
    desk.turn()
    desk.turn()

    assert desk.sink.heard == [("changed", "a")]
    assert desk.cluster.watched_from[-1] == made["metadata"]["resourceVersion"]
    assert desk.cluster.calls["list", "secrets"] == 1


def test_additions_changes_and_deletions_are_told(desk: Desk) -> None:
    desk.turn()
    desk.sink.words()
    desk.put("a")
    desk.cluster.edit(SECRETS, Ref("shop", "a"), {"metadata": {"annotations": {"x": "y"}}})
    desk.cluster.delete(SECRETS, Ref("shop", "a"), {})
    desk.turn()

    assert desk.sink.heard == [("changed", "a"), ("changed", "a"), ("deleted", "a")]


def test_a_bookmark_moves_the_version_and_says_nothing(desk: Desk) -> None:
    desk.turn()
    desk.sink.words()
    desk.cluster.say = [WatchEvent("BOOKMARK", {"kind": "Secret", "metadata": {"resourceVersion": "40"}})]
    desk.turn()
    desk.turn()

    assert desk.sink.heard == []
    assert desk.cluster.watched_from[-1] == "40"


def test_a_requested_list_is_delivered_at_the_next_turn_and_once(desk: Desk) -> None:
    desk.turn()
    desk.informer.request_relist()
    desk.turn()
    desk.turn()

    assert desk.informer.relists == 2


def test_a_watch_that_ended_is_followed_by_the_next_after_a_second(desk: Desk) -> None:
    assert [desk.turn() for _ in range(3)] == [1.0, 1.0, 1.0]


def test_a_watch_that_ends_at_once_without_a_word_is_a_fault_and_dialled_ever_more_seldom(desk: Desk) -> None:
    desk.informer.shortest_watch = 1.0

    assert [desk.turn() for _ in range(7)] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert isinstance(desk.informer.fault, WatchCutShort)
    assert desk.cluster.calls["list", "secrets"] == 1


def test_a_short_watch_that_told_something_is_none(desk: Desk) -> None:
    desk.informer.shortest_watch = 1.0
    desk.turn()
    desk.put("a")

    assert desk.turn() == 1.0
    assert desk.informer.fault is None


def test_it_tells_how_long_nothing_was_heard_and_why_it_listed(desk: Desk) -> None:
    assert desk.informer.silence() == 0
    desk.turn()
    desk.clock.now += 61
    assert desk.informer.silence() == 61
    desk.put("a")
    desk.cluster.compact()
    desk.turn()
    desk.turn()
    desk.informer.request_relist()
    desk.turn()

    assert desk.informer.lists == {"start": 1, "expired": 1, "returned": 0, "resync": 1}
    assert desk.informer.silence() == 0


def test_waiting_for_the_next_event_is_no_sign_of_death_and_handling_one_has_a_close_limit(
    desk: Desk,
) -> None:
    desk.informer.watch_silence = 85
    ages: list[float] = []
    told = desk.cluster.watch

    def watch(scope: Scope, resource_version: str) -> Iterator[WatchEvent]:
        desk.clock.now += 80
        ages.append(desk.heartbeat.age())
        yield from told(scope, resource_version)

    desk.cluster.watch = watch  # type: ignore[method-assign]
    desk.sink.changed = lambda raw: ages.append(desk.heartbeat.age())  # type: ignore[method-assign]
    desk.turn()
    desk.put("a")
    desk.turn()

    assert ages == [-5, -5, 0]
    assert desk.heartbeat.age() == 0


def test_a_watch_that_breaks_leaves_no_rest_behind(desk: Desk) -> None:
    desk.cluster.fail_next("watch", "secrets", ClusterUnavailable("down"))
    desk.turn()

    assert desk.heartbeat.age() == 0


def test_each_page_and_event_is_a_sign_of_life(desk: Desk) -> None:
    desk.clock.now += 500
    desk.turn()
    assert desk.heartbeat.age() == 0
    desk.clock.now += 500
    desk.put("a")
    desk.turn()

    assert desk.heartbeat.age() == 0


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_version_that_is_too_old_leads_to_a_full_list(desk: Desk) -> None:
    desk.turn()
    desk.put("a")
    desk.cluster.compact()
    desk.sink.words()
    desk.turn()
    desk.turn()

    assert desk.sink.words() == ["restart", "listed", "complete"]
    assert desk.informer.fault is None


def test_watches_that_always_expire_do_not_make_a_list_every_second(desk: Desk) -> None:
    desk.cluster.say = [Expired("gone")] * 6

    assert [desk.turn() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]


def test_an_event_after_such_trouble_makes_the_pauses_short_again(desk: Desk) -> None:
    desk.cluster.say = [Expired("gone")] * 3
    for _ in range(3):
        desk.turn()
    desk.put("a")
    desk.cluster.say = [WatchEvent("ADDED", raw_secret()), Expired("gone")]

    assert desk.turn() == 1.0


def test_a_list_that_breaks_off_is_never_complete(desk: Desk) -> None:
    desk.put("a")
    desk.put("b")
    desk.cluster.break_after_page = ClusterUnavailable("down")
    desk.turn()
    assert desk.sink.words() == ["restart", "listed"]
    assert not desk.informer.synced.is_set()
    desk.turn()

    assert desk.sink.words() == ["restart", "listed", "listed", "complete"]


def test_a_list_that_expires_half_way_starts_again(desk: Desk) -> None:
    desk.put("a")
    desk.put("b")
    desk.cluster.break_after_page = Expired("continue token")
    desk.turn()
    desk.turn()

    assert desk.sink.words() == ["restart", "listed", "restart", "listed", "listed", "complete"]


def test_a_requested_list_that_breaks_off_is_made_up_for(desk: Desk) -> None:
    desk.turn()
    desk.put("a")
    desk.informer.request_relist()
    desk.cluster.break_after_page = ClusterUnavailable("down")
    desk.turn()
    assert desk.informer.relists == 1
    desk.turn()

    assert desk.informer.relists == 2


def test_a_fault_is_logged_once_and_its_end_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk.turn()
    desk.cluster.fail_next("watch", "secrets", *[ClusterUnavailable("down")] * 3)
    for _ in range(5):
        desk.turn()

    assert [record.getMessage() for record in here(caplog)] == [
        "cannot list or watch",
        "list and watch work again",
    ]


def test_another_fault_is_logged_too(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.cluster.fail_next("list", "secrets", ClusterUnavailable("down"), ClusterUnauthorized("who?"))
    desk.turn()
    desk.turn()

    assert [getattr(record, "reason", "") for record in here(caplog)] == [
        "ClusterUnavailable",
        "ClusterUnauthorized",
    ]


def test_a_fault_keeps_the_version_so_that_nothing_is_listed_again(desk: Desk) -> None:
    desk.turn()
    desk.cluster.fail_next("watch", "secrets", ClusterUnavailable("down"))
    desk.turn()
    desk.turn()

    assert desk.cluster.calls["list", "secrets"] == 1
    assert desk.informer.synced.is_set()


def test_how_long_it_fails_is_known(desk: Desk) -> None:
    desk.turn()
    assert desk.informer.failing_for() == 0
    desk.cluster.fail_next("watch", "secrets", *[ClusterUnavailable("down")] * 2)
    desk.turn()
    desk.clock.now += 90
    desk.turn()
    desk.clock.now += 90
    assert desk.informer.failing_for() == 180
    desk.turn()

    assert desk.informer.failing_for() == 0


def test_after_an_outage_a_list_tells_at_once_that_it_is_over(desk: Desk) -> None:
    told: list[float] = []
    desk.informer.recovered = lambda: told.append(desk.clock.now)
    desk.turn()
    desk.cluster.fail_next("watch", "secrets", ClusterUnavailable("down"))
    desk.turn()
    desk.clock.now += 60
    desk.turn()

    assert told[0] == desk.clock.now
    assert desk.informer.lists == {"start": 1, "returned": 1, "expired": 0, "resync": 0}
    assert desk.informer.fault is None


def test_a_short_interruption_goes_on_with_the_watch_and_is_no_outage(desk: Desk) -> None:
    told: list[float] = []
    desk.informer.recovered = lambda: told.append(desk.clock.now)
    desk.turn()
    desk.cluster.fail_next("watch", "secrets", ClusterUnavailable("down"))
    desk.turn()
    desk.clock.now += 5
    desk.turn()

    assert told == []
    assert desk.informer.relists == 1
    assert desk.informer.fault is None


def test_the_end_of_a_shorter_outage_is_told_by_the_watch(desk: Desk) -> None:
    told: list[float] = []
    desk.informer.recovered = lambda: told.append(desk.clock.now)
    desk.turn()
    desk.cluster.fail_next("watch", "secrets", ClusterUnavailable("down"))
    desk.turn()
    desk.clock.now += 20
    desk.turn()

    assert told == [desk.clock.now]
    assert desk.informer.relists == 1


def test_an_outage_that_goes_on_is_not_told_to_be_over(desk: Desk) -> None:
    told: list[float] = []
    desk.informer.recovered = lambda: told.append(desk.clock.now)
    desk.turn()
    for verb in ("list", "watch"):
        desk.cluster.fail_next(verb, "secrets", *[ClusterUnavailable("down")] * 10)
    for _ in range(5):
        desk.turn()
        desk.clock.now += 30

    assert told == []


def test_a_missing_right_is_told_and_settles_without_a_view(desk: Desk) -> None:
    desk.cluster.forbid("list", "secrets")
    pause = desk.turn()

    assert desk.sink.words() == ["restart", "denied"]
    assert (desk.informer.settled.is_set(), desk.informer.synced.is_set()) == (True, False)
    assert isinstance(desk.informer.fault, Forbidden)
    assert pause <= 1.0


def test_a_right_that_is_lost_ends_the_trust_and_its_return_lists_again(desk: Desk) -> None:
    desk.turn()
    desk.cluster.forbid("watch", "secrets")
    desk.turn()
    assert not desk.informer.synced.is_set()
    desk.cluster.permit("watch", "secrets")
    desk.sink.words()
    desk.turn()

    assert desk.sink.words() == ["restart", "complete"]
    assert desk.informer.synced.is_set()


def test_a_kind_that_is_not_served_is_waited_for(desk: Desk) -> None:
    desk.cluster.fail_next("list", "secrets", NotFound("no such kind"))
    desk.turn()
    assert not desk.informer.settled.is_set()
    desk.turn()

    assert desk.informer.synced.is_set()


def test_a_kind_that_vanishes_and_returns_is_listed_again(desk: Desk) -> None:
    desk.turn()
    desk.cluster.fail_next("watch", "secrets", NotFound("no such kind"))
    desk.turn()
    desk.turn()

    assert desk.informer.relists == 2


# ── pauses ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("jitter", "pauses"),
    [(1.0, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]), (0.0, [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0])],
)
def test_pauses_double_up_to_half_a_minute_with_half_of_it_jitter(jitter: float, pauses: list[float]) -> None:
    pace = Pace(jitter=lambda: jitter)

    assert [pace.after_failure(WatchCutShort("at once")) for _ in pauses] == pauses


def test_a_server_that_does_not_answer_is_asked_again_within_eight_seconds() -> None:
    pace = Pace(jitter=lambda: 1.0)

    assert [pace.after_failure(ClusterUnavailable("down")) for _ in range(6)] == [
        1.0,
        2.0,
        4.0,
        8.0,
        8.0,
        8.0,
    ]


def test_the_pause_the_server_asks_for_is_kept() -> None:
    pace = Pace(jitter=lambda: 0.0)

    assert pace.after_failure(ClusterUnavailable("busy", retry_after=12)) == 12


def test_the_pause_before_a_missing_right_is_tried_again_doubles_up_to_one_of_its_own() -> None:
    """An API server that just started refuses everybody until it has read the roles."""
    pace = Pace(forbidden=77.0, jitter=lambda: 1.0)

    pauses = [pace.after_failure(Forbidden("RBAC")) for _ in range(9)]

    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 77.0, 77.0]


def test_a_success_makes_the_next_pause_the_shortest() -> None:
    pace = Pace(jitter=lambda: 1.0)
    for _ in range(4):
        pace.after_failure(ClusterUnavailable("down"))

    assert pace.after_success() == 1.0
    assert pace.after_failure(ClusterUnavailable("down")) == 1.0


# ── the thread ───────────────────────────────────────────────────────────────────────────────────────


def test_the_thread_follows_the_cluster_until_it_is_stopped(desk: Desk) -> None:
    thread = threading.Thread(target=desk.informer.run)
    thread.start()
    assert desk.informer.synced.wait(20)
    desk.put("a")
    wait_until(lambda: ("changed", "a") in desk.sink.heard, 20, "the event")
    desk.informer.stop.set()
    thread.join(20)

    assert not thread.is_alive()


def test_a_stop_ends_a_long_pause(desk: Desk) -> None:
    desk.cluster.forbid("list", "secrets")
    thread = threading.Thread(target=desk.informer.run)
    thread.start()
    assert desk.informer.settled.wait(20)
    desk.informer.stop.set()
    thread.join(20)

    assert not thread.is_alive()
