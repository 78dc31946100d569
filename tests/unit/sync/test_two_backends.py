"""One Secret out of two backends: what is of one is never taken for the other's."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.errors import (
    BackendFault,
    BackendSealed,
    BackendThrottled,
    BackendTimeout,
    BackendUnavailable,
    PermissionDenied,
    SecretsManagerError,
)
from tests.unit.sync.world import PERIOD, World

EU = "eu"
PATH = "mount/app"
FAULTS: list[BackendFault] = [
    BackendUnavailable("down"),
    BackendSealed("sealed"),
    BackendThrottled("429", retry_after=30.0),
    BackendTimeout("late"),
]


class Desk:
    """A definition of a key of each of two backends, from the same path in both."""

    def __init__(self, spec: dict[str, Any] | None = None, **world: Any) -> None:
        self.eu = MemoryBackend()
        self.world = World(others={EU: self.eu}, **world)
        self.ours = self.world.backend
        self.put("alice", "bob")
        self.ref = self.world.define(spec=spec or both())
        self.world.start()

    def put(self, ours: str, theirs: str) -> None:
        self.ours.put(PATH, {"user": ours, "one": "1"})
        self.eu.put(PATH, {"user": theirs, "two": "2"})

    def reads(self) -> tuple[int, int]:
        return self.ours.reads(), self.eu.reads()

    def message(self, name: str = "app") -> str:
        text: str = self.world.status(name)["conditions"][0]["message"]
        return text


def both(**more: Any) -> dict[str, Any]:
    return {
        "name": "app",
        "keysMap": {
            "ours": {"path": PATH, "key": "user"},
            "theirs": {"path": PATH, "key": "user", "backend": EU},
        },
        **more,
    }


# ── what is read ─────────────────────────────────────────────────────────────────────────────────────


def test_one_path_of_two_backends_gives_two_values() -> None:
    desk = Desk()

    assert desk.world.data() == {"ours": "alice", "theirs": "bob"}
    assert desk.world.condition() == ("True", "Synced")


def test_the_status_lists_one_path_of_two_backends_with_the_version_of_each() -> None:
    desk = Desk()
    desk.eu.put(PATH, {"user": "carol"})
    desk.world.pass_time(2 * PERIOD)

    assert desk.world.status()["sources"] == [
        {"path": PATH, "version": "1"},
        {"path": PATH, "version": "2", "backend": EU},
    ]


def test_a_restart_finds_nothing_to_write_for_such_a_status() -> None:
    desk = Desk()
    again = desk.world.restarted()
    with again.spending() as spent:
        again.start()

    assert spent.calls == {}


def test_keys_whole_paths_and_inputs_may_be_of_another_backend_than_the_spec() -> None:
    spec = {
        "name": "app",
        "backend": EU,
        "keysMap": {
            "k": {"path": PATH, "key": "user"},
            "d": {"path": PATH, "key": "user", "backend": "default"},
        },
        "dataFrom": [
            {"path": PATH, "include": ["two"]},
            {"path": PATH, "include": ["one"], "backend": "default"},
        ],
        "inputs": {"i": {"path": PATH, "key": "user", "backend": "default"}},
        "template": {"t": "{{ i }} and {{ k }}"},
    }

    assert Desk(spec).world.data() == {"k": "bob", "d": "alice", "one": "1", "two": "2", "t": "alice and bob"}


def test_who_wins_does_not_depend_on_the_backend() -> None:
    entries = [{"path": PATH}, {"path": PATH, "backend": EU}]
    spec = {"name": "app", "dataFrom": entries, "keysMap": {"two": {"path": PATH, "key": "one"}}}
    desk = Desk(spec)

    assert desk.world.data() == {"user": "bob", "one": "1", "two": "1"}
    assert desk.world.status()["overridden"] == [
        {"key": "two", "source": "dataFrom[1]", "by": "keysMap"},
        {"key": "user", "source": "dataFrom[0]", "by": "dataFrom[1]"},
    ]


def test_optional_default_version_and_pointer_hold_in_the_backend_that_is_named() -> None:
    other = {"path": "mount/doc", "backend": EU}
    keys = {
        "kept": {**other, "key": "user", "version": "1"},
        "point": {**other, "key": "#/list/0"},
        "default": {**other, "key": "absent", "default": "x"},
        "none": {"path": "mount/none", "key": "k", "backend": EU, "optional": True},
    }
    world = World(others={EU: MemoryBackend()})
    # In the default backend everything is there and different.
    for backend, user, length in ((world.backend, "wrong", 3), (world.others[EU], "right", 2)):
        assert isinstance(backend, MemoryBackend)
        for version in range(length):
            backend.put("mount/doc", {"user": f"{user}-{version}", "list": [user]})
    world.backend.put("mount/doc", {"user": "wrong", "list": ["wrong"], "absent": "wrong"})
    world.backend.put("mount/none", {"k": "wrong"})
    world.define(spec={"name": "app", "keysMap": keys})
    world.start()

    assert world.data() == {"kept": "right-0", "point": "right", "default": "x"}


@pytest.mark.parametrize(("ours", "theirs"), [("alice", "changed"), ("changed", "bob"), ("both", "new")])
def test_a_change_in_either_backend_reaches_the_secret_within_a_period(ours: str, theirs: str) -> None:
    desk = Desk()
    desk.put(ours, theirs)
    desk.world.pass_time(1.2 * PERIOD)

    assert desk.world.data() == {"ours": ours, "theirs": theirs}


def test_definitions_that_share_a_path_share_its_reads_in_each_backend() -> None:
    desk = Desk()
    for number in range(10):
        desk.world.define(f"more-{number}", spec=both(name=f"more-{number}"))
    desk.world.settle()
    desk.world.pass_time(PERIOD)
    before = desk.reads()
    desk.world.pass_time(10 * PERIOD)
    ours, theirs = (now - then for now, then in zip(desk.reads(), before, strict=True))

    assert 9 <= ours <= 11
    assert 9 <= theirs <= 11


def test_a_sync_annotation_reads_both() -> None:
    desk = Desk()
    before = desk.reads()
    desk.world.annotate(desk.ref, sync="now")
    desk.world.settle()

    assert desk.reads() == (before[0] + 1, before[1] + 1)


def test_a_suspended_definition_reads_neither_even_if_one_is_unknown() -> None:
    desk = Desk()
    desk.world.respecify(desk.ref, both(suspend=True, backend="elsewhere"))
    desk.world.settle()
    before = desk.reads()
    desk.world.pass_time(5 * PERIOD)

    assert desk.reads() == before
    assert desk.world.condition() == ("True", "Suspended")


# ── faults of one of them ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.reason)
@pytest.mark.parametrize(("sick", "begins"), [("ours", ""), ("theirs", "backend eu: ")])
def test_the_last_good_secret_stays_and_the_condition_names_the_backend_that_failed(
    fault: BackendFault, sick: str, begins: str
) -> None:
    desk = Desk()
    getattr(desk, "ours" if sick == "ours" else "eu").fail_with(fault)
    desk.put("newer", "newer")
    desk.world.pass_time(60)

    assert desk.world.data() == {"ours": "alice", "theirs": "bob"}
    assert desk.world.condition() == ("False", fault.reason)
    assert desk.message() == f"{begins}{fault.args[0]}"


@pytest.mark.parametrize("sick", ["ours", "eu"])
def test_a_definition_continues_as_soon_as_the_backend_that_failed_is_back_whichever_it_is(sick: str) -> None:
    desk = Desk()
    backend: MemoryBackend = getattr(desk, sick)
    backend.fail_with(BackendUnavailable("down"))
    desk.world.pass_time(60)
    desk.put("new", "newer")
    backend.recover()
    # Probes are five seconds apart by now.
    desk.world.pass_time(1.5 * PERIOD)

    assert desk.world.data() == {"ours": "new", "theirs": "newer"}
    assert desk.world.condition() == ("True", "Synced")


def test_a_definition_continues_when_both_were_down_and_come_back_one_after_the_other() -> None:
    desk = Desk()
    for backend in (desk.ours, desk.eu):
        backend.fail_with(BackendUnavailable("down"))
    desk.world.pass_time(60)
    desk.ours.recover()
    desk.world.pass_time(2 * PERIOD)
    assert desk.message() == "backend eu: down"
    desk.put("new", "newer")
    desk.eu.recover()
    desk.world.pass_time(2 * PERIOD)

    assert desk.world.data() == {"ours": "new", "theirs": "newer"}


@pytest.mark.parametrize(
    ("what", "reason", "text"),
    [
        (PermissionDenied(PATH), "PermissionDenied", "backend eu: the backend's policy does not allow"),
        (None, "KeyNotFound", f"backend eu: path {PATH!r} has no key 'user'"),
    ],
)
def test_what_a_backend_lacks_or_refuses_is_told_with_its_name(
    what: SecretsManagerError | None, reason: str, text: str
) -> None:
    desk = Desk()
    if what is None:
        desk.eu.put(PATH, {"other": "x"})
    else:
        desk.eu.fail_with(what, path=PATH)
    desk.world.pass_time(2 * PERIOD)

    assert desk.world.condition() == ("False", reason)
    assert desk.message().startswith(text)
    assert desk.world.data() == {"ours": "alice", "theirs": "bob"}


def test_a_shrink_is_refused_whichever_backend_lost_the_key() -> None:
    spec = {"name": "app", "onShrink": "Refuse", "dataFrom": [{"path": PATH}, {"path": PATH, "backend": EU}]}
    desk = Desk(spec)
    desk.eu.put(PATH, {"user": "bob"})
    desk.world.pass_time(2 * PERIOD)

    assert desk.world.condition() == ("False", "WouldShrink")
    assert desk.world.data() == {"user": "bob", "one": "1", "two": "2"}


def test_a_path_that_is_gone_from_the_backend_that_is_named_takes_the_secret_with_it() -> None:
    desk = Desk(both(onSourceGone="Delete"))
    desk.eu.delete(PATH)
    desk.world.pass_time(60)

    assert desk.world.secret() is None
    assert desk.world.condition() == ("False", "SourceGone")
    assert desk.message().startswith(f"backend eu: path {PATH!r} is gone from the backend")


def test_a_path_that_the_secret_was_made_of_in_another_backend_is_no_evidence() -> None:
    """The status names the path, of the default backend alone."""
    desk = Desk({"name": "app", "onSourceGone": "Delete", "keysMap": {"k": {"path": PATH, "key": "user"}}})
    desk.eu.delete(PATH)
    moved = {
        "name": "app",
        "onSourceGone": "Delete",
        "backend": EU,
        "keysMap": {"k": {"path": PATH, "key": "user"}},
    }
    desk.world.respecify(desk.ref, moved)
    desk.world.pass_time(60)

    assert desk.world.data() == {"k": "alice"}
    assert desk.world.condition() == ("False", "SourceNotFound")


def test_a_login_to_one_backend_leaves_the_evidence_of_the_other_alone() -> None:
    desk = Desk(both(onSourceGone="Delete"))
    desk.eu.delete(PATH)
    for _ in range(8):
        desk.ours.logins += 1
        desk.world.pass_time(PERIOD)

    assert desk.world.secret() is None


# ── a backend that there is not ──────────────────────────────────────────────────────────────────────


def test_a_backend_that_left_the_settings_leaves_the_secret_as_it_is_and_waiting_does_not_help() -> None:
    desk = Desk()
    world = desk.world.restarted(without=[EU]).start()

    assert world.condition() == ("False", "UnknownBackend")
    stalled = world.status()["conditions"][1]
    assert (stalled["type"], stalled["status"]) == ("Stalled", "True")
    assert "'eu'" in stalled["message"]
    assert world.data() == {"ours": "alice", "theirs": "bob"}


def test_a_secret_that_somebody_changed_stays_so_while_a_backend_is_unknown() -> None:
    desk = Desk()
    world = desk.world.restarted(without=[EU]).start()
    world.edit_secret(ours="mallory", theirs="bob")
    world.pass_time(4 * PERIOD)
    assert world.data() == {"ours": "mallory", "theirs": "bob"}

    back = World(
        cluster=world.cluster, backend=world.backend, clock=world.clock, others={EU: desk.eu}
    ).start()
    assert back.data() == {"ours": "alice", "theirs": "bob"}


@pytest.mark.parametrize(
    ("on_delete", "left"), [("Delete", None), ("Retain", {"ours": "alice", "theirs": "bob"})]
)
def test_deleting_a_definition_of_an_unknown_backend_does_what_it_always_does(
    on_delete: str, left: dict[str, str] | None
) -> None:
    desk = Desk(both(onDelete=on_delete))
    world = desk.world.restarted(without=[EU]).start()
    world.delete(desk.ref)
    world.settle()

    assert world.data() == left


def test_an_unknown_backend_costs_no_read_and_few_reconciles() -> None:
    desk = Desk()
    world = desk.world.restarted(without=[EU]).start()
    before, done = desk.reads(), len(world.outcomes)
    with world.spending() as spent:
        world.pass_time(600)

    # The path in the backend that there is, is polled once a period; nothing is reconciled because of that.
    assert desk.eu.reads() == before[1]
    assert len(world.outcomes) - done <= 5
    assert spent.calls == {}


def test_other_definitions_of_the_backend_that_there_is_stay_fresh_beside_it() -> None:
    desk = Desk()
    desk.world.define("plain", spec={"name": "plain", "keysMap": {"k": {"path": PATH, "key": "user"}}})
    world = desk.world.restarted(without=[EU]).start()
    desk.put("new", "new")
    world.pass_time(2 * PERIOD)

    assert world.data("plain") == {"k": "new"}


def test_without_a_default_backend_a_definition_that_names_none_is_of_an_unknown_one() -> None:
    eu = MemoryBackend()
    eu.put(PATH, {"user": "bob"})
    world = World(others={EU: eu}, has_default=False)
    world.define("none", spec={"name": "none", "keysMap": {"k": {"path": PATH, "key": "user"}}})
    named = {"name": "named", "backend": EU, "keysMap": {"k": {"path": PATH, "key": "user"}}}
    world.define("named", spec=named)
    world.start()
    world.pass_time(PERIOD)

    assert world.condition("none") == ("False", "UnknownBackend")
    assert world.data("named") == {"k": "bob"}


# ── periods ──────────────────────────────────────────────────────────────────────────────────────────


def test_each_backend_is_polled_with_its_own_period() -> None:
    desk = Desk(periods={EU: 30.0})
    before = desk.reads()
    desk.world.pass_time(300)
    ours, theirs = (now - then for now, then in zip(desk.reads(), before, strict=True))

    assert 55 <= ours <= 62
    assert 9 <= theirs <= 11


def test_a_wish_holds_for_the_paths_of_all_backends_and_never_gives_fewer_reads_than_no_wish() -> None:
    desk = Desk(both(refreshPeriod="10s"), periods={EU: 30.0})
    before = desk.reads()
    desk.world.pass_time(300)
    ours, theirs = (now - then for now, then in zip(desk.reads(), before, strict=True))

    assert 28 <= ours <= 32
    assert 28 <= theirs <= 32


def test_a_period_below_the_shortest_that_definitions_get_is_what_a_wish_gets() -> None:
    desk = Desk(both(refreshPeriod="1s"), period=10.0, periods={EU: 0.5})
    before = desk.reads()
    desk.world.pass_time(60, step=0.25)
    ours, theirs = (now - then for now, then in zip(desk.reads(), before, strict=True))

    assert 55 <= ours <= 66
    assert 55 <= theirs <= 66


def test_a_longer_wish_of_one_definition_leaves_the_period_of_the_backend_to_another() -> None:
    desk = Desk(both(refreshPeriod="1h"), periods={EU: 30.0})
    desk.world.define("more", spec=both(name="more"))
    desk.world.settle()
    before = desk.reads()
    desk.world.pass_time(300)
    ours, theirs = (now - then for now, then in zip(desk.reads(), before, strict=True))

    assert 55 <= ours <= 62
    assert 9 <= theirs <= 11
