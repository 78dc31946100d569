"""What the fake can be told, beyond the contract that tests/contract holds it to."""

from __future__ import annotations

import threading

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.errors import AuthFailed, BackendTimeout, BackendUnavailable

APP = Source("app")


def test_a_fault_lasts_until_it_is_lifted() -> None:
    backend = MemoryBackend()
    backend.put("app", {"a": "1"})
    backend.fail_with(BackendUnavailable("down"))
    for _ in range(2):
        with pytest.raises(BackendUnavailable):
            backend.read(APP)
    backend.recover()

    assert backend.read(APP).pick("a") == "1"


def test_a_fault_can_be_that_of_one_path() -> None:
    backend = MemoryBackend()
    backend.put("app", {"a": "1"})
    backend.fail_with(BackendUnavailable("down"), path="other")

    assert backend.read(APP).pick("a") == "1"
    with pytest.raises(BackendUnavailable):
        backend.read(Source("other"))


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
    thread = threading.Thread(target=lambda: values.append(backend.read(APP).pick("a")))
    thread.start()
    backend.wait_for_reads(1, path="app")
    assert values == []
    backend.recover()
    thread.join(5)

    assert values == ["1"]


def test_a_hanging_read_ends_with_the_timeout() -> None:
    backend = MemoryBackend(timeout=0.05)
    backend.hang()

    with pytest.raises(BackendTimeout):
        backend.read(APP)


def test_reads_are_counted_by_path() -> None:
    backend = MemoryBackend()
    backend.put("app", {})
    backend.put("other", {})
    for source in (APP, APP, Source("other")):
        backend.read(source)

    assert (backend.reads(), backend.reads("app")) == (3, 2)


def test_waiting_for_reads_that_never_come_ends() -> None:
    with pytest.raises(TimeoutError, match="0 reads"):
        MemoryBackend().wait_for_reads(1, timeout=0.05)


def test_nothing_shows_the_values() -> None:
    backend = MemoryBackend()
    backend.put("app", {"a": "canary"})

    assert "canary" not in f"{backend._entries!r} {backend.read(APP)!r}"
