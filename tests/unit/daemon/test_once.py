"""``--once``: one line a definition, a tally, and an exit code."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS
from secrets_manager.daemon.once import run_once
from secrets_manager.daemon.once_report import Report
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import AuthFailed, BackendUnavailable, ClusterUnavailable, KeyNotFound
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation
from tests.unit.daemon.daemon_world import World


def run(world: World) -> tuple[int, list[str]]:
    """Exit code and lines of one run."""
    report, written = Report(several=bool(world.others)), list[str]()
    code = run_once(world.program(report.add), report, written.append)
    return code, "".join(written).splitlines()


@pytest.fixture
def world() -> World:
    world = World()
    world.backend.put("db", {"password": "canary-value"})
    return world


def test_a_missing_secret_is_made_and_reported(world: World) -> None:
    world.define("db")

    assert run(world) == (0, ["shop/db Secret db: created (Missing)", "1 created"])
    assert world.secret("db") is not None


def test_a_definition_in_step_is_reported_as_unchanged(world: World) -> None:
    world.define("db")
    run(world)

    assert run(world) == (0, ["shop/db Secret db: unchanged (InStep)", "1 unchanged"])


def test_one_failed_definition_makes_a_single_run_exit_1_and_stops_no_other(world: World) -> None:
    world.define("db")
    world.define("absent")
    world.define("broken", spec={"name": "broken"})
    code, lines = run(world)

    assert code == 1
    assert lines == [
        "shop/absent Secret absent: SourceNotFound: path 'absent' does not exist in the backend",
        "shop/broken Secret broken: InvalidSpec: spec.keysMap is missing, not a map",
        "shop/db Secret db: created (Missing)",
        "1 created, 2 failed",
    ]


def test_without_definitions_all_is_well(world: World) -> None:
    assert run(world) == (0, ["no definitions"])


def test_a_single_run_with_a_backend_that_is_down_fails_each_definition_and_ends(world: World) -> None:
    for number in range(9):
        world.define(f"app-{number}")
    world.backend.fail_with(BackendUnavailable("down"))
    code, lines = run(world)

    assert code == 1
    assert lines[-1] == "9 failed"
    assert all("BackendUnavailable" in line for line in lines[:-1])


def test_an_api_server_that_is_down_is_an_error_that_the_last_line_reports(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for resource in ("secrets", "secretdefinitions"):
        world.cluster.fail_next("list", resource, ClusterUnavailable("no connection"))

    assert run(world) == (
        1,
        [
            "all namespaces: SecretDefinitions not listed: ClusterUnavailable: no connection",
            "all namespaces not listed",
        ],
    )
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (logging.ERROR, "cannot list the definitions")
    ]


@pytest.mark.parametrize("error", [ValueError("canary-value"), MemoryError(), SystemExit("canary-value")])
@pytest.mark.parametrize("resource", ["secrets", "secretdefinitions"])
def test_a_list_that_breaks_our_own_code_is_not_taken_for_an_empty_one(
    world: World, resource: str, error: BaseException
) -> None:
    world.define("db")
    world.cluster.fail_next("list", resource, error)  # type: ignore[arg-type]
    code, lines = run(world)

    assert (code, lines[-1]) == (1, "all namespaces not listed")
    assert lines[0].startswith(
        f"all namespaces: SecretDefinitions not listed: InternalError: unexpected {type(error).__name__} at "
    )
    assert "canary" not in "".join(lines)


def test_secrets_that_cannot_be_listed_while_definitions_can_are_read_one_by_one(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.define("db")
    world.cluster.fail_next("list", "secrets", ClusterUnavailable("the API server answered 500"))

    assert run(world) == (0, ["shop/db Secret db: created (Missing)", "1 created"])
    assert world.cluster.calls["get", "secrets"] >= 1
    assert "no list works; each Secret is read by name" in caplog.messages


def test_a_missing_right_on_definitions_is_an_error(world: World) -> None:
    world.cluster.forbid("list", "secretdefinitions")

    assert run(world)[0] == 1


def test_a_single_run_without_the_right_to_list_secrets_reads_them_one_by_one(world: World) -> None:
    world.define("db")
    world.cluster.forbid("list", "secrets")
    world.cluster.forbid("watch", "secrets")

    assert run(world) == (0, ["shop/db Secret db: created (Missing)", "1 created"])
    assert world.cluster.calls["get", "secrets"] >= 1


def test_the_watched_namespaces_are_those_of_the_settings() -> None:
    world = World(watch_namespaces=("shop", "bar"), exclude_namespaces=("bar",))
    for namespace in ("shop", "bar", "elsewhere"):
        world.define("db", namespace=namespace)
    world.backend.put("db", {"password": "p"})

    assert run(world) == (0, ["shop/db Secret db: created (Missing)", "1 created"])


def test_events_and_status_are_written_before_the_end(world: World) -> None:
    world.define("db")
    run(world)
    raw = world.cluster.snapshot(DEFINITIONS, Ref("shop", "db"))

    assert raw is not None
    assert raw["status"]["conditions"][0]["reason"] == "Synced"
    assert world.cluster.calls["create", "events"] == 1


def test_the_backend_is_let_go_of(world: World) -> None:
    run(world)

    assert world.backend.closed


def test_a_single_run_prints_no_value(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.define("db")
    code, lines = run(world)

    assert code == 0
    assert "canary" not in "\n".join(lines) + caplog.text


# ── the report ───────────────────────────────────────────────────────────────────────────────────────


def outcome(name: str, **fields: Any) -> Outcome:
    given: dict[str, Any] = {"secret": "s", "operation": Operation.UNCHANGED, "reason": "InStep", **fields}
    return Outcome(definition=Ref("shop", name), **given)


def test_the_last_outcome_about_a_secret_counts() -> None:
    report = Report()
    error = KeyNotFound("p", "k")
    report.add(outcome("a", operation=Operation.REFUSED, reason=error.reason, error=error))
    report.add(outcome("a"))

    assert report.in_step()
    assert report.lines() == ["shop/a Secret s: unchanged (InStep)", "1 unchanged"]


def test_what_the_run_did_is_told_though_it_looked_again_and_so_are_workloads_that_stay_as_they_were() -> (
    None
):
    report = Report()
    report.add(outcome("a", operation=Operation.CREATED, reason="Missing"))
    report.add(outcome("a", not_restarted="Deployment 'web' is not there"))
    report.add(outcome("b", operation=Operation.REPLACED, reason="DataDiffers"))
    error = KeyNotFound("p", "k")
    report.add(outcome("b", operation=Operation.REFUSED, reason=error.reason, error=error))

    assert not report.in_step()
    assert report.lines() == [
        "shop/a Secret s: created (Missing); Deployment 'web' is not there",
        "shop/b Secret s: KeyNotFound: path 'p' has no key 'k'",
        "1 created, 1 failed",
    ]


def test_each_run_that_changes_a_secret_tells_which_workload_is_not_there(world: World) -> None:
    wish = {"workloads": [{"kind": "Deployment", "name": "web"}]}
    keys = {"password": {"path": "db", "key": "password"}}
    world.define("db", spec={"name": "db", "keysMap": keys, "restart": wish})
    first = run(world)
    world.backend.put("db", {"password": "canary-next"})

    for (code, lines), done in ((first, "created (Missing)"), (run(world), "replaced (DataDiffers)")):
        assert code == 0
        assert lines[0].startswith(f"shop/db Secret db: {done}; ")
        assert "Deployment 'web'" in lines[0]


def test_the_cleanup_after_a_rename_is_a_line_of_its_own() -> None:
    report = Report()
    report.add(outcome("a", operation=Operation.CREATED, reason="Missing"))
    report.add(outcome("a", secret="old", operation=Operation.DELETED, reason="NotWanted", cleanup=True))

    assert report.lines() == [
        "shop/a Secret s: created (Missing)",
        "shop/a Secret old: deleted (NotWanted)",
        "1 created, 1 deleted",
    ]


def test_lines_come_in_the_order_of_names() -> None:
    report = Report()
    for name in ("c", "a", "b"):
        report.add(outcome(name))

    assert [line.split()[0] for line in report.lines()[:-1]] == ["shop/a", "shop/b", "shop/c"]


def test_a_definition_that_names_no_secret_is_reported_all_the_same() -> None:
    report = Report()
    error = KeyNotFound("p", "k")
    report.add(outcome("a", secret=None, operation=Operation.REFUSED, reason=error.reason, error=error))

    assert report.lines()[0] == "shop/a Secret ?: KeyNotFound: path 'p' has no key 'k'"


def test_a_suspended_definition_is_left_alone_and_fails_nothing(world: World) -> None:
    world.define("db", spec={"name": "db", "keysMap": {"password": {"path": "db"}}, "suspend": True})

    assert run(world) == (0, ["shop/db Secret db: unchanged (Suspended)", "1 unchanged"])
    assert world.secret("db") is None
    assert world.backend.reads() == 0


# ── several backends ─────────────────────────────────────────────────────────────────────────────────


def from_backend(world: World, name: str, backend: str) -> None:
    keys = {"password": {"path": "db", "key": "password"}}
    world.define(name, spec={"name": name, "backend": backend, "keysMap": keys})


def test_the_last_line_names_each_backend_that_could_not_be_read(world: World) -> None:
    down, refused, well = MemoryBackend(), MemoryBackend(), MemoryBackend()
    well.put("db", {"password": "canary-value"})
    down.fail_with(BackendUnavailable("no connection"))
    refused.fail_with(AuthFailed("no such role"))
    world.others = {"down": down, "refused": refused, "well": well}
    for backend in world.others:
        from_backend(world, f"of-{backend}", backend)
    world.define("db")
    code, lines = run(world)

    assert code == 1
    assert lines[-1] == (
        "2 created, 2 failed, backend down failed (BackendUnavailable), backend refused failed (AuthFailed)"
    )
    assert world.secret("of-well") is not None


def test_the_backend_of_the_flags_is_named_where_there_are_others(world: World) -> None:
    world.others = {"well": MemoryBackend()}
    world.backend.fail_with(BackendUnavailable("no connection"))
    world.define("db")

    assert run(world)[1][-1] == "1 failed, backend default failed (BackendUnavailable)"


def test_a_single_backend_is_not_named(world: World) -> None:
    world.backend.fail_with(BackendUnavailable("no connection"))
    world.define("db")

    assert run(world)[1][-1] == "1 failed"


def test_a_backend_that_the_settings_do_not_know_is_named_in_the_last_line(world: World) -> None:
    from_backend(world, "app", "gone")
    code, lines = run(world)

    assert (code, lines[-1]) == (1, "1 failed, backend gone failed (UnknownBackend)")
