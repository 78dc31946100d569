"""No author of definitions makes a scrape large, and none takes the room of another."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, generate_latest

from secrets_manager.backends.vault.telemetry import RenewalError, RenewalOperation
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.metrics.parts import LONGEST_LABEL
from secrets_manager.daemon.metrics.read_errors import MAX_BYTES, MAX_BYTES_OF_NAMESPACE, ReadErrors
from secrets_manager.daemon.metrics.vault import VaultMetrics
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import KeyNotFound, SourceNotFound
from secrets_manager.domain.location import Location
from secrets_manager.settings import Settings

NAME = "secrets_manager_vault_read_secret_errors_total"


class Desk:
    """A counter by path with its bound, and what it left out."""

    def __init__(self, limit: int) -> None:
        self.registry = CollectorRegistry()
        self.left_out = 0
        self.counter = Counter("reads_total", "Reads.", ("path",), registry=self.registry)
        self.errors = ReadErrors(limit, self._left_out)

    def _left_out(self) -> None:
        self.left_out += 1

    def fail(self, namespace: str, *paths: str, name: str = "app") -> None:
        for path in paths:
            self.errors.add(self.counter, Ref(namespace, name), (path,))

    def paths(self) -> list[str]:
        families = self.registry.collect()
        return sorted(sample.labels["path"] for family in families for sample in family.samples)


def long(letter: str, number: int) -> str:
    """More than a label may have; much more now and then, since that takes time."""
    return letter * (4000 if number % 100 == 0 else LONGEST_LABEL + 50)


def vault_of(metrics: Metrics, name: str = "default") -> VaultMetrics:
    vault: VaultMetrics = metrics.backends.of(name).own
    return vault


def scraped(metrics: Metrics) -> bytes:
    return generate_latest(metrics.registry)


@pytest.mark.parametrize("letter", ["x", "é", "😀", '"', "\\", "\n", "\x1b", "\ud800"])
def test_paths_and_keys_of_any_length_and_letters_leave_a_scrape_small(letter: str) -> None:
    metrics = Metrics(Settings())
    for number in range(2000):
        path, key = f"{number}/" + long(letter, number), long(letter, number)
        metrics.sync.source_failed(
            Ref("hostile", f"app-{number % 7}"), Location(path), key, KeyNotFound(path, key)
        )

    assert len(scraped(metrics)) < MAX_BYTES_OF_NAMESPACE + 100_000


def test_many_hostile_namespaces_together_stay_within_the_whole() -> None:
    metrics = Metrics(Settings())
    for namespace in range(20):
        for number in range(500):
            path = f"{namespace}-{number}/" + long('"', number)
            vault_of(metrics).read_failed(Ref(f"ns-{namespace}", "app"), path, path, SourceNotFound(path))

    assert len(scraped(metrics)) < MAX_BYTES + 200_000
    assert metrics.registry.get_sample_value("secrets_manager_series_dropped_total") > 0  # type: ignore[operator]


def test_one_namespace_does_not_use_up_all_series_and_left_out_series_are_counted() -> None:
    metrics = Metrics(Settings())
    for number in range(12_000):
        vault_of(metrics).read_failed(Ref("hostile", "app"), f"hostile/{number}", "k", SourceNotFound("p"))
    vault_of(metrics).read_failed(Ref("quiet", "app"), "quiet", "k", SourceNotFound("p"))
    text = scraped(metrics).decode()

    assert 'path="quiet"' in text
    shown = text.count('path="hostile/')
    dropped = metrics.registry.get_sample_value("secrets_manager_series_dropped_total")
    assert shown + dropped == 12_000  # type: ignore[operator]
    assert 1000 < shown < 10_000


def test_a_namespace_that_has_less_takes_room_from_the_one_that_has_most() -> None:
    desk = Desk(limit=6)
    desk.fail("a", "a0", "a1", "a2", "a3", "a4", "a5")
    desk.fail("b", "b0", "b1")
    desk.fail("c", "c0")

    assert desk.paths() == ["a0", "a1", "a2", "b0", "b1", "c0"]
    assert desk.left_out == 3


def test_room_is_shared_in_equal_parts_and_no_series_is_moved_to_and_fro() -> None:
    desk = Desk(limit=4)
    for _ in range(3):
        desk.fail("a", "a0", "a1", "a2", "a3")
        desk.fail("b", "b0", "b1", "b2", "b3")

    assert desk.paths() == ["a0", "a1", "b0", "b1"]


def test_a_series_that_two_namespaces_share_stays_for_the_namespace_that_is_left() -> None:
    desk = Desk(limit=2)
    desk.fail("a", "shared")
    desk.fail("b", "shared", "b0")
    desk.errors.forget(Ref("a", "app"))
    desk.fail("c", "c0")

    # What was shared is b's alone now, and the newest of the namespace that has most.
    assert desk.paths() == ["b0", "c0"]
    desk.errors.forget(Ref("b", "app"))
    desk.errors.forget(Ref("c", "app"))
    assert desk.paths() == []


NAMESPACES = st.sampled_from(["a", "b", "c"])
FAILURES = st.tuples(st.just("fail"), NAMESPACES, st.sampled_from(["x", "y"]), st.integers(0, 9).map(str))
DELETIONS = st.tuples(st.just("forget"), NAMESPACES, st.sampled_from(["x", "y"]), st.just(""))


@given(st.lists(FAILURES | DELETIONS, max_size=60))
def test_whatever_comes_and_goes_the_bound_holds_and_nothing_is_left_behind(
    steps: list[tuple[str, str, str, str]],
) -> None:
    desk = Desk(limit=4)
    for what, namespace, name, path in steps:
        if what == "fail":
            desk.fail(namespace, path, name=name)
        else:
            desk.errors.forget(Ref(namespace, name))
        assert len(desk.paths()) <= 4
    for namespace in "abc":
        for name in "xy":
            desk.errors.forget(Ref(namespace, name))

    assert desk.paths() == []
    assert not desk.errors._bytes
    assert not desk.errors._charged
    assert not desk.errors._payer
    assert desk.errors._total == 0


def test_a_servers_own_name_is_cut_in_every_series() -> None:
    metrics = Metrics(Settings())
    vault_of(metrics).server("1.17\x1b[2J", "c" * 10**6, "n" * 10**6)
    vault_of(metrics).token_ttl(5)
    text = scraped(metrics).decode()

    assert "\x1b" not in text
    assert len(text) < 100_000


def test_a_label_that_was_cut_says_so_and_counts_on_in_one_series() -> None:
    metrics = Metrics(Settings())
    for end in "ab":
        vault_of(metrics).read_failed(Ref("shop", "db"), "p" * 1000 + end, "k", SourceNotFound("p"))
    (family,) = (each for each in metrics.registry.collect() if each.name == NAME.removesuffix("_total"))
    (sample,) = family.samples

    assert sample.value == 2
    assert sample.labels["path"] == "p" * (LONGEST_LABEL - 3) + "..."


def test_a_server_that_changes_its_name_each_time_leaves_a_scrape_small() -> None:
    metrics = Metrics(Settings())

    def lie(number: int) -> None:
        vault_of(metrics).server(f"{number:03}" * 200, f"{number:03}" * 200, f"{number:03}" * 200)
        vault_of(metrics).login_failed()
        vault_of(metrics).token_ttl(1)
        for operation in get_args(RenewalOperation):
            for error in get_args(RenewalError):
                vault_of(metrics).renewal_failed(operation, error)

    for number in range(30):
        lie(number)
    after = len(scraped(metrics))
    for number in range(30, 300):
        lie(number)

    assert len(scraped(metrics)) < 1.1 * after
