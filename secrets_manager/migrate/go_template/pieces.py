"""The text and tags of a template of ours as they are put together; pure."""

from __future__ import annotations

import re

# What would begin a tag or a comment.
_OPENING = re.compile(r"\{[{%#]")


class Pieces:
    """Text that is printed as it is, and tags; text beside text is one."""

    def __init__(self) -> None:
        self._pieces: list[tuple[bool, str]] = []

    def text(self, text: str) -> None:
        """Print this."""
        self._pieces.append((False, text))

    def tag(self, tag: str) -> None:
        """A tag of ours, with its signs."""
        self._pieces.append((True, tag))

    def add(self, others: Pieces) -> None:
        """All of others."""
        self._pieces += others._pieces

    def source(self) -> str:
        """The template; text that looks like a tag is printed by one."""
        made: list[str] = []
        beside: list[str] = []
        for is_tag, piece in [*self._pieces, (True, "")]:
            if not is_tag:
                beside.append(piece)
                continue
            text = _OPENING.sub(lambda found: _quoted(found[0]), "".join(beside))
            if piece and text.endswith("{"):
                text = text[:-1] + _quoted("{")
            made += [text, piece]
            beside = []
        return "".join(made)


def _quoted(text: str) -> str:
    return '{{ "' + text + '" }}'
