"""The stores of the informers, and the events that count as changes."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster.view.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.view.store_index import is_older
from secrets_manager.domain.condition import Status
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.secret import ObservedSecret
from tests.builders import status
from tests.unit.cluster.objects import REF, a_definition, observed, owner

OTHER = Ref("shop", "other")


def entry(definition: Definition, version: str = "5", status: Status | None = None) -> DefinitionEntry:
    return DefinitionEntry(definition, version, status)


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [("9", "10", True), ("10", "9", False), ("9", "9", False), ("", "9", False), ("9", "x", False)],
)
def test_versions_are_numbers_and_what_is_none_is_not_older(version: str, than: str, older: bool) -> None:  # noqa: FBT001
    assert is_older(version, than) is older


# ── definitions ──────────────────────────────────────────────────────────────────────────────────────


def test_a_definition_seen_for_the_first_time_is_a_change() -> None:
    store = DefinitionStore()

    assert store.apply(entry(a_definition()))
    assert not store.apply(entry(a_definition()))
    assert store.refs() == [REF]
    assert len(store) == 1


def test_a_new_status_alone_is_stored_and_is_no_change_of_the_definition() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition()))

    assert not store.apply(entry(a_definition(), "6", status()))
    assert store.get(REF) == entry(a_definition(), "6", status())


def test_an_older_version_is_not_taken_over_a_newer() -> None:
    store = DefinitionStore()
    newer = entry(a_definition(generation=2), "6")
    store.apply(newer)

    assert not store.apply(entry(a_definition(), "5"))
    assert store.get(REF) == newer


def test_definitions_that_want_one_secret_come_eldest_first() -> None:
    store = DefinitionStore()
    young = a_definition("young", created="2026-02-01T00:00:00Z")
    old = a_definition("old", created="2026-01-01T00:00:00Z")
    store.apply(entry(young))
    store.apply(entry(old))

    assert store.wanting(REF) == [old, young]
    assert store.wanting(OTHER) == []


def test_wanting_another_secret_leaves_a_debt_and_moves_the_index() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition()))
    store.apply(entry(a_definition(target="other"), "6"))

    assert store.debts(REF) == [("uid-db", REF)]
    assert store.wanting(REF) == []
    assert [found.ref for found in store.wanting(OTHER)] == [REF]


def test_a_spec_that_names_no_secret_any_more_leaves_a_debt() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition()))
    nameless = Definition(**{**fields(a_definition()), "secret_name": None})
    store.apply(entry(nameless, "6"))

    assert store.debts(REF) == [("uid-db", REF)]


def fields(definition: Definition) -> dict[str, Any]:
    return {name: getattr(definition, name) for name in Definition.__slots__}


def test_the_deletion_of_a_definition_leaves_a_debt_until_the_debt_is_settled() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition()))

    assert store.remove(REF, "uid-db")
    assert store.get(REF) is None
    assert store.debts(REF) == [("uid-db", REF)]
    store.settle(REF, ("uid-db", REF))
    assert store.debts(REF) == []
    store.settle(REF, ("uid-db", REF))


def test_a_deletion_of_another_uid_removes_no_definition() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition()))

    assert not store.remove(REF, "uid-of-the-one-before")
    assert not store.remove(OTHER, "uid-db")
    assert store.get(REF) is not None
    assert store.debts(REF) == []


def test_a_definition_that_is_merely_absent_is_dropped_without_a_debt() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition()))
    store.drop(REF)
    store.drop(REF)

    assert (store.refs(), store.debts(REF), store.wanting(REF)) == ([], [], [])


def test_debts_of_several_lives_are_kept_apart() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition()))
    store.apply(entry(a_definition(target="other"), "6"))
    store.remove(REF, "uid-db")
    store.settle(REF, ("uid-db", REF))

    assert store.debts(REF) == [("uid-db", OTHER)]


ABSURD = "9" * 18


def test_a_list_replaces_a_definition_whose_version_was_made_up() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition(), ABSURD))
    store.list_begins(None)

    assert store.apply_listed(entry(a_definition(generation=2), "6"))
    assert store.get(REF) == entry(a_definition(generation=2), "6")
    assert store.apply(entry(a_definition(generation=3), "7"))


@pytest.mark.parametrize("namespace", ["shop", "elsewhere"])
def test_a_list_does_not_undo_newer_states_or_other_namespaces(namespace: str) -> None:
    store = DefinitionStore()
    newer = entry(a_definition(generation=2), "6")
    store.apply(entry(a_definition(), "4") if namespace == "shop" else newer)
    store.list_begins(namespace)
    store.update(newer)

    assert not store.apply_listed(entry(a_definition(), "5"))
    assert store.get(REF) == newer


def test_a_list_brings_no_definition_back_that_was_heard_to_be_gone() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition()))
    store.list_begins(None)
    store.remove(REF, "uid-db")

    assert not store.apply_listed(entry(a_definition(), "5"))
    assert store.get(REF) is None


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_counts_as_changed_when_it_is_new_or_its_content_differs() -> None:
    store = SecretStore()

    assert store.apply(observed(version="7"))
    assert not store.apply(observed(version="8"))
    assert store.apply(observed(version="9", labels={"a": "b"}))
    assert len(store) == 1


@pytest.mark.parametrize(
    "differing",
    [
        {"uid": "another"},
        {"digests": {"a": b"1"}},
        {"labels": {"a": "b"}},
        {"annotations": {"a": "b"}},
        {"owners": (owner(),)},
        {"type": "kubernetes.io/tls"},
        {"immutable": True},
    ],
    ids=lambda differing: next(iter(differing)),
)
def test_every_part_of_the_content_counts(differing: dict[str, Any]) -> None:
    store = SecretStore()
    store.apply(observed(version="7"))

    assert store.apply(observed(version="8", **differing))


@pytest.mark.parametrize("version", ["6", "7"])
def test_an_older_or_equal_version_of_a_secret_is_ignored(version: str) -> None:
    store = SecretStore()
    store.apply(observed(version="7"))

    assert not store.apply(observed(version=version, labels={"a": "b"}))
    assert store.get(REF) == observed(version="7")


def test_secrets_are_found_by_their_owner_while_it_owns_them() -> None:
    store = SecretStore()
    store.apply(observed(version="7", owners=(owner("uid-1"),)))
    store.apply(observed("other", version="7", owners=(owner("uid-1"),)))
    assert store.owned_by("uid-1") == [REF, OTHER]
    store.apply(observed(version="8", owners=(owner("uid-2"),)))
    store.remove(OTHER, "uid-secret-other")

    assert (store.owned_by("uid-1"), store.owned_by("uid-2")) == ([], [REF])


def test_a_secret_is_removed_by_its_uid_only() -> None:
    store = SecretStore()
    store.apply(observed())

    assert not store.remove(REF, "another")
    assert store.remove(REF, "uid-secret-db")
    assert not store.remove(REF, "uid-secret-db")
    assert store.get(REF) is None


def test_a_complete_list_returns_the_secrets_that_came_changed_and_went() -> None:
    store = SecretStore()
    store.apply(observed("gone", version="5"))
    store.apply(observed("same", version="5"))
    store.apply(observed("changed", version="5"))
    told = store.replace_all(
        [observed("same", version="5"), observed("changed", version="8", labels={"a": "b"}), observed("new")],
        "shop",
        "10",
    )

    assert [secret.ref.name for secret in told] == ["changed", "new", "gone"]
    assert store.get(Ref("shop", "gone")) is None
    assert len(store) == 3


def test_a_secret_that_was_written_after_the_list_was_made_stays() -> None:
    store = SecretStore()
    store.apply(observed(version="11"))

    assert store.replace_all([], "shop", "10") == []
    assert store.get(REF) is not None


def test_a_version_that_was_made_up_gives_way_to_the_next_list() -> None:
    store = SecretStore()
    for name in ("same", "changed", "gone"):
        store.apply(observed(name, version=ABSURD))
    store.list_begins("shop")
    seen = [observed("same", version="8"), observed("changed", version="9", labels={"a": "b"})]

    assert [each.ref.name for each in store.replace_all(seen, "shop", "10")] == ["changed", "gone"]
    assert store.apply(observed("same", version="11", labels={"a": "b"}))
    assert store.get(Ref("shop", "gone")) is None


def test_a_list_does_not_undo_newer_writes_or_secrets_of_other_namespaces() -> None:
    store = SecretStore()
    store.apply(observed(version="5"))
    store.apply(observed("other", version=ABSURD))
    store.list_begins("shop")
    store.list_begins("elsewhere")
    written = observed(version="11", labels={"a": "b"})
    store.begin_write(REF)
    store.end_write(REF, written)

    assert store.replace_all([observed(version="5")], "shop", "10") == [observed("other", version=ABSURD)]
    assert store.get(REF) == written
    store.apply(observed("other", version=ABSURD))
    store.list_begins("elsewhere")
    assert store.replace_all([], "elsewhere", "10") == []


def test_a_list_of_one_namespace_says_nothing_of_another() -> None:
    store = SecretStore()
    store.apply(observed(version="5"))
    assert store.replace_all([], "elsewhere", "10") == []

    assert store.replace_all([], None, "10") == [observed(version="5")]


def test_look_ups_in_a_namespace_are_trusted_while_a_watch_covers_the_namespace() -> None:
    store = SecretStore()
    assert not store.tracks("shop")
    assert store.track("shop", on=True)
    assert not store.track("shop", on=True)
    assert (store.tracks("shop"), store.tracks("elsewhere")) == (True, False)
    assert store.track(None, on=True)
    assert store.tracks("elsewhere")
    assert store.track(None, on=False)

    assert store.tracks("shop")
    assert store.track("shop", on=False)
    assert not store.track("shop", on=False)


# ── the echo of our own writes ───────────────────────────────────────────────────────────────────────


class Ear:
    """Collects reports."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __call__(self, secret: ObservedSecret) -> None:
        self.heard.append(secret.resource_version)


def test_an_event_about_a_write_of_others_is_reported() -> None:
    store, ear = SecretStore(), Ear()
    store.hear(observed(version="7"), ear)
    store.hear(observed(version="7"), ear)
    store.hear(observed(version="8"), ear, gone=True)

    assert ear.heard == ["7", "8"]
    assert store.get(REF) is None


@pytest.mark.parametrize("early", [True, False], ids=["before the reply", "after the reply"])
def test_the_event_of_our_own_write_is_not_reported(early: bool) -> None:  # noqa: FBT001
    store, ear = SecretStore(), Ear()
    store.begin_write(REF)
    if early:
        store.hear(observed(version="7"), ear)
    store.end_write(REF, observed(version="7"))
    if not early:
        store.hear(observed(version="7"), ear)

    assert ear.heard == []
    assert store.get(REF) == observed(version="7")


def test_a_change_by_others_during_our_write_is_reported_after_it() -> None:
    store, ear = SecretStore(), Ear()
    store.begin_write(REF)
    store.hear(observed(version="7"), ear)
    store.hear(observed(version="9", labels={"theirs": "x"}), ear)
    assert ear.heard == []
    store.end_write(REF, observed(version="7"))

    assert ear.heard == ["9"]
    assert store.get(REF) == observed(version="9", labels={"theirs": "x"})


def test_a_deletion_during_our_write_is_reported_and_the_reply_does_not_bring_the_secret_back() -> None:
    store, ear = SecretStore(), Ear()
    store.begin_write(REF)
    store.hear(observed(version="7"), ear)
    store.hear(observed(version="9"), ear, gone=True)
    store.end_write(REF, observed(version="7"))

    assert ear.heard == ["9"]
    assert store.get(REF) is None


def test_all_events_during_a_write_without_a_reply_are_reported() -> None:
    store, ear = SecretStore(), Ear()
    store.begin_write(REF)
    store.hear(observed(version="7"), ear)
    store.end_write(REF, None)

    assert ear.heard == ["7"]


def test_a_reply_that_comes_after_the_deletion_does_not_bring_the_definition_back() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition()))
    store.remove(REF, a_definition().uid)

    assert not store.apply(entry(a_definition(), "6", status()))
    assert store.get(REF) is None
    assert store.apply(entry(a_definition(uid="made-anew"), "7"))


def test_a_late_event_brings_no_definition_back_though_a_hundred_others_went_since() -> None:
    store = DefinitionStore()
    store.apply(entry(a_definition()))
    store.remove(REF, "uid-db")
    for number in range(100):
        store.remove(Ref("shop", f"other-{number}"), f"uid-{number}")

    assert not store.apply(entry(a_definition(), "6"))
    assert store.get(REF) is None
