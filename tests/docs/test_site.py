"""The documentation as a site: without a warning, complete, as on a forge, and it asks no other server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

from docsite.diagrams import replaced
from docsite.navigation import INDEX, NavigationError, read
from docsite.staging import linked_files
from tests.docs.pages import ROOT, pages
from tests.docs.rendered import Rendered

# The hosts that scripts of the generator know, each with the class of an element that makes a page ask it.
KNOWN_HOSTS = {
    "unpkg.com": {"mermaid", "glightbox", "pyodide"},
    "cdn.jsdelivr.net": {"pyodide"},
    "api.github.com": {"md-source"},
}
# Those that only stand in comments, licences and names of formats.
NAMED_HOSTS = {"www.w3.org", "fontawesome.com", "github.com", "developer.mozilla.org"}


@dataclass(frozen=True, slots=True)
class Site:
    """A site that was built: its folder, and what the build said."""

    folder: Path
    said: str

    def pages(self) -> Iterator[tuple[Path, Rendered]]:
        """Every page by its file."""
        for file in sorted(self.folder.rglob("*.html")):
            yield file, Rendered.of(file.read_text(encoding="utf-8"), article=True)

    def page(self, name: str) -> Rendered:
        """The page that was made of a Markdown file of the repository."""
        file = self.folder / re.sub(r"README\.md$", "index.md", name)
        return Rendered.of(file.with_suffix(".html").read_text(encoding="utf-8"), article=True)


def _build(repository: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [repository / "scripts/docs", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("docs") / "built"
    done = _build(ROOT, folder)
    assert done.returncode == 0, done.stdout
    return Site(folder / "site", done.stdout)


# ── the navigation ───────────────────────────────────────────────────────────────────────────────────


def _text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_page_of_the_repository_is_in_the_navigation() -> None:
    listed = {page for section in read(_text_of) for page in section.pages()}

    lost = sorted({shown.name for shown in pages()} - listed - {"README.md", INDEX})

    assert lost == [], (
        f"no list leads to these pages. Give each a line `- [Title](page.md): what it is for.` in {INDEX}, "
        "below the heading of those who read it, or in the README.md of its folder if that is listed there"
    )


def test_a_folder_is_a_section_with_the_pages_that_its_own_index_lists() -> None:
    texts = {
        INDEX: "# Docs\n\n## Run it\n\n- [One](one.md): 1.\n- [Books](books/README.md): many.\n  More.\n",
        "docs/books/README.md": "# Books\n\n- [First](first.md): a.\n- [Else](https://example.test/x.md)\n",
    }

    (section,) = read(texts.__getitem__)

    assert section.title == "Run it"
    assert list(section.pages()) == ["docs/one.md", "docs/books/README.md", "docs/books/first.md"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("## A\n\n- [x](x.md)\n- [y](../docs/x.md)\n", "docs/x.md is listed twice"),
        ("- [x](x.md)\n\n## A\n", "'x' stands above the first heading"),
    ],
)
def test_lists_that_make_no_navigation_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(NavigationError, match=re.escape(complaint)):
        read({INDEX: text}.__getitem__)


# ── the build ────────────────────────────────────────────────────────────────────────────────────────


def test_the_site_is_built_without_a_warning(site: Site) -> None:
    assert "No issues found" in site.said
    assert "arning" not in site.said


_DIAGRAM = "```mermaid\nflowchart LR\n  {}\n  a -->\n```"


@pytest.mark.parametrize(
    ("page", "more", "complaints"),
    [
        (
            "docs/gitops.md",
            "[x](nowhere.md) [y](restarts.md#nothing)",
            ("docs/gitops.md:", "page does not exist", "anchor does not exist"),
        ),
        (INDEX, "## More\n\n- [Lost](lost.md): x", ("docs/lost.md is listed below", "and does not exist")),
        ("docs/gitops.md", _DIAGRAM.format(""), ("docs/gitops.md:", "needs a line such as `accTitle:")),
        ("docs/gitops.md", _DIAGRAM.format("accTitle: x"), ("Mermaid refuses the diagram 'x'",)),
    ],
)
def test_a_fault_ends_the_build_and_is_named(
    tmp_path: Path, page: str, more: str, complaints: tuple[str, ...]
) -> None:
    copy = tmp_path / "copy"
    for part in ("docs", "docsite", "samples", "plugins/aws"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.md"), ROOT / "LICENSE"):
        shutil.copy(file, copy)
    (copy / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/docs", copy / "scripts")
    (copy / ".venv").symlink_to(ROOT / ".venv")
    with (copy / page).open("a", encoding="utf-8") as end:
        end.write(f"\n{more}\n")

    done = _build(copy, tmp_path / "built")

    assert done.returncode != 0
    assert [each for each in complaints if each not in done.stdout] == []


# ── what was built ───────────────────────────────────────────────────────────────────────────────────


def test_a_reader_of_the_site_sees_what_a_reader_on_a_forge_sees(site: Site) -> None:
    forge = MarkdownIt("gfm-like", {"linkify": False})
    for shown in pages():
        text = replaced(shown.name, shown.text, lambda diagram: "x.svg")[0]
        expected = Rendered.of(re.sub(r"^(\s*- )\[[ x]\] ", r"\1", forge.render(text), flags=re.MULTILINE))

        expected.blocks[:] = [re.sub(r"^\[[ x]\] ", "", block) for block in expected.blocks]

        assert site.page(shown.name).blocks == expected.blocks, (
            f"{shown.name}: the site shows it otherwise than a forge does. Leave a line empty above a list, "
            "and indent what belongs to an item by four blanks"
        )


def test_every_link_of_the_site_leads_to_a_file_and_a_place_in_it(site: Site) -> None:
    anchors = {file: page.anchors for file, page in site.pages()}
    count = 0
    for file, page in site.pages():
        if file.name == "404.html":
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in {"https", "mailto"}:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{file}: {link}"
            assert not parts.fragment or unquote(parts.fragment) in anchors[target], f"{file}: {link}"
            count += 1
    assert count > 1000


def test_a_page_of_the_site_asks_no_other_server_for_anything(site: Site) -> None:
    for file, page in site.pages():
        outside = [wanted for wanted in page.fetched if urlsplit(wanted).netloc]
        assert page.fetched, file
        assert outside == [], file
    for style in site.folder.rglob("*.css"):
        wanted = re.findall(r"(?:url\(|@import)\s*[\"']?(https?:|//)", style.read_text(encoding="utf-8"))
        assert wanted == [], style


def test_no_page_has_what_makes_a_script_of_the_generator_ask_another_server(site: Site) -> None:
    scripts = [file.read_text(encoding="utf-8") for file in site.folder.rglob("*.js")]
    hosts = {host for text in scripts for host in re.findall(r"https?://([\w.-]+)", text)}

    assert scripts
    assert hosts <= KNOWN_HOSTS.keys() | NAMED_HOSTS, "does it ask them by itself? then say here when"
    triggers = set().union(*KNOWN_HOSTS.values())
    assert {name for _, page in site.pages() for name in page.classes & triggers} == set()


def test_every_page_can_be_found_by_the_search(site: Site) -> None:
    found = json.loads((site.folder / "search.json").read_text(encoding="utf-8"))
    places = {item["location"].partition("#")[0] for item in found["items"]}

    files = {str(file.relative_to(site.folder)) for file, _ in site.pages()} - {"404.html"}
    assert {re.sub(r"(^|/)$", r"\1index.html", place) for place in places} == files


# ── diagrams and files ───────────────────────────────────────────────────────────────────────────────


def test_a_diagram_becomes_a_picture_with_its_title() -> None:
    fence = "  ```mermaid\n  flowchart LR\n    accTitle: From here to there\n    here --> there\n  ```\n"

    shown, (diagram,) = replaced("page.md", f"a\n\n{fence}\nb\n", lambda each: f"pictures/{each.file}")

    assert shown == f"a\n\n  ![From here to there](pictures/{diagram.file})\n\nb\n"
    assert diagram.source.startswith("flowchart LR\n")


def test_the_pictures_of_diagrams_show_their_words_and_need_nothing_else(site: Site) -> None:
    drawn = [file.read_text(encoding="utf-8") for file in (site.folder / "docs/assets/diagrams").iterdir()]

    assert len(drawn) == sum(len(shown.fences("mermaid")) for shown in pages())
    assert any("WorkQueue" in picture for picture in drawn)
    for picture in drawn:
        hosts = set(re.findall(r"https?://([\w.-]+)", picture))
        assert hosts == {"www.w3.org"}


def test_the_files_of_a_page_are_those_that_it_links_to() -> None:
    text = "[a](b.md#c) [d](../x/y.yaml) [e](https://example.test/z) [f](#g)\n\n```text\n[h](i.md)\n```\n"

    assert linked_files("docs/p.md", text) == {"docs/b.md", "x/y.yaml"}
