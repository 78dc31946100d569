"""What a definition demands of the values themselves: ``spec.checks``. A value that fails is not written."""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from secrets_manager.domain.errors import CheckFailed
from secrets_manager.domain.nesting import is_too_deep

# RFC 7468, section 3, and the headers of RFC 1421 that OpenSSL writes before an encrypted key.
_BEGIN = re.compile(rb"-----BEGIN ([!-,.-~]+(?:[ -][!-,.-~]+)*)-----[ \t]*")
_END = re.compile(rb"-----END ([!-,.-~]+(?:[ -][!-,.-~]+)*)-----[ \t]*")
_HEADER = re.compile(rb"[A-Za-z][-A-Za-z]*: ")
_MORE_OF_IT = re.compile(rb"[ \t]+\S")


class Check(StrEnum):
    """What a value must be."""

    PEM = "pem"
    JSON = "json"
    NON_EMPTY = "nonEmpty"


def check_values(checks: Mapping[str, Check], data: Mapping[str, bytes], may_lack: Collection[str]) -> None:
    """Raise CheckFailed for the first data key, in the order of names, whose value is not as it must be.

    A key that is not in ``data`` passes if it is one of ``may_lack``.
    """
    for key in sorted(checks):
        passes, wanted = _PASSES[checks[key]]
        if key not in data:
            if key not in may_lack:
                raise CheckFailed(key, "is missing")
        elif not passes(data[key]):
            raise CheckFailed(key, wanted)


def _is_pem(value: bytes) -> bool:
    """Whether ``value`` holds whole PEM blocks, at least one; text around them is a comment."""
    label, blocks, block = b"", 0, list[bytes]()
    for line in value.splitlines():
        begin, end = _BEGIN.fullmatch(line), _END.fullmatch(line)
        if begin or end:
            if bool(label) is bool(begin):
                return False
            if end and (end[1] != label or not _is_encoded(block)):
                return False
            label, blocks, block = (begin[1], blocks, []) if begin else (b"", blocks + 1, [])
        elif label:
            block.append(line)
    return blocks > 0 and not label


def _is_encoded(lines: list[bytes]) -> bool:
    if lines and _HEADER.match(lines[0]):
        at = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
        if not all(_HEADER.match(line) or _MORE_OF_IT.match(line) for line in lines[:at]):
            return False
        lines = lines[at:]
    try:
        return bool(binascii.a2b_base64(b"".join(line.strip() for line in lines), strict_mode=True))
    except binascii.Error:
        return False


def _is_json(value: bytes) -> bool:
    try:
        text = value.decode()
        if is_too_deep(text):
            return False
        # Numbers are not made: one of thousands of digits is JSON, too.
        json.loads(text, parse_constant=_refuse, parse_float=str, parse_int=str)
    except ValueError:
        return False
    return True


def _refuse(_: str) -> None:
    raise ValueError("not JSON")


_PASSES: Mapping[Check, tuple[Callable[[bytes], bool], str]] = {
    Check.PEM: (_is_pem, "is not PEM"),
    Check.JSON: (_is_json, "is not JSON"),
    Check.NON_EMPTY: (bool, "is empty"),
}
