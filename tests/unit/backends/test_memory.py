"""The faults and pauses of the memory backend, beyond the contract that tests/contract checks."""

from __future__ import annotations

import threading

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.errors import AuthFailed, BackendTimeout, BackendUnavailable
from secrets_manager.runtime.terms import Terms

APP = Source("app")


def test_a_fault_of_a_memory_backend_lasts_until_it_recovers() -> None:
    backend = MemoryBackend()
    backend.put("app", {"a": "1"})
    backend.fail_with(BackendUnavailable("down"))
    for _ in range(2):
        with pytest.raises(BackendUnavailable):
            backend.read(APP, Terms.within(5.0))
    backend.recover()

    assert backend.read(APP, Terms.within(5.0)).pick("a") == "1"


def test_a_memory_backend_can_fail_for_one_path() -> None:
    backend = MemoryBackend()
    backend.put("app", {"a": "1"})
    backend.fail_with(BackendUnavailable("down"), path="other")

    assert backend.read(APP, Terms.within(5.0)).pick("a") == "1"
    with pytest.raises(BackendUnavailable):
        backend.read(Source("other"), Terms.within(5.0))


def test_maintain_fails_with_the_backend_and_makes_it_ready_otherwise() -> None:
    backend = MemoryBackend()
    backend.fail_with(AuthFailed("refused"))
    with pytest.raises(AuthFailed):
        backend.maintain()
    assert not backend.ready()
    backend.recover()
    backend.maintain()

    assert backend.ready()
    assert backend.maintained == 2


def test_a_hanging_read_goes_on_after_recovery() -> None:
    backend = MemoryBackend()
    backend.put("app", {"a": "1"})
    backend.hang()
    values: list[str] = []
    thread = threading.Thread(target=lambda: values.append(backend.read(APP, Terms.within(5.0)).pick("a")))
    thread.start()
    backend.wait_for_reads(1, path="app")
    assert values == []
    backend.recover()
    thread.join(5)

    assert values == ["1"]


def test_a_hanging_read_ends_at_its_deadline() -> None:
    backend = MemoryBackend()
    backend.hang()

    with pytest.raises(BackendTimeout):
        backend.read(APP, Terms.within(0.05))


def test_reads_are_counted_by_path() -> None:
    backend = MemoryBackend()
    backend.put("app", {})
    backend.put("other", {})
    for source in (APP, APP, Source("other")):
        backend.read(source, Terms.within(5.0))

    assert (backend.reads(), backend.reads("app")) == (3, 2)


def test_waiting_for_reads_that_never_come_ends() -> None:
    with pytest.raises(TimeoutError, match="0 reads"):
        MemoryBackend().wait_for_reads(1, timeout=0.05)


def test_nothing_shows_the_values() -> None:
    backend = MemoryBackend()
    backend.put("app", {"a": "canary"})

    assert "canary" not in f"{backend._entries!r} {backend.read(APP, Terms.within(5.0))!r}"
