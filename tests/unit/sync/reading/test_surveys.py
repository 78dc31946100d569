"""One survey of the backend a period in place of a poll of each source."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from secrets_manager.backends.base import Reading, Source, Survey
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendFault, BackendUnavailable
from secrets_manager.runtime.terms import Terms
from tests.unit.sync.world import NOTHING, PERIOD, TEAM, World, wanting


class SurveyingBackend(MemoryBackend):
    """Shows which paths were put since they were last read, unless surveys are forbidden or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.surveys: list[frozenset[Source]] = []
        self.forbidden = False
        self.survey_fault: BackendFault | None = None
        self._fresh: set[str] = set()

    def read(self, source: Source, terms: Terms) -> Reading:
        reading = super().read(source, terms)
        self._fresh.add(source.path)
        return reading

    def put(self, path: str, values: Mapping[str, object]) -> str:
        self._fresh.discard(path)
        return super().put(path, values)

    def survey(self, sources: Collection[Source]) -> Survey | None:
        self.surveys.append(frozenset(sources))
        if self.survey_fault is not None:
            raise self.survey_fault
        if self.forbidden:
            return None
        return Survey(frozenset(source for source in sources if source.path not in self._fresh))


def in_step(*names: str) -> tuple[World, SurveyingBackend]:
    """A world in which so many definitions, each with a path of its own, are in step."""
    backend = SurveyingBackend()
    world = World(backend=backend)
    for name in names:
        backend.put(name, {"user": "alice"})
        plain = name.replace("/", "-")
        world.define(plain, spec=wanting(plain, path=name))
    return world.start(), backend


def test_a_quiet_period_costs_one_survey_and_no_read() -> None:
    world, backend = in_step("a", "b", "c")
    with world.spending() as spent:
        world.pass_time(10 * PERIOD)

    assert spent == NOTHING
    assert len(backend.surveys) == pytest.approx(10, abs=1)
    assert set(backend.surveys) == {frozenset({Source("a"), Source("b"), Source("c")})}


def test_a_change_arrives_within_a_period_and_costs_the_reads_of_that_source_alone() -> None:
    world, backend = in_step("a", "b", "c")
    world.pass_time(3 * PERIOD)
    backend.put("b", {"user": "bob"})
    with world.spending() as spent:
        world.pass_time(1.2 * PERIOD)

    assert world.data("b") == {"user": "bob"}
    assert (backend.reads("a"), backend.reads("c")) == (1, 1)
    assert spent.reads == 2


def test_a_survey_tells_that_what_has_not_changed_is_as_it_was_read() -> None:
    world, backend = in_step("a", "b")
    told: list[Source] = []
    world.agenda.on_read = told.append
    world.pass_time(1.1 * PERIOD)
    assert {source.path for source in told} == {"a", "b"}
    told.clear()
    backend.survey_fault = BackendUnavailable("it is away")
    world.pass_time(1.1 * PERIOD)

    assert told == []


def test_the_start_polls_nothing_before_the_first_survey() -> None:
    world, backend = in_step("a", "b", "c")
    world.pass_time(PERIOD)

    assert backend.reads() == 3


def test_where_surveys_are_forbidden_each_source_is_polled() -> None:
    world, backend = in_step("a", "b")
    backend.forbidden = True
    world.pass_time(PERIOD)
    with world.spending() as spent:
        world.pass_time(10 * PERIOD)
    backend.put("b", {"user": "bob"})
    world.pass_time(1.2 * PERIOD)

    assert spent.reads == pytest.approx(20, abs=2)
    assert world.data("b") == {"user": "bob"}


def test_when_surveys_are_allowed_again_the_polls_stop() -> None:
    world, backend = in_step("a", "b")
    backend.forbidden = True
    world.pass_time(3 * PERIOD)
    backend.forbidden = False
    world.pass_time(1.2 * PERIOD)
    with world.spending() as spent:
        world.pass_time(5 * PERIOD)

    assert spent.reads == 0


def test_one_survey_that_fails_causes_no_poll() -> None:
    world, backend = in_step(*(f"app-{number}" for number in range(20)))
    world.pass_time(2 * PERIOD)
    before, backend.survey_fault = len(backend.surveys), BackendUnavailable("hiccup")
    with world.spending() as spent:
        while len(backend.surveys) == before:
            world.pass_time(0.5, step=0.5)
        backend.survey_fault = None
        world.pass_time(3 * PERIOD)

    assert len(backend.surveys) > before + 1
    assert spent == NOTHING


def test_surveys_that_fail_while_reads_work_give_way_to_polls_after_two_periods() -> None:
    world, backend = in_step("a")
    world.pass_time(2 * PERIOD)
    backend.survey_fault = BackendUnavailable("no list")
    backend.put("a", {"user": "bob"})
    world.pass_time(4 * PERIOD)

    assert world.data("a") == {"user": "bob"}


def test_an_outage_is_noticed_by_the_surveys_and_its_end_too() -> None:
    world, backend = in_step("a")
    world.pass_time(2 * PERIOD)
    backend.survey_fault = BackendUnavailable("down")
    backend.fail_with(BackendUnavailable("down"))
    world.pass_time(12 * PERIOD)
    assert world.condition("a") == ("False", "BackendUnavailable")
    assert world.data("a") == {"user": "alice"}
    backend.survey_fault = None
    backend.recover()
    backend.put("a", {"user": "bob"})
    world.pass_time(60.0)

    assert world.condition("a") == ("True", "Synced")
    assert world.data("a") == {"user": "bob"}


def test_while_the_backend_is_down_its_probes_are_reads() -> None:
    world, backend = in_step("a")
    world.pass_time(2 * PERIOD)
    backend.survey_fault = BackendUnavailable("down")
    backend.fail_with(BackendUnavailable("down"))
    world.pass_time(12 * PERIOD)
    surveys = len(backend.surveys)
    with world.spending() as spent:
        world.pass_time(4 * PERIOD)

    assert len(backend.surveys) == surveys
    assert spent.reads > 0


def test_faults_of_surveys_far_apart_open_nothing() -> None:
    world, backend = in_step("a")
    for _ in range(8):
        backend.survey_fault = BackendUnavailable("hiccup")
        world.pass_time(PERIOD)
        backend.survey_fault = None
        world.pass_time(PERIOD)

    assert world.upstream.domains.breaker.open_for() is None


def test_a_standby_surveys_nothing() -> None:
    world, backend = in_step("a")
    world.leadership.leading = False
    before = len(backend.surveys)
    world.pass_time(3 * PERIOD)

    assert len(backend.surveys) == before


def test_a_standby_reports_no_overdue_polls() -> None:
    world, _ = in_step()
    world.leadership.leading = False
    world.pass_time(10 * PERIOD)

    assert world.agenda.overdue_seconds() == 0.0

    world.leadership.leading = True
    assert world.agenda.overdue_seconds() > PERIOD


def test_a_survey_that_breaks_unexpectedly_ends_no_worker() -> None:
    world, backend = in_step("a")
    backend.survey = lambda sources: 1 / 0  # type: ignore[assignment,method-assign,return-value]
    world.pass_time(4 * PERIOD)
    backend.put("a", {"user": "bob"})
    world.pass_time(2 * PERIOD)

    assert world.data("a") == {"user": "bob"}


def test_a_backend_that_cannot_survey_is_polled_as_ever() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()
    with world.spending() as spent:
        world.pass_time(10 * PERIOD)

    assert spent.reads == pytest.approx(10, abs=1)


def test_sources_that_are_used_no_more_are_not_surveyed() -> None:
    world, backend = in_step("a", "b")
    world.delete(Ref(TEAM, "b"))
    world.settle()
    world.pass_time(1.2 * PERIOD)

    assert backend.surveys[-1] == {Source("a")}


def test_a_part_that_fails_when_read_is_no_outage_while_surveys_work() -> None:
    world, backend = in_step("well/a", "well/b", *(f"sick/{number}" for number in range(8)))
    for number in range(8):
        backend.put(f"sick/{number}", {"user": "new"})
        backend.fail_with(BackendUnavailable("500"), path=f"sick/{number}")
    world.pass_time(10 * PERIOD)
    assert world.upstream.domains.open_for() is None
    assert world.upstream.domains.open_parts() == 1
    surveys = len(backend.surveys)
    backend.put("well/a", {"user": "bob"})
    world.pass_time(2 * PERIOD)

    assert len(backend.surveys) > surveys
    assert world.data("well-a") == {"user": "bob"}


def test_a_list_that_fails_by_itself_is_no_outage_while_reads_work() -> None:
    world, backend = in_step("a", "b", "c")
    backend.survey_fault = BackendUnavailable("500")
    world.pass_time(10 * PERIOD)
    backend.put("a", {"user": "bob"})
    world.pass_time(2 * PERIOD)

    assert world.upstream.domains.open_for() is None
    assert world.data("a") == {"user": "bob"}
