"""List and watch, turn by turn: what the sink hears, and how long is waited before the next turn."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

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
    nothing,
)
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.view.informer import Informer
from secrets_manager.cluster.view.pace import ReconnectPace
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    ClusterUnauthorized,
    ClusterUnavailable,
    Forbidden,
    RejectedByCluster,
    SecretsManagerError,
)
from secrets_manager.runtime.heartbeat import Heartbeat, Heartbeats
from tests.testbed.waiting import wait_until
from tests.unit.cluster.objects import Clock, raw_secret, unborn

SCOPE = Scope(resource=SECRETS, namespace="shop", selector="ours=yes")


class Notebook:
    """A sink that records its calls."""

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
        """The calls since the last time, first words only."""
        words, self.heard = [word for word, _ in self.heard], []
        return words


class Breaking(MemoryCluster):
    """Its lists can break off after a page; its watches can say more than a cluster in memory does."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(page_size=1)
        self.watch_seconds = 0.01
        self.break_after_page: Exception | None = None
        self.say: list[WatchEvent | Exception] = []
        self.watched_from: list[str] = []
        self.clock = clock
        self.page_seconds = 0.0
        self.watch_lasts = 0.0
        self.while_open: Callable[[], None] = nothing
        self.opening_seconds = 0.0

    def faults_end(self) -> None:
        """What was to fail works."""
        self._faults.clear()

    def pages(self, scope: Scope) -> Iterator[Page]:
        for page in super().pages(scope):
            self.clock.now += self.page_seconds
            yield page
            error, self.break_after_page = self.break_after_page, None
            if error:
                raise error

    def watch(
        self, scope: Scope, resource_version: str, opened: Callable[[], None] = nothing
    ) -> Iterator[WatchEvent]:
        self.watched_from.append(resource_version)
        self.clock.now += self.opening_seconds
        if self.say and not isinstance(self.say[0], Exception):
            opened()
        while self.say:
            word = self.say.pop(0)
            if isinstance(word, Exception):
                raise word
            yield word
        yield from super().watch(scope, resource_version, opened)
        self.while_open()
        self.clock.now += self.watch_lasts


class Desk:
    """An informer on such a cluster."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.cluster = Breaking(self.clock)
        self.sink = Notebook()
        self._next_at = 0.0
        self.heartbeat: Heartbeat = Heartbeats(self.clock).register("informer", limit=120)
        self.informer = Informer(
            self.cluster, SCOPE, self.sink, self.heartbeat, ReconnectPace(jitter=lambda: 1.0), self.clock
        )

    def turn(self) -> float:
        """One list, if due, and one watch; the pause after it."""
        return self.informer._turn()

    def turn_with(self, *words: WatchEvent | Exception) -> float:
        """A turn whose watch says this first."""
        self.cluster.say = [*words]
        return self.turn()

    def pass_time(self, seconds: float) -> float:
        """So many turns with their pauses; returns the seconds that they took, at least so many."""
        began = self.clock.now
        while self.clock.now < began + seconds:
            pause = max(0.0, self._next_at - self.clock.now)
            if self.clock.now + pause >= began + seconds:
                self.clock.now = began + seconds
                break
            self.clock.now += pause
            pause = self.turn()
            self._next_at = self.clock.now + pause
        return self.clock.now - began

    def put(self, name: str, *, ours: str = "yes") -> Json:
        return self.cluster.create(SECRETS, "shop", unborn(raw_secret(name, labels={"ours": ours})))


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


def test_the_sink_receives_additions_changes_and_deletions(desk: Desk) -> None:
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


def test_after_three_watches_that_end_at_once_lists_take_their_place(desk: Desk) -> None:
    desk.informer.shortest_watch = 1.0
    assert [desk.turn() for _ in range(3)] == [1.0, 2.0, 2.5]
    assert desk.informer.unwatched
    assert isinstance(desk.informer.fault, WatchCutShort)
    desk.put("a")
    desk.sink.words()
    desk.cluster.watched_from.clear()
    desk.turn()

    assert desk.sink.words() == ["restart", "listed", "complete"]
    assert desk.informer.lists["unwatched"] == 1
    assert desk.cluster.watched_from == [], "it is too early for the next watch"


@pytest.mark.parametrize("told", ["nothing", "a bookmark", "what was told before"])
def test_a_watch_that_ends_without_a_new_event_counts_as_failed(desk: Desk, told: str) -> None:
    made = desk.put("a")
    words = {
        "nothing": [],
        "a bookmark": [WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "900"}})],
        "what was told before": [WatchEvent("ADDED", made)],
    }[told]
    desk.informer.shortest_watch = 1.0
    for _ in range(3):
        desk.cluster.say = [*words]
        desk.turn()

    assert desk.informer.unwatched


def test_lists_in_place_of_watches_come_every_other_second_and_watches_ever_more_seldom(desk: Desk) -> None:
    desk.informer.shortest_watch = 1.0
    seconds = desk.pass_time(300)

    assert 300 / 2.7 < desk.informer.relists < 300 / 2
    assert len(desk.cluster.watched_from) < 5 + 300 / 30 * 1.2
    assert seconds >= 300


def test_lists_in_place_of_watches_take_a_twentieth_of_the_time(desk: Desk) -> None:
    desk.informer.shortest_watch = 1.0
    desk.cluster.page_seconds = 0.7
    desk.pass_time(600)

    # Each takes 0.7 s, and 14 s to 17.5 s pass in between.
    assert 600 / 19 < desk.informer.relists < 600 / 14


def test_lists_that_take_long_still_come_each_half_minute(desk: Desk) -> None:
    desk.informer.shortest_watch = 1.0
    desk.cluster.page_seconds = 9.0
    desk.pass_time(900)

    assert desk.informer.relists >= 900 / (9 + 30 * 1.25) - 1


def test_the_first_list_in_place_of_watches_comes_soon_whatever_lists_cost(desk: Desk) -> None:
    desk.put("old")
    desk.cluster.page_seconds = 9.0
    desk.informer.shortest_watch = 1.0
    pauses: list[float] = []
    while not desk.informer.unwatched:
        pauses.append(desk.turn())
        desk.clock.now += pauses[-1]

    assert pauses[-1] <= 6.25
    assert desk.turn() >= 20.0


def test_watches_that_come_and_go_do_not_make_lists_that_take_long_frequent(desk: Desk) -> None:
    desk.put("old")
    desk.cluster.page_seconds = 9.0
    desk.informer.shortest_watch = 1.0
    began = desk.clock.now
    while desk.clock.now < began + 900:
        desk.cluster.watch_lasts = 0.0 if desk.cluster.watch_lasts else 5.0
        for _ in range(4):
            desk.pass_time(5)

    assert desk.informer.relists <= 900 / 30 + 2


def test_a_watch_that_lasts_ends_the_lists(desk: Desk) -> None:
    desk.informer.shortest_watch = 1.0
    desk.pass_time(60)
    before = desk.informer.lists["unwatched"]
    assert before > 10
    desk.cluster.watch_lasts = 60.0
    desk.pass_time(100)
    before = desk.informer.relists
    desk.pass_time(300)

    assert not desk.informer.unwatched
    assert desk.informer.fault is None
    assert desk.informer.relists == before


def test_a_watch_with_a_new_event_ends_the_lists_however_short_the_watch_is(desk: Desk) -> None:
    desk.informer.shortest_watch = 1.0
    for _ in range(4):
        desk.turn()
    desk.clock.now += 60
    desk.turn_with(WatchEvent("ADDED", raw_secret(name="late", resourceVersion="500")))

    assert not desk.informer.unwatched
    assert desk.informer.fault is None


@pytest.mark.parametrize(
    "error",
    [
        Forbidden("RBAC"),
        RejectedByCluster("the API server answered 405"),
        ClusterUnavailable("500"),
        ClusterUnavailable("429", retry_after=30.0),
        Expired("gone"),
        NotFound("no such kind"),
    ],
)
def test_however_watches_are_refused_what_is_new_is_known_within_five_seconds(
    desk: Desk, error: SecretsManagerError
) -> None:
    desk.cluster.fail_next("watch", "secrets", *[error] * 1000)
    desk.pass_time(5)
    for number in range(20):
        desk.put(f"new-{number}")
        made_at = desk.clock.now
        while ("listed", f"new-{number}") not in desk.sink.heard:
            desk.pass_time(0.1)
        assert desk.clock.now - made_at <= 5

    assert desk.informer.synced.is_set()
    assert "denied" not in desk.sink.words()
    assert desk.cluster.calls["watch", "secrets"] < 25
    assert desk.informer.failing_for() <= 5


def test_a_watch_that_hangs_until_its_time_is_over_is_followed_by_a_list(desk: Desk) -> None:
    desk.turn()
    desk.cluster.opening_seconds = 10.0
    assert desk.turn_with(ClusterUnavailable("timed out")) <= 1
    assert desk.informer.unwatched
    desk.put("new")
    desk.pass_time(5)

    assert ("listed", "new") in desk.sink.heard


def test_a_watch_that_fell_silent_goes_on_from_its_last_version(desk: Desk) -> None:
    desk.turn()
    desk.cluster.opening_seconds = 75.0
    desk.turn_with(ClusterUnavailable("silent"))

    assert not desk.informer.unwatched
    desk.turn()
    assert desk.informer.relists == 1


def test_a_pause_that_is_asked_for_before_the_next_list_is_kept(desk: Desk) -> None:
    desk.informer.shortest_watch = 1.0
    desk.pass_time(20)
    desk.cluster.fail_next("list", "secrets", ClusterUnavailable("busy", retry_after=25.0))
    pauses = [desk.turn()]
    while not desk.informer.cannot_list:
        desk.clock.now += pauses[-1]
        pauses.append(desk.turn())

    assert pauses[-1] == 25.0


def test_lists_in_place_of_watches_are_said_once_and_their_end_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk.informer.shortest_watch = 1.0
    desk.pass_time(300)
    desk.cluster.watch_lasts = 60.0
    desk.pass_time(300)

    assert [record.getMessage() for record in here(caplog)] == [
        "cannot list or watch",
        "no watch works; full lists replace watches",
        "list and watch work again",
    ]


def test_a_short_watch_that_delivered_an_event_is_no_fault(desk: Desk) -> None:
    desk.informer.shortest_watch = 1.0
    desk.turn()
    desk.put("a")

    assert desk.turn() == 1.0
    assert desk.informer.fault is None


def test_an_informer_knows_how_long_the_api_server_was_silent_and_why_each_list_was_made(desk: Desk) -> None:
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

    assert desk.informer.lists == {"start": 1, "expired": 1, "returned": 0, "resync": 1, "unwatched": 0}
    assert desk.informer.silence() == 0


def test_waiting_for_the_next_event_is_no_sign_of_death_and_handling_one_has_a_close_limit(
    desk: Desk,
) -> None:
    desk.informer.watch_silence = 85
    ages: list[float] = []
    told = desk.cluster.watch

    def watch(
        scope: Scope, resource_version: str, opened: Callable[[], None] = nothing
    ) -> Iterator[WatchEvent]:
        desk.clock.now += 80
        ages.append(desk.heartbeat.age())
        yield from told(scope, resource_version, opened)

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
    desk.cluster.say = [Expired("gone")] * 1000
    desk.pass_time(300)

    assert 300 / 2.7 < desk.informer.relists < 300 / 2
    assert desk.informer.unwatched


def test_an_event_after_such_trouble_makes_the_pauses_short_again(desk: Desk) -> None:
    desk.cluster.say = [Expired("gone")] * 3
    for _ in range(3):
        desk.turn()
    desk.clock.now += 60
    newest = WatchEvent("ADDED", raw_secret(name="a", resourceVersion="500"))

    assert desk.turn_with(newest, Expired("gone")) == 1.0


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
    desk.cluster.fail_next("watch", "secrets", *[ClusterUnavailable("down")] * 2)
    for _ in range(5):
        desk.turn()

    assert [record.getMessage() for record in here(caplog)] == [
        "cannot list or watch",
        "list and watch work again",
    ]


@pytest.mark.parametrize("refusal", [ClusterUnavailable("down"), Forbidden("no roles yet")])
def test_a_watch_that_is_accepted_after_a_refused_one_works_before_its_first_event(
    desk: Desk, refusal: SecretsManagerError
) -> None:
    seen: list[SecretsManagerError | None] = []
    desk.turn()
    desk.cluster.fail_next("watch", "secrets", refusal)
    desk.turn()
    assert desk.informer.fault == refusal
    desk.clock.now += 60
    desk.cluster.while_open = lambda: seen.append(desk.informer.fault)
    desk.turn()

    assert seen == [None]


def test_an_accepted_watch_after_one_that_was_cut_short_does_not_count_as_working_yet(desk: Desk) -> None:
    seen: list[SecretsManagerError | None] = []
    desk.informer.shortest_watch = 1.0
    desk.turn()
    fault = desk.informer.fault
    assert isinstance(fault, WatchCutShort)
    desk.clock.now += 60
    desk.cluster.while_open = lambda: seen.append(desk.informer.fault)
    desk.turn()

    assert seen == [fault]


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


def test_an_informer_knows_how_long_list_and_watch_have_failed(desk: Desk) -> None:
    desk.turn()
    assert desk.informer.failing_for() == 0
    desk.cluster.fail_next("watch", "secrets", ClusterUnavailable("down"))
    desk.cluster.fail_next("list", "secrets", ClusterUnavailable("down"))
    desk.turn()
    desk.clock.now += 90
    desk.turn()
    desk.clock.now += 90
    assert desk.informer.failing_for() == 180
    desk.turn()

    assert desk.informer.failing_for() == 0


def test_after_an_outage_a_list_shows_its_end_at_once(desk: Desk) -> None:
    told: list[float] = []
    desk.informer.recovered = lambda: told.append(desk.clock.now)
    desk.turn()
    desk.cluster.fail_next("watch", "secrets", ClusterUnavailable("down"))
    desk.turn()
    desk.clock.now += 60
    desk.turn()

    assert told[0] == desk.clock.now
    assert desk.informer.lists == {"start": 1, "returned": 1, "expired": 0, "resync": 0, "unwatched": 0}
    assert desk.informer.fault is None


@pytest.mark.parametrize(("seconds", "is_told"), [(5, False), (20, True)])
def test_after_an_interruption_the_watch_goes_on_and_only_the_end_of_an_outage_is_reported(
    desk: Desk,
    seconds: int,
    is_told: bool,  # noqa: FBT001
) -> None:
    told: list[float] = []
    desk.informer.recovered = lambda: told.append(desk.clock.now)
    desk.turn()
    desk.cluster.fail_next("watch", "secrets", ClusterUnavailable("down"))
    desk.turn()
    desk.clock.now += seconds
    desk.turn()

    assert told == ([desk.clock.now] if is_told else [])
    assert desk.informer.relists == 1
    assert desk.informer.fault is None


def test_the_end_of_an_outage_that_goes_on_is_not_reported(desk: Desk) -> None:
    told: list[float] = []
    desk.informer.recovered = lambda: told.append(desk.clock.now)
    desk.turn()
    for verb in ("list", "watch"):
        desk.cluster.fail_next(verb, "secrets", *[ClusterUnavailable("down")] * 10)
    for _ in range(5):
        desk.turn()
        desk.clock.now += 30

    assert told == []


def test_a_missing_right_is_logged_and_settles_the_informer_without_a_view(desk: Desk) -> None:
    desk.cluster.forbid("list", "secrets")
    pause = desk.turn()

    assert desk.sink.words() == ["restart", "denied"]
    assert (desk.informer.settled.is_set(), desk.informer.synced.is_set()) == (True, False)
    assert isinstance(desk.informer.fault, Forbidden)
    assert pause <= 1.0


def test_a_right_that_is_lost_ends_the_trust_and_its_return_lists_again(desk: Desk) -> None:
    desk.turn()
    for verb in ("list", "watch"):
        desk.cluster.forbid(verb, "secrets")
    desk.turn()
    desk.turn()
    assert not desk.informer.synced.is_set()
    assert desk.informer.by_name
    for verb in ("list", "watch"):
        desk.cluster.permit(verb, "secrets")
    desk.sink.words()
    desk.turn()

    assert desk.sink.words() == ["restart", "complete"]
    assert desk.informer.synced.is_set()
    assert not desk.informer.by_name


# ── lists that fail while others are answered ────────────────────────────────────────────────────────


UNDECRYPTABLE = ClusterUnavailable("the API server answered 500")


@pytest.mark.parametrize("started", ["at the start", "in the middle of life"])
@pytest.mark.parametrize(
    "error", [UNDECRYPTABLE, ClusterUnavailable("the reply is not a list"), RejectedByCluster("answered 400")]
)
def test_secrets_that_cannot_be_listed_while_others_are_answered_are_read_by_name_after_seconds(
    desk: Desk, started: str, error: SecretsManagerError
) -> None:
    desk.informer.others_answered = lambda: True
    if started == "in the middle of life":
        desk.turn()
    began = desk.clock.now
    for verb in ("list", "watch"):
        desk.cluster.fail_next(verb, "secrets", *[error] * 100)
    while not desk.informer.by_name:
        desk.pass_time(0.5)
        assert desk.clock.now - began <= 10

    assert desk.clock.now - began >= 4
    assert desk.informer.settled.is_set()
    assert not desk.informer.synced.is_set()
    assert desk.sink.words()[-1] == "denied"


def test_a_list_that_hangs_until_its_time_is_over_is_given_up_at_once_for_reads_by_name(desk: Desk) -> None:
    desk.informer.others_answered = lambda: True
    desk.put("a")
    desk.put("b")
    desk.cluster.page_seconds = 10.0
    desk.cluster.break_after_page = ClusterUnavailable("timed out")
    desk.turn()

    assert desk.informer.by_name


def test_while_the_api_server_answers_no_call_nothing_is_read_by_name(desk: Desk) -> None:
    asked: list[float] = []

    def nobody() -> bool:
        asked.append(desk.clock.now)
        return False

    desk.informer.others_answered = nobody
    for verb in ("list", "watch"):
        desk.cluster.fail_next(verb, "secrets", *[ClusterUnavailable("down")] * 1000)
    desk.pass_time(300)

    assert not desk.informer.settled.is_set()
    assert "denied" not in desk.sink.words()
    assert len(asked) < 300 / 7


def test_a_resource_that_has_no_other_way_to_be_read_waits_for_its_list(desk: Desk) -> None:
    desk.cluster.fail_next("list", "secrets", *[UNDECRYPTABLE] * 1000)
    desk.pass_time(300)

    assert not desk.informer.by_name
    assert not desk.informer.settled.is_set()


def test_secrets_that_are_read_by_name_are_listed_again_and_that_is_logged_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk.informer.others_answered = lambda: True
    desk.put("a")
    desk.cluster.fail_next("list", "secrets", *[UNDECRYPTABLE] * 1000)
    desk.pass_time(600)
    assert desk.cluster.calls["list", "secrets"] <= 600 / 12
    desk.cluster.faults_end()
    desk.sink.words()
    desk.pass_time(30)

    assert desk.sink.words() == ["restart", "listed", "complete"]
    assert (desk.informer.by_name, desk.informer.fault) == (False, None)
    assert [record.getMessage() for record in here(caplog)] == [
        "cannot list or watch",
        "no list works; each Secret is read by name",
        "list and watch work again",
    ]


def test_lists_that_always_expire_are_logged_and_their_objects_read_by_name(desk: Desk) -> None:
    desk.informer.others_answered = lambda: True
    desk.cluster.fail_next("list", "secrets", *[Expired("continue token")] * 100)
    desk.pass_time(20)

    assert desk.informer.by_name
    assert isinstance(desk.informer.fault, Expired)


def test_a_check_on_the_watch_that_fails_ends_no_watch_and_no_trust(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.informer.others_answered = lambda: True
    desk.turn()
    desk.cluster.fail_next("list", "secrets", *[UNDECRYPTABLE] * 100)
    desk.informer.request_relist()
    desk.pass_time(60)
    desk.put("new")
    desk.pass_time(10)

    assert ("changed", "new") in desk.sink.heard
    assert desk.informer.synced.is_set()
    assert (desk.informer.by_name, desk.informer.fault) == (False, None)
    told = [record.getMessage() for record in here(caplog)]
    assert told == ["the full list that verifies the watch failed"]


def test_where_only_watches_are_forbidden_lists_take_their_place_and_the_trust_stays(desk: Desk) -> None:
    desk.turn()
    desk.cluster.forbid("watch", "secrets")
    desk.pass_time(60)
    desk.put("new")
    desk.pass_time(5)

    assert ("listed", "new") in desk.sink.heard
    assert desk.informer.synced.is_set()
    assert "denied" not in desk.sink.words()


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
def test_reconnect_pauses_double_up_to_half_a_minute_and_half_of_each_is_jitter(
    jitter: float, pauses: list[float]
) -> None:
    pace = ReconnectPace(jitter=lambda: jitter)

    assert [pace.after_failure(WatchCutShort("at once")) for _ in pauses] == pauses


def test_a_server_that_does_not_answer_is_asked_again_within_eight_seconds() -> None:
    pace = ReconnectPace(jitter=lambda: 1.0)

    assert [pace.after_failure(ClusterUnavailable("down")) for _ in range(6)] == [
        1.0,
        2.0,
        4.0,
        8.0,
        8.0,
        8.0,
    ]


def test_the_pause_the_server_asks_for_is_kept() -> None:
    pace = ReconnectPace(jitter=lambda: 0.0)

    assert pace.after_failure(ClusterUnavailable("busy", retry_after=12)) == 12


def test_pauses_after_a_missing_right_double_up_to_a_maximum_of_their_own() -> None:
    """An API server that just started refuses everybody until it has read the roles."""
    pace = ReconnectPace(forbidden=77.0, jitter=lambda: 1.0)

    pauses = [pace.after_failure(Forbidden("RBAC")) for _ in range(9)]

    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 77.0, 77.0]


def test_a_success_makes_the_next_pause_the_shortest() -> None:
    pace = ReconnectPace(jitter=lambda: 1.0)
    for _ in range(4):
        pace.after_failure(ClusterUnavailable("down"))

    assert pace.after_success() == 1.0
    assert pace.after_failure(ClusterUnavailable("down")) == 1.0


# ── the thread ───────────────────────────────────────────────────────────────────────────────────────


def test_the_thread_of_an_informer_follows_the_cluster_until_the_stop(desk: Desk) -> None:
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
