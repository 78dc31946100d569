"""Masks texts that look like credentials before they are shown: the last line of defence, not the first.

Nothing in the program is meant to show a credential; this catches those that a library or a mistake lets
through. It knows the shapes of tokens, and must not know where the text comes from.
"""

from __future__ import annotations

import re

MASK = "[redacted]"

TOKENS = re.compile(
    r"""
      \b hv[sbr] \. [A-Za-z0-9_\-]+                                     # Vault 1.10 and later
    | (?<![A-Za-z0-9_.\-]) [sbr] \. [A-Za-z0-9]{24,} (?:\.[A-Za-z0-9]+)?  # older Vault, and OpenBao
    | \b eyJ [A-Za-z0-9_\-]{8,} (?:\.[A-Za-z0-9_\-]*){0,4}              # JSON web tokens
    | (?<=://) [^\s/@:]* : [^\s/@]* (?=@)                               # user:password in a URL
    """,
    re.VERBOSE,
)


def redact(text: str) -> str:
    """The text with every token-like part replaced by `[redacted]`."""
    return TOKENS.sub(MASK, text)
