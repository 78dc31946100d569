"""Whatever stands in files, ``check`` ends with an answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.backends.tables import rows
from tests.unit.commands.said import Command

HEAD = (
    "apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\n"
    "metadata:\n  name: a\nspec:\n  name: a\n"
)
GOOD = HEAD + "  keysMap:\n    A: {path: p, key: k}\n"


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command("check", tmp_path, capsys)


def bomb() -> str:
    return "x0: &x0 [x]\n" + "".join(f"x{n}: &x{n} [{','.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 20))


@pytest.mark.parametrize(
    ("content", "code", "said"),
    rows(
        {
            "a bomb of aliases": (bomb(), 1, "InvalidManifest: stands for more than"),
            "a bomb inside of a definition": (
                HEAD + bomb().replace("x0: &", "  x0: &").replace("\nx", "\n  x"),
                1,
                "stands for",
            ),
            "deep lists": ("[" * 100_000, 1, "is not valid YAML: exceeded maximum nesting depth"),
            "a list in itself": ("a: &a [*a]", 1, "has an alias whose anchor does not end before it"),
            "a key twice": (
                GOOD + "  suspend: true\n  suspend: false\n",
                1,
                "has the same key twice in one map",
            ),
            "tabs": (
                HEAD + "\tkeysMap: {}\n",
                1,
                "is not valid YAML: found a tab character",
            ),
            "bytes": (b"\x7fELF\x02\x01\x01\x00\xff", 2, "Unreadable: is not text in UTF-8"),
            "another encoding": (GOOD.encode("utf-16"), 2, "Unreadable: is not text in UTF-8"),
            "control characters": (GOOD + "  type: \x07\n", 1, "is not valid YAML: it holds a character"),
            "nothing": ("", 0, ""),
            "comments": ("# nothing\n---\n# at all\n", 0, ""),
            "templates of helm": ("{{- if .Values.x }}\na: 1\n{{- end }}\n", 1, "is not valid YAML"),
            "a kind that is a map": ("apiVersion: {a: b}\nkind: [c]\n", 0, ""),
            "a list without items": ("kind: List\nitems: 3\n", 0, ""),
            "a spec that is a list": (
                HEAD.replace("spec:\n  name: a\n", "spec: [1]\n"),
                1,
                "spec is an array, and must",
            ),
            "a name of 1 MB": (
                GOOD.replace("  name: a\nspec", f"  name: {'n' * 1_000_000}\nspec"),
                1,
                "is no name of an",
            ),
        }
    ),
)
def test_a_hostile_file_is_told_and_hides_no_other(
    check: Command, content: str | bytes, code: int, said: str
) -> None:
    Path("a.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    Path("b.yaml").write_text(GOOD, encoding="utf-8")

    told = check("-f", ".")

    assert told.code == code
    assert said in told.out
    assert len(told.out) < 10_000
    assert " definition" in told.out.splitlines()[-1]


@pytest.mark.parametrize("content", ["\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), "%YAML 1.1\n---\n" + GOOD])
def test_marks_and_line_ends_of_other_systems_do_no_harm(check: Command, content: str) -> None:
    Path("a.yaml").write_bytes(content.encode())

    assert check("a.yaml").out == "1 definition, 0 errors, 0 warnings\n"


def test_ten_thousand_documents_are_checked(check: Command) -> None:
    documents = (GOOD.replace("name: a\n", f"name: a{number}\n") for number in range(10_000))
    Path("a.yaml").write_text("---\n".join(documents), encoding="utf-8")

    assert check("a.yaml").out == "10000 definitions, 0 errors, 0 warnings\n"


def test_a_loop_of_links_has_an_end(check: Command) -> None:
    Path("a.yaml").write_text(GOOD, encoding="utf-8")
    Path("below").mkdir()
    Path("below/up").symlink_to("..")
    Path("self.yaml").symlink_to("self.yaml")

    assert check("-R", "-f", ".").out == "1 definition, 0 errors, 0 warnings\n"


def test_a_name_of_bytes_that_are_no_text_is_told(check: Command) -> None:
    with open(b"\xff.yaml", "wb") as opened:  # noqa: PTH123 - a name of bytes
        opened.write(b"a: [")

    for form in ("text", "json", "yaml", "github", "junit"):
        assert check("-f", ".", "-o", form).code == 1
    assert os.fsencode(next(Path().iterdir()).name) == b"\xff.yaml"
