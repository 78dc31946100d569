"""Diagrams in Mermaid as pictures, drawn when the site is built: a reader needs no script for them.

Forges draw the same text themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from mermaidx import render

_FENCE = re.compile(r"^( *)```mermaid\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"^\s*accTitle: *(\S.*)$", re.MULTILINE)


class DiagramError(Exception):
    """A diagram cannot be drawn. The message says where it is and why."""


@dataclass(frozen=True, slots=True)
class Diagram:
    """A diagram; ``title`` is read aloud to those who do not see it."""

    title: str
    source: str

    @property
    def file(self) -> str:
        """The name of its picture, another one for another source."""
        return f"{hashlib.sha256(self.source.encode()).hexdigest()[:16]}.svg"


def replaced(page: str, text: str, address: Callable[[Diagram], str]) -> tuple[str, list[Diagram]]:
    """The text with pictures in place of its diagrams, and these. Raises DiagramError."""
    found: list[Diagram] = []

    def picture(fence: re.Match[str]) -> str:
        title = _TITLE.search(fence[2])
        if title is None:
            line = text.count("\n", 0, fence.start()) + 1
            raise DiagramError(
                f"{page}:{line}: the diagram needs a line such as `accTitle: How a value travels`"
            )
        diagram = Diagram(title[1].strip(), dedent(fence[2]))
        found.append(diagram)
        return f"{fence[1]}![{diagram.title}]({address(diagram)})"

    return _FENCE.sub(picture, text), found


def draw(diagrams: dict[Path, Diagram]) -> None:
    """Write the picture of each. Raises DiagramError."""
    for file, diagram in diagrams.items():
        try:
            svg = str(render(diagram.source, theme="neutral").svg())
        except RuntimeError as error:
            raise DiagramError(f"Mermaid refuses the diagram {diagram.title!r}: {error}") from error
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(svg, encoding="utf-8")
