"""Rendered pages taken apart: what a reader sees of one, its links, and what it loads by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_BLOCKS = frozenset({"p", "li", "td", "th", "pre", "tr", "table", "ul", "ol", "blockquote", "br"}) | {
    f"h{level}" for level in range(1, 7)
}
_SHOWN = frozenset({"li", "tr", "table", "ul", "ol", "pre"})
# The elements that make a browser fetch something when the page is opened, and by which attribute.
_FETCHED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "video": "src"}
_NOT_FETCHED = {"canonical", "prev", "next"}


@dataclass(eq=False)
class Rendered(HTMLParser):
    """One page: ``article`` says that only what is inside that element is text of the page.

    Attributes:
        blocks: the texts of its blocks in order, with the names of lists, rows and tables in between.
        links: where its links lead, in its navigation, too.
        anchors: what can be linked to in it.
        fetched: what a browser fetches for it.
        classes: all classes of its elements.

    """

    article: bool
    blocks: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    fetched: list[str] = field(default_factory=list)
    classes: set[str] = field(default_factory=set)
    _text: str = ""
    _inside: bool = False
    _skipped: str = ""

    def __post_init__(self) -> None:
        HTMLParser.__init__(self, convert_charrefs=True)
        self._inside = not self.article

    @classmethod
    def of(cls, html: str, *, article: bool = False) -> Rendered:
        """Take a page apart."""
        page = cls(article=article)
        page.feed(html)
        page.close()
        page._end_block()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = set(given.get("class", "").split())
        self.classes |= classes
        self._note(tag, given)
        if self.article and tag == "article":
            self._inside = True
        if tag in {"nav", "button"} or "headerlink" in classes:
            self._skipped = self._skipped or tag
        if not self._inside or self._skipped:
            return
        if tag in _BLOCKS:
            self._end_block()
        if tag in _SHOWN:
            self.blocks.append(f"<{tag}>")
        if tag == "code":
            self._text += "`"

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            self._skipped = "" if tag == self._skipped else self._skipped
            return
        if tag == "code" and self._inside:
            self._text = f"{self._text.rstrip()}`"
        if tag in _BLOCKS or tag == "article":
            self._end_block()
        if self.article and tag == "article":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and not self._skipped:
            self._text += data

    def _end_block(self) -> None:
        text = " ".join(self._text.split())
        self._text = ""
        if text:
            self.blocks.append(text)

    def _note(self, tag: str, given: dict[str, str]) -> None:
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        wanted = given.get(_FETCHED.get(tag, ""))
        if wanted and given.get("rel", "") not in _NOT_FETCHED:
            self.fetched.append(wanted)
