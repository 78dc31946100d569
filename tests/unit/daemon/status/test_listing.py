"""The listing of definitions: trouble first, what is asked for alone, and nothing out of sight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.cluster.view.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.daemon.status.listing import PAGE, Lister, Listing, Sight, TooSlow
from secrets_manager.daemon.status.query import Query, parse_query
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.outcome import SourceVersion
from secrets_manager.overview.choice import Choice
from secrets_manager.overview.definitions import line_of
from secrets_manager.overview.model import Readiness
from secrets_manager.sync.source_ledger import SourceLedger
from tests.builders import DIGESTER
from tests.unit.daemon.status_world import ALL, entry


def lister(*entries: DefinitionEntry, left: float = 4.0) -> Lister:
    store = DefinitionStore()
    for each in entries:
        store.apply(each)
    return Lister(definitions=store, ledger=SourceLedger(DIGESTER), left=lambda: left)


def listed(query: str, *entries: DefinitionEntry, sight: Sight = ALL) -> Listing:
    return lister(*entries).list(parse_query(query), sight)


def names(listing: Listing) -> list[str]:
    return [str(ref) for ref in listing.refs]


SYNCED = entry("b/synced")
FAILED = entry("z/failed", "SourceNotFound", "path 'x/y' does not exist")
UNSEEN = entry("a/unseen", observed=0)
CONTESTED = entry("a/contested", "Contested", ready=True)
SUSPENDED = entry("a/suspended", "Suspended", ready=True, suspended=True)
EVERYTHING = (SYNCED, SUSPENDED, CONTESTED, UNSEEN, FAILED)


def test_trouble_comes_first_then_names() -> None:
    more = (entry("a/failed", "KeyNotFound"), entry("a/synced"))

    assert names(listed("", *EVERYTHING, *more)) == [
        "a/failed",
        "z/failed",
        "a/unseen",
        "a/contested",
        "a/suspended",
        "a/synced",
        "b/synced",
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("namespace=b", ["b/synced"]),
        ("namespace=b&namespace=z", ["z/failed", "b/synced"]),
        ("ready=true", ["a/contested", "a/suspended", "b/synced"]),
        ("ready=false", ["z/failed", "a/unseen"]),
        ("ready=unknown", ["a/unseen"]),
        ("reason=sourcenotfound", ["z/failed"]),
        ("q=SYNCED-sec", ["b/synced"]),
        ("q=x/Y", ["z/failed"]),
        ("q=z/fai", ["z/failed"]),
        ("q=nothing", []),
    ],
)
def test_a_query_chooses(query: str, found: list[str]) -> None:
    assert names(listed(query, *EVERYTHING)) == found


def test_a_definition_is_found_by_the_backends_and_paths_that_it_was_made_of() -> None:
    made = entry("a/made", paths=["old"], sources=[SourceVersion("team/db", "3", "eu")])
    unmade = entry("a/unmade", "SourceNotFound", paths=["team/new"])

    assert names(listed("backend=eu", made, unmade)) == ["a/made"]
    assert names(listed("backend=default", made, unmade)) == ["a/unmade"]
    assert names(listed("q=TEAM/", made, unmade)) == ["a/unmade", "a/made"]


REASONS = st.sampled_from(["Synced", "SourceNotFound", "Contested"])
ENTRIES = st.builds(
    lambda number, reason, observed, backend: entry(
        f"n{number % 3}/d{number}", reason, observed=observed, sources=[SourceVersion("p", "1", backend)]
    ),
    st.integers(0, 20),
    REASONS,
    st.integers(0, 1),
    st.sampled_from(["default", "eu"]),
)


@given(st.lists(ENTRIES, max_size=12), st.booleans(), st.just("") | REASONS, st.sampled_from(["", "eu"]))
def test_the_page_and_the_command_choose_the_same(
    entries: list[DefinitionEntry],
    not_ready: bool,  # noqa: FBT001 - drawn
    reason: str,
    backend: str,
) -> None:
    newest = {each.definition.ref: each for each in entries}.values()
    choice = Choice(not_ready=not_ready, reason=reason, backend=backend)
    query = Query(ready=Readiness.FALSE if not_ready else None, reason=reason, backend=backend)

    chosen = {each.definition.ref for each in newest if choice.takes(line_of(each.definition, each.status))}
    assert set(lister(*newest).list(query, ALL).refs) == chosen


def test_what_is_counted_is_what_may_be_seen_in_the_namespaces_of_the_query() -> None:
    listing = listed("namespace=a&namespace=z&ready=unknown", *EVERYTHING)

    assert listing.readiness == {Readiness.TRUE: 2, Readiness.UNKNOWN: 1, Readiness.FALSE: 1}
    assert (listing.total, listing.suspended) == (4, 1)
    assert dict(listing.reasons) == {"SourceNotFound": 1, "Contested": 1, "Suspended": 1}
    assert [tuple(each) for each in listing.namespaces] == [("a", 3, 1), ("z", 1, 1)]


def test_nothing_is_said_of_namespaces_out_of_sight() -> None:
    listing = listed("", *EVERYTHING, sight=Sight(frozenset({"b"})))

    assert (names(listing), listing.total, listing.all_namespaces) == (["b/synced"], 1, 1)
    assert listing.reasons == ()


def test_a_listing_has_pages_of_a_hundred_and_one_at_least() -> None:
    listing = listed("", *(entry(f"n/d{number:04}") for number in range(2 * PAGE + 1)))

    assert (listed("").pages, listing.pages) == (1, 3)
    assert listing.page(3) == [Ref("n", f"d{2 * PAGE:04}")]
    assert listing.page(4) == []


def test_only_so_many_reasons_and_namespaces_are_listed() -> None:
    listing = listed("", *(entry(f"n{number}/d", f"Reason{number}") for number in range(40)))

    assert (len(listing.reasons), len(listing.namespaces), listing.all_namespaces) == (12, 12, 40)


def test_it_ends_when_there_is_no_time_left() -> None:
    with pytest.raises(TooSlow):
        lister(SYNCED, left=0.0).list(Query(), ALL)
