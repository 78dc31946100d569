"""A text stays a text, whatever it holds, in a page that a browser reads as it was meant."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.daemon.web import markup
from secrets_manager.daemon.web.markup import tag
from secrets_manager.domain.wording import printable


class Reader(HTMLParser):
    """What a parser of HTML finds: elements with their attributes, and texts."""

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(document.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


TEXTS = st.text(max_size=60) | st.sampled_from(
    [
        "<script>",
        "</p>",
        '"><img src=x onerror=alert(1)>',
        "' onload='",
        "&lt;",
        "]]>",
        "<!--",
        "\u202egnp.exe",
    ]
)


@given(TEXTS, TEXTS)
def test_a_text_is_found_again_and_makes_no_element(text: str, value: str) -> None:
    found = Reader(markup.document(tag("p", text, tag("a", value, title=value), text)))

    assert [name for name, _ in found.elements] == ["p", "a"]
    assert found.elements[1][1] == {"title": printable(value)}
    shown = printable(text)
    assert found.text.strip("\n") == f"{shown}{printable(value)}{shown}".strip("\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a\\u202eb"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("nul\x00", "nul\\x00"),
        ("two\nlines", "two\\nlines"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_does_not_show_or_turns_the_writing_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert markup.document(tag("p", text)).decode().endswith(f"<p>{shown}</p>")
    assert f'title="{shown}"' in markup.document(tag("p", title=text)).decode()


def test_a_text_beyond_all_measure_is_cut() -> None:
    assert len(markup.document(tag("p", "é" * 10_000))) < 1300


def test_parts_may_be_texts_elements_lists_or_nothing() -> None:
    made = tag("ul", None, [tag("li", "a"), "b"], tag("br"), class_="x", aria_label=None, data_name="y")

    assert markup.document(made) == b'<!DOCTYPE html>\n<ul class="x" data-name="y"><li>a</li>b<br></ul>'
