"""Texts and documents of XML that others wrote parts of."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from secrets_manager.domain.wording import printable

__all__ = ["document", "text_of"]

# What XML 1.0 cannot hold, in any spelling.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text_of(text: str) -> str:
    """The text with a question mark for each sign that XML or a terminal does not take."""
    return _NOT_IN_XML.sub("?", printable(text))


def document(root: ET.Element) -> str:
    """The whole document, on several lines."""
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
