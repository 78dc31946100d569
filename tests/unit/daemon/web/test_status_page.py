"""The page says what there is to say, in HTML that tools for the blind can read, and keeps texts texts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from secrets_manager.daemon.status.listing import PAGE
from secrets_manager.daemon.web.status_words import count, duration, moment
from secrets_manager.domain.outcome import SourceVersion
from tests.unit.daemon.status_world import NOW, StatusWorld, entry
from tests.unit.daemon.web.test_markup import Reader

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "javascript:alert(1)",
    "</style><svg onload=alert(1)>",
    "a\u202egnp.exe",
    "zero\u200bwidth",
    "nul\x00",
    "]]><!--",
]
ELEMENTS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "footer",
        "section",
        "nav",
        "h1",
        "h2",
        "p",
    ),
    *("a", "ul", "li", "b", "span", "code", "time", "div", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("form", "label", "input", "select", "option", "button", "svg", "rect", "line"),
}


def read(page: str) -> Reader:
    return Reader(page.encode())


def rows(page: str) -> list[str]:
    return re.findall(r"<tr role=\"row\">.*?</tr>", page)


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip()


def test_a_definition_says_how_it_is_and_since_when() -> None:
    made = entry("shop/db", sources=[SourceVersion("team/db", "7", "eu")])
    (row,) = rows(StatusWorld(made).html())

    assert plain(row) == "shop /db ready 60 min ago db-secret eu: team/db version 7 - -"
    assert '<time datetime="2026-05-04T11:00:00Z" title="2026-05-04T11:00:00Z">' in row


def test_a_definition_in_trouble_says_why() -> None:
    made = entry("shop/db", "SourceNotFound", "path 'x' does not exist in the backend", paths=["x"])
    page = StatusWorld(made).html()

    assert "not ready: SourceNotFound path 'x' does not exist in the backend" in plain(rows(page)[0])
    assert "<title>1 not ready · secrets-manager</title>" in page
    assert 'href="?reason=SourceNotFound"' in page


def test_half_a_surrogate_pair_in_any_text_costs_no_page() -> None:
    """No API server gives one; it could come from a program of our own."""
    sources = [SourceVersion("p\ud800", "v\udfff", "b\ud800")]
    world = StatusWorld(entry("a/b", "Reason\ud800", "message \udfff", ready=False, sources=sources))

    page, data = world.ask("/"), world.ask("/status.json")

    assert (page.status, data.status) == (200, 200)
    assert b'<a href="?reason=Reason%3F">Reason\\ud800</a>' in page.body
    assert b"\\ud800" in data.body


def test_what_is_suspended_contested_or_unknown_has_a_word_of_its_own() -> None:
    page = StatusWorld(
        entry("a/a", "Suspended", ready=True, suspended=True),
        entry("a/b", "Contested", "another writer", ready=True),
        entry("a/c", observed=0),
        replace(entry("a/d"), status=None),
    ).html()

    assert [plain(row).partition(" 60 min")[0].partition(" - ")[0] for row in rows(page)] == [
        "a /c unknown It was changed, and has not been looked at since.",
        "a /d unknown It has not been looked at yet.",
        "a /b ready: Contested another writer",
        "a /a suspended as it should be",
    ]


def test_many_sources_are_counted_and_not_all_shown() -> None:
    sources = [SourceVersion(f"path/{number}", "1") for number in range(50)]
    (row,) = rows(StatusWorld(entry("a/b", sources=sources)).html())

    assert row.count("<code>") == 10
    assert "48 more" in row
    assert "and 40 others" in row


def test_pages_lead_to_each_other_and_keep_what_was_asked_for() -> None:
    world = StatusWorld(*(entry(f"n/d{number:04}") for number in range(3 * PAGE)))
    page = world.html("page=2&q=d0&refresh=60")

    assert "101 to 200 of 300 definitions, those in trouble first" in page
    assert 'href="?q=d0&amp;page=1&amp;refresh=60#definitions" rel="prev">Previous<' in page
    assert 'href="?q=d0&amp;page=3&amp;refresh=60#definitions" rel="next">Next<' in page
    assert "Page 2 of 3" in page
    assert '<meta http-equiv="refresh" content="60">' in page
    assert 'href="status.json?q=d0"' in page
    assert "Page " not in StatusWorld(entry("a/b")).html()


def test_who_finds_nothing_is_told_of_how_many_there_are() -> None:
    assert "None of 1 definition is like that." in StatusWorld(entry("a/b")).html("q=zzz")
    assert "There is no definition here." in StatusWorld().html()


def test_the_form_holds_what_was_asked_for() -> None:
    page = StatusWorld(entry("a/b")).html("namespace=a&ready=false&reason=X&q=%22%3E&refresh=9")
    values = {
        attributes.get("name"): attributes.get("value")
        for name, attributes in read(page).elements
        if name == "input"
    }

    assert values == {"namespace": "a", "reason": "X", "backend": "", "q": '">', "refresh": "9"}
    assert '<option value="false" selected="selected">not ready</option>' in page


def test_writes_are_drawn_and_said_in_words() -> None:
    world = StatusWorld()
    world.journal._spans[-1] = 3
    world.journal._spans[-2] = 1
    page = world.html()
    words = "4 Secrets written in the last 60 minutes, at most 3 in a minute"

    assert f"<p>{words}.</p>" in page
    assert f'role="img" aria-label="{words}"' in page
    assert f"<title>{words}</title>" in page
    assert [re.findall(r'height="(\d+)"', bar) for bar in re.findall(r"<rect[^>]*>", page)] == [
        ["13"],
        ["40"],
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_foreign_text_becomes_part_of_the_page(text: str) -> None:
    """Names are checked by an API server, but not by this page: it takes what its store has."""
    world = StatusWorld(
        entry(f"{text}/{text}", text, text, paths=[text], sources=[SourceVersion(text, text, text)]),
        entry("a/b", text, text, ready=True),
    )
    world.program.core.upstreams["default"].session_fault = text
    pages = [read(world.html(query)) for query in ("", f"q={quote(text)}", f"reason={quote(text)}")]

    for name, attributes in [element for page in pages for element in page.elements]:
        assert name in ELEMENTS
        assert not {"style", "src"}.intersection(attributes)
        assert not [each for each in attributes if each.startswith("on")]
        link = attributes.get("href")
        assert link is None or re.fullmatch(r"(status\.json)?\?[ -~]*|#definitions", link)
    assert not re.search("[\u202e\u200b\x00]", "".join(page.text for page in pages))


def test_the_page_stays_small_whatever_definitions_hold() -> None:
    large = [SourceVersion(f"{number}/" + "<" * 4000, "9" * 64, "eu") for number in range(40)]
    world = StatusWorld(
        *(
            entry(f"n/{'d' * 240}{number}", "R" * 500, '"' * 5000, sources=large)
            for number in range(PAGE + 20)
        )
    )

    assert len(world.html().encode()) < 3_000_000


# ── for those who do not see ─────────────────────────────────────────────────────────────────────────


def test_the_page_can_be_read_by_its_structure() -> None:
    page = StatusWorld(entry("a/b")).html()
    elements = read(page).elements
    names = [name for name, _ in elements]

    assert dict(elements)["html"] == {"lang": "en"}
    assert [name for name in names if name in {"h1", "h2", "h3"}] == ["h1", *["h2"] * 5]
    assert names.count("table") == names.count("caption") == 2
    assert names.count("label") == names.count("select") + sum(
        name == "input" and attributes["type"] != "hidden" for name, attributes in elements
    )
    scopes = [attributes.get("scope") for name, attributes in elements if name == "th"]
    assert set(scopes) == {"col", "row"}
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {"summary", "definitions"} <= set(ids)
    assert "script" not in names


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (5400, "90 min"),
        (9000, "2.5 h"),
        (864_000, "10 d"),
    ],
)
def test_durations_have_one_unit(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_moments_are_before_or_after_the_page() -> None:
    said = [moment(NOW + timedelta(seconds=seconds), NOW) for seconds in (-90, 0.4, 300)]

    assert [getattr(each, "text", None) for each in said] == ["90 s ago", "now", "in 5 min"]
    assert moment(None, NOW) == "-"


def test_numbers_of_things_agree_with_their_words() -> None:
    assert (count(1, "path"), count(1200, "path"), count(2, "key", "keys")) == (
        "1 path",
        "1,200 paths",
        "2 keys",
    )
