"""What the page knows besides what the cluster says: reads, polls, backends, work, and who leads."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.lead.lease import LEASES
from secrets_manager.daemon.daemon import Daemon
from secrets_manager.daemon.status.as_json import TooLong, overview_json
from secrets_manager.daemon.status.listing import Sight, TooSlow
from secrets_manager.daemon.status.query import Query, parse_query
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendUnavailable, ConfigError, Reach
from secrets_manager.overview.data import as_data
from secrets_manager.overview.model import Overview, Readiness
from secrets_manager.settings import ElectionSettings
from secrets_manager.settings.listening import ListenAddress
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.reading.circuit_breaker import FAULTS_TO_OPEN
from secrets_manager.sync.reading.upstream import Upstream
from tests.testbed.waiting import wait_until
from tests.unit.daemon.daemon_world import World
from tests.unit.daemon.running import Running, Start
from tests.unit.daemon.status_world import ALL, NOW, PAGE, StatusWorld, entry


def made(world: StatusWorld, query: str = "", sight: Sight = ALL) -> Overview:
    return world.view.page(parse_query(query), sight).overview


def data(world: StatusWorld, query: str = "", sight: Sight = ALL) -> Any:
    return json.loads(world.json(query, sight))


# ── the data of one and all ──────────────────────────────────────────────────────────────────────────


def test_the_json_is_that_of_the_command_for_the_same_overview() -> None:
    world = StatusWorld(*(entry(f"n/d{number}") for number in range(3)), entry("n/bad", "KeyNotFound"))
    around, found = world.view.overview(Query(), ALL)
    lines = list(found)

    assert json.loads(overview_json(around, lines)) == as_data(replace(around, definitions=tuple(lines)))
    assert [line.name for line in lines] == ["bad", "d0", "d1", "d2"]


def test_json_has_all_pages_unless_one_is_named() -> None:
    world = StatusWorld(*(entry(f"n/d{number:03}") for number in range(230)))

    assert len(data(world)["definitions"]) == 230
    assert [each["name"] for each in data(world, "page=3")["definitions"]] == [
        f"d{number}" for number in range(200, 230)
    ]
    assert data(world, "page=4")["definitions"] == []
    assert data(world, "q=nothing")["definitions"] == []


def test_json_that_is_too_long_is_not_made() -> None:
    world = StatusWorld(*(entry(f"n/d{number}", message="x" * 1000) for number in range(20)))

    with pytest.raises(TooLong):
        overview_json(*world.view.overview(Query(), ALL), most=10_000)


def test_json_is_given_up_when_no_time_is_left() -> None:
    world = StatusWorld(*(entry(f"n/d{number:03}") for number in range(100)))
    _, lines = world.view.overview(Query(), ALL)
    next(lines)
    world.seconds_left = -1.0

    with pytest.raises(TooSlow):
        list(lines)


def test_a_page_beyond_the_last_is_the_last() -> None:
    world = StatusWorld(*(entry(f"n/d{number:03}") for number in range(130)))
    page = world.view.page(parse_query("page=7"), ALL)

    assert (page.number, len(page.overview.definitions)) == (2, 30)


def test_the_page_says_that_the_cluster_was_not_listed_yet() -> None:
    world = StatusWorld()
    assert world.view.page(Query(), ALL).unlisted
    assert "have not been listed completely yet" in world.html()
    for each in world.program.definition_informers:
        each.synced.set()

    assert not world.view.page(Query(), ALL).unlisted
    assert "have not been listed completely yet" not in world.html()


# ── a daemon at work ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def world() -> World:
    world = World()
    world.backend.put("db", {"password": "p"})
    world.settings = replace(world.settings, status_page=PAGE)
    return world


def status_of(running: Running, query: str = "") -> Any:
    return json.loads(running.ask_status(f"/status.json{query}")[1])


def line_of(running: Running, name: str) -> Any:
    return next((each for each in status_of(running)["definitions"] if each["name"] == name), None)


def test_a_daemon_at_work_says_when_paths_were_read_and_are_due(start: Start, world: World) -> None:
    world.define("db")
    running = start(world)
    running.ready()
    line = wait_until(
        lambda: found if (found := line_of(running, "db")) and found["nextPoll"] else None, 30, "a poll"
    )

    assert (line["ready"], line["reason"], line["secret"]) == ("True", "Synced", "db")
    assert [(each["path"], each["version"]) for each in line["sources"]] == [("db", "1")]
    assert line["sources"][0]["readAt"] is not None
    assert line["lastChange"] is not None


def test_a_daemon_at_work_counts_what_it_writes(start: Start, world: World) -> None:
    world.define("db")
    running = start(world)
    wait_until(lambda: world.secret("db"), 30, "the Secret")

    wait_until(lambda: sum(status_of(running)["changes"]["counts"]) == 1, 30, "the count")
    assert status_of(running)["queue"].keys() == {"depth", "oldestWait", "overdue"}


def test_a_daemon_without_an_election_leads_alone(start: Start, world: World) -> None:
    running = start(world)
    running.ready()
    status, page = running.ask_status("/")

    assert status == 200
    assert "This replica works alone, without an election" in page
    assert status_of(running)["lead"] == {"holder": "", "isThisOne": True, "since": None}


def elected(world: World) -> World:
    election = ElectionSettings(enabled=True, lease_namespace="shop", retry_period=0.2)
    world.settings = replace(world.settings, election=election)
    return world


def test_a_leader_names_itself_and_since_when(start: Start, world: World) -> None:
    running = start(elected(world))
    lead = wait_until(
        lambda: found if (found := status_of(running)["lead"])["isThisOne"] else None, 30, "the lead"
    )

    assert running.program.elector is not None
    assert lead["holder"] == running.program.elector.identity
    assert lead["since"] is not None


def test_a_standby_names_the_leader_and_says_that_it_knows_nothing_fresh(start: Start, world: World) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "5ac9a181.secrets-manager.tuenti.io"},
        "spec": {
            "holderIdentity": "the-other",
            "leaseDurationSeconds": 3600,
            "acquireTime": "2026-05-04T11:00:00.000000Z",
        },
    }
    world.cluster.create(LEASES, "shop", lease)
    world.define("db")
    running = start(elected(world))
    wait_until(lambda: line_of(running, "db"), 30, "the definition")
    found = wait_until(
        lambda: each if (each := status_of(running))["lead"]["holder"] else None, 30, "the Lease"
    )
    page = running.ask_status("/")[1]

    assert found["lead"] == {"holder": "the-other", "isThisOne": False, "since": "2026-05-04T11:00:00Z"}
    assert (found["backends"], found["queue"], found["changes"]) == (None, None, None)
    assert found["definitions"][0]["ready"] == Readiness.UNKNOWN
    assert "it knows nothing fresh" in page
    assert "the-other" in page


def test_without_an_address_there_is_no_page_and_nothing_is_remembered(start: Start) -> None:
    running = start(World())
    running.ready()

    assert running.daemon.status_port is None
    assert running.program.journal is None
    assert running.program.core.agenda.on_read is None


def test_a_daemon_without_the_page_does_not_load_what_makes_it() -> None:
    made_by = (
        "xml.etree.ElementTree",
        *(f"secrets_manager.daemon.web.{name}" for name in ("markup", "doors")),
    )
    code = f"import sys, secrets_manager.daemon.cli; print([n for n in {made_by!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_page_is_gone_with_the_daemon(start: Start, world: World) -> None:
    running = start(world)
    running.ready()
    assert running.ask_status("/")[0] == 200
    assert running.stop() == 0

    with pytest.raises(ConnectionRefusedError):
        running.ask_status("/")


def test_a_port_that_is_taken_names_the_option(start: Start, world: World) -> None:
    taken = start(world).daemon.status_port
    other = World()
    address = ListenAddress(host="127.0.0.1", port=taken or 0)
    other.settings = replace(other.settings, metrics_addr=None, status_page=replace(PAGE, address=address))

    with pytest.raises(ConfigError) as caught:
        Daemon(other.program())
    assert caught.value.message == f"status-addr '127.0.0.1:{taken}': Address already in use"


def test_clients_that_hold_the_page_up_leave_the_probes_alone(start: Start, world: World) -> None:
    running = start(world)
    running.ready()
    idle = [socket.create_connection(("127.0.0.1", running.daemon.status_port or 0)) for _ in range(30)]
    try:
        assert running.ask("/healthz")[0] == 200
        assert running.ask("/metrics")[0] == 200
    finally:
        for each in idle:
            each.close()


# ── backends, and who may see them ───────────────────────────────────────────────────────────────────


def test_a_backend_that_is_well_says_so() -> None:
    (line,) = made(StatusWorld()).backends or ()

    assert (line.name, line.kind, line.session_fault) == ("default", "memory", "")
    assert (line.down_for, line.parts_down, line.overdue, line.token_life) == (None, 0, 0.0, None)


def test_a_backend_that_is_down_says_for_how_long_and_how_late_its_polls_are() -> None:
    world = StatusWorld(entry("n/d"))
    core = world.program.core
    upstream, now = core.upstreams["default"], core.agenda.clock()
    core.agenda.view.ledger.assign(Ref("n", "d"), [Source("app")])
    core.agenda.view.schedule.add(Key.source(Source("app")))
    core.agenda.view.schedule.served(Key.source(Source("app")), now - 100)
    for _ in range(FAULTS_TO_OPEN):
        fault = BackendUnavailable("it does not answer")
        fault.reach = Reach.ALL
        upstream.domains.failed(Source("app"), fault)
    upstream.session_fault = "AuthFailed"
    (line,) = made(world).backends or ()

    assert line.down_for is not None
    assert line.session_fault == "AuthFailed"
    assert line.overdue > 90
    assert "down for 0 s, only probes are sent" in world.html()
    assert "(last check: AuthFailed)" in world.html()


class Lasting(MemoryBackend):
    """A backend whose token ends."""

    def session_life(self) -> float | None:
        return 600.0


def with_backend(world: StatusWorld, name: str, backend: MemoryBackend) -> None:
    """Add one."""
    like = world.program.core.upstreams["default"]
    upstream = Upstream(
        name=name,
        backend=backend,
        policy=like.policy,
        agenda=like.agenda,
        options=like.options,
        room=like.room,
        random=lambda: 0.5,
    )
    world.program.core.upstreams.add(upstream)


def test_who_sees_some_namespaces_sees_their_definitions_and_backends_alone() -> None:
    world = StatusWorld(entry("mine/d"), entry("theirs/d"))
    with_backend(world, "eu", Lasting())
    ledger = world.program.core.agenda.view.ledger
    ledger.assign(Ref("mine", "d"), [Source("app", backend="eu")])
    ledger.assign(Ref("theirs", "d"), [Source("app")])
    some = Sight(frozenset({"mine"}))

    assert [line.name for line in made(world).backends or ()] == ["default", "eu"]
    found = data(world, sight=some)
    assert [each["namespace"] for each in found["definitions"]] == ["mine"]
    assert [(each["name"], each["tokenLife"]) for each in found["backends"]] == [("eu", 600.0)]
    assert (found["queue"], found["changes"]) == (None, None)
    page = world.html(sight=some)
    assert "theirs" not in page
    assert "default" not in page.partition("Backends")[2].partition("Definitions")[0]


def test_times_are_told_by_the_wall() -> None:
    world = StatusWorld()
    world.view.clock = lambda: 100.0
    moment = world.view._moment()

    assert moment.of(None) is None
    assert moment.of(70.0) == NOW - timedelta(seconds=30)
