"""The Python on the page about plug-ins is that of the sample, whose tests are run."""

from __future__ import annotations

import dataclasses
from textwrap import dedent

import pytest

from secrets_manager.backends.plugin import Plugin
from tests.docs.pages import ROOT, page, plain

PAGE = page("docs/plug-ins.md")
SAMPLE = ROOT / "samples/plugin"


def _indented() -> list[tuple[str, str]]:
    """Every block of the page with its language, including those inside lists."""
    blocks, lines = [], PAGE.text.splitlines()
    begins = [at for at, line in enumerate(lines) if line.strip().startswith("```") and line.strip() != "```"]
    for at in begins:
        end = next(later for later in range(at + 1, len(lines)) if lines[later].strip() == "```")
        blocks.append((lines[at].strip().removeprefix("```"), dedent("\n".join(lines[at + 1 : end]))))
    return blocks


@pytest.mark.parametrize(
    "block",
    [text for language, text in _indented() if language in {"python", "toml"}],
    ids=lambda text: text.partition("\n")[0],
)
def test_code_that_the_page_shows_stands_in_the_sample(block: str) -> None:
    files = ("pyproject.toml", "folder_backend.py", "tests/test_folder.py")

    assert any(block in (SAMPLE / name).read_text(encoding="utf-8") for name in files)


def test_the_plug_ins_page_shows_all_kinds_of_blocks() -> None:
    assert [language for language, _ in _indented()] == [
        "sh",
        "text",
        "toml",
        "python",
        "python",
        "python",
        "sh",
    ]


def test_every_field_of_a_plug_in_is_explained() -> None:
    explained = [plain(row[0])[0] for row in PAGE.rows("Write one")[1:]]

    assert explained == [field.name for field in dataclasses.fields(Plugin)]
