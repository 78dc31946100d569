"""What a person who waits is told, and how often."""

from __future__ import annotations

import pytest

from tests.testbed.progress import Progress, duration, listing


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (185.0, "3 min 5 s")]
)
def test_a_duration_is_told_in_minutes_and_whole_seconds(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_names_are_listed_as_in_a_sentence() -> None:
    assert listing(["etcd"]) == "etcd"
    assert listing(["etcd", "kubectl"]) == "etcd and kubectl"
    assert listing(["etcd", "kubectl", "kube-apiserver"]) == "etcd, kubectl and kube-apiserver"


def test_progress_says_how_far_it_is_and_since_when_and_not_at_every_step() -> None:
    now, told = [100.0], list[str]()
    progress = Progress("packages compiled", told.append, lambda: now[0])

    for second in range(25):
        now[0] = 100.0 + second
        progress.at(second * 100, 2_149)

    assert told == [
        "packages compiled: 1,000 of 2,149, after 10 s, about 10 s to go",
        "packages compiled: 2,000 of 2,149, after 20 s, about 10 s to go",
    ]
    assert progress.seconds == 24


def test_what_is_still_to_come_is_a_guess_by_what_was_and_rounded() -> None:
    now, told = [0.0], list[str]()
    progress = Progress("packages compiled", told.append, lambda: now[0])
    for second, done in ((10, 100), (20, 0), (41, 450)):
        now[0] = second
        progress.at(done, 1_000)

    assert [line.partition(" s, ")[2] for line in told] == ["about 1 min 30 s to go", "", "about 50 s to go"]


def test_progress_of_which_nobody_knows_the_end_says_how_far_it_is() -> None:
    now, told = [0.0], list[str]()
    progress = Progress("modules fetched", told.append, lambda: now[0])
    now[0] = 10

    progress.at(7)

    assert told == ["modules fetched: 7, after 10 s"]
