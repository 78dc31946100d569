"""The parts of the documentation that are made from the program, a module for each; `make docs` writes them.

Each module has ``written(text_of)``, which says what the files of its reference have to hold, by their paths;
``text_of`` gives what a file of the repository holds now. They are tracked, so that a forge shows them, and
tests/docs/test_references.py compares them with what is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

TextOf = Callable[[str], str]
Files = Mapping[str, str]


def replaced(page: str, text: str, name: str, block: str) -> str:
    """The text of a page with ``block`` between the two marks of that name. Raises ValueError."""
    begin, end = f"<!-- made by `make docs`: {name} -->\n", f"<!-- end of {name} -->\n"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page} needs the lines {begin.strip()!r} and {end.strip()!r} around its table")
    return f"{before}{begin}\n{block.strip()}\n\n{end}{after}"


def between(text: str, name: str) -> str:
    """What stands between the marks of that name now."""
    return text.partition(f"<!-- made by `make docs`: {name} -->\n")[2].partition(
        f"<!-- end of {name} -->\n"
    )[0]


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown; bars in its cells are escaped."""
    lines = [_row(map(cell, head)), "|---" * len(head) + "|\n", *(_row(map(cell, row)) for row in rows)]
    return "".join(lines)


def _row(cells: Iterable[str]) -> str:
    return "|" + "|".join(f" {each} " if each else " " for each in cells) + "|\n"


def cell(text: str) -> str:
    """A text as a cell: in one line, and without a bar of its own."""
    return " ".join(text.replace("\\|", "|").replace("|", "\\|").split())


def kept(block: str) -> dict[str, tuple[str, ...]]:
    """What people wrote in the rows of a block: the cells behind each first one, which is a name in code."""
    found = {}
    for line in block.splitlines():
        cells = [each.strip() for each in line.replace("\\|", "\0").strip("|").split("|")]
        if line.startswith("| `"):
            found[cells[0].strip("`")] = tuple(each.replace("\0", "|") for each in cells[1:])
    return found
