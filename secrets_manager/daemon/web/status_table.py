"""The definitions of the status page: the form that chooses them, their table, and the way to other pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from xml.etree.ElementTree import Element

from secrets_manager.daemon.status.listing import PAGE
from secrets_manager.daemon.status.query import Query
from secrets_manager.daemon.status.view import Page
from secrets_manager.daemon.web.markup import Inside, shown, tag
from secrets_manager.daemon.web.status_words import UNKNOWN, count, duration, moment
from secrets_manager.domain.condition import SYNCED
from secrets_manager.overview.model import DefinitionLine, Readiness, SourceLine

_NAMES = ("Definition", "State", "Since", "Secret", "Sources", "Secret written", "Next poll")
# In bytes of a path, and in sources of a definition.
_LONGEST_PATH = 256
_SHOWN_AT_ONCE = 2
_SHOWN_AT_ALL = 10


def definitions_section(page: Page) -> Element:
    """All about the definitions."""
    rows = [_row(line, page.overview.at, page.query) for line in page.overview.definitions]
    return tag(
        "section",
        tag("h2", "Definitions", id="definitions"),
        _form(page.query, page.overview.backends is not None),
        _table(page, rows) if rows else tag("p", _nothing(page)),
        _pages(page),
        aria_labelledby="definitions",
    )


def _nothing(page: Page) -> str:
    if page.query.narrows and page.listing.total:
        return f"None of {count(page.listing.total, 'definition')} is like that."
    return "There is no definition here."


def _form(query: Query, knows_backends: bool) -> Element:  # noqa: FBT001 - one caller
    ready = query.ready.value.lower() if query.ready else ""
    choices = [
        tag("option", words, value=value, selected="selected" if value == ready else None)
        for value, words in (("", "any"), ("true", "ready"), ("false", "not ready"), ("unknown", "unknown"))
    ]
    refresh = tag("input", type="hidden", name="refresh", value=str(query.refresh)) if query.refresh else None
    return tag(
        "form",
        _field("Namespaces", _input("namespace", ",".join(query.namespaces))),
        _field("Ready", tag("select", choices, name="ready")),
        _field("Reason", _input("reason", query.reason)),
        _field("Backend", _input("backend", query.backend)) if knows_backends or query.backend else None,
        _field("Name, Secret, message or path has", _input("q", query.text)),
        refresh,
        tag("button", "Filter", type="submit"),
        tag("a", "All", href=query.all()) if query.narrows else None,
        method="get",
        role="search",
    )


def _field(words: str, control: Element) -> Element:
    return tag("label", tag("span", words), control)


def _input(name: str, value: str) -> Element:
    return tag("input", type="text", name=name, value=value, maxlength="256", autocomplete="off")


def _table(page: Page, rows: Sequence[Element]) -> Element:
    first = (page.number - 1) * PAGE + 1
    several = f"{first:,} to {first + len(rows) - 1:,} of {count(len(page.listing.refs), 'definition')}"
    return tag(
        "table",
        tag("caption", f"{several}, those in trouble first"),
        tag("thead", tag("tr", [tag("th", name, scope="col", role="columnheader") for name in _NAMES])),
        tag("tbody", rows, role="rowgroup"),
        class_="cards",
        role="table",
    )


def _row(line: DefinitionLine, now: datetime, query: Query) -> Element:
    _, state, since, secret, sources, written, poll = _NAMES
    namespace = tag("a", line.namespace, href=query.link(namespaces=(line.namespace,), page=None))
    period = f" (each {duration(line.refresh_period)})" if line.refresh_period is not None else None
    return tag(
        "tr",
        tag("th", namespace, "/", line.name, scope="row", role="rowheader"),
        _cell(state, _state(line)),
        _cell(since, moment(line.since, now)),
        _cell(secret, line.secret or UNKNOWN),
        _cell(sources, _sources(line.sources, now)),
        _cell(written, moment(line.last_change, now)),
        _cell(poll, moment(line.next_poll, now), period),
        role="row",
    )


def _cell(name: str, *inside: Inside) -> Element:
    return tag("td", *inside, data_name=name, role="cell")


def _state(line: DefinitionLine) -> Element:
    words, colour, text = _judgement(line)
    return tag(
        "div",
        tag("b", shown(words, 96), class_=colour),
        tag("div", text, class_="small") if text else None,
    )


def _judgement(line: DefinitionLine) -> tuple[str, str, str]:
    """In a word how a definition is, the colour of that, and why."""
    if line.ready is Readiness.UNKNOWN:
        seen = "It was changed, and has not been looked at since." if line.reason else ""
        return "unknown", "odd", seen or "It has not been looked at yet."
    if line.suspended:
        return "suspended", "odd", line.message
    if line.ready is Readiness.FALSE:
        return f"not ready: {line.reason}", "bad", line.message
    return ("ready", "good", "") if line.reason == SYNCED else (f"ready: {line.reason}", "odd", line.message)


def _sources(lines: Sequence[SourceLine], now: datetime) -> Element | str:
    if not lines:
        return UNKNOWN
    first, others = lines[:_SHOWN_AT_ONCE], lines[_SHOWN_AT_ONCE:_SHOWN_AT_ALL]
    left = len(lines) - len(first) - len(others)
    more = tag(
        "details",
        tag("summary", f"{len(lines) - len(first):,} more"),
        _list(others, now),
        tag("p", f"and {count(left, 'other')}") if left else None,
    )
    return tag("div", _list(first, now), more if others else None, class_="small")


def _list(lines: Iterable[SourceLine], now: datetime) -> Element:
    return tag("ul", [_source(line, now) for line in lines], class_="plain")


def _source(line: SourceLine, now: datetime) -> Element:
    version = f" version {shown(line.version, 64)}" if line.version else None
    read = [", read ", moment(line.read_at, now)] if line.read_at is not None else []
    return tag("li", tag("code", f"{line.backend}: ", shown(line.path, _LONGEST_PATH)), version, *read)


def _pages(page: Page) -> Element | None:
    last, number, query = page.listing.pages, page.number, page.query
    if last == 1:
        return None
    links = {"First": 1, "Previous": number - 1, "Next": number + 1, "Last": last}
    shown_links = [
        tag("a", words, href=f"{query.link(page=to)}#definitions", rel=rel_of(words))
        for words, to in links.items()
        if 1 <= to <= last and to != number
    ]
    here = tag("span", f"Page {number:,} of {last:,}", aria_current="page")
    return tag("nav", tag("p", shown_links, here), aria_label="Pages of definitions")


def rel_of(words: str) -> str | None:
    """What a link is to this page, in the words of HTML."""
    return {"Previous": "prev", "Next": "next"}.get(words)
