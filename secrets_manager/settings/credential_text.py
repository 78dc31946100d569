"""Takes a credential out of bytes or a text, without the marks and line ends of editors and shells.

Pure. A byte order mark, line ends and blanks around it are no part of a credential; text in UTF-16 or UTF-32
is decoded by its mark. A text that cannot be a credential is refused with a reason that repeats none of it.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_MARK = "\ufeff"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")


class NoCredential(ValueError):
    """This cannot be a credential; the text says why, and is meant to follow the name of its place."""


def has_mark(content: bytes) -> bool:
    """Whether the bytes begin with a byte order mark."""
    return content.startswith(tuple(mark for mark, _, _ in _MARKS))


def decode_text(content: bytes) -> str:
    """The text of a file, by its byte order mark or as UTF-8, mark left out; raises NoCredential."""
    for mark, codec, name in _MARKS:
        if content.startswith(mark):
            return _decode(
                content[len(mark) :], codec, f"has a byte order mark of {name} but is not {name} text"
            )
    if b"\x00" in content:
        raise NoCredential("holds NUL bytes: is it UTF-16 without a byte order mark? save it as UTF-8")
    return _decode(content, "utf-8", "is not UTF-8 text")


def credential_in(text: str) -> str:
    """The credential without marks and blanks around it, "" for nothing else; raises NoCredential."""
    bare, before = text, ""
    while bare != before:
        before, bare = bare, bare.strip().strip(_MARK)
    found = on_one_line(bare)
    # Web pages and chats put them around a copied text, and no editor shows them.
    for character in found[:1] + found[-1:]:
        if unicodedata.category(character) == "Cf":
            code = f"U+{ord(character):04X}"
            raise NoCredential(f"begins or ends with an invisible character ({code}): remove it")
    return found


def on_one_line(text: str) -> str:
    """The text without byte order marks and line ends around it; raises NoCredential if it is no text."""
    bare = text.strip(f"\r\n{_MARK}")
    if _HALF_CHARACTER.search(bare):
        raise NoCredential("is not UTF-8 text")
    if found := _CONTROL.search(bare):
        raise NoCredential(_word_for(found[0]))
    return bare


def _decode(content: bytes, codec: str, otherwise: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        # The error would show the content of the file.
        raise NoCredential(otherwise) from None


def _word_for(character: str) -> str:
    if character in "\n\r\x0b\x0c\x85\u2028\u2029":
        return "holds more than one line"
    return f"holds a control character (U+{ord(character):04X})"
