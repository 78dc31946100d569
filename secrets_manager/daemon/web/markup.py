"""HTML as a tree: what is a text stays one, whatever it holds.

Everything that stands in a page goes through `tag`: no text can become an element or leave an attribute, and
what does not show, or turns the direction of writing, is shown as an escape. Nothing else makes HTML.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

from secrets_manager.domain.wording import one_line, printable

Inside: TypeAlias = "Element | str | None"

# In bytes; names are shorter, and messages are.
LONGEST_TEXT = 1200


def tag(name: str, /, *inside: Inside | Iterable[Inside], **attributes: str | None) -> Element:
    """An element. None among its parts stands for nothing, and a list for its items.

    Of attributes, ``class_`` is written for ``class`` and ``aria_label`` for ``aria-label``; None leaves one
    out.
    """
    named = ((key.rstrip("_").replace("_", "-"), text) for key, text in attributes.items())
    made = Element(name, {key: printable(text) for key, text in named if text is not None})
    for part in inside:
        _append(made, part)
    return made


def style(css: str) -> Element:
    """A sheet of our own, which is no text of others: it is written as it is."""
    made = Element("style")
    made.text = css
    return made


def shown(text: str, most: int = LONGEST_TEXT) -> str:
    """A text as it may be shown: on one line, printable, and no longer than so many bytes."""
    return one_line(text, most)


def document(root: Element) -> bytes:
    """The whole page."""
    text: bytes = tostring(root, encoding="utf-8", method="html")
    return b"<!DOCTYPE html>\n" + text


def _append(into: Element, part: Inside | Iterable[Inside]) -> None:
    if part is None:
        return
    if isinstance(part, str):
        if len(into):
            into[-1].tail = (into[-1].tail or "") + shown(part)
        else:
            into.text = (into.text or "") + shown(part)
    elif isinstance(part, Element):
        into.append(part)
    else:
        for each in part:
            _append(into, each)
