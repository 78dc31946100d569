"""Credentials for all threads: found once, replaced in time, and when the service refuses them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendUnavailable, SessionExpired
from secrets_manager.testing import SilentBackend
from secrets_manager_aws.credentials import Login
from secrets_manager_aws.session import AwsSession, LoginSteps
from secrets_manager_aws.signing import AccessKey
from tests.builders import Clock, attempt

REFUSED = AuthFailed("not these")


@dataclass
class Place:
    """Gives out credentials that end after so many seconds, or a fault."""

    clock: Clock = field(default_factory=Clock)
    lasts: float = 3600.0
    found: int = 0
    fault: BackendFault | None = None
    unaccepted: BackendFault | None = None
    files: bytes = b""
    wait: Callable[[], object] = lambda: None
    same: bool = False

    def find(self) -> Login:
        self.wait()
        if self.fault is not None:
            raise self.fault
        self.found += 1
        ends_at = self.clock() + self.lasts
        return Login(
            key=AccessKey("one" if self.same else f"key-{self.found}", "secret"),
            how="test",
            ends_within=lambda seconds: ends_at - self.clock() < seconds,
        )

    def try_out(self, key: AccessKey) -> None:
        if self.unaccepted is not None:
            raise self.unaccepted

    def session(self) -> AwsSession:
        steps = LoginSteps(find=self.find, try_out=self.try_out, shown=lambda: self.files, seconds=5.0)
        return AwsSession(steps, SilentBackend(), clock=self.clock, jitter=lambda: 1.0)


def key_of(session: AwsSession) -> str:
    return session.key(5.0)[1].key_id


def test_credentials_are_found_when_they_are_first_needed_and_then_kept() -> None:
    place = Place()
    session = place.session()
    assert (session.ready(), place.found) == (False, 0)
    assert [key_of(session) for _ in range(3)] == ["key-1"] * 3
    session.maintain()

    assert (session.ready(), place.found, session.generation) == (True, 1, 1)


def test_credentials_are_replaced_five_minutes_before_they_end_while_the_old_ones_serve() -> None:
    place = Place()
    session = place.session()
    session.maintain()
    place.clock.now += 3600.0 - 299.0
    place.fault = BackendUnavailable("away")
    assert attempt(session.maintain) == place.fault
    assert (key_of(session), session.ready()) == ("key-1", True)
    place.fault = None
    place.clock.now += 31.0
    session.maintain()

    assert (key_of(session), session.generation) == ("key-2", 2)


def test_credentials_that_have_ended_are_replaced_by_the_call_that_needs_them() -> None:
    place = Place()
    session = place.session()
    session.maintain()
    place.clock.now += 3601.0

    assert key_of(session) == "key-2"


def test_the_same_credentials_again_are_no_new_login() -> None:
    place = Place(same=True, lasts=200.0)
    session = place.session()
    session.maintain()
    place.clock.now += 31.0
    session.maintain()

    assert (place.found, session.generation) == (2, 1)


def test_a_call_that_sees_an_end_coming_has_them_replaced_beside_it() -> None:
    place = Place()
    session = place.session()
    session.maintain()
    place.clock.now += 3600.0 - 299.0
    assert key_of(session) == "key-1"
    session.maintain()

    assert key_of(session) == "key-2"


def test_a_place_that_fails_is_not_asked_by_each_call() -> None:
    place = Place()
    session = place.session()
    session.maintain()
    place.clock.now += 3600.0 - 299.0
    place.fault = REFUSED
    attempt(session.maintain)

    assert [key_of(session) for _ in range(3)] == ["key-1"] * 3
    assert (session.ready(), place.found) == (True, 1)


def test_many_threads_make_one_login() -> None:
    gate = threading.Event()
    place = Place(wait=lambda: gate.wait(10.0))
    session = place.session()
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(key_of(session))) for _ in range(8)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(10.0)

    assert (keys, place.found) == (["key-1"] * 8, 1)


def test_a_call_waits_for_a_login_no_longer_than_it_has_time() -> None:
    gate = threading.Event()
    session = Place(wait=lambda: gate.wait(10.0)).session()
    with pytest.raises(SessionExpired):
        session.key(0.05)
    gate.set()

    assert key_of(session) == "key-1"


def test_credentials_that_the_service_does_not_accept_are_no_login() -> None:
    place = Place(unaccepted=REFUSED)
    session = place.session()

    assert attempt(session.maintain) == REFUSED
    assert not session.ready()


def test_refused_credentials_are_replaced_by_others() -> None:
    place = Place()
    session = place.session()
    generation, _ = session.key(5.0)
    place.clock.now += 60.0
    session.reject(generation, REFUSED)
    session.reject(generation, REFUSED)

    assert (key_of(session), place.found) == ("key-2", 2)


def test_fresh_credentials_that_are_refused_cause_no_storm_of_logins() -> None:
    place = Place()
    session = place.session()
    generation, _ = session.key(5.0)
    session.reject(generation, REFUSED)

    assert [attempt(lambda: key_of(session)) for _ in range(3)] == [REFUSED] * 3
    assert (place.found, session.ready()) == (1, False)
    place.clock.now += 31.0
    assert key_of(session) == "key-2"


def test_after_a_refusal_a_replaced_file_causes_a_login_at_once() -> None:
    place = Place(fault=REFUSED, files=b"old")
    session = place.session()
    attempt(session.maintain)
    place.clock.now += 2.0
    assert not session.retry_refused()
    place.fault, place.files = None, b"new"
    place.clock.now += 2.0

    assert session.retry_refused()
    assert session.ready()
