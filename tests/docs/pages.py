"""The pages of the documentation, taken apart: fences, tables, links, headings, inline code.

It knows Markdown as these pages use it, and nothing about the content of the fences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUTPUT_MARK = "<!-- output of the last command -->"

_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block: ``line`` is that of its first content, ``output`` whether it shows an output."""

    page: str
    line: int
    language: str
    text: str
    output: bool

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file of the repository."""

    name: str
    text: str

    @property
    def folder(self) -> Path:
        """Where its relative links start."""
        return (ROOT / self.name).parent

    def fences(self, *languages: str) -> list[Fence]:
        """The fences in these languages, in their order; all when none is named."""
        found = []
        for match in _FENCE.finditer(self.text):
            before = self.text[: match.start()]
            fence = Fence(
                page=self.name,
                line=before.count("\n") + 2,
                language=match[1],
                text=match[2],
                output=before.rstrip().endswith(OUTPUT_MARK),
            )
            if not languages or fence.language in languages:
                found.append(fence)
        return found

    def prose(self) -> str:
        """The text without its fences."""
        return _FENCE.sub("", self.text)

    def links(self) -> list[str]:
        """The targets of its links."""
        return _LINK.findall(_CODE.sub("code", self.prose()))

    def anchors(self) -> set[str]:
        """The anchors of its headings, as GitHub makes them."""
        return {_slug(heading) for heading in _HEADING.findall(self.prose())}

    def codes(self) -> set[str]:
        """The texts that it sets in inline code."""
        return set(_CODE.findall(self.prose()))

    def rows(self, heading: str) -> list[list[str]]:
        """The cells of all table rows below a heading, up to the next heading of any level."""
        _, found, rest = self.prose().partition(f"# {heading}\n")
        assert found, f"{self.name} has no heading {heading!r}"
        section = re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]
        return list(_rows(section))


def pages() -> list[Page]:
    """Every page that a user or a developer reads."""
    folders = (ROOT, ROOT / "samples", *(ROOT / "plugins").iterdir())
    files = [file for folder in folders for file in folder.glob("*.md")]
    files += (ROOT / "docs").rglob("*.md")
    return [Page(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")) for file in sorted(files)]


def page(name: str) -> Page:
    """The page of that path below the root of the repository."""
    return Page(name, (ROOT / name).read_text(encoding="utf-8"))


def plain(cell: str) -> list[str]:
    """The texts that a table cell sets in inline code."""
    return _CODE.findall(cell)


def _rows(section: str) -> Iterator[list[str]]:
    for line in section.splitlines():
        if line.startswith("|") and not set(line) <= set("|-: "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def _slug(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")
