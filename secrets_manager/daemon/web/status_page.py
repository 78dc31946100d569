"""The status page as HTML: what is said of the daemon, and the frame around it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from secrets_manager.daemon.status.query import Query
from secrets_manager.daemon.status.view import Page
from secrets_manager.daemon.web import markup
from secrets_manager.daemon.web.markup import Inside, tag
from secrets_manager.daemon.web.sparkline import bars
from secrets_manager.daemon.web.status_style import CSS
from secrets_manager.daemon.web.status_table import definitions_section
from secrets_manager.daemon.web.status_words import UNKNOWN, count, duration, moment
from secrets_manager.domain.outcome import SUSPENDED
from secrets_manager.overview.model import BackendLine, ChangesLine, LeadLine, QueueLine, Readiness

NAME = "secrets-manager"
_REFRESH = 30
# Seconds: polls are made in moments of about a second.
_LATE = 1.0


def status_page(page: Page) -> bytes:
    """The page."""
    troubled = page.listing.total - page.listing.readiness[Readiness.TRUE]
    title = f"{troubled} not ready" if troubled else "all ready"
    return frame(
        f"{title} · {NAME}",
        [
            _header(page),
            _notes(page),
            _summary(page),
            _daemon(page),
            definitions_section(page),
            _footer(page),
        ],
        refresh=page.query.refresh,
    )


def message_page(heading: str, paragraphs: Iterable[Inside]) -> bytes:
    """A page that says why there is nothing to see."""
    return frame(
        f"{heading} · {NAME}", [tag("h1", heading), *(tag("p", each) for each in paragraphs if each)]
    )


def frame(title: str, body: Iterable[Inside | Iterable[Inside]], *, refresh: int | None = None) -> bytes:
    """A whole document."""
    again = tag("meta", http_equiv="refresh", content=str(refresh)) if refresh else None
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        again,
        tag("title", title),
        markup.style(CSS),
    )
    return markup.document(tag("html", head, tag("body", *body), lang="en"))


# ── above the definitions ────────────────────────────────────────────────────────────────────────────


def _header(page: Page) -> Element:
    overview = page.overview
    return tag(
        "header",
        tag("a", "Skip to the definitions", href="#definitions", class_="skip"),
        tag("h1", NAME),
        tag("p", f"Version {page.version}, up for {duration(page.uptime)}. ", _lead(overview.lead, page)),
    )


def _lead(lead: LeadLine | None, page: Page) -> Iterator[Inside]:
    if lead is None:
        return
    if lead.is_this_one:
        yield "This replica leads" if lead.holder else "This replica works alone, without an election"
        if lead.since is not None:
            yield " since "
            yield moment(lead.since, page.overview.at)
        yield "."
    elif lead.holder:
        yield "This replica waits; "
        yield tag("code", lead.holder)
        yield " leads."
    else:
        yield "This replica waits, and nobody leads."


def _notes(page: Page) -> Iterator[Element]:
    lead = page.overview.lead
    if lead is not None and not lead.is_this_one:
        yield tag(
            "p",
            "This replica only waits for the Lease. The definitions are as the cluster has them; "
            "of backends, reads, polls and the queue it knows nothing fresh. Ask the replica that leads.",
            class_="note",
            role="note",
        )
    if page.unlisted:
        yield tag(
            "p",
            "The definitions have not been listed completely yet, so some may be missing here.",
            class_="note",
            role="note",
        )
    if not page.sees_all:
        yield tag(
            "p",
            "You see the namespaces that you asked for and may list. The queue and the changes take the "
            "right to list SecretDefinitions in all namespaces.",
            class_="note",
            role="note",
        )


def _summary(page: Page) -> Element:
    return tag(
        "section",
        tag("h2", "Summary", id="summary"),
        tag("ul", list(_tiles(page)), class_="tiles"),
        _reasons(page),
        _namespaces(page),
        aria_labelledby="summary",
    )


def _tiles(page: Page) -> Iterator[Element]:
    """The counts, each with a link to the definitions that it counts."""
    listing, query = page.listing, page.query
    ready, unknown = listing.readiness[Readiness.TRUE], listing.readiness[Readiness.UNKNOWN]
    troubled = listing.total - ready

    def link(readiness: Readiness | None, reason: str = "") -> str:
        return query.link(ready=readiness, reason=reason, page=None)

    yield _tile(listing.total, "definitions", link(None))
    yield _tile(ready, "ready", link(Readiness.TRUE), "good")
    yield _tile(troubled, "not ready", link(Readiness.FALSE), "bad" if troubled else "")
    yield _tile(unknown, "of them unknown", link(Readiness.UNKNOWN), "odd" if unknown else "")
    yield _tile(listing.suspended, "suspended", link(None, SUSPENDED))


def _reasons(page: Page) -> Iterator[Element]:
    items = [
        tag(
            "li",
            tag("a", markup.shown(reason, 64), href=page.query.link(reason=reason, page=None)),
            f" {number:,}",
        )
        for reason, number in page.listing.reasons
    ]
    if items:
        yield tag("p", "By reason:")
        yield tag("ul", items, class_="tiles small")


def _tile(number: int, words: str, link: str, colour: str = "") -> Element:
    return tag("li", tag("b", f"{number:,}", class_=colour or None), tag("a", words, href=link))


def _namespaces(page: Page) -> Element | None:
    listing, query = page.listing, page.query
    troubled = [each for each in listing.namespaces if each.troubled]
    if not troubled or listing.all_namespaces == 1:
        return None
    items = [
        tag(
            "li",
            tag("a", each.namespace, href=query.link(namespaces=(each.namespace,), page=None)),
            f" {each.troubled:,} of {each.definitions:,}",
        )
        for each in troubled
    ]
    return tag(
        "details",
        tag("summary", f"Namespaces with definitions that are not ready (of {listing.all_namespaces:,})"),
        tag("ul", items, class_="tiles small"),
    )


# ── the daemon ───────────────────────────────────────────────────────────────────────────────────────


def _daemon(page: Page) -> Iterator[Element]:
    overview = page.overview
    if overview.backends is not None:
        yield tag("section", tag("h2", "Backends", id="backends"), _backends(overview.backends, page.query))
    if overview.queue is not None:
        yield tag("section", tag("h2", "Work"), _queue(overview.queue), _changes(overview.changes))


def _backends(lines: Iterable[BackendLine], query: Query) -> Element:
    names = ("Backend", "Kind", "Session", "Token ends in", "State", "Parts down", "Polls late by")
    rows = [_backend(line, query) for line in lines]
    if not rows:
        return tag("p", "None that these definitions read.")
    return tag(
        "table",
        tag("caption", "What the daemon knows of each backend, without asking it"),
        tag("thead", tag("tr", [tag("th", name, scope="col") for name in names])),
        tag("tbody", rows),
        class_="cards",
    )


def _backend(line: BackendLine, query: Query) -> Element:
    session = "logged in" if line.logged_in else "not logged in"
    fault = f" (last check: {line.session_fault})" if line.session_fault else ""
    down = line.down_for is not None
    state = f"down for {duration(line.down_for)}, only probes are sent" if down else "up"
    colour = "bad" if down else "good"
    well = line.logged_in and not line.session_fault
    return tag(
        "tr",
        tag("th", tag("a", line.name, href=query.link(backend=line.name, page=None)), scope="row"),
        _cell("Kind", line.kind),
        _cell("Session", tag("span", session, fault, class_="good" if well else "bad")),
        _cell("Token ends in", duration(line.token_life)),
        _cell("State", tag("span", state, class_=colour)),
        _cell("Parts down", f"{line.parts_down:,}"),
        _cell("Polls late by", duration(line.overdue) if line.overdue >= _LATE else UNKNOWN),
    )


def _cell(name: str, *inside: Inside) -> Element:
    return tag("td", *inside, data_name=name)


def _queue(queue: QueueLine) -> Element:
    waits = f", the longest for {duration(queue.oldest_wait)}" if queue.depth else ""
    late = (
        f"the most overdue poll is {duration(queue.overdue)} late"
        if queue.overdue >= _LATE
        else "no poll is late"
    )
    return tag("p", f"{count(queue.depth, 'key')} waiting for a worker{waits}; {late}.")


def _changes(changes: ChangesLine | None) -> Iterator[Element]:
    if changes is None:
        return
    total, most = sum(changes.counts), max(changes.counts, default=0)
    minutes = round(changes.span * len(changes.counts) / 60)
    words = f"{count(total, 'Secret')} written in the last {minutes} minutes, at most {most:,} in a minute"
    yield tag("p", f"{words}.")
    yield bars(changes.counts, words)


def _footer(page: Page) -> Element:
    query = page.query
    refresh = (
        tag("a", "Stop refreshing", href=query.link(refresh=None))
        if query.refresh
        else tag("a", f"Refresh every {_REFRESH} s", href=query.link(refresh=_REFRESH))
    )
    as_json = f"status.json{query.link(page=None, refresh=None)}"
    return tag(
        "footer",
        tag("h2", "More"),
        tag("p", "As of ", moment_of(page), "."),
        tag("p", refresh, ". ", tag("a", "The same as JSON", href=as_json), "."),
        tag("p", "No value of any Secret is ever shown here."),
    )


def moment_of(page: Page) -> Element:
    """The time of the page."""
    utc = page.overview.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return tag("time", utc, datetime=utc)
