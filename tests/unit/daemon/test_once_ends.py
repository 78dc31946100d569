"""``--once`` ends whatever hangs or changes, and its exit code and last line claim no more than is so."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, Expired, Page, Scope
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.daemon.once import Interruption, Patience, run_once
from secrets_manager.daemon.once_report import Report
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendThrottled,
    BackendUnavailable,
    ClusterUnavailable,
    Forbidden,
    SecretsManagerError,
)
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation
from secrets_manager.runtime.terms import Terms
from tests.unit.daemon.daemon_world import World

SHARED = {"password": {"path": "db", "key": "password"}}


class SickNamespaces(MemoryCluster):
    """An API server that does not list SecretDefinitions in some namespaces."""

    def __init__(self, **faults: SecretsManagerError) -> None:
        super().__init__()
        self.faults = faults

    def pages(self, scope: Scope) -> Iterator[Page]:
        fault = self.faults.get(scope.namespace or "")
        if fault is not None and scope.resource.plural == "secretdefinitions":
            raise fault
        yield from super().pages(scope)


class Backend(MemoryBackend):
    """A backend whose every read goes through a function of a test's first."""

    def __init__(self, before: Callable[[], None]) -> None:
        super().__init__()
        self.before = before

    def read(self, source: Source, terms: Terms) -> Reading:
        self.before()
        return super().read(source, terms)


def run(world: World, **options: Any) -> tuple[int, list[str]]:
    """Exit code and lines of one run."""
    world.settings = replace(world.settings, once=True)
    report, written = Report(), list[str]()
    code = run_once(world.program(report.add), report, written.append, **options)
    return code, "".join(written).splitlines()


@pytest.fixture
def world() -> World:
    world = World()
    world.backend.put("db", {"password": "canary-value"})
    world.define("db")
    return world


# ── what changes without end ─────────────────────────────────────────────────────────────────────────


def test_a_backend_that_fails_every_other_time_does_not_keep_the_run_from_its_end(world: World) -> None:
    reads = 0

    def flap() -> None:
        nonlocal reads
        reads += 1
        if reads % 2:
            raise BackendUnavailable("down")

    world.backend = Backend(flap)
    world.backend.put("db", {"password": "canary-value"})
    for number in range(3):
        world.define(f"app-{number}", spec={"name": f"app-{number}", "keysMap": SHARED})
    code, lines = run(world)

    assert code == 1
    assert "failed" in lines[-1]
    assert reads < 1000


def test_what_changes_faster_than_it_is_reconciled_is_not_reported_as_in_step() -> None:
    report, ref = Report(), Ref("shop", "db")
    report.add(Outcome(definition=ref, secret="db", operation=Operation.CREATED, reason="Differs"))
    while report.admits(ref):
        assert report.in_step()

    assert not report.in_step()
    assert report.lines() == [
        "shop/db Secret db: changes faster than it is reconciled: given up after 50 times",
        "1 failed",
    ]


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────


def three_namespaces(**faults: SecretsManagerError) -> World:
    world = World(watch_namespaces=("bar", "foo", "shop"))
    world.cluster = SickNamespaces(**faults)
    world.backend.put("db", {"password": "p"})
    for namespace in ("bar", "foo", "shop"):
        world.define("db", namespace=namespace)
    return world


@pytest.mark.parametrize(
    "fault",
    [Forbidden("list is not granted"), ClusterUnavailable("500"), Expired("410, again and again")],
    ids=lambda fault: type(fault).__name__,
)
def test_a_namespace_that_is_not_listed_fails_the_run_and_the_others_are_done(
    fault: SecretsManagerError,
) -> None:
    assert run(three_namespaces(foo=fault)) == (
        1,
        [
            f"namespace foo: SecretDefinitions not listed: {fault.reason}: {fault.message}",
            "bar/db Secret db: created (Missing)",
            "shop/db Secret db: created (Missing)",
            "2 created, 1 namespace not listed",
        ],
    )


@pytest.mark.parametrize("pause", [None, 60.0], ids=["without a pause", "with a pause of a minute"])
def test_a_namespace_that_is_refused_and_a_mount_that_throttles_for_ever_leave_the_rest_in_step(
    pause: float | None,
) -> None:
    world = three_namespaces(foo=Forbidden("denied"))
    for number in range(30):
        path = f"sick/app-{number}"
        world.backend.put(path, {"password": "p"})
        world.backend.fail_with(BackendThrottled("429", retry_after=pause), path=path)
        spec = {"name": f"app-{number}", "keysMap": {"password": {"path": path, "key": "password"}}}
        for namespace in ("bar", "foo", "shop"):
            world.define(f"app-{number}", namespace=namespace, spec=spec)
    code, lines = run(world)

    assert (code, lines[-1]) == (1, "2 created, 60 failed, 1 namespace not listed")
    assert {line.split(": ")[1] for line in lines if "/app-" in line} == {"BackendThrottled"}
    # Each path has its first try, and few have a second.
    assert sum(world.backend.reads(f"sick/app-{number}") for number in range(30)) <= 40


def test_namespaces_that_hang_are_waited_for_together() -> None:
    world = World(watch_namespaces=tuple(f"team-{number}" for number in range(3)))
    all_asked = threading.Barrier(3, timeout=30)

    class Hanging(MemoryCluster):
        def pages(self, scope: Scope) -> Iterator[Page]:
            if scope.resource.plural == "secretdefinitions":
                all_asked.wait()
                raise ClusterUnavailable("no answer in time")
            yield from super().pages(scope)

    world.cluster = Hanging()
    code, lines = run(world)

    assert (code, lines[-1]) == (1, "3 namespaces not listed")
    assert not all_asked.broken


def test_a_version_that_grew_too_old_during_the_list_costs_another_list(world: World) -> None:
    world.cluster.fail_next("list", "secretdefinitions", Expired("410"), Expired("410"))

    assert run(world) == (0, ["shop/db Secret db: created (Missing)", "1 created"])


# ── statuses ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_status_that_cannot_be_written_fails_the_run_and_the_last_line_says_so(world: World) -> None:
    world.cluster.fail_next("update", "secretdefinitions/status", *[ClusterUnavailable("500")] * 99)

    assert run(world) == (
        1,
        [
            "shop/db Secret db: created (Missing); its status could not be written",
            "1 created, 1 without their status",
        ],
    )
    assert world.secret("db") is not None


def test_a_missing_right_on_statuses_fails_the_run(world: World) -> None:
    world.cluster.forbid("update", "secretdefinitions/status")

    code, lines = run(world)

    assert (code, lines[-1]) == (1, "1 created, 1 without their status")


def test_where_the_crd_has_no_status_none_is_missing() -> None:
    world = World()
    world.cluster = MemoryCluster(status_subresource=False)
    world.backend.put("db", {"password": "p"})
    world.define("db")

    assert run(world) == (0, ["shop/db Secret db: created (Missing)", "1 created"])


def test_a_definition_whose_deletion_was_finished_is_not_missed(world: World) -> None:
    finalizer = "secret.finalizer.secrets-manager.tuenti.io"
    run(world)
    world.define("going", finalizers=[finalizer])
    world.cluster.delete(DEFINITIONS, Ref("shop", "going"), {})

    code, lines = run(world)

    assert code == 0
    assert "not reconciled" not in lines[-1]


# ── what hangs ───────────────────────────────────────────────────────────────────────────────────────


def test_a_backend_that_never_answers_fails_each_and_the_run_ends() -> None:
    world = World(backend_timeout=0.2)
    world.backend.hang()
    for number in range(9):
        world.define(f"app-{number}")
    code, lines = run(world)

    assert (code, lines[-1]) == (1, "9 failed")
    assert all("BackendTimeout" in line for line in lines[:-1])


def test_a_backend_that_keeps_to_no_deadline_is_given_up() -> None:
    world, over = World(backend_timeout=0.1), threading.Event()

    def hang() -> None:
        over.wait()

    world.backend = Backend(hang)
    world.define("db")
    world.define("other")
    code, lines = run(world, patience=Patience(silence=0.2, grace=0.1))
    over.set()

    assert code == 1
    assert lines == [
        "shop/db was not reconciled",
        "shop/other was not reconciled",
        "2 not reconciled",
    ]


def test_a_backend_that_cannot_be_closed_costs_no_report(world: World) -> None:
    over = threading.Event()

    class Unclosed(MemoryBackend):
        def close(self) -> None:
            over.wait()

    world.settings = replace(world.settings, backend_timeout=0.2)
    world.backend = Unclosed()
    world.backend.put("db", {"password": "p"})

    assert run(world)[0] == 0
    over.set()


# ── signals ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("number", "name", "code"), [(15, "SIGTERM", 143), (2, "SIGINT", 130)])
def test_a_signal_lets_what_is_in_flight_end_and_begins_nothing_more(
    number: int, name: str, code: int
) -> None:
    world, interruption, reads = World(workers=1), Interruption(), 0

    def interrupt() -> None:
        nonlocal reads
        reads += 1
        interruption.on_signal(number, None)

    world.backend = Backend(interrupt)
    world.backend.put("db", {"password": "p"})
    for app in ("one", "two"):
        world.define(app, spec={"name": app, "keysMap": {"password": {"path": "db", "key": "password"}}})
    done, lines = run(world, interruption=interruption)

    assert done == code
    assert lines[-1].endswith(f"stopped by {name}")
    assert "created (Missing)" in lines[0]
    assert reads == 1


def test_a_signal_before_the_lists_are_done_leaves_all_as_it_is(world: World) -> None:
    interruption = Interruption(number=15)

    assert run(world, interruption=interruption)[0] == 143
    assert world.secret("db") is None


# ── the report ───────────────────────────────────────────────────────────────────────────────────────


def test_a_report_that_cannot_be_written_fails_the_run(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    report = Report()
    caplog.set_level(logging.ERROR)

    assert run_once(world.program(report.add), report, full) == 1
    assert "the report could not be written to standard output" in caplog.messages
    assert world.secret("db") is not None


def test_a_reader_that_takes_nothing_does_not_hold_up_a_stop(world: World) -> None:
    report, interruption, over = Report(), Interruption(), threading.Event()

    def stuck(_: str) -> None:
        interruption.on_signal(15, None)
        over.wait()

    assert run_once(world.program(report.add), report, stuck, interruption=interruption) == 143
    over.set()
