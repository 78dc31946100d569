"""Two backends in one program: what happens to one is nothing to the other."""

from __future__ import annotations

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.errors import (
    BackendFault,
    BackendSealed,
    BackendThrottled,
    BackendTimeout,
    BackendUnavailable,
)
from tests.unit.sync.world import PERIOD, TEAM, World, wanting

OTHER = "other"
COUNT = 20
FAULTS = [
    BackendUnavailable("down"),
    BackendSealed("sealed"),
    BackendThrottled("429", retry_after=60.0),
    BackendTimeout("late"),
]


class Pair:
    """As many definitions of each backend, all in one namespace, with equal paths."""

    def __init__(self) -> None:
        self.theirs = MemoryBackend()
        self.world = World(others={OTHER: self.theirs})
        for number in range(COUNT):
            self.put(self.world.backend, number, "ours")
            self.put(self.theirs, number, "theirs")
            self.world.define(f"ours-{number}", spec=wanting(f"ours-{number}", self.path(number)))
            spec = wanting(f"theirs-{number}", self.path(number), backend=OTHER)
            self.world.define(f"theirs-{number}", spec=spec)
        self.world.start()

    @staticmethod
    def path(number: int) -> str:
        return f"mount/app-{number}"

    def put(self, backend: MemoryBackend, number: int, user: str) -> None:
        backend.put(self.path(number), {"user": user})

    def users(self, whose: str) -> set[str]:
        return {(self.world.data(f"{whose}-{number}") or {})["user"] for number in range(COUNT)}

    def conditions(self, whose: str) -> set[tuple[str, str]]:
        return {self.world.condition(f"{whose}-{number}") for number in range(COUNT)}

    def delay(self, user: str) -> float:
        """Seconds until a change of every value of ours is in its Secret."""
        for number in range(COUNT):
            self.put(self.world.backend, number, user)
        began = self.world.clock()
        while self.users("ours") != {user}:
            self.world.pass_time(0.5, step=0.5)
            assert self.world.clock() - began <= 10 * PERIOD
        return self.world.clock() - began


def test_a_path_is_read_from_the_backend_that_the_definition_names() -> None:
    pair = Pair()

    assert (pair.users("ours"), pair.users("theirs")) == ({"ours"}, {"theirs"})


def test_an_unknown_backend_is_reported_and_no_backend_is_called() -> None:
    pair = Pair()
    before = pair.world.backend.reads() + pair.theirs.reads()
    pair.world.define("lost", spec=wanting("lost", pair.path(0), backend="elsewhere"))
    pair.world.settle()

    assert pair.world.condition("lost") == ("False", "UnknownBackend")
    assert pair.world.secret("lost") is None
    assert pair.world.backend.reads() + pair.theirs.reads() == before


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.reason)
def test_a_backend_that_is_down_makes_definitions_of_the_other_no_staler(fault: BackendFault) -> None:
    pair = Pair()
    usual = pair.delay("before")
    pair.theirs.fail_with(fault)
    pair.world.pass_time(60)

    assert pair.delay("after") <= max(usual, 1.1 * PERIOD)
    assert pair.conditions("ours") == {("True", "Synced")}
    assert pair.conditions("theirs") == {("False", fault.reason)}
    assert pair.world.upstream.domains.open_for() is None
    assert pair.world.upstreams[OTHER].domains.open_for() is not None


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.reason)
def test_a_sick_part_of_a_backend_leaves_the_part_of_that_name_in_another_alone(fault: BackendFault) -> None:
    pair = Pair()
    for number in range(COUNT - 1):
        pair.theirs.fail_with(fault, path=pair.path(number))
    pair.world.pass_time(60)

    assert pair.delay("after") <= 1.1 * PERIOD
    assert pair.conditions("ours") == {("True", "Synced")}
    assert pair.world.upstream.domains.open_parts() == 0


def test_a_backend_that_comes_back_is_read_at_once_and_the_other_no_more_than_before() -> None:
    pair = Pair()
    pair.theirs.fail_with(BackendUnavailable("down"))
    pair.world.pass_time(60)
    for number in range(COUNT):
        pair.put(pair.theirs, number, "new")
    before = pair.world.backend.reads()
    pair.theirs.recover()
    # Its probes are five seconds apart by now.
    pair.world.pass_time(2 * PERIOD)

    assert pair.users("theirs") == {"new"}
    assert pair.world.backend.reads() - before <= 2 * COUNT


def test_the_outage_of_a_backend_is_reported_to_its_definitions_alone() -> None:
    pair = Pair()
    pair.world.pass_time(PERIOD)
    pair.theirs.fail_with(BackendUnavailable("down"))
    with pair.world.spending() as spent:
        pair.world.pass_time(30)

    assert spent.calls == {"update secretdefinitions/status": COUNT}


def test_a_definition_is_parked_only_at_the_backend_that_it_uses() -> None:
    pair = Pair()
    pair.theirs.fail_with(BackendUnavailable("down"))
    pair.world.pass_time(30)

    assert len(pair.world.upstreams[OTHER].parked.take_all()) == COUNT
    assert pair.world.upstream.parked.take_all() == set()


def test_sources_of_equal_paths_in_two_backends_are_distinct() -> None:
    pair = Pair()
    ledger = pair.world.agenda.view.ledger

    assert len(ledger.sources_of(OTHER)) == len(ledger.sources_of("default")) == COUNT
    assert not ledger.is_shared(Source(pair.path(0), backend=OTHER))


def test_each_backend_has_its_own_path_policy() -> None:
    world = World(policy=("team/*",), others={OTHER: MemoryBackend()})
    world.define("app", spec=wanting("app", "rivals/app", backend=OTHER))
    world.start()

    assert world.condition("app") == ("False", "PathNotAllowed")
    assert world.upstreams[OTHER].agenda.view.ledger.sources_for(world.define("b")) == frozenset()
    assert TEAM == "team"
