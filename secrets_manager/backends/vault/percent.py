"""Percent signs within percent signs, decoded to the end. Pure.

``%25252e`` becomes ``.`` after three decodings. Decoding the whole text until nothing changes takes time with
the square of its length, and the author of a definition chooses the text.
"""

from __future__ import annotations

_PERCENT = ord("%")
_HEX = {digit.encode() for digit in "0123456789abcdefABCDEF"}
_BYTES = {high + low: int(high + low, 16) for high in _HEX for low in _HEX}


def unfold(text: str) -> bytes:
    """``text`` as UTF-8 with every escape decoded, also those that result from other escapes.

    It takes one pass: the bytes read so far are on a stack without escapes, so a new escape can only end at
    its top; its decoded byte may then complete another one. Each decoding removes two bytes, so there are
    fewer decodings than half the bytes. Escapes never overlap, so the order of decoding does not matter.
    """
    encoded = text.encode("utf-8", "surrogatepass")
    if _PERCENT not in encoded:
        return encoded
    stack = bytearray()
    for byte in encoded:
        stack.append(byte)
        while len(stack) > 2 and stack[-3] == _PERCENT:
            decoded = _BYTES.get(bytes(stack[-2:]))
            if decoded is None:
                break
            stack[-3:] = (decoded,)
    return bytes(stack)
