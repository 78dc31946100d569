"""Values as YAML in blocks; pure.

Every text is in double quotes, as JSON has it, so none can be taken for a number, a bool or a date. A map or
a list that is empty is written as JSON has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

# What YAML takes only when it is escaped, besides what JSON escapes.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def yaml_text(value: object) -> str:
    """The YAML of ``value`` (what JSON can hold), without an end of line at the end."""
    return "\n".join(_lines(value))


def _lines(value: object) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _entry(f"{_scalar(str(key))}:", part)
    elif isinstance(value, list) and value:
        for part in value:
            yield from _item(part)
    else:
        yield _scalar(value)


def _entry(head: str, part: object) -> Iterator[str]:
    if isinstance(part, (dict, list)) and part:
        yield head
        yield from (f"  {line}" for line in _lines(part))
    else:
        yield f"{head} {_scalar(part)}"


def _item(part: object) -> Iterator[str]:
    for at, line in enumerate(_lines(part)):
        yield f"- {line}" if at == 0 else f"  {line}"


def _scalar(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, float) and "." not in text:
        # To YAML 1.1, 1e-05 is a text.
        text = text.replace("e", ".0e")
    return text if text.isascii() and "\x7f" not in text else _ESCAPED.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
