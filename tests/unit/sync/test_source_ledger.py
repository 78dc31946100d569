"""Which definitions use which source, what was last seen there, and which of them a reading concerns."""

from __future__ import annotations

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendUnavailable, SourceDeleted, SourceNotFound, SourceOutdated
from secrets_manager.domain.secret import Digester
from secrets_manager.sync.source_ledger import SourceLedger

APP, OTHER = Source("app"), Source("other")
A, B = Ref("team", "a"), Ref("team", "b")
DOWN = BackendUnavailable("down")


def ledger(*users: Ref) -> SourceLedger:
    """A ledger in which all users use APP."""
    made = SourceLedger(Digester(b"k" * 32))
    for user in users:
        made.assign(user, [APP])
    return made


def reading(value: str, version: str = "1") -> Reading:
    return Reading(APP, version, {"user": value})


# ── users ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_user_gains_a_source_and_the_last_loses_it() -> None:
    book = ledger()

    assert book.assign(A, [APP]) == ({APP}, set())
    assert book.assign(B, [APP]) == (set(), set())
    assert book.assign(A, []) == (set(), set())
    assert book.assign(B, []) == (set(), {APP})
    assert len(book) == 0


def test_a_user_may_change_its_sources() -> None:
    book = ledger(A)

    assert book.assign(A, [OTHER]) == ({OTHER}, {APP})
    assert book.users(APP) == set()
    assert book.users(OTHER) == {A}


def test_saying_the_same_again_changes_nothing() -> None:
    book = ledger(A)

    assert book.assign(A, [APP, APP]) == (set(), set())
    assert book.users(APP) == {A}


def test_a_definition_that_never_used_a_source_can_leave() -> None:
    assert ledger().assign(A, []) == (set(), set())


# ── changes ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_reading_of_a_source_concerns_no_definition() -> None:
    assert ledger(A).learn(APP, reading("1")) == set()


def test_an_equal_reading_concerns_no_definition() -> None:
    book = ledger(A)
    book.learn(APP, reading("1"))

    assert book.learn(APP, reading("1")) == set()


def test_another_value_concerns_all_users_of_the_source() -> None:
    book = ledger(A, B)
    book.learn(APP, reading("1"))

    assert book.learn(APP, reading("2")) == {A, B}
    assert book.learn(APP, reading("2")) == set()


def test_another_version_of_the_same_value_concerns_the_users() -> None:
    book = ledger(A)
    book.learn(APP, reading("1", "1"))

    assert book.learn(APP, reading("1", "2")) == {A}


def test_another_order_of_the_keys_concerns_no_definition() -> None:
    book = ledger(A)
    book.learn(APP, Reading(APP, "1", {"a": "1", "b": "2"}))

    assert book.learn(APP, Reading(APP, "1", {"b": "2", "a": "1"})) == set()


def test_an_error_of_the_source_concerns_the_users_when_it_comes_changes_and_goes() -> None:
    book = ledger(A)
    book.learn(APP, reading("1"))

    assert book.learn(APP, SourceDeleted("app", "1")) == {A}
    assert book.learn(APP, SourceDeleted("app", "1")) == set()
    assert book.learn(APP, SourceNotFound("app")) == {A}
    assert book.learn(APP, reading("1")) == {A}


def test_a_fault_of_the_backend_concerns_the_users_once() -> None:
    book = ledger(A, B)
    book.learn(APP, reading("1"))

    assert book.learn(APP, DOWN) == {A, B}
    assert book.learn(APP, DOWN) == set()


def test_the_end_of_a_fault_concerns_the_users_though_the_value_is_the_same() -> None:
    book = ledger(A)
    book.learn(APP, reading("1"))
    book.learn(APP, DOWN)

    assert book.learn(APP, reading("1")) == {A}
    assert book.learn(APP, reading("1")) == set()


def test_an_older_version_than_before_concerns_no_definition_and_is_not_remembered() -> None:
    book = ledger(A)
    book.learn(APP, reading("1"))

    assert book.learn(APP, SourceOutdated("app")) == set()
    assert book.learn(APP, reading("1")) == set()
    assert book.learn(APP, reading("2")) == {A}


def test_a_source_that_no_definition_uses_is_not_remembered() -> None:
    book = ledger(A)
    assert book.learn(OTHER, reading("1")) == set()
    book.learn(APP, reading("1"))
    book.learn(APP, DOWN)
    book.assign(A, [])
    book.assign(B, [APP])

    assert book.learn(APP, reading("2")) == set()


def test_no_value_is_remembered_of_a_reading() -> None:
    book = ledger(A)
    book.learn(APP, reading("canary-4711"))

    assert all(b"canary" not in seen for seen in book._seen.values())
    assert all(len(seen) == 16 for seen in book._seen.values())
