"""``encoding`` of a DataSource: text from the backend to bytes for the Secret.

The rules of base64 are those of Go's ``base64.StdEncoding``, which the original used: CR and LF are
ignored, padding is required, and any other foreign byte is an error. Python's decoder drops foreign bytes
silently by default, and refuses line ends when strict; neither is what existing users have.
"""

from __future__ import annotations

import binascii
import re
from enum import StrEnum

# Two last letters of a padded quantum may carry surplus bits ("YR=="): Go accepts that too.
_STD_ENCODING = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


class Encoding(StrEnum):
    """How the backend's text is turned into bytes. The empty word means text."""

    DEFAULT = ""
    TEXT = "text"
    BASE64 = "base64"


def decode(text: str, encoding: Encoding) -> bytes:
    """Turn ``text`` into the bytes of a Secret's data key.

    Raises ValueError, with no part of ``text`` in it, for what Go's decoder would refuse.
    """
    if encoding is Encoding.BASE64:
        return _decode_base64(text)
    return _utf8(text)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A lone surrogate of a JSON escape: Go's JSON decoder puts U+FFFD in its place.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _decode_base64(text: str) -> bytes:
    try:
        raw = text.replace("\r", "").replace("\n", "").encode("ascii")
    except UnicodeEncodeError:
        raise ValueError("not base64") from None
    if not _STD_ENCODING.fullmatch(raw):
        raise ValueError("not base64")
    return binascii.a2b_base64(raw)
