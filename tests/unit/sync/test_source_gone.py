"""With `onSourceGone: Delete` a Secret goes with its source, once it is certain that the source is gone."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import SECRETS
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendSealed,
    BackendThrottled,
    BackendUnavailable,
    EngineMismatch,
    PermissionDenied,
    SecretsManagerError,
    SourceDisabled,
    SourceNotFound,
    SourceOutdated,
)
from secrets_manager.domain.plan import Operation
from secrets_manager.runtime.terms import Terms
from secrets_manager.sync.reading.absences import OVER_SECONDS, READINGS
from tests.effort import share
from tests.unit.sync.doubles import FakeClock, SwitchedLeadership
from tests.unit.sync.reading.test_surveys import SurveyingBackend
from tests.unit.sync.world import NOTHING, TEAM, World, wanting

APP = Ref(TEAM, "app")
LONG = 600.0
Change = Callable[[MemoryBackend], object]


def going(name: str = "app", path: str = "app", **rest: Any) -> Any:
    return {**wanting(name, path=path), "onSourceGone": "Delete", **rest}


def with_secrets(*names: str, **rest: Any) -> World:
    world = World(**rest)
    for name in names or ("app",):
        plain = name.replace("/", "-")
        world.backend.put(name, {"user": "alice"})
        world.define(plain, spec=going(plain, name))
    return world.start()


@pytest.mark.parametrize(
    "go",
    [
        pytest.param(lambda backend: backend.soft_delete("app"), id="deleted"),
        pytest.param(lambda backend: backend.destroy("app"), id="destroyed"),
        pytest.param(lambda backend: backend.delete("app"), id="never written"),
    ],
)
def test_the_secret_goes_with_its_path_and_comes_back_with_it(go: Change) -> None:
    world = with_secrets()
    go(world.backend)
    world.pass_time(12)
    assert world.data() == {"user": "alice"}
    assert world.condition()[1].startswith("Source")

    world.pass_time(20)
    assert world.secret() is None
    assert world.condition() == ("False", "SourceGone")
    assert [each["type"] for each in world.status()["conditions"]] == ["Ready", "Stalled"]
    assert "Deleted" in world.events.reasons()
    assert [outcome.operation for outcome in world.outcomes].count(Operation.DELETED) == 1

    world.backend.put("app", {"user": "alice"})
    world.pass_time()
    assert world.data() == {"user": "alice"}
    assert world.condition() == ("True", "Synced")
    assert world.events.told[-1].reason == "Created"


def test_afterwards_nothing_is_written_while_nothing_changes_nor_after_a_restart() -> None:
    world = with_secrets()
    world.backend.delete("app")
    world.pass_time(60)
    with world.spending() as spent:
        world.pass_time(LONG)
        again = world.restarted().start()
        again.pass_time(LONG)

    assert {call: count for call, count in spent.calls.items() if not call.startswith("get")} == {}
    assert again.events.told == []
    assert again.condition() == ("False", "SourceGone")


@pytest.mark.parametrize("word", ["Keep", None], ids=str)
def test_without_the_wish_it_stays_and_is_not_read_more_often(word: str | None) -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define(spec=wanting() if word is None else {**wanting(), "onSourceGone": word})
    world.start()
    world.backend.delete("app")
    world.pass_time(LONG)

    assert world.data() == {"user": "alice"}
    assert world.condition() == ("False", "SourceNotFound")
    assert world.agenda.subscriptions.absences._watched == {}


def test_a_quiet_period_costs_what_it_costs_without_the_wish() -> None:
    world = with_secrets()
    with world.spending() as spent:
        world.pass_time()

    assert (spent.calls, spent.reads) == (NOTHING.calls, 1)


@pytest.mark.parametrize(
    "fault",
    [
        PermissionDenied("app"),
        EngineMismatch("app", "kv2"),
        SourceDisabled("app"),
        SourceNotFound("app", "for KV version 2 the path needs data/ after the mount"),
        pytest.param(SourceNotFound("app", doubtful=True), id="no engine is mounted"),
        SourceOutdated("app"),
        BackendUnavailable("no connection"),
        BackendSealed("sealed"),
        BackendThrottled("slow down"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_no_refusal_outage_or_mistake_deletes(fault: SecretsManagerError) -> None:
    world = with_secrets()
    world.backend.fail_with(fault, path="app")
    world.pass_time(LONG)

    assert world.data() == {"user": "alice"}


@pytest.mark.parametrize("path", ["team/other", None], ids=["of its mount", "of all"])
def test_an_outage_in_between_has_the_evidence_begin_anew(path: str | None) -> None:
    world = with_secrets("team/app")
    world.backend.put("team/other", {"user": "bob"})
    world.define("other", spec=wanting("other", path="team/other"))
    world.settle()
    world.backend.delete("team/app")
    for _ in range(8):
        world.pass_time(12)
        world.backend.fail_with(BackendUnavailable("no connection"), path=path)
        with pytest.raises(BackendUnavailable):
            world.upstream.reader.read(Source("team/other"))
        world.backend.recover()
        assert world.data("team-app") == {"user": "alice"}

    world.pass_time(LONG)
    assert world.secret("team-app") is None


def test_a_login_in_between_has_the_evidence_begin_anew() -> None:
    world = with_secrets()
    world.backend.delete("app")
    for _ in range(8):
        world.pass_time(12)
        world.backend.logins += 1
    assert world.data() == {"user": "alice"}

    world.pass_time(30)
    assert world.secret() is None


def test_a_restart_and_a_new_lead_begin_anew() -> None:
    world = with_secrets()
    world.backend.delete("app")
    for _ in range(5):
        world.pass_time(12)
        world = world.restarted().start()
        assert world.data() == {"user": "alice"}
    for _ in range(5):
        world.pass_time(12)
        world.agenda.lead_acquired()
        world.settle()
        assert world.data() == {"user": "alice"}

    world.pass_time(30)
    assert world.secret() is None


def test_of_two_replicas_only_the_one_that_leads_deletes() -> None:
    first = with_secrets()
    second = World(
        cluster=first.cluster,
        backend=first.backend,
        clock=first.clock,
        leadership=SwitchedLeadership(leading=False),
    ).start()
    first.backend.delete("app")
    first.leadership.leading = False
    second.pass_time(60)
    first.pass_time(60)
    assert first.data() == {"user": "alice"}

    second.leadership.leading = True
    second.agenda.lead_acquired()
    second.settle()
    second.pass_time(12)
    assert second.data() == {"user": "alice"}
    second.pass_time(20)
    assert second.secret() is None


def test_all_that_is_required_has_to_be_well_or_surely_gone() -> None:
    world = World()
    for path in ("app", "more"):
        world.backend.put(path, {"user": "alice"})
    both = {name: {"path": name, "key": "user"} for name in ("app", "more")}
    world.define(spec=going(keysMap=both))
    world.start()
    world.backend.delete("app")
    world.backend.fail_with(PermissionDenied("more"), path="more")
    world.pass_time(LONG)
    assert world.data() == {"app": "alice", "more": "alice"}

    world.backend.recover()
    world.backend.put("more", {"other": "x"})
    world.pass_time(LONG)
    assert world.data() == {"app": "alice", "more": "alice"}

    world.backend.delete("more")
    world.pass_time(10)
    assert world.data() == {"app": "alice", "more": "alice"}
    world.pass_time(LONG)
    assert world.secret() is None


@pytest.mark.parametrize("source", [{"optional": True}, {"default": "none"}], ids=str)
def test_what_may_be_absent_never_counts(source: Any) -> None:
    world = World()
    for path in ("app", "more"):
        world.backend.put(path, {"user": "alice"})
    keys = {"app": {"path": "app", "key": "user"}, "more": {"path": "more", "key": "user", **source}}
    world.define(spec=going(keysMap=keys, onShrink="Allow"))
    world.start()
    world.backend.delete("more")
    world.pass_time(LONG)

    assert world.condition() == ("True", "Synced")
    assert world.data() == {"app": "alice", **({"more": "none"} if "default" in source else {})}


def test_whole_paths_and_inputs_count() -> None:
    for spec in (
        {"dataFrom": [{"path": "app"}]},
        {"inputs": {"app": {"path": "app"}}, "template": {"user": "{{ app.user }}"}},
    ):
        world = World()
        world.backend.put("app", {"user": "alice"})
        world.define(spec={"name": "app", "onSourceGone": "Delete", **spec})
        world.start()
        assert world.data() == {"user": "alice"}
        world.backend.delete("app")
        world.pass_time(60)
        assert world.secret() is None


def test_a_path_with_a_slip_of_the_pen_deletes_nothing() -> None:
    world = with_secrets()
    world.respecify(APP, going(path="ap"))
    world.settle()
    world.pass_time(LONG)

    assert world.data() == {"user": "alice"}
    assert world.condition() == ("False", "SourceNotFound")


def test_a_version_that_never_was_deletes_nothing() -> None:
    world = with_secrets()
    world.respecify(APP, {**wanting(source={"version": "99"}), "onSourceGone": "Delete"})
    world.settle()
    world.backend.delete("app")
    world.pass_time(LONG)

    assert world.data() == {"user": "alice"}


def test_a_definition_that_never_was_in_step_deletes_nothing() -> None:
    world = World()
    marks = {"labels": {"app.kubernetes.io/managed-by": "secrets-manager"}}
    world.make_secret(data={"user": "kept from before"}, metadata=marks)
    world.define(spec=going())
    world.start()
    world.pass_time(LONG)

    assert world.data() == {"user": "kept from before"}


def test_the_wish_holds_for_a_path_that_is_gone_already() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define(spec=wanting())
    world.start()
    world.backend.delete("app")
    world.pass_time(LONG)
    world.respecify(APP, going())
    world.settle()
    world.pass_time(10)
    assert world.data() == {"user": "alice"}

    world.pass_time(30)
    assert world.secret() is None


def test_a_suspended_definition_keeps_its_secret_and_begins_anew_afterwards() -> None:
    world = with_secrets()
    world.backend.delete("app")
    world.pass_time(12)
    world.respecify(APP, going(suspend=True))
    world.settle()
    world.pass_time(LONG)
    assert world.data() == {"user": "alice"}

    world.respecify(APP, going())
    world.settle()
    world.pass_time(10)
    assert world.data() == {"user": "alice"}
    world.pass_time(30)
    assert world.secret() is None


def test_on_delete_retain_speaks_of_the_definition_alone() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define(spec=going(onDelete="Retain"))
    world.start()
    world.backend.delete("app")
    world.pass_time(60)

    assert world.secret() is None


def test_a_secret_that_others_edited_goes_and_one_that_is_not_ours_stays() -> None:
    world = with_secrets()
    world.backend.delete("app")
    world.pass_time(12)
    world.edit_secret(user="edited")
    world.pass_time(30)
    assert world.secret() is None

    world.make_secret(data={"user": "theirs"})
    world.pass_time(LONG)
    assert world.data() == {"user": "theirs"}


def test_a_secret_that_changes_at_the_last_moment_is_looked_at_again() -> None:
    world = with_secrets()
    world.backend.delete("app")
    world.pass_time(12)
    world.cluster.edit(SECRETS, APP, {"metadata": {"labels": {}, "annotations": {}, "ownerReferences": []}})
    world.pass_time(LONG)

    assert world.data() == {"user": "alice"}


def test_a_secret_that_another_definition_wants_too_stays() -> None:
    world = with_secrets()
    world.define("younger", spec=wanting("app", path="other"), created="2027-01-01T00:00:00Z")
    world.settle()
    world.backend.delete("app")
    world.pass_time(LONG)

    # The younger one may not have it either.
    assert world.secret() is None
    assert world.condition("younger") == ("False", "TargetConflict")


def test_a_backend_that_loses_most_of_its_paths_at_once_deletes_nothing() -> None:
    world = with_secrets(*"abcdefgh")
    for path in "abcde":
        world.backend.delete(path)
    world.pass_time(LONG)

    assert all(world.data(name) == {"user": "alice"} for name in "abcdefgh")
    assert world.condition("a") == ("False", "ManySourcesGone")
    world.restarted().start().pass_time(LONG)
    assert all(world.data(name) == {"user": "alice"} for name in "abcdefgh")

    world.backend.put("e", {"user": "alice"})
    world.pass_time(LONG)
    assert [name for name in "abcdefgh" if world.secret(name) is None] == list("abcd")


def test_a_mount_that_loses_most_of_its_paths_deletes_nothing_and_a_folder_does() -> None:
    names = [f"one/{number}" for number in range(6)]
    others = [f"two/{number}" for number in range(20)]
    folder = [f"two/folder/{number}" for number in range(6)]
    world = with_secrets(*names, *others, *folder)
    for path in (*names, *folder):
        world.backend.delete(path)
    world.pass_time(LONG)

    gone = {path for path in (*names, *others, *folder) if world.secret(path.replace("/", "-")) is None}
    assert gone == set(folder)


def test_a_survey_does_not_stand_in_the_way_of_evidence() -> None:
    backend = SurveyingBackend()
    world = with_secrets(backend=backend)
    world.pass_time(30)
    backend.delete("app")
    backend._fresh.discard("app")
    world.pass_time(60)
    assert world.secret() is None
    backend._fresh.add("app")
    with world.spending() as spent:
        world.pass_time(60)
    # Once it is certain the survey watches it again; the definition itself is looked at now and then.
    assert spent.reads <= 2


def test_an_unknown_word_is_refused_and_nothing_is_lost() -> None:
    world = with_secrets()
    world.respecify(APP, going(onSourceGone="delete"))
    world.settle()
    world.backend.delete("app")
    world.pass_time(LONG)

    assert world.data() == {"user": "alice"}
    message = world.status()["conditions"][0]["message"]
    assert message == "spec.onSourceGone is 'delete'; it may be Keep, Delete or absent"


def test_definitions_that_go_are_not_watched_any_more() -> None:
    world = with_secrets("a", "b")
    for name in ("a", "b"):
        world.delete(Ref(TEAM, name))
    world.settle()
    absences = world.agenda.subscriptions.absences

    assert (absences._watched, absences._parts, absences._watches) == ({}, {}, {})


class Witness(MemoryBackend):
    """Notes when it said last of the path that it is absent, again and again, and nothing came in between."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.said: list[float] = []

    def read(self, source: Source, terms: Terms) -> Reading:
        try:
            reading = super().read(source, terms)
        except SourceNotFound:
            self.said.append(self.clock())
            raise
        except BackendUnavailable:
            self.said.clear()
            raise
        if source.path == "team/app":
            self.said.clear()
        return reading

    def proves(self) -> bool:
        """Whether it said so three times, over fifteen seconds."""
        return len(self.said) >= READINGS and self.said[-1] - self.said[0] >= OVER_SECONDS


def happen(world: World, witness: Witness, step: str) -> World:
    """Let one thing happen; returns the daemon that is at work after it."""
    if step == "go":
        witness.delete("team/app")
    elif step == "come":
        witness.put("team/app", {"user": "alice"})
    elif step in ("fault of all", "fault of another"):
        path = "team/other" if step == "fault of another" else None
        witness.fail_with(BackendUnavailable("no connection"), path=path)
    elif step == "heal":
        witness.recover()
    elif step == "login":
        witness.logins += 1
    if step in ("login", "restart", "lead"):
        witness.said.clear()
    if step == "restart":
        return world.restarted().start()
    if step == "lead":
        world.agenda.lead_acquired()
    world.settle()
    return world


@pytest.mark.parametrize("seed", range(share(12)))
def test_whatever_happens_it_goes_only_when_the_backend_said_so_long_enough(seed: int) -> None:
    chance, witness = random.Random(seed), Witness()  # noqa: S311 - no secret
    world = with_secrets("team/app", backend=witness, clock=witness.clock)
    witness.put("team/other", {"user": "bob"})
    world.define("other", spec=wanting("other", path="team/other"))
    world.settle()
    steps = ["go", "come", "fault of all", "fault of another", "heal", "heal", "login", "restart", "lead"]
    gone = 0
    for _ in range(200):
        world = happen(world, witness, chance.choice([*steps, "go", "go", *["wait"] * 12]))
        for _ in range(chance.randrange(1, 15)):
            before = world.secret("team-app")
            world.pass_time(1)
            if before is not None and world.secret("team-app") is None:
                assert witness.proves(), witness.said
                gone += 1
    assert gone
