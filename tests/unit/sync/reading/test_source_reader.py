"""Shared reads: at most one of a source in flight, and none that began before its asker asked."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendTimeout,
    BackendUnavailable,
    NoAnswerYet,
    PermissionDenied,
    SecretsManagerError,
    SourceNotFound,
)
from secrets_manager.runtime.terms import Terms
from secrets_manager.sync.reading.circuit_breaker import FAULTS_TO_OPEN, CircuitBreaker
from secrets_manager.sync.reading.evidence import Evidence
from secrets_manager.sync.reading.first_tries import FirstTries
from secrets_manager.sync.reading.recent_readings import RecentReadings
from secrets_manager.sync.reading.source_reader import SourceReader
from tests.unit.sync.doubles import FakeClock, lonely_domains, slow_sources

APP, OTHER = Source("app"), Source("other")
FIRST, SECOND = Ref("team", "first"), Ref("team", "second")
A, B, C = (Ref("team", name) for name in "abc")


class SlowBackend(MemoryBackend):
    """Each read waits to be let go, one by one; counts how many are in flight at once."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.most_at_once: dict[Source, int] = {}
        self._flying: dict[Source, int] = {}
        self._guard = threading.Lock()

    def read(self, source: Source, terms: Terms) -> Reading:
        with self._guard:
            now = self._flying[source] = self._flying.get(source, 0) + 1
            self.most_at_once[source] = max(now, self.most_at_once.get(source, 0))
        self.begun.release()
        assert self.go.acquire(timeout=30)
        try:
            return super().read(source, terms)
        finally:
            with self._guard:
                self._flying[source] -= 1


class Bench:
    def __init__(self, backend: MemoryBackend, timeout: float = 30.0) -> None:
        self.clock = FakeClock()
        self.breaker = CircuitBreaker(self.clock, lambda: 0.5)
        self.heard: list[tuple[Source, Reading | SecretsManagerError, frozenset[Ref]]] = []
        domains = lonely_domains(self.breaker, Evidence(backend.domains, math.inf))
        self.reader = SourceReader(
            backend,
            domains,
            lambda *told: self.heard.append(told),
            slow_sources(),
            timeout=timeout,
            recent=RecentReadings(lambda _: False, time.monotonic),
        )


class Asker:
    """A read on a thread of its own."""

    def __init__(
        self, reader: SourceReader, source: Source, asker: Ref | None = None, since: float = math.inf
    ) -> None:
        self.result: Reading | BaseException | None = None
        self._thread = threading.Thread(target=self._ask, args=(reader, source, asker, since), daemon=True)
        self._thread.start()

    def _ask(self, reader: SourceReader, source: Source, asker: Ref | None, since: float) -> None:
        try:
            self.result = reader.read(source, asker, since)
        except BaseException as error:  # noqa: BLE001 - it is looked at by the test
            self.result = error

    def answer(self) -> Reading | BaseException:
        self._thread.join(30)
        assert self.result is not None
        return self.result

    def version(self) -> str:
        answer = self.answer()
        assert isinstance(answer, Reading)
        return answer.version


def until(true: Callable[[], bool]) -> None:
    """Wait for a state that has no event of its own."""
    for _ in range(3000):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came true")


def aboard(reader: SourceReader, source: Source) -> int:
    """How many definitions wait for the next read of a source."""
    lane = reader._reads.get(source)
    return len(lane.next.askers) if lane and lane.next else 0


def test_a_read_gives_what_the_backend_holds() -> None:
    backend = MemoryBackend()
    backend.put("app", {"user": "alice"})

    assert Bench(backend).reader.read(APP).pick("user") == "alice"


def test_a_caller_that_asks_while_a_read_is_under_way_gets_the_next_read() -> None:
    backend = SlowBackend()
    backend.put("app", {"user": "1"})
    bench = Bench(backend)
    first = Asker(bench.reader, APP, A)
    assert backend.begun.acquire(timeout=30)
    late = Asker(bench.reader, APP, B)
    until(lambda: aboard(bench.reader, APP) == 1)
    backend.go.release()
    assert first.version() == "1"
    # The first read is over; the backend changes before the second begins to answer.
    backend.put("app", {"user": "2"})
    backend.go.release()

    assert late.version() == "2"
    assert backend.reads() == 2


def test_a_caller_that_observed_its_secret_before_a_read_for_another_began_shares_the_read() -> None:
    backend = SlowBackend()
    backend.put("app", {"user": "alice"})
    bench = Bench(backend)
    before = time.monotonic()
    first = Asker(bench.reader, APP, FIRST)
    assert backend.begun.acquire(timeout=30)

    second = Asker(bench.reader, APP, SECOND, since=before)
    until(lambda: SECOND in bench.reader._reads[APP].running.askers)
    backend.go.release()

    assert first.answer() is second.answer()
    assert backend.reads("app") == 1
    assert [by for _, _, by in bench.heard] == [frozenset({FIRST, SECOND})]


def test_a_poll_under_way_is_not_waited_for_by_a_definition() -> None:
    backend = SlowBackend()
    backend.put("app", {"user": "alice"})
    bench = Bench(backend)
    before = time.monotonic()
    poll = Asker(bench.reader, APP)
    assert backend.begun.acquire(timeout=30)

    asker = Asker(bench.reader, APP, FIRST, since=before)
    until(lambda: aboard(bench.reader, APP) == 1)
    backend.go.release()
    backend.go.release()

    assert poll.version() == asker.version() == "1"
    assert backend.reads("app") == 2


def test_all_callers_that_ask_while_a_read_is_under_way_share_the_next_read() -> None:
    backend = SlowBackend()
    backend.put("app", {"user": "1"})
    bench = Bench(backend)
    first = Asker(bench.reader, APP, A)
    assert backend.begun.acquire(timeout=30)
    late = [Asker(bench.reader, APP, ref) for ref in (B, C)]
    until(lambda: aboard(bench.reader, APP) == 2)
    backend.go.release(2)
    answers = [asker.answer() for asker in (first, *late)]

    assert backend.reads() == 2
    assert answers[1] is answers[2]
    assert answers[0] is not answers[1]
    assert [by for _, _, by in bench.heard] == [{A}, {B, C}]


def test_there_is_never_more_than_one_read_of_a_source_in_flight() -> None:
    backend = SlowBackend()
    backend.put("app", {"user": "1"})
    bench = Bench(backend)
    backend.go.release(100)
    askers = [Asker(bench.reader, APP) for _ in range(40)]
    for asker in askers:
        asker.version()

    assert backend.most_at_once[APP] == 1
    assert backend.reads() <= 40


def test_reads_of_different_sources_do_not_wait_for_each_other() -> None:
    backend = SlowBackend()
    backend.put("app", {})
    backend.put("other", {})
    bench = Bench(backend)
    askers = [Asker(bench.reader, APP), Asker(bench.reader, OTHER)]
    for _ in askers:
        assert backend.begun.acquire(timeout=30)
    backend.go.release(2)

    assert [asker.version() for asker in askers] == ["1", "1"]


def test_all_callers_that_share_a_read_share_its_error() -> None:
    backend = SlowBackend()
    bench = Bench(backend)
    first = Asker(bench.reader, APP)
    assert backend.begun.acquire(timeout=30)
    late = [Asker(bench.reader, APP, ref) for ref in (B, C)]
    until(lambda: aboard(bench.reader, APP) == 2)
    backend.go.release(2)

    assert [asker.answer() for asker in (first, *late)] == [SourceNotFound("app")] * 3
    assert backend.reads() == 2


def test_a_source_that_timed_out_keeps_few_waiting_and_the_others_are_read() -> None:
    backend = SlowBackend()
    backend.put("app", {})
    backend.put("other", {})
    bench = Bench(backend)
    bench.reader.slow = slow_sources(1)
    backend.fail_with(BackendTimeout("late"), path="app")
    backend.go.release()
    with pytest.raises(BackendTimeout):
        bench.reader.read(APP)
    waiting = Asker(bench.reader, APP, A)
    until(lambda: bench.reader.slow._waiting.total() == 1)

    with pytest.raises(BackendTimeout, match="late"):
        bench.reader.read(APP, B)
    backend.go.release(2)
    assert bench.reader.read(OTHER).version == "1"
    assert isinstance(waiting.answer(), BackendTimeout)
    assert backend.reads("app") == 2


def test_a_source_that_answers_again_is_trusted_at_once() -> None:
    backend = MemoryBackend()
    backend.put("app", {})
    bench = Bench(backend)
    backend.fail_with(BackendTimeout("late"), path="app")
    with pytest.raises(BackendTimeout):
        bench.reader.read(APP)
    assert APP in bench.reader.slow
    backend.recover()
    bench.reader.read(APP)

    assert APP not in bench.reader.slow


def test_a_read_that_the_breaker_refused_says_nothing_of_its_source() -> None:
    backend = MemoryBackend()
    bench = Bench(backend)
    for _ in range(FAULTS_TO_OPEN):
        bench.breaker.failed(BackendTimeout("late"))
    with pytest.raises(BackendTimeout):
        bench.reader.read(APP)

    assert APP not in bench.reader.slow


def test_nothing_is_kept_once_a_read_is_over() -> None:
    backend = MemoryBackend()
    backend.put("app", {"user": "1"})
    bench = Bench(backend)
    bench.reader.read(APP)
    backend.put("app", {"user": "2"})

    assert bench.reader._reads == {}
    assert bench.reader.read(APP).version == "2"
    assert backend.reads() == 2


def test_each_end_of_a_read_is_reported_with_the_definitions_that_act_on_it() -> None:
    backend = MemoryBackend()
    backend.put("app", {"user": "1"})
    bench = Bench(backend)
    reading = bench.reader.read(APP, A)
    bench.reader.read(APP)
    with pytest.raises(SourceNotFound):
        bench.reader.read(OTHER, B)

    assert bench.heard == [
        (APP, reading, frozenset({A})),
        (APP, reading, frozenset()),
        (OTHER, SourceNotFound("other"), frozenset({B})),
    ]


def test_the_next_read_of_a_source_begins_only_once_the_reading_before_was_heard_of() -> None:
    backend = SlowBackend()
    backend.put("app", {"user": "alice"})
    begun: list[bool] = []

    def listen(*_: object) -> None:
        # Where the next may begin, it begins at once.
        begun.append(backend.begun.acquire(timeout=0.2))

    bench = Bench(backend)
    bench.reader._listener = listen
    first = Asker(bench.reader, APP, A)
    assert backend.begun.acquire(timeout=30)
    second = Asker(bench.reader, APP, B)
    until(lambda: bench.reader._reads[APP].next is not None)
    backend.go.release(2)

    assert (first.version(), second.version()) == ("1", "1")
    assert begun == [False, True]


def test_while_the_breaker_is_open_the_backend_gets_no_call() -> None:
    backend = MemoryBackend()
    backend.fail_with(BackendUnavailable("down"))
    bench = Bench(backend)
    for _ in range(FAULTS_TO_OPEN + 3):
        with pytest.raises(BackendUnavailable):
            bench.reader.read(APP)

    assert backend.reads() == FAULTS_TO_OPEN
    assert len(bench.heard) == FAULTS_TO_OPEN + 3


@pytest.mark.parametrize("error", [SourceNotFound("app"), PermissionDenied("app")])
def test_an_answer_about_one_path_is_an_answer_of_the_backend(error: SecretsManagerError) -> None:
    backend = MemoryBackend()
    bench = Bench(backend)
    for _ in range(FAULTS_TO_OPEN - 1):
        bench.breaker.failed(BackendUnavailable("down"))
    backend.fail_with(error)
    with pytest.raises(type(error)):
        bench.reader.read(APP)
    bench.breaker.failed(BackendUnavailable("down"))

    assert bench.breaker.open_for() is None


class PaceBackend(SlowBackend):
    """Remembers which reads could have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.background: list[bool] = []

    def read(self, source: Source, terms: Terms) -> Reading:
        self.background.append(terms.background)
        return super().read(source, terms)


def test_a_poll_gives_way_and_a_read_for_a_definition_does_not() -> None:
    backend = PaceBackend()
    backend.put("app", {"user": "alice"})
    reader = Bench(backend).reader
    for asker in (None, A, None):
        backend.go.release()
        reader.read(APP, asker)

    assert backend.background == [True, False, True]


def test_a_poll_that_a_definition_shares_does_not_give_way() -> None:
    backend = PaceBackend()
    backend.put("app", {"user": "alice"})
    reader = Bench(backend).reader
    first = Asker(reader, APP)
    assert backend.begun.acquire(timeout=30)
    poll = Asker(reader, APP)
    until(lambda: APP in reader._reads and reader._reads[APP].next is not None)
    shared = Asker(reader, APP, A)
    until(lambda: aboard(reader, APP) == 1)
    backend.go.release(2)

    assert [each.version() for each in (first, poll, shared)] == ["1"] * 3
    assert backend.background == [True, False]


class FaultyBackend(MemoryBackend):
    """A backend with a fault of the program in it."""

    def read(self, source: Source, terms: Terms) -> Reading:
        super().read(source, terms)
        raise RuntimeError("a bug")


def test_an_error_of_the_program_reaches_its_caller_and_leaves_no_other_waiting() -> None:
    backend = FaultyBackend()
    backend.put("app", {})
    bench = Bench(backend)
    for _ in range(FAULTS_TO_OPEN):
        with pytest.raises(RuntimeError, match="a bug"):
            bench.reader.read(APP)

    assert bench.reader._reads == {}
    assert bench.reader.domains.open_for() is None


def test_callers_that_share_a_read_that_ended_in_an_error_of_the_program_get_a_fault() -> None:
    class Faulty(SlowBackend):
        def read(self, source: Source, terms: Terms) -> Reading:
            super().read(source, terms)
            raise RuntimeError("a bug")

    backend = Faulty()
    backend.put("app", {})
    bench = Bench(backend)
    first = Asker(bench.reader, APP)
    assert backend.begun.acquire(timeout=30)
    late = [Asker(bench.reader, APP, ref) for ref in (B, C)]
    until(lambda: aboard(bench.reader, APP) == 2)
    backend.go.release(2)
    kinds = sorted(type(asker.answer()).__name__ for asker in (first, *late))

    assert kinds == ["BackendUnavailable", "RuntimeError", "RuntimeError"]


def quick(reader: SourceReader) -> None:
    """Have the reader know that answers come quickly."""
    reader.slow = slow_sources(1, FirstTries(30.0))
    for _ in range(100):
        reader.slow.answered(OTHER, 0.001)


def test_a_source_that_hangs_is_left_without_a_report_and_then_has_all_its_time() -> None:
    backend = MemoryBackend()
    backend.put("app", {})
    bench = Bench(backend)
    quick(bench.reader)
    backend.hang(path="app")
    with pytest.raises(NoAnswerYet):
        bench.reader.read(APP, A)
    assert bench.heard == []
    assert bench.breaker.open_for() is None

    waiting = Asker(bench.reader, APP, A)
    backend.wait_for_reads(2)
    with pytest.raises(NoAnswerYet):
        bench.reader.read(APP, B)
    backend.recover()

    assert waiting.version() == "1"
    assert APP not in bench.reader.slow


def test_a_read_that_is_turned_away_for_good_reports_the_fault_of_the_source() -> None:
    backend = MemoryBackend()
    bench = Bench(backend)
    bench.reader.slow = slow_sources(0)
    bench.reader.slow.timed_out(APP, BackendTimeout("late"))

    with pytest.raises(BackendTimeout):
        bench.reader.read(APP, A)
    assert bench.heard == [(APP, BackendTimeout("late"), frozenset({A}))]
    assert backend.reads() == 0


def test_a_backend_that_is_away_has_all_its_time_to_answer_a_probe() -> None:
    backend = MemoryBackend()
    bench = Bench(backend, timeout=1.0)
    quick(bench.reader)
    for _ in range(FAULTS_TO_OPEN):
        bench.breaker.failed(BackendUnavailable("down"))
    bench.clock.advance(60.0)
    backend.hang()

    with pytest.raises(BackendTimeout):
        bench.reader.read(APP)
