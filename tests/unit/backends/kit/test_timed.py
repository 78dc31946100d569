"""Every call is reported with its duration and its end."""

from __future__ import annotations

import contextlib
import gc
import weakref

import pytest

from secrets_manager.backends.kit.timed import Timed
from secrets_manager.domain.errors import AuthFailed, SecretsManagerError, SourceNotFound


class Listener:
    """Records every report, and is a clock that goes on by two seconds each time."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, float, SecretsManagerError | None]] = []
        self._now = 100.0

    def __call__(self) -> float:
        self._now += 2
        return self._now

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        self.told.append((backend, operation, seconds, error))


def test_a_call_that_is_answered() -> None:
    listener = Listener()
    with Timed(listener, "attic", "read", listener) as call:
        pass

    assert listener.told == [("attic", "read", 2.0, None)]
    assert call.log_fields() == {
        "backend": "attic",
        "operation": "read",
        "seconds": 2.0,
        "reason": "Answered",
    }


def test_a_failed_call_is_reported_with_its_error_which_is_raised() -> None:
    listener = Listener()
    call = Timed(listener, "attic", "read", listener)
    with pytest.raises(SourceNotFound) as caught, call:
        raise SourceNotFound("p")

    assert listener.told == [("attic", "read", 2.0, caught.value)]
    assert call.log_fields()["reason"] == "SourceNotFound"


def test_a_foreign_error_is_reported_as_the_error_that_replaces_it() -> None:
    listener = Listener()
    call = Timed(listener, "attic", "read", listener)
    call.instead = AuthFailed("refused")
    with pytest.raises(KeyError), call:
        raise KeyError

    assert [error for *_, error in listener.told] == [AuthFailed("refused")]


def _fails(call: Timed) -> weakref.ref[SourceNotFound]:
    error = SourceNotFound("p")
    with contextlib.suppress(SourceNotFound), call:
        raise error
    return weakref.ref(error)


def test_the_error_is_not_kept() -> None:
    listener = Listener()
    call = Timed(listener, "attic", "read", listener)
    gone = _fails(call)
    listener.told.clear()
    gc.collect()

    assert gone() is None
