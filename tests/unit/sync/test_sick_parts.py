"""Trouble in one part of the backend: definitions of the others notice nothing, whatever their number."""

from __future__ import annotations

import pytest

from secrets_manager.domain.errors import (
    BackendFault,
    BackendThrottled,
    BackendTimeout,
    BackendUnavailable,
    DynamicSecretUnsupported,
)
from tests.unit.sync.world import World, wanting

FAULTS = [
    BackendThrottled("429", retry_after=60.0),
    BackendThrottled("429"),
    BackendUnavailable("500"),
    BackendTimeout("late"),
]
WELL, SICK = "well/app", "sick/app"


class Estate:
    """Some definitions each on a path of its own, in two mounts; one path in the sick mount is healthy."""

    def __init__(self, sick: int, well: int = 20, *, beside: bool = False) -> None:
        self.world = World(period=5.0)
        self.sick = [f"{SICK}-{number}" for number in range(sick)]
        self.well = [f"{WELL}-{number}" for number in range(well)] + (["sick/healthy"] if beside else [])
        for path in (*self.sick, *self.well):
            self.world.backend.put(path, {"user": "alice"})
            self.define(path)
        self.world.start()

    def define(self, path: str) -> str:
        name = path.replace("/", "-")
        self.world.define(name, spec=wanting(name, path))
        return name

    def break_down(self, fault: BackendFault) -> None:
        for path in self.sick:
            self.world.backend.fail_with(fault, path=path)

    def reads_of_the_sick(self) -> int:
        return sum(self.world.backend.reads(path) for path in self.sick)

    def conditions(self, paths: list[str]) -> set[tuple[str, str]]:
        return {self.world.condition(path.replace("/", "-")) for path in paths}

    def change_and_see(self, seconds: float) -> None:
        """Every healthy value changes again and again, and is in its Secret within a period."""
        for turn in range(int(seconds / 6)):
            for path in self.well:
                self.world.backend.put(path, {"user": f"bob-{turn}"})
            self.world.pass_time(6)
            values = [self.world.data(path.replace("/", "-")) for path in self.well]
            assert values == [{"user": f"bob-{turn}"}] * len(self.well)
            assert self.conditions(self.well) == {("True", "Synced")}


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a healthy path"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault}, {fault.retry_after}")
@pytest.mark.parametrize("sick", [1, 30])
def test_the_healthy_stay_fresh_and_ready_whatever_share_is_sick(
    sick: int, fault: BackendFault, *, beside: bool
) -> None:
    estate = Estate(sick, beside=beside)
    estate.break_down(fault)
    estate.change_and_see(24)

    assert estate.conditions(estate.sick) == {("False", fault.reason)}
    assert estate.world.upstream.domains.open_for() is None


def test_a_sick_mount_is_asked_once_in_a_while_and_is_fresh_soon_after_it_is_back() -> None:
    estate = Estate(60)
    estate.break_down(BackendUnavailable("500"))
    estate.world.pass_time(120)
    before = estate.reads_of_the_sick()
    estate.world.pass_time(100)
    assert estate.reads_of_the_sick() - before <= 100 / 5 + 1

    estate.world.backend.recover()
    for path in estate.sick:
        estate.world.backend.put(path, {"user": "carol"})
    estate.world.pass_time(7)
    assert estate.conditions(estate.sick) == {("True", "Synced")}
    assert {str(estate.world.data(path.replace("/", "-"))) for path in estate.sick} == {"{'user': 'carol'}"}


def test_definitions_made_during_the_trouble_are_served_at_once_in_either_mount() -> None:
    estate = Estate(30)
    estate.break_down(BackendThrottled("429", retry_after=60.0))
    estate.world.pass_time(30)
    for path in ("well/new", "sick/new", "third/new"):
        estate.world.backend.put(path, {"user": "alice"})
        estate.define(path)
        estate.world.settle()
        assert estate.conditions([path]) == {("True", "Synced")}


def test_a_definition_of_a_sick_and_a_healthy_path_reports_the_fault_of_the_sick_path() -> None:
    estate = Estate(12)
    both = wanting("both", f"{WELL}-0")
    both["keysMap"]["other"] = {"path": f"{SICK}-0", "key": "user"}
    estate.world.define("both", spec=both)
    estate.world.settle()
    estate.break_down(BackendThrottled("429"))
    estate.world.pass_time(30)

    assert estate.world.condition("both") == ("False", "BackendThrottled")
    assert estate.world.data("both") == {"user": "alice", "other": "alice"}


def test_a_sick_path_is_forgotten_with_the_last_definition_that_uses_the_path() -> None:
    estate = Estate(12)
    estate.break_down(BackendUnavailable("500"))
    estate.world.pass_time(30)
    assert estate.world.upstream.domains.open_parts() == 1
    for ref in estate.world.agenda.view.definitions.refs():
        if ref.name.startswith("sick"):
            estate.world.delete(ref)
    estate.world.pass_time(10)

    assert estate.world.upstream.domains.open_parts() == 0


@pytest.mark.parametrize("fault", [BackendUnavailable("500"), BackendTimeout("late")], ids=str)
def test_a_fault_of_all_paths_is_an_outage_of_the_whole_backend(fault: BackendFault) -> None:
    estate = Estate(0, well=40)
    for path in estate.well:
        estate.world.backend.fail_with(fault, path=path)
    estate.world.pass_time(90)
    before = estate.world.backend.reads()
    estate.world.pass_time(100)
    assert estate.world.upstream.domains.open_for() is not None
    assert estate.world.backend.reads() - before <= 100 / 5 + 1
    assert estate.conditions(estate.well) == {("False", fault.reason)}

    estate.world.backend.recover()
    estate.world.pass_time(7)
    assert estate.conditions(estate.well) == {("True", "Synced")}


def test_a_path_that_is_refused_without_asking_is_no_sign_that_its_mount_is_well() -> None:
    estate = Estate(12)
    estate.world.backend.put("sick/leased", {"user": "alice"})
    estate.define("sick/leased")
    estate.world.backend.fail_with(DynamicSecretUnsupported("sick/leased"), path="sick/leased")
    estate.break_down(BackendUnavailable("500"))
    estate.world.pass_time(120)
    before = estate.reads_of_the_sick()
    estate.world.pass_time(50)

    assert estate.world.upstream.domains.open_parts() == 1
    assert estate.reads_of_the_sick() - before <= 50 / 5 + 1
