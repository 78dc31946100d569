"""Trouble stays in the smallest part of the backend that explains it."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.backends.vault import kv
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendSealed,
    BackendThrottled,
    BackendTimeout,
    BackendTLS,
    BackendUnavailable,
    ForbiddenByNetwork,
    Reach,
    SessionExpired,
)
from secrets_manager.sync.reading.circuit_breaker import FAULTS_TO_OPEN, CircuitBreaker
from secrets_manager.sync.reading.evidence import MOST_REMEMBERED, Evidence, evidence_seconds
from secrets_manager.sync.reading.fault_domains import FaultDomains
from tests.unit.sync.doubles import FakeClock, lonely_domains

LATELY = 10.0
BAD = BackendUnavailable("Vault reports an internal error (500)")
# A clock that goes this much from call to call lets no evidence age within a test that does not mean it.
MOMENT = 0.001


class Bench:
    """A backend of which some paths are sick: each call is admitted or not, and then has its end."""

    def __init__(self, sick: Iterable[str] = (), fault: BackendFault = BAD) -> None:
        self.clock = FakeClock()
        self.sick = {Source(path) for path in sick}
        self.fault = fault
        self.asked: list[Source] = []
        self.released: set[Source] = set()
        self.recoveries = 0
        self.new = True
        self.domains = FaultDomains(
            CircuitBreaker(self.clock, lambda: 0.5),
            Evidence(kv.domains, LATELY),
            clock=self.clock,
            random=lambda: 0.5,
            is_new=lambda _: self.new,
            on_release=self._release,
            on_recovery=self._recover,
        )

    def _release(self, sources: Collection[Source]) -> None:
        self.released |= set(sources)

    def _recover(self) -> None:
        self.recoveries += 1

    def ask(self, *paths: str) -> None:
        """Read these paths one after the other, as far as that is allowed."""
        for path in paths:
            source = Source(path)
            self.clock.advance(MOMENT)
            try:
                answers = self.domains.admit(source)
            except BackendFault:
                continue
            self.asked.append(source)
            if source in self.sick:
                self.domains.failed(source, self.fault, answers)
            else:
                self.domains.answered(source)

    def count(self, *paths: str) -> int:
        """How many calls a round of these paths makes."""
        before = len(self.asked)
        self.ask(*paths)
        return len(self.asked) - before

    def told(self, path: str) -> BackendFault | None:
        """What a read of it is refused with."""
        try:
            self.domains.admit(Source(path))
        except BackendFault as fault:
            return fault
        return None


def below(mount: str, count: int) -> list[str]:
    return [f"{mount}/data/app-{number}" for number in range(count)]


# ── which part ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, 12, 200, 399])
def test_a_sick_mount_refuses_nothing_to_the_others_whatever_its_share_of_the_paths(count: int) -> None:
    sick, well = below("sick", count), below("well", 400 - count)
    bench = Bench(sick)
    order = [*sick, *well]
    shuffled = random.Random(7)  # noqa: S311 - an order
    for _ in range(20):
        shuffled.shuffle(order)
        before = len(bench.asked)
        bench.ask(*order)
        served = {source.path for source in bench.asked[before:]}
        assert served >= set(well)
        assert bench.domains.open_for() is None

    assert bench.count(*sick) <= 1


@pytest.mark.parametrize("sick", [12, 200, 399])
def test_sick_paths_of_a_mount_are_separated_from_healthy_paths_beside_them(sick: int) -> None:
    paths = below("kv", 400)
    bench = Bench(paths[:sick])
    shuffled = random.Random(3)  # noqa: S311 - an order
    for _ in range(20):
        shuffled.shuffle(paths)
        before = len(bench.asked)
        bench.ask(*paths)
        assert {s.path for s in bench.asked[before:]} >= {p for p in paths if Source(p) not in bench.sick}

    assert bench.domains.open_for() is None


@pytest.mark.parametrize("mount", ["kv", "team/kv", "ns/inner/kv", "a/b/c/d"])
def test_the_mount_may_be_in_a_namespace_or_have_several_segments(mount: str) -> None:
    paths = below(mount, 12)
    bench = Bench(paths)
    bench.ask("other/data/app")
    for _ in range(FAULTS_TO_OPEN):
        bench.ask(*paths)

    assert bench.domains.open_parts() == 1
    assert bench.domains.part_of(Source(paths[0])) == mount.split("/", maxsplit=1)[0]
    assert bench.count(*paths) == 0
    assert bench.count("other/data/app", f"{mount}x/data/app") == 2


def test_sick_kv1_paths_are_separated_from_healthy_kv1_paths() -> None:
    sick = [f"team/kv1/app-{number}" for number in range(12)]
    bench = Bench(sick)
    bench.ask("team/kv2/data/app", *sick, *sick)

    assert bench.count(*sick) == 0
    assert bench.count("team/kv2/data/app") == 1


def test_four_faults_open_nothing_and_five_of_all_paths_do() -> None:
    sick = below("sick", 12)
    bench = Bench(sick)
    bench.ask("well/data/app", *sick[: FAULTS_TO_OPEN - 1])
    assert bench.domains.open_parts() == 0
    bench.ask(sick[FAULTS_TO_OPEN - 1])

    assert bench.domains.open_parts() == 1
    assert bench.domains.open_for() is None


def test_a_backend_is_down_as_a_whole_when_all_its_paths_are_sick() -> None:
    paths = [*below("one", 3), *below("two", 3)]
    bench = Bench()
    bench.ask(*paths)
    bench.sick = {Source(path) for path in paths}
    bench.ask(*paths[:-1])
    assert bench.domains.open_for() is None
    bench.ask(paths[-1])

    assert bench.domains.open_for() == 0.0
    assert bench.domains.open_parts() == 1
    assert bench.count(*paths) == 0


def test_a_path_that_was_well_long_ago_is_no_evidence_any_more() -> None:
    bench = Bench(below("sick", 6))
    bench.ask("well/data/app")
    bench.clock.advance(LATELY + 1)
    bench.ask(*below("sick", 6))

    assert bench.domains.open_for() is not None


def test_a_path_is_asked_twice_before_it_counts_no_more() -> None:
    assert evidence_seconds(5.0) == 10.0
    assert evidence_seconds(60.0) == 120.0
    assert evidence_seconds(0.5) == 10.0


@pytest.mark.parametrize(
    "fault",
    [
        BackendSealed("sealed"),
        BackendTLS("no"),
        SessionExpired("no token"),
        AuthFailed("refused"),
        ForbiddenByNetwork("no"),
        BackendUnavailable("no connection", reach=Reach.ALL),
    ],
)
def test_faults_of_what_all_need_are_about_the_backend_at_once(fault: BackendFault) -> None:
    bench = Bench(below("sick", 6), fault)
    bench.ask(*below("well", 20), *below("sick", FAULTS_TO_OPEN))

    assert bench.domains.open_for() is not None
    assert bench.count(*below("well", 20)) == 0


def test_our_own_limit_of_calls_is_evidence_of_nothing() -> None:
    bench = Bench(below("app", 20), BackendThrottled("too many wait", reach=Reach.NOTHING))
    bench.ask(*below("app", 20), *below("app", 20))

    assert bench.domains.open_parts() == 0
    assert bench.count(*below("app", 20)) == 20


# ── which reads are refused ──────────────────────────────────────────────────────────────────────────


def test_a_refused_read_raises_the_fault_of_its_own_path() -> None:
    sick = below("sick", 6)
    bench = Bench(sick)
    bench.ask(*sick[:-1])
    bench.fault = BackendTimeout("late")
    bench.ask(sick[-1])

    assert bench.told(sick[0]) == BAD
    assert bench.told(sick[-1]) == BackendTimeout("late")


def test_a_new_path_of_a_sick_mount_has_its_try_and_shows_that_the_mount_is_well() -> None:
    sick = below("sick", 6)
    bench = Bench(sick)
    bench.ask("well/data/app", *sick)
    assert bench.domains.open_parts() == 1
    assert bench.count("sick/data/new") == 1

    assert bench.domains.open_parts() == 0
    assert bench.released == {Source(path) for path in sick}


def test_while_the_whole_backend_is_down_only_what_was_never_asked_has_its_try() -> None:
    sick = below("sick", 6)
    bench = Bench(sick)
    bench.ask(*sick)
    assert bench.domains.open_for() is not None
    bench.new = False
    assert bench.count("well/data/app") == 0
    bench.new = True
    assert bench.count("well/data/app") == 1

    assert bench.domains.open_for() is None
    assert bench.recoveries == 1


def test_a_sick_path_among_healthy_ones_rests_after_five_faults_and_its_probes_are_its_own() -> None:
    bench = Bench(["kv/data/sick"])
    for _ in range(FAULTS_TO_OPEN):
        bench.ask("kv/data/well", "kv/data/sick")

    assert bench.count("kv/data/sick") == 0
    bench.clock.advance(1.1)
    assert bench.domains.probes() == [Source("kv/data/sick")]
    assert bench.count("kv/data/sick", "kv/data/sick") == 1


# ── pauses and probes ────────────────────────────────────────────────────────────────────────────────


def test_the_pause_of_a_path_that_is_throttled_by_itself_is_its_own() -> None:
    bench = Bench(["kv/data/sick"], BackendThrottled("429", retry_after=20.0))
    bench.ask("kv/data/well", "kv/data/sick")
    bench.clock.advance(19.0)
    assert bench.count("kv/data/sick") == 0
    assert bench.count("kv/data/well") == 1
    bench.clock.advance(1.1)

    assert bench.count("kv/data/sick") == 1


@pytest.mark.parametrize(("asked", "pause"), [(None, 1.0), (0.1, 1.0), (20.0, 20.0), (3600.0, 30.0)])
def test_a_sick_mount_is_asked_after_the_pause_that_it_wants_up_to_half_a_minute(
    asked: float | None, pause: float
) -> None:
    sick = below("sick", 12)
    bench = Bench(sick, BackendThrottled("429", retry_after=asked))
    bench.ask("well/data/app", *sick)
    bench.clock.advance(pause - 0.1)
    assert bench.count(*sick) == 0
    assert bench.domains.probes() == []
    bench.clock.advance(0.11)

    assert len(bench.domains.probes()) == 1
    assert bench.count(*sick) == 1


def test_each_sick_mount_has_probes_of_its_own() -> None:
    one, two = below("one", 6), below("two", 6)
    bench = Bench([*one, *two])
    bench.ask("well/data/app", *one, *two)
    bench.clock.advance(1.1)

    assert {source.path.partition("/")[0] for source in bench.domains.probes()} == {"one", "two"}
    assert bench.count(*one, *two) == 2


def test_the_paths_of_a_sick_mount_are_probed_in_turn_and_those_that_hang_last() -> None:
    sick = below("sick", 7)
    bench = Bench(sick, BackendTimeout("late"))
    bench.ask("well/data/app", sick[0])
    bench.fault = BAD
    bench.ask(*sick[1:])
    probed = []
    for _ in range(6):
        bench.clock.advance(1.1)
        bench.ask("well/data/app")
        (source,) = bench.domains.probes()
        probed.append(source.path)
        bench.ask(source.path)

    assert sorted(probed) == sorted(sick[1:])


def test_a_probe_that_is_left_or_breaks_makes_room_for_the_next() -> None:
    sick = below("sick", 6)
    bench = Bench(sick)
    bench.ask("well/data/app", *sick)
    bench.clock.advance(1.1)
    answers = bench.domains.admit(Source(sick[0]))
    assert bench.told(sick[1]) is not None
    bench.domains.left(Source(sick[0]))
    bench.clock.advance(1.1)
    bench.domains.admit(Source(sick[1]))
    bench.domains.failed(Source(sick[1]), BackendUnavailable("a bug", reach=Reach.NOTHING), answers)
    bench.clock.advance(1.1)

    assert bench.told(sick[2]) is None


def test_a_mount_that_answers_again_releases_all_its_sources_and_no_others() -> None:
    one, two = below("one", 6), below("two", 6)
    bench = Bench([*one, *two])
    bench.ask("well/data/app", *one, *two)
    bench.sick -= {Source(path) for path in one}
    bench.clock.advance(1.1)
    bench.ask(one[3])

    assert bench.released == {Source(path) for path in one if path != one[3]}
    assert bench.domains.open_parts() == 1
    assert bench.count(*one) == 6
    assert bench.recoveries == 0


@pytest.mark.parametrize("pause", [None, 30.0])
def test_a_sick_mount_stays_sick_when_an_answer_elsewhere_shows_that_the_whole_backend_is_not(
    pause: float | None,
) -> None:
    sick = below("sick", 40)
    bench = Bench(sick, BackendThrottled("429", retry_after=pause))
    bench.ask(*sick[:20])
    assert bench.domains.open_for() is not None
    bench.new = False
    bench.ask(*sick)
    bench.clock.advance(30.1)
    bench.ask("well/data/app")
    assert (bench.domains.open_for(), bench.recoveries) == (None, 1)
    assert bench.domains.open_parts() == 1
    (probed,) = bench.domains.probes()
    assert bench.count(*sick[:20]) == 1
    assert probed.path in sick

    bench.sick.clear()
    bench.clock.advance(30.1)
    (probed,) = bench.domains.probes()
    bench.ask(probed.path)
    assert bench.domains.open_parts() == 0


def test_while_the_breaker_is_open_a_fault_of_a_path_is_no_sign_that_the_backend_is_back() -> None:
    bench = Bench(below("app", 6), BackendSealed("sealed"))
    bench.ask(*below("app", 6))
    bench.fault = BAD
    bench.clock.advance(1.1)
    assert bench.count("app/data/app-0") == 1

    assert bench.domains.open_for() is not None
    assert bench.count(*below("app", 6)) == 0


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_backend_is_probed_again_after_a_probe_that_was_left() -> None:
    bench = Bench()
    for _ in range(FAULTS_TO_OPEN):
        bench.domains.failed(Source("app"), BackendSealed("sealed"))
    bench.clock.advance(1.1)
    bench.domains.admit(Source("app"))
    bench.domains.left(Source("app"))
    assert bench.told("app") is not None
    bench.clock.advance(1.1)

    assert bench.domains.wants_probe()
    bench.ask("app")
    assert bench.domains.open_for() is None


def test_a_backend_that_goes_down_while_a_sick_path_is_about_to_be_refused_is_probed() -> None:
    sick = below("sick", 6)
    bench = Bench(sick, BackendThrottled("429", retry_after=30.0))
    bench.ask("well/data/app", *sick)
    breaker, admit = bench.domains.breaker, bench.domains.breaker.admit

    def goes_down() -> int:
        # The thread stood still meanwhile, for longer than the pause before the first probe.
        for _ in range(FAULTS_TO_OPEN):
            breaker.failed(BackendSealed("sealed"))
        bench.clock.advance(1.1)
        return admit()

    breaker.admit = goes_down  # type: ignore[method-assign]
    bench.ask(sick[0])
    breaker.admit = admit  # type: ignore[method-assign]
    bench.clock.advance(31.0)

    assert bench.domains.wants_probe()


def test_sources_that_no_definition_uses_are_no_evidence() -> None:
    sick = below("sick", 6)
    bench = Bench(sick)
    bench.ask("well/data/app", *sick)
    bench.domains.keep_only({Source("well/data/app")})

    assert bench.domains.open_parts() == 0
    assert bench.count(*sick) == 6


def test_a_path_that_is_let_go_of_during_its_probe_holds_up_no_other() -> None:
    sick = below("sick", 6)
    bench = Bench(sick)
    bench.ask("well/data/app", *sick)
    bench.clock.advance(1.1)
    bench.domains.admit(Source(sick[0]))
    bench.domains.keep_only({Source(path) for path in sick[1:]})

    assert bench.count(*sick[1:]) == 1


def test_the_memory_is_bounded_and_the_oldest_go_first() -> None:
    evidence = Evidence(kv.domains, LATELY)
    domains = lonely_domains(CircuitBreaker(FakeClock(), lambda: 0.5), evidence)
    for number in range(MOST_REMEMBERED + 100):
        domains.failed(Source(f"kv-{number}/data/app"), BAD, 0)
    assert len(evidence) == MOST_REMEMBERED
    domains.keep_only(())

    assert len(evidence) == 0
    assert evidence._parts == {}
    assert domains.open_for() is None


def test_a_path_and_a_part_of_the_same_name_do_not_get_into_each_others_way() -> None:
    bench = Bench()
    bench.ask("kv/app", "kv/app/inner")
    bench.domains.keep_only({Source("kv/app/inner")})
    bench.sick = {Source("kv/app/inner")}
    for _ in range(FAULTS_TO_OPEN):
        bench.ask("kv/other", "kv/app/inner")

    assert bench.count("kv/app") == 1
    assert bench.count("kv/app/inner") == 0


def test_paths_that_are_sick_by_themselves_share_one_probe_a_second() -> None:
    paths = below("kv", 60)
    bench = Bench(paths[:30])
    for _ in range(FAULTS_TO_OPEN):
        bench.ask(*(path for pair in zip(paths[:30], paths[30:], strict=True) for path in pair))
    bench.clock.advance(1.5)
    first = bench.domains.probes()
    again = bench.domains.probes()
    bench.clock.advance(1.1)
    second = bench.domains.probes()

    assert (len(first), again, len(second)) == (1, [], 1)
    bench.sick.clear()
    bench.ask(second[0].path)
    assert len(bench.domains.probes()) == 1


def test_a_path_pauses_at_its_first_fault_if_nothing_around_it_answers() -> None:
    sick, well = below("sick", 12), below("well", 3)
    bench = Bench()
    bench.ask(*sick, *well)
    bench.sick = {Source(path) for path in sick}
    bench.ask(*sick[:8])

    assert bench.count(*sick[4:8]) == 0
    assert bench.domains.open_for() is None


def test_a_single_fault_of_a_path_among_healthy_paths_refuses_no_read() -> None:
    bench = Bench(["kv/data/app"])
    bench.ask("kv/data/other", "kv/data/app")

    assert bench.count("kv/data/app") == 1


def test_thousands_that_were_never_asked_are_not_all_asked_while_nothing_is_well() -> None:
    paths = below("kv", 3000)
    bench, silent = Bench(paths), Bench(paths, BackendTimeout("late"))

    assert bench.count(*paths) <= 530
    assert silent.count(*paths) <= 60


def test_a_path_in_an_unknown_mount_has_a_try_however_many_of_another_mount_failed() -> None:
    paths = below("kv", 3000)
    bench = Bench(paths)
    bench.ask(*paths)

    assert bench.count("well/data/app") == 1
    assert bench.domains.open_for() is None
