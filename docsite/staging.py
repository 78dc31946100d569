"""Puts what the site is made of into one folder, laid out as the repository is.

These are the pages of the navigation, every file that they link to, and the pictures of their diagrams.
Nothing in the text of a page changes but the diagrams, so a link leads to the same file on a forge and here.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from docsite import diagrams, navigation
from docsite.diagrams import Diagram

HERE = Path(__file__).parent
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_ASSETS = "docs/assets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What was put into the folder: pages in the order of the navigation, files they link to, diagrams."""

    pages: tuple[str, ...]
    files: tuple[str, ...]
    diagrams: tuple[Diagram, ...]


def stage(repository: Path, folder: Path) -> Staged:
    """Fill ``folder``, which must not exist; returns what is in it.

    Makes ``source/`` and the ``mkdocs.yml`` by which ``site/`` is built of it. Raises NavigationError and
    DiagramError.
    """
    sections = navigation.read(lambda page: _read(repository, page))
    pages = (navigation.HOME, navigation.INDEX, *(page for each in sections for page in each.pages()))
    source = folder / "source"
    files: set[str] = set()
    drawn: dict[Path, Diagram] = {}
    for page in pages:
        text = _read(repository, page)
        files |= linked_files(page, text)
        _stage_page(source, page, text, drawn)
    files = {file for file in files - set(pages) if (repository / file).is_file()}
    for file in files:
        _copy(repository / file, source / file)
    for asset in (HERE / "assets").iterdir():
        _copy(asset, source / _ASSETS / asset.name)
    diagrams.draw(drawn)
    (folder / "mkdocs.yml").write_text(_configuration(navigation.nav(sections)), encoding="utf-8")
    return Staged(pages=pages, files=tuple(sorted(files)), diagrams=tuple(drawn.values()))


def linked_files(page: str, text: str) -> set[str]:
    """The files of the repository that a page links to, by their paths."""
    targets = {target.partition("#")[0] for target in _LINK.findall(_CODE.sub("", text))}
    return {
        posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        for target in targets
        if target and "://" not in target
    }


def _stage_page(source: Path, page: str, text: str, drawn: dict[Path, Diagram]) -> None:
    here = posixpath.dirname(page)

    def address(diagram: Diagram) -> str:
        return posixpath.relpath(f"{_ASSETS}/diagrams/{diagram.file}", here or ".")

    shown, found = diagrams.replaced(page, text, address)
    target = source / page
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(shown, encoding="utf-8")
    drawn.update({source / _ASSETS / "diagrams" / each.file: each for each in found})


def _configuration(nav: navigation.Nav) -> str:
    # JSON is YAML, too.
    return f"{(HERE / 'mkdocs.yml').read_text(encoding='utf-8')}\nnav: {json.dumps(nav)}\n"


def _read(repository: Path, page: str) -> str:
    try:
        return (repository / page).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise navigation.NavigationError(
            f"{page} is listed below {navigation.INDEX} and does not exist"
        ) from None


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
