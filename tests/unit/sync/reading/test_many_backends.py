"""Twenty backends of which many hang at once: the others keep their workers, and nobody is forgotten."""

from __future__ import annotations

import pytest

from tests.unit.sync.reading.many_backends import PERIOD, TIMEOUT, ManyBackends

# Twenty seconds after they began to hang, all of it is known.
_KNOWN_AFTER = 20.0


@pytest.mark.parametrize("hanging", [1, 4, 10, 19])
@pytest.mark.parametrize(
    ("workers", "seconds", "sources"), [(16, 0.005, 20), (16, 0.05, 20), (16, 0.3, 5), (4, 0.005, 20)]
)
def test_backends_that_answer_are_read_as_if_they_were_alone_however_many_hang(
    hanging: int, workers: int, seconds: float, sources: int
) -> None:
    alone = ManyBackends(workers=workers, seconds=seconds, sources=sources)
    alone.run(60.0)
    many = ManyBackends(workers=workers, seconds=seconds, sources=sources)
    many.run(30.0)
    began = many.clock()
    many.hang(many.servers[:hanging])
    many.run(60.0)

    for before, after in zip(alone.servers[hanging:], many.servers[hanging:], strict=True):
        # Half as many workers may let a read wait for another one, and for nothing longer.
        assert many.worst_delay(after, began + _KNOWN_AFTER) <= alone.worst_delay(before) + 2 * seconds


@pytest.mark.parametrize(("seconds", "at_most"), [(0.005, 0.5), (0.05, 1.0), (0.3, 1.3 * TIMEOUT)])
def test_the_moment_in_which_nineteen_begin_to_hang_costs_the_twentieth_one_first_try_or_little_more(
    seconds: float, at_most: float
) -> None:
    """As long as the first tries are that found it out: many times what was usual."""
    many = ManyBackends(seconds=seconds, sources=5)
    many.run(30.0)
    began = many.clock()
    many.hang(many.servers[1:])
    many.run(60.0)

    assert many.worst_delay(many.servers[0], began) <= at_most


@pytest.mark.parametrize("workers", [1, 2, 4, 16])
@pytest.mark.parametrize("hanging", [1, 2, 8, 19, 20])
def test_half_of_the_workers_wait_at_most_for_all_backends_that_hang(workers: int, hanging: int) -> None:
    many = ManyBackends(workers=workers, sources=2 * workers)
    many.run(30.0)
    began = many.clock()
    many.hang(many.servers[:hanging])
    many.run(60.0)

    assert 0 < many.most_hung(began + _KNOWN_AFTER) <= max(1, workers // 2)


def test_all_that_hung_are_read_again_within_seconds_once_they_answer() -> None:
    many = ManyBackends()
    many.run(30.0)
    many.hang(many.servers[1:])
    many.run(120.0)
    many.recover()
    back = many.clock()
    many.run(60.0)

    # Eight are asked at a time, and each question lasts as long as a call may.
    found = 19 / 8 * (TIMEOUT + 1.0) + PERIOD
    for server in many.servers:
        assert min(at + delay for at, delay in server.delays if at + delay > back) <= back + found


def test_one_that_is_slow_and_answers_gets_its_turns_among_those_that_hang() -> None:
    many = ManyBackends(sources=5)
    many.run(30.0)
    slow, *others = many.servers
    many.hang(others)
    slow.seconds = 2.0
    began = many.clock()
    many.run(120.0)
    answered = [at for at, _ in slow.delays if at > began]

    assert len(answered) >= 120.0 / (TIMEOUT * len(many.servers) / 8)


def test_a_backend_that_is_alone_in_trouble_has_as_many_workers_as_if_there_were_no_other() -> None:
    found = []
    for backends in (1, 20):
        many = ManyBackends(backends=backends)
        many.run(30.0)
        sick = many.servers[0]
        # Half of its sources: the others show that it is not down.
        many.hang_sources(sick, sick.sources[::2])
        many.run(60.0)
        found.append((many.most_hung(), len(many.hung)))
    (most_alone, reads_alone), (most, reads) = found

    assert most >= most_alone
    assert reads >= reads_alone
