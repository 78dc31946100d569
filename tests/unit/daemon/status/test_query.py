"""The query of an address is understood or refused with the words that there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.daemon.status.query import BadQuery, Query, parse_query
from secrets_manager.overview.model import Readiness


def test_nothing_asked_for_is_everything() -> None:
    assert parse_query("") == Query()
    assert parse_query("namespace=&ready=&reason=&backend=&q=") == Query()
    assert not Query().narrows


def test_each_filter_has_its_word() -> None:
    query = parse_query(
        "namespace=a&namespace=b,c&ready=False&reason=SourceNotFound&backend=eu&q=Db+1&page=3"
    )

    assert query == Query(
        namespaces=("a", "b", "c"),
        ready=Readiness.FALSE,
        reason="SourceNotFound",
        backend="eu",
        text="Db 1",
        page=3,
    )
    assert query.narrows


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "redy=false",
            "there is no filter 'redy'; there are namespace, ready, reason, backend, q, page, refresh",
        ),
        ("ready=no", "ready is true, false or unknown"),
        ("ready=true&ready=false", "ready stands there twice"),
        ("page=0", "page is a number from 1 to 1000000"),
        ("page=1e3", "page is a number from 1 to 1000000"),
        ("page=%D9%A1", "page is a number from 1 to 1000000"),
        ("refresh=1", "refresh is a number from 5 to 3600"),
        ("namespace=../a", "namespace names one that no namespace can have"),
        ("namespace=" + ",".join(f"n{number}" for number in range(11)), "namespace names more than 10"),
        ("q=" + "x" * 257, "q is longer than 256 characters"),
        ("q=" + "x" * 3000, "the query is longer than 2048 characters"),
        ("q=%ff", "the query has too many parts, or text that is not UTF-8"),
        ("&".join(["namespace=a"] * 30), "the query has too many parts, or text that is not UTF-8"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_would_be(query: str, message: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parse_query(query)

    assert str(caught.value) == message


@given(st.text(max_size=300))
def test_any_text_is_a_query_or_refused(text: str) -> None:
    try:
        query = parse_query(text)
    except BadQuery:
        return
    assert parse_query(query.link().removeprefix("?")) == query


WORDS = st.text(min_size=1, max_size=20).map(str.strip).filter(lambda text: text.isprintable() and text)
NAMES = st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True)


@given(
    st.lists(NAMES, max_size=5, unique=True),
    st.none() | st.sampled_from(Readiness),
    WORDS,
    st.none() | st.integers(2, 1000),
)
def test_a_link_asks_for_what_its_query_does(
    namespaces: list[str], ready: Readiness | None, text: str, page: int | None
) -> None:
    query = Query(namespaces=tuple(namespaces), ready=ready, text=text, page=page)

    assert parse_query(query.link().removeprefix("?")) == query


def test_a_link_may_ask_for_something_else_and_keeps_the_rest() -> None:
    query = Query(namespaces=("a",), reason="X", page=4)

    assert query.link(page=None) == "?namespace=a&reason=X"
    assert query.link(namespaces=(), page=None, refresh=30) == "?reason=X&refresh=30"
    assert query.all() == "?"
