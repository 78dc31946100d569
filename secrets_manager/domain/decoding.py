"""``encoding`` of a DataSource: what the backend holds, to bytes for the Secret.

The rules of base64 are those of Go's ``base64.StdEncoding``, which the original used: CR and LF are
ignored, padding is required, and any other foreign byte is an error. Python's decoder drops foreign bytes
silently by default, and refuses line ends when strict; neither is what existing users have.
"""

from __future__ import annotations

import binascii
from enum import StrEnum

# How many "=" may stand at the end, and nowhere else.
_MOST_PADDING = 2


class Encoding(StrEnum):
    """How the backend's value is turned into bytes. The empty word means text.

    With JSON, a value that is no text is written as its JSON text, and a text as it is.
    """

    DEFAULT = ""
    TEXT = "text"
    BASE64 = "base64"
    JSON = "json"


def decode(text: str, encoding: Encoding) -> bytes:
    """Turn ``text`` into the bytes of a Secret's data key.

    Raises ValueError, with no part of ``text`` in it, for what Go's decoder would refuse.
    """
    if encoding is Encoding.BASE64:
        return _decode_base64(text)
    return _utf8(text)


def decoded_floor(length: int, encoding: Encoding) -> int:
    """The fewest bytes that a text of ``length`` letters without line ends decodes to."""
    return max(0, length // 4 * 3 - _MOST_PADDING) if encoding is Encoding.BASE64 else length


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A lone surrogate of a JSON escape: Go's JSON decoder puts U+FFFD in its place.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _decode_base64(text: str) -> bytes:
    try:
        raw = text.encode("ascii")
    except UnicodeEncodeError:
        raise ValueError("not base64") from None
    if b"\n" in raw or b"\r" in raw:
        raw = raw.translate(None, b"\r\n")
    # Go requires whole quanta with the padding at their end; the strict decoder finds foreign bytes. Neither
    # rejects surplus bits in the last letter ("YR==").
    padding = len(raw) - len(raw.rstrip(b"="))
    if len(raw) % 4 or padding > _MOST_PADDING:
        raise ValueError("not base64")
    try:
        return binascii.a2b_base64(raw, strict_mode=True)
    except binascii.Error:
        raise ValueError("not base64") from None
